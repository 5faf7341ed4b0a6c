//! Polling: finding changes in repositories that send no webhooks.
//!
//! The [engine](Engine) decides when a poller polls, how many do at a time, and what becomes of the result; a [`Poller`] only
//! compares a repository with the [positions](hookd_store::Positions) that it had read up to, and says which changes are
//! new. Each type of poller registers a [`PollerType`], as a dialect registers itself, and the configuration chooses among
//! them.
//!
//! Invariants: the changes of a poll and the positions that they stand for are one transaction, so that nothing is reported
//! twice or missed, whenever hookd is killed. Polls of one poller never overlap. A poller is never waited for by another, nor
//! by whoever triggers it.

#![forbid(unsafe_code)]

mod address;
mod engine;
mod environment;
mod folder;
mod git;
mod hg;
mod poke;
mod poller;
mod runner;
mod schedule;
mod settings;
mod status;
mod svn;
mod tool;

pub use address::without_credentials;
pub use engine::{Engine, PollerView};
pub use futures_util::future::BoxFuture;
pub use poke::Poke;
pub use poller::{BuildPoller, Poll, PollError, Polled, Poller, PollerContext, PollerOptions, PollerType};
pub use settings::{EveryPoller, PollerSet, PollerSettings};
pub use status::{PollerObserver, PollerState, PollerStatus};
