//! The private listener: the REST API, pages for people, health and metrics.
//!
//! - [`app`] is the application; [`AppState`] is what it shows.
//! - [`Metrics`] and [`Unverified`] are filled by the public listener and by the calls to the forges' APIs, and shown here.
//!
//! Invariants: nothing here starts a listener, names a dialect or a store's engine, or reads a body. Everything that a
//! sender sent is escaped. Every path but `/healthz` and `/readyz` asks for the credentials of `[admin]`, if it has any.

#![forbid(unsafe_code)]

mod admin;
mod health;
mod metrics;
mod page;
mod rest;
mod sinks;
#[cfg(test)]
mod site;
mod state;
#[cfg(test)]
mod tests;
mod unverified;

pub use admin::app;
pub use metrics::Metrics;
pub use state::AppState;
pub use unverified::{Unverified, UnverifiedRequest};
