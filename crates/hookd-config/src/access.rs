//! Who may call and from where: credentials, addresses, and the certificates of listeners.
//!
//! Nothing here knows an HTTP library: callers pass the values of headers as bytes.

mod basic;
mod certificate;
mod networks;
mod stamp;
mod validity;

pub use basic::{Access, Checkers};
pub use certificate::Certificate;
pub use networks::{Networks, senders};
pub use validity::{Validity, Validness};
