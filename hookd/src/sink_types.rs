//! The types of sinks of this build that are crates of their own: a crate that nothing refers to registers nothing.

use hookd_sink_nats as _;
