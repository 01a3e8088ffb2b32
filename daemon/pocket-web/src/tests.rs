//! The page over a real engine, as a browser meets it.

mod browser;
mod perimeter;
mod sessions;
mod work;
