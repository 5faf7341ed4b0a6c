//! HTTP listeners with limits: what a client can use up is bounded here, whatever is served.
//!
//! [`Listener`] serves an actix-web application on connections whose phases have time limits, and whose number has one.
//! [`read_body`] reads a body within limits of size, time and [`Budget`], the memory that all bodies and large request
//! heads share. [`LogLimiter`] bounds the log lines that strangers can cause.
//!
//! Invariants: this is the one crate that knows actix-http, actix-server and actix-service; it knows no other crate of
//! hookd, and takes limits as plain numbers, not as a configuration. An application needs to do nothing for the limits.

#![forbid(unsafe_code)]

mod answer;
mod body;
mod budget;
mod connection;
mod framing;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod head;
mod listener;
mod log_limiter;
mod phase;
mod places;

pub use answer::{BUSY, busy, plain, unauthorized};
pub use body::{BodyError, BodyLimits, is_encoded, read_body};
pub use budget::{Budget, Full};
pub use connection::OnRefusal;
pub use listener::{Listener, bind};
pub use log_limiter::LogLimiter;
