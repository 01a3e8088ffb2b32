//! Pictures made anew: pixels alone, without what a camera or a program wrote beside them.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::error::ImageError;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageReader, Limits, RgbImage};
use pocket_core::{MOST_THUMBNAIL, SHOWN_SIDE, Unreadable};

use crate::input::Input;
use crate::kind::Kind;
use crate::pdf;

/// Most pixels of a picture: 100 million, more than any telephone's camera makes.
const MOST_PIXELS: u64 = 100_000_000;
/// Memory for decoding a picture, in bytes: 300 MiB of the 384 that a reader has.
const MOST_MEMORY: u64 = 300 * 1024 * 1024;
/// Quality of a picture that is shown, in percent of what JPEG can.
const QUALITY: u8 = 85;
/// Sides and qualities of a preview, the best first: the first one that is small enough is taken.
const PREVIEWS: [(u32, u8); 4] = [(192, 75), (160, 65), (128, 55), (80, 45)];
/// Qualities of a picture that is sent, the best first, and how often it is made smaller by a quarter.
const SENT: [u8; 4] = [85, 75, 60, 45];
const MOST_ROUNDS: usize = 8;
/// Shortest longest side of a picture that is sent, in pixels: below, there is nothing to see.
const LEAST_SIDE: u32 = 64;
/// A page of a document as PNG is taken up to this size, in bytes; beyond, it is more of a photograph.
const MOST_PNG: usize = 600 * 1024;

/// A picture to be looked at.
pub(crate) fn shown(bytes: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let picture = decode(bytes, SHOWN_SIDE)?;
    if picture.color().has_alpha() && picture.to_rgba8().pixels().any(|pixel| pixel.0[3] < u8::MAX) {
        png(&DynamicImage::ImageRgba8(picture.to_rgba8()))
    } else {
        jpeg(&picture.to_rgb8(), QUALITY)
    }
}

/// A picture to be sent elsewhere, no side longer than `side`, no file longer than `most` bytes. What lies
/// under glass is not in it: colours that nobody sees could be a picture of their own.
pub(crate) fn pixels(bytes: &[u8], side: u32, most: u32) -> Result<Vec<u8>, Unreadable> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let side = side.clamp(LEAST_SIDE, SHOWN_SIDE);
    let mut picture = DynamicImage::ImageRgb8(on_white(&decode(bytes, side)?).to_rgb8());
    // Letters stay sharp, and most that is asked about is a page or a screen.
    let sharp = png(&picture)?;
    if sharp.len() <= most.min(MOST_PNG) {
        return Ok(sharp);
    }
    for _ in 0..MOST_ROUNDS {
        for quality in SENT {
            let made = jpeg(&picture.to_rgb8(), quality)?;
            if made.len() <= most {
                return Ok(made);
            }
        }
        let side = picture.width().max(picture.height()) / 4 * 3;
        picture = fit(&picture, side.max(LEAST_SIDE));
    }
    Err(Unreadable::TooLarge)
}

/// A small picture of a picture, or of the first page of a document.
pub(crate) fn thumbnail(input: Input) -> Result<Vec<u8>, Unreadable> {
    let (largest, _) = PREVIEWS[0];
    let picture = match Kind::of(&input.head, &input.bytes) {
        Kind::Pdf => DynamicImage::ImageRgb8(pdf::pixels(input.bytes, 1, largest)?),
        Kind::Picture => decode(&input.bytes, largest)?,
        _ => return Err(Unreadable::Unsupported),
    };
    let picture = on_white(&picture);
    for (side, quality) in PREVIEWS {
        let small = jpeg(&fit(&picture, side).to_rgb8(), quality)?;
        if small.len() <= MOST_THUMBNAIL {
            return Ok(small);
        }
    }
    Err(Unreadable::Unsupported)
}

/// A page of a document as a file: letters stay sharp in PNG, photographs are smaller in JPEG.
pub(crate) fn page(pixels: RgbImage) -> Result<Vec<u8>, Unreadable> {
    let picture = DynamicImage::ImageRgb8(pixels);
    let sharp = png(&picture)?;
    if sharp.len() <= MOST_PNG {
        return Ok(sharp);
    }
    jpeg(&picture.to_rgb8(), QUALITY)
}

/// The pixels, upright, no side longer than `side`.
fn decode(bytes: &[u8], side: u32) -> Result<DynamicImage, Unreadable> {
    let mut reader = ImageReader::new(Cursor::new(bytes));
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    let reader = reader.with_guessed_format().map_err(|_| Unreadable::Damaged)?;
    let mut decoder = reader.into_decoder().map_err(|error| reason(&error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS || decoder.total_bytes() > MOST_MEMORY {
        return Err(Unreadable::TooLarge);
    }
    let orientation = decoder.orientation();
    let picture = DynamicImage::from_decoder(decoder).map_err(|error| reason(&error))?;
    let mut picture = fit(&picture, side);
    // One that can't say how it is to be turned is upright.
    if let Ok(orientation) = orientation {
        picture.apply_orientation(orientation);
    }
    Ok(picture)
}

fn reason(error: &ImageError) -> Unreadable {
    match error {
        ImageError::Limits(_) => Unreadable::TooLarge,
        ImageError::Unsupported(_) => Unreadable::Unsupported,
        _ => Unreadable::Damaged,
    }
}

/// Made smaller if it has to be, never larger.
fn fit(picture: &DynamicImage, side: u32) -> DynamicImage {
    if picture.width() <= side && picture.height() <= side {
        picture.clone()
    } else {
        picture.thumbnail(side, side)
    }
}

/// What shines through is white, as paper is.
fn on_white(picture: &DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return picture.clone();
    }
    let mut all = picture.to_rgba8();
    for pixel in all.pixels_mut() {
        let [red, green, blue, alpha] = pixel.0;
        pixel.0 = [
            over_white(red, alpha),
            over_white(green, alpha),
            over_white(blue, alpha),
            u8::MAX,
        ];
    }
    DynamicImage::ImageRgba8(all)
}

fn over_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    u8::try_from((value * alpha + 255 * (255 - alpha)) / 255).unwrap_or(u8::MAX)
}

fn jpeg(picture: &RgbImage, quality: u8) -> Result<Vec<u8>, Unreadable> {
    let mut out = Vec::new();
    let encoded = JpegEncoder::new_with_quality(&mut out, quality).encode_image(picture);
    encoded.map_err(|_| Unreadable::Damaged).map(|()| out)
}

fn png(picture: &DynamicImage) -> Result<Vec<u8>, Unreadable> {
    let mut out = Vec::new();
    let written = PngEncoder::new(&mut out).write_image(
        picture.as_bytes(),
        picture.width(),
        picture.height(),
        picture.color().into(),
    );
    written.map_err(|_| Unreadable::Damaged).map(|()| out)
}

#[cfg(test)]
mod tests;
