use proptest::prelude::*;

use super::*;

fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [length.as_slice(), kind, body, &[0; 4]].concat()
}

fn png_with(middle: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let head = chunk(b"IHDR", &[0; 13]);
    let end = [chunk(b"IDAT", b"pixels"), chunk(b"IEND", b"")].concat();
    [PNG, &head, &middle.concat(), &end, behind].concat()
}

fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], length.as_slice(), body].concat()
}

const JFIF: &[u8] = b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0";

fn jpeg_with(middle: &[Vec<u8>], behind: &[u8]) -> Vec<u8> {
    let start = [b"\xff\xd8".to_vec(), segment(0xe0, JFIF)].concat();
    let tables = [
        segment(0xdb, &[0; 65]),
        segment(0xc0, &[0; 15]),
        segment(0xc4, &[0; 20]),
    ]
    .concat();
    let scan = [segment(0xda, &[0; 10]), b"pix\xff\x00els\xff\xd0more".to_vec()].concat();
    [
        &start,
        middle.concat().as_slice(),
        &tables,
        &scan,
        b"\xff\xd9",
        behind,
    ]
    .concat()
}

fn refused(bytes: Vec<u8>) -> Option<NotClean> {
    CleanPicture::check(bytes).err()
}

#[test]
fn pixels_alone_are_clean() {
    let png = CleanPicture::check(png_with(&[chunk(b"PLTE", &[1; 6])], b"")).unwrap();
    assert_eq!(png.media_type(), "image/png");
    let jpeg = CleanPicture::check(jpeg_with(&[], b"")).unwrap();
    assert_eq!(jpeg.media_type(), "image/jpeg");
    assert_eq!(jpeg.bytes(), jpeg_with(&[], b""));
    // Progressive ones have several scans, with tables between.
    let scans = [segment(0xda, &[0; 10]), b"pixels".to_vec()].concat();
    assert!(refused(jpeg_with(&[scans], b"")).is_none());
}

#[test]
fn whatever_stands_beside_the_pixels_is_refused() {
    for kind in [
        b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"iCCP", b"gAMA", b"caBX", b"xxXx",
    ] {
        assert_eq!(
            refused(png_with(&[chunk(kind, b"home")], b"")),
            Some(NotClean::Metadata)
        );
    }
    for marker in (0xe1..=0xef).chain([0xfe]) {
        assert_eq!(
            refused(jpeg_with(&[segment(marker, b"home")], b"")),
            Some(NotClean::Metadata)
        );
    }
    for head in [
        &b"JFXX\0\x10small"[..],
        &[JFIF, b"small"].concat(),
        b"JFIF\0\x01\x02\0\0\x01\0\x01\x01\x01",
    ] {
        assert_eq!(
            refused(jpeg_with(&[segment(0xe0, head)], b"")),
            Some(NotClean::Metadata)
        );
    }
    assert_eq!(refused(png_with(&[], b"behind")), Some(NotClean::Metadata));
    assert_eq!(refused(jpeg_with(&[], b"behind")), Some(NotClean::Metadata));
}

#[test]
fn what_is_no_whole_picture_is_refused() {
    for whole in [png_with(&[], b""), jpeg_with(&[], b"")] {
        for length in 0..whole.len() {
            assert!(refused(whole[..length].to_vec()).is_some(), "{length}");
        }
    }
    for bytes in [
        &b""[..],
        b"GIF89a",
        b"RIFF\0\0\0\0WEBP",
        b"<svg/>",
        b"\xff\xd8\xff\xd9x",
    ] {
        assert!(refused(bytes.to_vec()).is_some());
    }
    let large = png_with(&[chunk(b"PLTE", &vec![0; MOST_PICTURE])], b"");
    assert_eq!(refused(large), Some(NotClean::TooLarge));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0..3) {
        let start: &[u8] = [b"", PNG, b"\xff\xd8"][usize::try_from(kind).unwrap()];
        let _: Option<NotClean> = refused([start, &bytes].concat());
    }
}
