//! The page over a real engine, as a browser meets it.

mod browser;
mod export;
mod perimeter;
mod serving;
mod sessions;
mod work;
