# What a board's own firmware wants on the card before UEFI is there.
# shellcheck shell=bash

firmware=$work/firmware

# The boards' packages, unpacked once for each lock.
unpack_boards() {
    local lock=$repo/image/packages/boards.lock want path
    want=$(fingerprint "$lock")
    [[ -e $firmware/.made-$want ]] && return
    fetch_packages "$lock"
    rm -rf "$firmware"
    mkdir -p "$firmware"
    while read -r _ _ _ path; do dpkg-deb --extract "$cache/debs/$(basename "$path")" "$firmware"; done < <(entries "$lock")
    touch "$firmware/.made-$want"
}

# A Raspberry Pi: its firmware, U-Boot, and the kernel's descriptions of the boards, in one folder.
make_board() {
    say "firmware: $board"
    local tree=$parts/board from
    unpack_boards
    rm -rf "$tree"
    mkdir -p "$tree/overlays"
    # Those that need least memory where there is no screen; there is no camera anywhere.
    local parts_of_it=(start_cd.elf fixup_cd.dat start4cd.elf fixup4cd.dat)
    [[ -z $set ]] || parts_of_it=(start.elf fixup.dat start4.elf fixup4.dat)
    for from in bootcode.bin "${parts_of_it[@]}"; do
        cp "$firmware/usr/lib/raspi-firmware/$from" "$tree/"
    done
    cp "$firmware/usr/lib/u-boot/rpi_arm64/u-boot.bin" "$repo/image/boards/$board/config.txt" "$tree/"
    # With less than that the firmware looks for the parts that know no screen.
    [[ -z $set ]] || sed -i 's/^gpu_mem=.*/gpu_mem=64/' "$tree/config.txt"
    cp "$firmware/usr/share/doc/raspi-firmware/copyright" "$tree/LICENCE.txt"
    cp "$base"/usr/lib/linux-image-*/broadcom/bcm2{711,712,837}-rpi-*.dtb "$tree/"
    dtc -@ -I dts -O dtb -o "$tree/overlays/pocketai.dtbo" "$repo/image/boards/$board/pocketai.dts"
    local described
    for described in "$tree"/bcm2{711,837}-*.dtb; do
        fdtoverlay -i "$described" -o /dev/null "$tree/overlays/pocketai.dtbo" ||
            fail "the button's overlay does not fit $(basename "$described")"
    done
}

add_board() {
    find "$parts/board" -exec touch --date="@$SOURCE_DATE_EPOCH" {} +
    in_tools env "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" bash -euc '
        cd "$2"; for file in $(find . -mindepth 1 -maxdepth 1 | LC_ALL=C sort); do mcopy -s -m -i "$1" "$file" ::; done
    ' board "$1" "$parts/board"
}

# The first boards (Zero 2 W, 3) know no GPT: their old table names the first partition beside it.
make_hybrid() {
    python3 - "$1" "$((esp_size << 11))" <<'TABLE'
import struct
import sys

card, sectors = sys.argv[1], int(sys.argv[2])
# In use or not, where it begins and ends for disks of old (past their reach), kind, first sector, sectors.
entries = [(0x0C, 2048, sectors), (0xEE, 1, 2047)]
with open(card, "r+b") as file:
    file.seek(446)
    for kind, first, length in entries:
        file.write(struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", first, length))
TABLE
}
