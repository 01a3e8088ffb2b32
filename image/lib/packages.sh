# Debian packages, as locked: fetched once, checked each time, unpacked by mmdebstrap.
# shellcheck shell=bash

# Fetches what LOCK names and the cache lacks; SHA-256 of each is checked, cached or not.
fetch_packages() {
    local lock=$1 name version sum path file
    mkdir -p "$cache/debs"
    while read -r name version sum path; do
        file=$cache/debs/$(basename "$path")
        if [[ ! -e $file ]]; then
            curl --fail --silent --show-error --retry 3 --output "$file.part" "$archive/$path" ||
                fail "$name $version is not in the archive any more: it has moved on. Run image/lock, look at what changes in $lock, and build again"
            mv "$file.part" "$file"
        fi
        [[ $(sha256sum <"$file") == "$sum  -" ]] || {
            rm -f "$file"
            fail "$name $version is not the file that $lock names (SHA-256): it was removed from the cache, build again"
        }
    done < <(entries "$lock")
}

# A folder that apt takes for an archive, with exactly the packages of LOCK.
local_archive() {
    local lock=$1 folder=$2 path file
    rm -rf "$folder"
    mkdir -p "$folder"
    while read -r _ _ _ path; do
        file=$(basename "$path")
        ln "$cache/debs/$file" "$folder/$file"
    done < <(entries "$lock")
    (cd "$folder" && apt-ftparchive packages . >Packages 2>/dev/null)
}

# Unpacks and configures the packages of LOCK in the new folder ROOT; further arguments go to mmdebstrap.
install_locked() {
    local lock=$1 arch=$2 root=$3
    shift 3
    local names archive_here
    archive_here=$work/archive-$(basename "$lock" .lock)
    fetch_packages "$lock"
    local_archive "$lock" "$archive_here"
    names=$(entries "$lock" | cut -d' ' -f1 | paste -sd,)
    rm -rf "$root"
    mmdebstrap --variant=custom --architectures="$arch" --include="$names" --mode=root \
        --skip=check/empty \
        --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/info/*' \
        "$@" '' "$root" "deb [trusted=yes] copy:$archive_here ./"
}

# A name for the state of a folder of inputs, to build again only what changed.
fingerprint() { cat "$@" | sha256sum | cut -c1-16; }

# The folder in which images are made.
make_tools() {
    local lock=$repo/image/packages/tools.lock want
    want=$(fingerprint "$lock" "$repo/image/lib/packages.sh")
    [[ -e $tools/.made-$want ]] && return
    say "tools: Debian 13 for making images, in $tools"
    install_locked "$lock" amd64 "$tools"
    touch "$tools/.made-$want"
}

# Runs a program of the tools; the work folder is at its own path there too.
in_tools() {
    mkdir -p "$tools$work" "$tools$repo"
    unshare --mount --propagation private bash -euc '
        tools=$1 work=$2 repo=$3; shift 3
        mount --bind "$work" "$tools$work"
        mount --bind "$repo" "$tools$repo"
        mount --bind /dev "$tools/dev"
        mount -t proc proc "$tools/proc"
        cd /; exec chroot "$tools" "$@"
    ' in-tools "$tools" "$work" "$repo" "$@"
}
