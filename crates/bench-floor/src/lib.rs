//! GitHub pushes that differ as real ones do, for measuring: `bench-requests` writes them to a file for `wrk`,
//! `bench-fill` fills a store with them.
//!
//! A [`World`] has people, repositories with branches and trees of files; a [`Pusher`] lets the people push. What is
//! made depends on the seed alone. Hashes, commit ids and messages do not repeat, so that neither a compressor nor an
//! index can live on likeness; what repeats is what repeats at GitHub: names, URLs, and the shape of a push.

#![forbid(unsafe_code)]

mod github;
mod json;
mod message;
mod push;
mod words;
mod world;

pub use push::{LARGEST, Pusher, SMALLEST};
pub use world::World;
