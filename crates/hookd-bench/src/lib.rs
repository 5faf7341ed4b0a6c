//! Generates GitHub pushes for benchmarks: `bench-requests` writes them to a file for `wrk`, `bench-fill` fills a store
//! with them. `bench-floor` and `bench-steps` are the servers that hookd is compared with.
//!
//! A [`World`] has people and repositories with branches and file trees; a [`Pusher`] makes the people push. The result
//! depends only on the seed. Hashes, commit ids and messages never repeat, so that neither a compressor nor an index
//! benefits from unrealistic similarity; what repeats also repeats at GitHub: names, URLs, and the shape of a push.

#![forbid(unsafe_code)]

mod date;
mod github;
mod json;
mod message;
mod person;
mod phrases;
mod push;
mod repository;
mod signature;
mod words;
mod world;

pub use push::{MAX_BODY_BYTES, MIN_BODY_BYTES, Pusher};
pub use signature::Key;
pub use world::World;
