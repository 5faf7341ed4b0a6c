//! The types of sinks against real peers: web servers on the loopback, with TLS and without, commands, files.

#![allow(clippy::unwrap_used)]

mod buildbot;
mod contract;
mod exec;
mod file;
mod http;
mod peer;
mod sinks;
mod tls;
mod webhook;
