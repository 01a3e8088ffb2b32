//! Pictures that are pixels alone.

use thiserror::Error;

/// Largest picture that may leave, in bytes: 4 MiB.
pub const MOST_PICTURE: usize = 4 * 1024 * 1024;

/// Why a picture may not leave.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum NotClean {
    /// It is neither PNG nor JPEG, or damaged.
    #[error("the picture is not a whole PNG or JPEG file: have it made anew")]
    Damaged,
    /// It holds more than pixels.
    #[error("the picture holds more than pixels: have it made anew")]
    Metadata,
    /// It is larger than may leave.
    #[error("the picture is larger than 4 MiB: have it made smaller")]
    TooLarge,
}

/// The bytes of a PNG or JPEG file in which nothing but pixels is: no place, no time, no camera, no
/// comment, no small picture beside the large one, nothing behind the end. Only [`CleanPicture::check`]
/// makes one.
#[must_use]
pub struct CleanPicture(Vec<u8>);

impl CleanPicture {
    /// Reads the parts of a file, and refuses one with any that pixels don't need.
    ///
    /// # Errors
    /// [`NotClean`] says what is wrong with it.
    pub fn check(bytes: Vec<u8>) -> Result<Self, NotClean> {
        if bytes.len() > MOST_PICTURE {
            return Err(NotClean::TooLarge);
        }
        if bytes.starts_with(PNG) {
            png(bytes.get(PNG.len()..).unwrap_or_default())?;
        } else {
            jpeg(&bytes)?;
        }
        Ok(Self(bytes))
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// What it is to be sent as.
    pub fn media_type(&self) -> &'static str {
        if self.0.starts_with(PNG) {
            "image/png"
        } else {
            "image/jpeg"
        }
    }
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// The chunks that pixels need (PNG, third edition, 11.2; transparency from 11.3). Colour profiles and
/// the like may hold text, so that no other is let through.
const CHUNKS: [&[u8]; 5] = [b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"];

fn png(mut rest: &[u8]) -> Result<(), NotClean> {
    let mut first = true;
    loop {
        let (head, behind) = rest.split_at_checked(8).ok_or(NotClean::Damaged)?;
        let (length, kind) = head.split_at_checked(4).ok_or(NotClean::Damaged)?;
        if !CHUNKS.contains(&kind) {
            return Err(NotClean::Metadata);
        }
        if first != (kind == b"IHDR") {
            return Err(NotClean::Damaged);
        }
        first = false;
        let length = length
            .iter()
            .fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        // Behind the chunk stands its checksum.
        let whole = length.checked_add(4).ok_or(NotClean::Damaged)?;
        let (_, next) = behind.split_at_checked(whole).ok_or(NotClean::Damaged)?;
        rest = next;
        if kind == b"IEND" {
            return if rest.is_empty() && length == 0 {
                Ok(())
            } else {
                Err(NotClean::Metadata)
            };
        }
    }
}

/// Segments up to the first scan (ITU-T T.81, B.1): tables, frame, scan. An APP0 may be the plain JFIF
/// head without a small picture; every other APPn and each comment is refused.
fn jpeg(bytes: &[u8]) -> Result<(), NotClean> {
    let mut rest = bytes.strip_prefix(b"\xff\xd8").ok_or(NotClean::Damaged)?;
    loop {
        let (marker, behind) = marker(rest)?;
        match marker {
            0xd9 => {
                return if behind.is_empty() {
                    Ok(())
                } else {
                    Err(NotClean::Metadata)
                };
            }
            0xc0..=0xcf | 0xdb | 0xdd => rest = segment(behind)?.1,
            0xda => rest = scan(segment(behind)?.1)?,
            0xe0 => {
                let (head, next) = segment(behind)?;
                let plain = head.starts_with(b"JFIF\0") && head.len() == 14 && head.ends_with(b"\0\0");
                if !plain {
                    return Err(NotClean::Metadata);
                }
                rest = next;
            }
            0xe1..=0xef | 0xfe => return Err(NotClean::Metadata),
            _ => return Err(NotClean::Damaged),
        }
    }
}

fn marker(rest: &[u8]) -> Result<(u8, &[u8]), NotClean> {
    match rest {
        [0xff, marker, behind @ ..] => Ok((*marker, behind)),
        _ => Err(NotClean::Damaged),
    }
}

fn segment(rest: &[u8]) -> Result<(&[u8], &[u8]), NotClean> {
    let [high, low, behind @ ..] = rest else {
        return Err(NotClean::Damaged);
    };
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let length = length.checked_sub(2).ok_or(NotClean::Damaged)?;
    behind.split_at_checked(length).ok_or(NotClean::Damaged)
}

/// The marker behind the coded pixels, in which `ff 00` is a byte and `ff d0` to `ff d7` a restart.
fn scan(rest: &[u8]) -> Result<&[u8], NotClean> {
    let mut at = 0;
    loop {
        let ahead = rest.get(at..).unwrap_or_default();
        let found = ahead
            .iter()
            .position(|byte| *byte == 0xff)
            .ok_or(NotClean::Damaged)?;
        at += found;
        match rest.get(at + 1) {
            Some(0x00 | 0xd0..=0xd7) => at += 2,
            Some(0xff) => at += 1,
            Some(_) => return rest.get(at..).ok_or(NotClean::Damaged),
            None => return Err(NotClean::Damaged),
        }
    }
}

#[cfg(test)]
mod tests;
