//! The page over a real engine, as a browser meets it.

mod backup;
mod broker;
mod browser;
mod care;
mod consent;
mod export;
mod lists;
mod perimeter;
mod sending;
mod serving;
mod sessions;
mod shown;
mod typed;
mod update;
mod work;
