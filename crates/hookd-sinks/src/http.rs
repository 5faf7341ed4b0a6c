//! What sinks that speak HTTP have in common: their options, the client, and what a status or an error means.
//!
//! Redirects are never followed: a POST that follows one may arrive as an empty GET, and a change would be lost. What is
//! shown of an exchange never has credentials in it, even where the other side sends them back.

pub(crate) mod client;
mod failure;
pub(crate) mod options;
mod private;
mod status;
mod url;

pub(crate) use self::client::{Answer, Client, Credentials, Cut};
pub(crate) use self::options::HttpOptions;
pub use self::options::read_secret;
pub(crate) use self::status::verdict;
pub(crate) use self::url::{HttpUrl, UrlOrFalse};
