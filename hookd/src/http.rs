//! The private listener.

pub(crate) mod admin;
mod page;
mod rest;
mod state;
mod unproven;

pub(crate) use state::State;
pub(crate) use unproven::{Entry, Unproven};
