//! The sink `nats`: each change becomes a message in a stream of [JetStream](https://docs.nats.io/nats-concepts/jetstream).
//!
//! A message counts as delivered when JetStream has acknowledged it. Its id is that of the change, by which JetStream itself
//! recognizes duplicates for some minutes; beyond that, the stream is asked for the change after a crash and after an answer
//! that did not come.
//!
//! Invariants: each message names the one that must be the last of its subject, so that of two attempts at one change only
//! one is ever stored, whichever comes first. No message, and no error, has a secret in it.

#![forbid(unsafe_code)]

mod connection;
mod credentials;
mod jetstream;
mod options;
mod recent;
mod servers;
mod sink;
mod subject;
mod system;
mod tls;
mod verdict;

use hookd_sinks::SinkType;

inventory::submit! {
    SinkType::new::<options::Options>("nats", "A stream of NATS JetStream: a message for each change. Once.")
}
