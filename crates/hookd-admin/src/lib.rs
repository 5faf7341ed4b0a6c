//! The private listener: the REST API, pages for people, health and metrics.
//!
//! - [`app`] is the application; [`AppState`] is what it shows.
//! - [`Metrics`] and [`Unverified`] are filled by the public listener and by the calls to the forges' APIs, and shown here.
//!
//! Invariants: nothing here starts a listener, names a dialect or a store's engine, or reads a body. Everything that a
//! sender sent is escaped. Every path but `/healthz` and `/readyz` asks for the credentials of `[admin]`, if it has any,
//! and refuses what a page of another site makes a browser send. No answer is cached. Searches are few at a time, limited
//! in time, and end when their client goes away; lists, and all answers together, are limited in bytes.

#![forbid(unsafe_code)]

mod admin;
mod answers;
mod health;
mod metrics;
mod page;
mod replays;
mod rest;
mod same_site;
mod sinks;
#[cfg(test)]
mod site;
mod state;
#[cfg(test)]
mod tests;
mod timeline;
mod unverified;

pub use admin::app;
pub use metrics::{Exposition, Metrics};
pub use replays::{CannotReplay, Replays};
pub use state::AppState;
pub use unverified::{Unverified, UnverifiedRequest};
