//! Cases of `tests/reported`: what people met with receivers of webhooks, sent to the real binary.
//!
//! `tests/reported/README.md` describes their form. A case is a file; what is in it and not known here is an error, so
//! that nothing is left out in silence.

mod api;
mod case;
mod expected;
mod run;

pub use run::{cases, run};
