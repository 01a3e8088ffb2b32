# What is made once for each lock of packages: the base, its pruned kernel, the initrd.
# shellcheck shell=bash

# Which packages and kernel modules: those of every image, and of the set that was asked for (`-kiosk`).
choose_set() {
    base=$work/base$set boot=$work/boot$set pruned=$work/pruned$set root=$work/root$set parts=$work/parts$set
    locks=("$repo/image/packages/root.lock") modules=("$repo/image/modules.list") droppings=("$repo/image/packages/dropped.list")
    [[ -n $set ]] || return 0
    locks+=("$repo/image/packages/kiosk.lock") modules+=("$repo/image/kiosk/modules.list") droppings+=("$repo/image/kiosk/dropped.list")
}

# So that programs of the image run on this host while it is made.
need_emulation() {
    [[ $(uname -m) != aarch64 ]] || return 0
    mountpoint -q /proc/sys/fs/binfmt_misc || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc ||
        fail "the kernel has no binfmt_misc: load it, or build on a 64-bit ARM machine"
    [[ ! -e /proc/sys/fs/binfmt_misc/qemu-aarch64 ]] || return 0
    local magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
    local mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
    printf '%s' ":qemu-aarch64:M::$magic:$mask:$(command -v qemu-aarch64-static):F" \
        >/proc/sys/fs/binfmt_misc/register
}

# The packages, unpacked once for each lock.
make_base() {
    local lock=$work/root$set.lock want
    want=$(fingerprint "${locks[@]}" "$repo/image/lib/packages.sh")
    [[ -e $base/.made-$want ]] && return
    say "base: $(entries "${locks[@]}" | wc -l) packages of Debian 13 for arm64 (minutes, under emulation)"
    need_emulation
    cat "${locks[@]}" >"$lock"
    # The initrd is made later, of the pruned kernel.
    INITRD=No install_locked "$lock" arm64 "$base"
    touch "$base/.made-$want"
}

kernel() { basename "$base"/lib/modules/*; }

# Deletes every module that modules.list does not name or need.
prune_modules() {
    local tree=$1 version names keep
    version=$(kernel)
    mapfile -t names < <(entries "${modules[@]}" | tr ' ' '\n' | sed '/^$/d')
    keep=$(for name in "${names[@]}"; do
        in_tools modprobe --dirname "$tree" --set-version "$version" --show-depends "$name" 2>/dev/null || true
    done | sed -n 's|^insmod .*/kernel/\([^ ]*\).*|\1|p' | sort -u)
    (cd "$tree/usr/lib/modules/$version/kernel" && find . -name '*.ko*' -printf '%P\n' |
        grep -vxFf <(printf '%s\n' "$keep") | xargs rm -f)
    find "$tree/usr/lib/modules/$version/kernel" -type d -empty -delete
    # Unpacked: the root and the initrd are compressed as a whole, and a small processor is slow at xz.
    find "$tree/usr/lib/modules/$version/kernel" -name '*.ko.xz' -exec xz --decompress {} +
    drop_signatures "$tree"
    in_tools depmod --basedir "$tree" "$version"
    say "kernel modules: $(wc -l <<<"$keep") kept"
}

# Nothing enforces the signatures of modules here, the hashes of the root vouch for them, and to check forty of
# them at each start (ECDSA on P-384) takes a small processor long.
drop_signatures() {
    find "$1"/usr/lib/modules -name '*.ko' -print0 | xargs -0 python3 -c '
import os, struct, sys
END = b"~Module signature appended~\n"
for path in sys.argv[1:]:
    with open(path, "r+b") as module:
        content = module.read()
        if content.endswith(END):
            # Before the end: twelve bytes, of which the last four say how long the signature before them is.
            length = struct.unpack(">I", content[-len(END) - 4:-len(END)])[0]
            os.truncate(path, len(content) - len(END) - 12 - length)
'
}

# Runs a program of an arm64 tree in it.
in_tree() {
    local tree=$1
    shift
    need_emulation
    unshare --mount --propagation private bash -euc '
        tree=$1; shift
        mount -t proc proc "$tree/proc"
        mount --bind /dev "$tree/dev"
        mount -t tmpfs tmp "$tree/tmp"
        mount -t tmpfs tmp "$tree/var/tmp"
        exec chroot "$tree" "$@"
    ' in-tree "$tree" "$@"
}

# The base with the pruned kernel, and the initrd made of it.
make_boot() {
    local want
    want=$(fingerprint "${locks[@]}" "${modules[@]}" "$repo"/image/{initrd.conf,lib/base.sh})
    [[ -e $boot/.made-$want ]] && return
    rm -rf "$pruned" "$boot"
    cp --archive "$base" "$pruned"
    prune_modules "$pruned"
    say "initrd (minutes, under emulation)"
    cp "$repo/image/initrd.conf" "$pruned/etc/dracut.conf"
    in_tree "$pruned" dracut --force --reproducible --conf /etc/dracut.conf --confdir /srv \
        --kver "$(kernel)" /boot/initrd.img >"$work/log/initrd.log" 2>&1 ||
        fail "the initrd could not be made: see $work/log/initrd.log"
    mkdir -p "$boot/grub"
    in_tools zstd --quiet -19 -T1 --rm "$pruned/boot/initrd.img" -o "$boot/initrd.img"
    mv "$pruned"/boot/vmlinuz-* "$boot/vmlinuz"
    cp -r "$pruned/usr/lib/grub/arm64-efi" "$boot/grub/"
    touch "$boot/.made-$want"
}
