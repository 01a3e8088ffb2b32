# Partitions and the card: made as files, without mounting anything.
# shellcheck shell=bash

# Sizes in MiB; image/root/usr/lib/repart.d says the same.
esp_size=64 boot_size=96 root_size=512

# Identifiers that are the same for the same bits, and other for others.
id_of() { printf '%s' "$1" | sha256sum | sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/\1-\2-4\3-a\4-\5/'; }

# The root, read-only and compressed, with the tree of hashes behind it.
make_verity_root() {
    say "root: erofs and its hashes"
    local image=$parts/root.img size
    rm -f "$image"
    # With SOURCE_DATE_EPOCH it keeps the times of files that are older: when the packages were unpacked.
    in_tools env --unset=SOURCE_DATE_EPOCH mkfs.erofs --quiet -zlz4hc,9 -C65536 -Efragments \
        -T"$SOURCE_DATE_EPOCH" -U "$(id_of "root $SOURCE_DATE_EPOCH")" "$image" "$root" >&2
    size=$(stat --format=%s "$image")
    hash_offset=$(((size + 4095) / 4096 * 4096))
    truncate --size="$hash_offset" "$image"
    in_tools veritysetup format --salt "$(sha256sum <"$image" | cut -c1-64)" --uuid "$(id_of "verity $SOURCE_DATE_EPOCH")" \
        --hash-offset "$hash_offset" "$image" "$image" >"$parts/verity"
    root_hash=$(sed -n 's/^Root hash:[[:space:]]*//p' "$parts/verity")
    [[ -n $root_hash ]] || fail "veritysetup named no root hash"
    (($(stat --format=%s "$image") <= root_size << 20)) || fail "the root is larger than its partition of $root_size MiB"
}

# The kernel, the initrd, and the hash that the root must have.
make_boot_part() {
    say "boot: kernel, initrd, root hash"
    local image=$parts/boot.img tree=$parts/boot
    rm -rf "$tree" "$image"
    mkdir -p "$tree"
    cp "$boot/vmlinuz" "$boot/initrd.img" "$tree/"
    # Ours comes after dracut's: the kernel unpacks one over the other.
    (cd "$repo/image/initrd" && find . | sort | cpio --quiet --reproducible --owner=0:0 --format=newc --create |
        zstd --quiet -19) >>"$tree/initrd.img"
    cat >"$tree/slot.cfg" <<SLOT
roothash=$root_hash
hashoffset=$hash_offset
options="$kernel_options"
SLOT
    find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    local id
    id=$(id_of "boot $root_hash")
    in_tools mke2fs -q -t ext2 -L pocketboot -U "$id" -E "hash_seed=$id,root_owner=0:0,nodiscard" -m 0 -N 64 \
        -d "$tree" "$image" "${boot_size}M"
}

# GRUB for UEFI, its configuration inside, and its variables.
make_loader() {
    local memdisk=$parts/memdisk
    rm -rf "$memdisk"
    mkdir -p "$memdisk/boot/grub"
    cp "$repo/image/boot/grub.cfg" "$memdisk/boot/grub/grub.cfg"
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$memdisk" -cf "$memdisk.tar" boot
    in_tools grub-mkimage --format=arm64-efi --directory="$boot/grub/arm64-efi" --memdisk="$memdisk.tar" \
        --prefix='(memdisk)/boot/grub' --output="$parts/grub.efi" \
        part_gpt fat ext2 memdisk tar normal configfile linux test regexp search search_fs_file loadenv echo sleep reboot minicmd
    printf '# GRUB Environment Block\nORDER=A\nA_OK=1\nA_TRY=0\nB_OK=0\nB_TRY=0\n' >"$parts/grubenv"
    local length
    length=$(stat --format=%s "$parts/grubenv")
    printf '%*s' $((1024 - length)) '' | tr ' ' '#' >>"$parts/grubenv"
}

# What firmware reads: the loader, its variables, the maker's folder.
make_esp() {
    say "esp: GRUB, and the maker's folder"
    local image=$parts/esp.img
    make_loader
    rm -f "$image"
    truncate --size="${esp_size}M" "$image"
    in_tools mkfs.vfat -F 32 -n POCKETAI -i "$(sha256sum <<<"$root_hash" | cut -c1-8)" --invariant "$image" >/dev/null
    find "$parts" "$repo/image/boot" -type f -exec touch --date="@$SOURCE_DATE_EPOCH" {} +
    in_tools env "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" bash -euc '
        image=$1 parts=$2 boot=$3
        mmd -i "$image" ::EFI ::EFI/BOOT ::pocketai
        mcopy -m -i "$image" "$parts/grub.efi" ::EFI/BOOT/BOOTAA64.EFI
        mcopy -m -i "$image" "$parts/grubenv" ::pocketai/grubenv
        mcopy -m -i "$image" "$boot/READ-ME.txt" ::pocketai/READ-ME.txt
    ' esp "$image" "$parts" "$repo/image/boot"
    if [[ -n $board ]]; then add_board "$image"; fi
}

# The card as it is flashed: only what is not made at first boot.
make_disk() {
    say "disk"
    local disk=$1 start=1
    rm -f "$disk"
    truncate --size="$((1 + esp_size + boot_size + root_size + 1))M" "$disk"
    in_tools sfdisk --quiet "$disk" <<TABLE
label: gpt
label-id: $(id_of "disk $root_hash")
start=$((start))MiB, size=${esp_size}MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=esp, uuid=$(id_of "esp $root_hash")
start=$((start + esp_size))MiB, size=${boot_size}MiB, type=BC13C2FF-59E6-4262-A352-B275FD6F7172, name=boot-a, uuid=$(id_of "boot-a $root_hash")
start=$((start + esp_size + boot_size))MiB, size=${root_size}MiB, type=B921B045-1DF0-41C3-AF44-4C6F280D3FAE, name=root-a, uuid=$(id_of "root-a $root_hash")
TABLE
    place() { dd if="$parts/$1.img" of="$disk" bs=1M seek="$2" conv=notrunc,sparse status=none; }
    place esp $start
    place boot $((start + esp_size))
    place root $((start + esp_size + boot_size))
    if [[ -n $board ]]; then make_hybrid "$disk"; fi
}
