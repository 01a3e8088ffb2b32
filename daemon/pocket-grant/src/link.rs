//! A link to the owner's broker: opened by the daemon, checked by the gateway; and what is said over it.

use pocket_core::{DeviceState, LinkFault, LinkLeave, LinkTerms, Refused};
use pocket_crypto::SecretBytes;
use pocket_crypto::labels;
use pocket_crypto::secret::Key;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::frame::{FrameTooLarge, LENGTH, prefix};
use crate::message::{Garbled, LINK, SAID};
use crate::sealed::{self, Foreign, Unchecked};

/// Longest text that may come from the broker, in bytes: 8 KiB, some pages.
pub const MOST_CAPTURE: usize = 8 * 1024;

#[derive(Serialize)]
struct Written<'a> {
    terms: &'a LinkTerms,
    password: Option<&'a [u8]>,
}

#[derive(Deserialize)]
struct Read<'a> {
    terms: LinkTerms,
    #[serde(borrow)]
    password: Option<&'a [u8]>,
}

/// A link that a leave was used up for, as a whole frame. Its buffer is wiped on drop.
pub struct SealedLink(Zeroizing<Vec<u8>>);

impl SealedLink {
    /// Uses `leave` up for a link with `password`, under the daemon's `key`.
    ///
    /// # Errors
    /// [`FrameTooLarge`] when the terms take more room than one frame has.
    pub fn new(leave: LinkLeave, password: Option<&SecretBytes>, key: &Key) -> Result<Self, FrameTooLarge> {
        seal(&leave.into_terms(), password, key)
    }

    /// A link without leave, for tests of what becomes of one.
    ///
    /// # Errors
    /// As [`SealedLink::new`].
    #[cfg(any(test, feature = "forging"))]
    pub fn forged(
        terms: &LinkTerms,
        password: Option<&SecretBytes>,
        key: &Key,
    ) -> Result<Self, FrameTooLarge> {
        seal(terms, password, key)
    }

    /// The frame.
    pub fn expose_frame(&self) -> &[u8] {
        &self.0
    }
}

fn seal(terms: &LinkTerms, password: Option<&SecretBytes>, key: &Key) -> Result<SealedLink, FrameTooLarge> {
    let written = Written {
        terms,
        password: password.map(SecretBytes::expose_bytes),
    };
    sealed::seal(LINK, labels::LINK, &written, key).map(SealedLink)
}

/// A link as it came: nobody knows yet who made it.
pub struct UncheckedLink(Unchecked);

impl UncheckedLink {
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, Garbled> {
        Unchecked::new(bytes).map(Self)
    }

    /// What is in it, if it was made under `key`. Compares in constant time, and reads nothing before.
    ///
    /// # Errors
    /// [`LinkFault::Forged`] when it was not, or makes no sense here.
    pub fn open(self, key: &Key) -> Result<OpenedLink, LinkFault> {
        let link = self.0.open(labels::LINK, key);
        let link = link.map_err(|Foreign| LinkFault::Forged)?;
        parse(link).map_err(|Garbled| LinkFault::Forged)
    }
}

pub(crate) fn parse(link: &[u8]) -> Result<OpenedLink, Garbled> {
    match postcard::take_from_bytes::<Read<'_>>(link) {
        Ok((Read { terms, password }, [])) => Ok(OpenedLink {
            terms,
            password: password.map(|password| SecretBytes::new(password.to_vec())),
        }),
        _ => Err(Garbled),
    }
}

/// A link that the daemon opened: only [`UncheckedLink::open`] gives one.
#[must_use]
pub struct OpenedLink {
    terms: LinkTerms,
    password: Option<SecretBytes>,
}

impl OpenedLink {
    /// Uses it up.
    pub fn into_parts(self) -> (LinkTerms, Option<SecretBytes>) {
        (self.terms, self.password)
    }
}

/// What the daemon says over a link that is open.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum LinkWord {
    /// The capture of this number is on disk, or will never be: the broker need not offer it again.
    Settled(u32),
    /// How the device is now.
    State(DeviceState),
}

/// What the gateway tells of a link.
///
/// It has no `Debug`: a capture is content.
#[derive(Deserialize, Serialize)]
pub enum LinkReport {
    /// A text has come. The next one comes once this one is settled.
    Captured {
        /// Counts up; what the daemon settles it by.
        number: u32,
        /// The broker's number for it.
        packet: u16,
        /// Whether the broker says that it may have offered it before.
        redelivered: bool,
        /// The text, at most [`MOST_CAPTURE`] bytes.
        text: String,
    },
    /// The broker answers.
    Connected {
        /// Whether it remembers what it had for this device.
        resumed: bool,
    },
    /// The link is over: nothing follows.
    Ended(LinkFault),
    /// The device is to lock.
    LockPressed,
    /// The broker does not answer, or no longer. It is tried again.
    Lost(LinkFault),
    /// A text came that can't be kept. Once this is settled, the broker does not offer it again.
    Refused {
        /// Counts up with the captures.
        number: u32,
        /// Why it can't be kept.
        why: Refused,
    },
}

/// A word as a whole frame.
pub fn word_frame(word: LinkWord) -> Vec<u8> {
    let mut frame = vec![0; LENGTH];
    frame.push(SAID);
    let frame = postcard::to_extend(&word, frame);
    finished(frame.expect("a word has no type that postcard can't write"))
        .expect("a word is a few bytes long")
}

/// A report on a link as a whole frame.
///
/// # Errors
/// [`FrameTooLarge`] for a text that is too long.
pub fn link_report_frame(report: &LinkReport) -> Result<Vec<u8>, FrameTooLarge> {
    let frame = postcard::to_extend(report, vec![0; LENGTH]);
    finished(frame.expect("a report has no type that postcard can't write"))
}

fn finished(mut frame: Vec<u8>) -> Result<Vec<u8>, FrameTooLarge> {
    let length = prefix(frame.len() - LENGTH)?;
    frame[..LENGTH].copy_from_slice(&length);
    Ok(frame)
}

/// A report on a link, out of the body of a frame.
///
/// # Errors
/// [`Garbled`] for what a gateway does not say, or a text that is too long.
pub fn decode_link_report(body: &[u8]) -> Result<LinkReport, Garbled> {
    match postcard::take_from_bytes(body) {
        Ok((LinkReport::Captured { text, .. }, [])) if text.len() > MOST_CAPTURE => Err(Garbled),
        Ok((report, [])) => Ok(report),
        _ => Err(Garbled),
    }
}

pub(crate) fn decode_word(said: &[u8]) -> Result<LinkWord, Garbled> {
    match postcard::take_from_bytes(said) {
        Ok((word, [])) => Ok(word),
        _ => Err(Garbled),
    }
}

#[cfg(test)]
mod tests;
