# Sourced by the programs of this folder: where things are, and how they speak.
# shellcheck shell=bash

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Everything that is made, and what was downloaded: may be deleted at any time.
work=${POCKETAI_IMAGE_DIR:-$repo/target/image}
cache=$work/cache
tools=$work/tools
archive=http://deb.debian.org
suite=trixie

export LC_ALL=C.UTF-8 TZ=UTC

say() { printf '\n== %s\n' "$*" >&2; }

fail() {
    printf 'image: %s\n' "$*" >&2
    exit 1
}

# Lines of a list, without comments.
entries() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@"; }

need_root() {
    [[ $(id -u) == 0 ]] || fail "making an image takes root (file owners, chroot): run it with sudo"
}

# Installs what a build host lacks: each argument is PROGRAM=PACKAGE.
need_programs() {
    local pair missing=()
    for pair; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    ((${#missing[@]})) || return 0
    say "installing ${missing[*]}"
    apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "${missing[@]}" >&2 ||
        fail "these packages are missing, and could not be installed: ${missing[*]}"
}

# Time stamps of everything that is made: that of the commit.
set_epoch() {
    SOURCE_DATE_EPOCH=$(git -C "$repo" log -1 --format=%ct)
    export SOURCE_DATE_EPOCH
}
