//! HTTP listeners with limits: what a client can use up is bounded here, whatever is served.
//!
//! [`Listener`] serves an actix-web application on connections whose request heads, pauses and unread answers have time
//! limits. [`read_body`] reads a body within limits of size, time and [`Budget`], the memory that all bodies share.
//! [`RequestGuard`] tells a connection when a request is being served. [`LogLimiter`] bounds the log lines that strangers
//! can cause.
//!
//! Invariants: this is the one crate that knows actix-http, actix-service and actix-tls; it knows no other crate of hookd,
//! and takes limits as plain numbers, not as a configuration.

#![forbid(unsafe_code)]

mod answer;
mod body;
mod budget;
mod connection;
mod listener;
mod log_limiter;

pub use answer::{BUSY, busy, plain, unauthorized};
pub use body::{BodyError, BodyLimits, is_encoded, is_websocket, read_body};
pub use budget::Budget;
pub use connection::RequestGuard;
pub use listener::{Listener, bind};
pub use log_limiter::LogLimiter;
