//! The two listeners. [`change_hook`] is the public one; [`admin`] is private.

pub(crate) mod admin;
pub(crate) mod change_hook;
mod judge;
mod page;
mod rest;
mod state;
mod unproven;

use actix_web::http::header::HeaderName;

pub(crate) use state::State;
pub(crate) use unproven::Unproven;

/// The header that names the delivery in an answer.
const DELIVERY: HeaderName = HeaderName::from_static("x-hookd-delivery");
