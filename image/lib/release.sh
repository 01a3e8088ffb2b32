# What is handed out: the compressed image with its map and sums, the signed bundle, the list of contents.
# shellcheck shell=bash

out=$work/out

# The bundle that a running device takes: both parts of a slot, signed.
make_bundle() {
    local name=$1 tree=$parts/bundle
    say "bundle: signed update"
    rm -rf "$tree" "$out/$name.raucb"
    mkdir -p "$tree"
    ln "$parts/root.img" "$tree/root.img"
    ln "$parts/boot.img" "$tree/boot.img"
    cat >"$tree/manifest.raucm" <<MANIFEST
[update]
compatible=pocketai-arm64$set
version=$version
build=$(git -C "$repo" describe --always --dirty)

[bundle]
format=verity

[image.rootfs]
filename=root.img

[image.boot]
filename=boot.img
MANIFEST
    # Both may lie anywhere, which the tools' folder does not see. The key is read outside of it, and never
    # copied into it for longer than it takes.
    install -m 0644 "$signing_certificate" "$parts/signing.pem"
    in_tools env TMPDIR=/tmp bash -euc 'umask 077; cat >/tmp/signing.key; trap "rm -f /tmp/signing.key" EXIT
        rauc --cert="$1" --key=/tmp/signing.key bundle "$2" "$3"' \
        bundle "$parts/signing.pem" "$tree" "$out/$name.raucb" <"$signing_key" >"$work/log/bundle.log" 2>&1 ||
        fail "the bundle could not be made: see $work/log/bundle.log"
    rm -rf "$tree"
}

# CycloneDX: each Debian package whose files are in the image, each crate of the programs.
make_contents() {
    say "list of contents"
    (cd "$repo" && cargo metadata --format-version 1 --locked --filter-platform "$target_triple") |
        python3 "$repo/image/lib/contents.py" <(cat "${locks[@]}") <(cat "${droppings[@]}") "$version" "$SOURCE_DATE_EPOCH" >"$out/$1.cdx.json"
}

# What Raspberry Pi Imager and others read to offer and check an image.
make_manifest() {
    local name=$1
    cat >"$out/$name.os_list.json" <<JSON
{"os_list": [{
  "name": "PocketAI $version ($target$set)",
  "description": "A private assistant's memory, sealed on the device",
  "url": "$name.img.xz",
  "release_date": "$(date --utc --date="@$SOURCE_DATE_EPOCH" +%F)",
  "image_download_size": $(stat --format=%s "$out/$name.img.xz"),
  "image_download_sha256": "$(sha256sum <"$out/$name.img.xz" | cut -c1-64)",
  "extract_size": $(stat --format=%s "$out/$name.img"),
  "extract_sha256": "$(sha256sum <"$out/$name.img" | cut -c1-64)",
  "devices": ["pi3-64bit", "pi4-64bit", "pi5-64bit"]
}]}
JSON
}

make_release() {
    local name=$1
    say "release: compressing"
    in_tools bmaptool --quiet create --output "$out/$name.bmap" "$out/$name.img"
    xz --keep --force --threads=0 -6 "$out/$name.img"
    make_bundle "$name"
    make_contents "$name"
    make_manifest "$name"
    (cd "$out" && sha256sum "$name".{img,img.xz,bmap,raucb,cdx.json,os_list.json} >"$name.sha256")
}
