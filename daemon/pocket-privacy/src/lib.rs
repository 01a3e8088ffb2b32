//! What must not leave? Replaces what identifies people, and what opens doors, in the texts of one
//! question by placeholders, and puts it back into the answer, on the device. Says of a category whether
//! it may be in a question at all, and of a picture whether it is pixels alone.
//!
//! It reads no file and no clock, reaches nothing, keeps nothing, and panics on no text. Its time grows
//! with the length of the text. What it finds and what it can't find is in `docs/privacy.md`.

mod category;
mod decode;
mod filter;
mod find;
mod kind;
mod known;
mod labels;
mod picture;
mod placeholder;
mod resolve;
mod view;
mod visible;

pub use category::{Leaving, leaving};
pub use filter::{Answering, Filter, Filtered, MOST_TEXT, Replacement, TooLong};
pub use kind::Kind;
pub use known::{Known, KnownBuilder};
pub use picture::{CleanPicture, MOST_PICTURE, NotClean};
