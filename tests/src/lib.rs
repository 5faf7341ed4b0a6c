//! End-to-end tests: the real binary and real peers.
//!
//! This crate is the harness: [`Home`] is a folder in which a [`Hookd`] runs, is killed and runs again; [`http`] sends
//! requests byte for byte; [`GithubApi`], [`Buildbot`], [`Postgres`], [`Nats`] and [`Receiver`] are its peers, and a [`Proxy`] or a
//! [`Wire`] can stand before one; [`conformance`] compares hookd with Buildbot; [`reported`] runs the cases of `tests/reported`. The tests are in
//! `tests/all`, one file for each behaviour.
//!
//! Everything listens on port 0 of the loopback, and waits for conditions, never for time.

mod admin;
mod browser;
mod buildbot;
pub mod conformance;
mod github_api;
mod home;
mod hookd;
pub mod http;
pub mod nats;
mod nginx;
pub mod peers;
mod pgbouncer;
pub mod postgres;
mod proxy;
mod receiver;
pub mod reported;
mod wait;
mod wire;

pub use admin::Admin;
pub use browser::Browser;
pub use buildbot::Buildbot;
pub use github_api::{Api, GithubApi};
pub use home::{Finished, Home, LISTENERS, binary, without_variables_of_cargo};
pub use hookd::{Hookd, Running};
pub use hookd_testkit::sign::{sha1 as sha1_signature, sha256 as sha256_signature};
pub use nats::Nats;
pub use nginx::Nginx;
pub use pgbouncer::Pgbouncer;
pub use postgres::Postgres;
pub use proxy::{Meddling, Proxy};
pub use receiver::{Event, Receiver, Reply};
pub use wait::until;
pub use wire::Wire;
