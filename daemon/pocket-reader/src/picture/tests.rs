use image::{ImageFormat, Rgb, Rgba, RgbaImage};
use pocket_core::{FileHead, ReaderJob};
use pocket_privacy::CleanPicture;

use super::*;

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, format).unwrap();
    out.into_inner()
}

/// Twice as wide as high, its left half red.
fn red_and_blue(width: u32) -> DynamicImage {
    DynamicImage::ImageRgb8(RgbImage::from_fn(width, width / 2, |x, _| {
        if x < width / 2 {
            Rgb([255, 0, 0])
        } else {
            Rgb([0, 0, 255])
        }
    }))
}

fn opened(bytes: &[u8]) -> RgbImage {
    image::load_from_memory(bytes).unwrap().to_rgb8()
}

/// With what a camera writes: a quarter turn, and a text.
fn with_exif(jpeg: &[u8]) -> Vec<u8> {
    let text = b"at home, 50.1 N\0";
    let mut tiff = b"II*\0\x08\0\0\0\x02\0".to_vec();
    tiff.extend([0x0e, 0x01, 2, 0, 16, 0, 0, 0, 38, 0, 0, 0]);
    tiff.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0]);
    tiff.extend([0, 0, 0, 0]);
    tiff.extend(text);
    let body = [b"Exif\0\0".as_slice(), &tiff].concat();
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &body, &jpeg[2..]].concat()
}

#[test]
fn a_photograph_is_upright_and_says_nothing_of_where_it_was_taken() {
    let taken = with_exif(&encoded(&red_and_blue(400), ImageFormat::Jpeg));
    let made = shown(&taken).unwrap();
    assert!(
        !made
            .windows(4)
            .any(|window| window == b"Exif" || window == b"home")
    );
    let upright = opened(&made);
    assert_eq!((upright.width(), upright.height()), (200, 400));
    let (top, bottom) = (upright.get_pixel(100, 10), upright.get_pixel(100, 390));
    assert!(top.0[0] > 200 && bottom.0[2] > 200, "{top:?} {bottom:?}");
}

#[test]
fn every_kind_is_made_anew_and_none_is_larger_than_is_shown() {
    let large = red_and_blue(2000);
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::WebP,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
    ] {
        let made = opened(&shown(&encoded(&large, format)).unwrap());
        assert_eq!(
            (made.width(), made.height()),
            (SHOWN_SIDE, SHOWN_SIDE / 2),
            "{format:?}"
        );
    }
    let glass = DynamicImage::ImageRgba8(RgbaImage::from_pixel(9, 9, Rgba([9, 9, 9, 0])));
    let made = shown(&encoded(&glass, ImageFormat::Png)).unwrap();
    assert!(made.starts_with(b"\x89PNG"), "what shines through stays so");
}

#[test]
fn a_preview_is_small_whatever_it_shows() {
    let mut seed = 1u32;
    let noise = DynamicImage::ImageRgb8(RgbImage::from_fn(800, 800, |_, _| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = seed.to_be_bytes();
        Rgb([a, b, c])
    }));
    for picture in [noise, red_and_blue(300), red_and_blue(4)] {
        let head = FileHead {
            job: ReaderJob::Thumbnail,
            name: String::new(),
            media_type: String::new(),
            size: 0,
        };
        let bytes = encoded(&picture, ImageFormat::Png);
        let small = thumbnail(Input { head, bytes }).unwrap();
        assert!(
            small.starts_with(b"\xff\xd8\xff") && small.len() <= MOST_THUMBNAIL,
            "{}",
            small.len()
        );
    }
}

#[test]
fn a_picture_that_claims_too_much_is_refused_before_it_is_made() {
    let mut huge = encoded(&red_and_blue(4), ImageFormat::Bmp);
    huge[18..22].copy_from_slice(&50_000u32.to_le_bytes());
    huge[22..26].copy_from_slice(&50_000u32.to_le_bytes());
    assert_eq!(shown(&huge), Err(Unreadable::TooLarge));
    let png = encoded(&red_and_blue(400), ImageFormat::Png);
    assert_eq!(shown(&png[..png.len() / 2]), Err(Unreadable::Damaged));
    assert_eq!(
        shown(b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        Err(Unreadable::Unsupported)
    );
}

const SENT_SIDE: u32 = 1568;
const SENT_BYTES: u32 = 4 * 1024 * 1024;
/// Stands in everything that must not come through.
const MARK: &[u8] = b"at home";

fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], length.as_slice(), body].concat()
}

/// A photograph with all that cameras and programs write beside the pixels, and something behind the end.
fn talkative_jpeg() -> Vec<u8> {
    let plain = with_exif(&encoded(&red_and_blue(400), ImageFormat::Jpeg));
    let small = encoded(&red_and_blue(16), ImageFormat::Jpeg);
    let rest = [
        segment(
            0xe1,
            b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>at home</x:xmpmeta>",
        ),
        segment(0xed, b"Photoshop 3.0\0 8BIM\x04\x04at home"),
        segment(0xe2, b"ICC_PROFILE\0\x01\x01at home"),
        segment(0xe0, &[b"JFXX\0\x10at home".as_slice(), &small].concat()),
        segment(0xfe, b"a comment: at home"),
    ]
    .concat();
    [&plain[..2], &rest, &plain[2..], b"at home, behind the end"].concat()
}

fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    // Nobody checks the sum of what nobody reads; a decoder that did would refuse the file.
    let sum = crc([kind.as_slice(), body].concat().as_slice());
    [length.as_slice(), kind, body, &sum.to_be_bytes()].concat()
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            if sum & 1 == 1 {
                sum >> 1 ^ 0xedb8_8320
            } else {
                sum >> 1
            }
        })
    })
}

fn talkative_png() -> Vec<u8> {
    let plain = encoded(&red_and_blue(400), ImageFormat::Png);
    // Behind the first chunk: signature 8, length and kind 8, body 13, sum 4.
    let (head, rest) = plain.split_at(33);
    let more = [
        chunk(b"tEXt", b"Comment\0at home"),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0at home"),
        chunk(b"eXIf", b"II*\0\x08\0\0\0\0\0at home"),
        chunk(b"tIME", &[7, 234, 1, 1, 1, 1, 1]),
    ]
    .concat();
    [head, &more, rest, b"at home, behind the end"].concat()
}

fn talkative_webp() -> Vec<u8> {
    let plain = encoded(&red_and_blue(400), ImageFormat::WebP);
    let part = |kind: &[u8; 4], body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        [kind.as_slice(), &length, body, &vec![0; body.len() % 2]].concat()
    };
    // Extended: EXIF and XMP are there; the canvas is 400 by 200.
    let body = [
        b"WEBP".to_vec(),
        part(b"VP8X", &[0x0c, 0, 0, 0, 143, 1, 0, 199, 0, 0]),
        plain[12..].to_vec(),
        part(b"EXIF", b"II*\0\x08\0\0\0\0\0at home"),
        part(b"XMP ", b"<x:xmpmeta>at home</x:xmpmeta>"),
    ]
    .concat();
    let length = u32::try_from(body.len()).unwrap().to_le_bytes();
    [b"RIFF".as_slice(), &length, &body].concat()
}

#[test]
fn of_what_is_sent_nothing_but_the_pixels_is_left() {
    for (name, taken) in [
        ("jpeg", talkative_jpeg()),
        ("png", talkative_png()),
        ("webp", talkative_webp()),
    ] {
        assert!(taken.windows(MARK.len()).any(|window| window == MARK), "{name}");
        assert!(CleanPicture::check(taken.clone()).is_err(), "{name}");
        let made = pixels(&taken, SENT_SIDE, SENT_BYTES).unwrap();
        assert!(!made.windows(MARK.len()).any(|window| window == MARK), "{name}");
        let seen = opened(&made);
        let expected = if name == "jpeg" { (200, 400) } else { (400, 200) };
        assert_eq!((seen.width(), seen.height()), expected, "{name}");
        assert!(CleanPicture::check(made).is_ok(), "{name}");
    }
}

#[test]
fn what_is_sent_has_the_side_and_the_size_that_were_asked_for() {
    let mut seed = 1_u32;
    let noise = DynamicImage::ImageRgb8(RgbImage::from_fn(360, 270, |_, _| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [a, b, c, _] = seed.to_be_bytes();
        Rgb([a, b, c])
    }));
    let noise = encoded(&noise, ImageFormat::Png);
    for (side, most) in [(300, SENT_BYTES), (300, 40_000), (160, 9_000), (300, 4_000)] {
        let made = pixels(&noise, side, most).unwrap();
        assert!(made.len() <= usize::try_from(most).unwrap(), "{side} {most}");
        let seen = opened(&made);
        assert!(seen.width().max(seen.height()) <= side, "{side} {most}");
        assert!(CleanPicture::check(made).is_ok());
    }
    assert_eq!(pixels(&noise, 80, 100), Err(Unreadable::TooLarge));
    assert_eq!(pixels(b"GIF89a?", 1000, SENT_BYTES), Err(Unreadable::Damaged));
    assert_eq!(pixels(b"<svg/>", 1000, SENT_BYTES), Err(Unreadable::Unsupported));
}

#[test]
fn what_lies_under_glass_is_not_sent() {
    let glass = RgbaImage::from_fn(90, 90, |x, _| Rgba([if x < 45 { 200 } else { 10 }, 0, 0, 0]));
    let made = pixels(
        &encoded(&DynamicImage::ImageRgba8(glass), ImageFormat::Png),
        90,
        SENT_BYTES,
    )
    .unwrap();
    assert!(opened(&made).pixels().all(|pixel| pixel.0 == [255; 3]));
}
