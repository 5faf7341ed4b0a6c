//! Whose certificates hookd's clients trust: anyone's, those of some authorities, or those that the system trusts.
//!
//! Invariants: that a server has the key of its certificate is verified in all cases. What the system trusts is read when a
//! server is to be verified by it and not before, so that a system without any such certificates will do for all else.

#![forbid(unsafe_code)]

mod pem;
mod trust;
mod verifier;

pub use pem::certificates;
pub use trust::{NO_AUTHORITIES, Trust};
