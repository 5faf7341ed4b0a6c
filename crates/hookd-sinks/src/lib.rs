//! Delivering changes: the kinds of sinks, and the engine that serves them.
//!
//! A sink reads the log of changes with a cursor of its own. The [engine](Engine) decides what is sent when, in which
//! order, how often, and what is given up; a [`Sink`] only delivers one change and says how that ended ([`Attempt`]).
//! Each type of sink registers a [`SinkType`], as a dialect registers itself, and the configuration chooses among them.
//!
//! Invariants: changes of one lane arrive in the order of the log. What was delivered is noted in the store before
//! anything is forgotten, so that a crash repeats at most what [`Sink::has`] can tell. Sinks never wait for each other.

#![forbid(unsafe_code)]

mod backoff;
mod buildbot;
pub mod contract;
mod document;
mod engine;
mod exec;
mod file;
mod filter;
mod http;
mod notes;
mod runner;
mod settings;
mod sink;
mod start;
mod status;
mod template;
pub mod tls;
mod turn;
mod verdict;
mod webhook;
mod window;

pub use backoff::Backoff;
pub use document::document;
pub use engine::{Engine, SinkView};
pub use filter::ChangeFilter;
pub use futures_util::future::BoxFuture;
pub use http::read_secret;
pub use runner::Command;
pub use settings::{EverySink, From, SinkSettings};
pub use sink::{BuildSink, Sink, SinkContext, SinkOptions, SinkType};
pub use status::{AttemptCounts, Head, SinkObserver, SinkState, SinkStatus};
pub use template::{FIELDS, Part, Template, value};
pub use verdict::{Attempt, Known, MAX_ANSWER_CHARS, Verdict};
pub use window::Order;
