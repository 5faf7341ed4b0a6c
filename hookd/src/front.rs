//! The front: the public listener, which serves `/change_hook[/DIALECT]` and nothing else.
//!
//! The way of a request: address → password → whitelist → method → body → recognise → verify → translate → store → 202.
//!
//! Invariants: what is answered with 202 is committed. Nothing of a body is read before address and password have been
//! checked. An unverified request is not stored, and causes a bounded number of log lines.

mod answers;
mod change_hook;
mod late;
mod rejection;
mod route;
mod senders;

pub(crate) use change_hook::{Front, app};

#[cfg(test)]
mod tests;
