use image::{ImageFormat, Rgb, Rgba, RgbaImage};
use pocket_core::{FileHead, ReaderJob};

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
