//! The sink `nats` against a real server.

#![allow(clippy::unwrap_used)]

mod contract;
mod delivery;
mod kit;
mod once;
mod protection;
