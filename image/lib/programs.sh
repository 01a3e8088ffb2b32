# PocketAI's programs for the board's processor.
# shellcheck shell=bash

programs=(pocketd pocket-backup pocket-reader pocket-gateway pocketctl pocket-button)

# TRIPLE, Debian's name of the cross compiler's package, and its C library.
cross_packages() {
    case $1 in
        aarch64-unknown-linux-gnu) echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross ;;
        armv7-unknown-linux-gnueabihf) echo gcc-arm-linux-gnueabihf libc6-dev-armhf-cross ;;
    esac
}

# `cross` needs a container engine that answers.
can_cross() {
    command -v cross >/dev/null || return 1
    docker info >/dev/null 2>&1 || podman info >/dev/null 2>&1
}

# Compiles for TRIPLE, strips, and puts the programs into the work folder.
make_programs() {
    local triple=$1 into=$work/programs/$1 packages=() flags=()
    say "programs for $triple"
    for program in "${programs[@]}"; do packages+=(--package "$program"); done
    flags=(--release --locked --target "$triple" --target-dir "${POCKETAI_TARGET_DIR:-$work/cargo}")
    if can_cross; then
        (cd "$repo" && cross build "${flags[@]}" "${packages[@]}")
    else
        native_cross "$triple"
        (cd "$repo" && cargo build "${flags[@]}" "${packages[@]}")
    fi
    mkdir -p "$into"
    for program in "${programs[@]}"; do
        # The release profile strips.
        install -m 0755 "${POCKETAI_TARGET_DIR:-$work/cargo}/$triple/release/$program" "$into/$program"
    done
    ls -l "$into" >&2
}

# A cross toolchain of the build host, told to cargo by the environment.
native_cross() {
    local triple=$1 gcc wanted variable
    rustup target list --installed | grep -qx "$triple" || rustup target add "$triple"
    case $triple in
        aarch64-*) gcc=aarch64-linux-gnu-gcc ;;
        armv7-*) gcc=arm-linux-gnueabihf-gcc ;;
        *) gcc=gcc ;;
    esac
    if ! command -v "$gcc" >/dev/null; then
        read -ra wanted <<<"$(cross_packages "$triple")"
        apt-get install --yes --no-install-recommends "${wanted[@]}" >&2
    fi
    variable=${triple//-/_}
    # For 64-bit ARM .cargo/config.toml knows a linker.
    [[ $triple == aarch64-* ]] || export "CARGO_TARGET_${variable^^}_LINKER=$gcc"
    export "CC_$variable=$gcc"
}
