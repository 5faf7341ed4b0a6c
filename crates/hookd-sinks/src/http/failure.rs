//! Exchanges that ended without an answer, in words of their own, and whether the request may have arrived.

use std::io;

use crate::Attempt;
use crate::http::options::chain;
use crate::http::private::Denied;
use crate::http::{Client, HttpUrl};
use crate::tls::{self, find, innermost};

/// Where a request went, for messages.
pub(crate) struct Place {
    /// Host and port of the URL.
    to: String,
    proxy: Option<String>,
    timeout: String,
    connect_timeout: String,
}

impl Place {
    pub(crate) fn new(url: &url::Url, client: &Client) -> Self {
        Self {
            to: HttpUrl(url.clone()).authority(),
            proxy: client.proxy.clone(),
            timeout: hookd_core::duration::format(client.timeout),
            connect_timeout: hookd_core::duration::format(client.connect_timeout),
        }
    }

    /// What is connected to first.
    fn peer(&self) -> String {
        self.proxy.as_ref().map_or_else(|| format!("`{}`", self.to), |proxy| format!("the proxy `{proxy}`"))
    }
}

/// How an attempt ended that was not answered.
///
/// Before the request was sent nothing can have arrived: names that do not resolve, refused connections, TLS. After that
/// nobody knows.
pub(crate) fn attempt(error: &reqwest::Error, place: &Place) -> Attempt {
    if error.is_builder() {
        return Attempt::misconfigured(chain(error));
    }
    if let Some(denied) = find::<Denied>(error) {
        return Attempt::misconfigured(denied.to_string());
    }
    if let Some(words) = tls::words(error, &place.to, "https", error.is_connect()) {
        return Attempt::later(words);
    }
    if error.is_connect() {
        return Attempt::later(connect_words(error, place));
    }
    if error.is_timeout() {
        return Attempt::unanswered(format!("`{}` did not answer within {}", place.to, place.timeout));
    }
    Attempt::unanswered(format!("the connection to `{}` broke before the answer: {}", place.to, innermost(error)))
}

fn connect_words(error: &reqwest::Error, place: &Place) -> String {
    let peer = place.peer();
    let cause = innermost(error);
    if error.is_dns() {
        let host = place.proxy.as_ref().unwrap_or(&place.to);
        let host = host.rsplit_once(':').map_or(host.as_str(), |(host, _)| host);
        return format!("the name `{host}` could not be resolved: {cause}");
    }
    let full = chain(error);
    if let Some((_, why)) = full.split_once("tunnel error: ") {
        let remedy = if why.contains("authorization") {
            "; name it with its credentials in the environment (`HTTPS_PROXY`)"
        } else {
            ""
        };
        return format!("the proxy gave no way to `{}`: {why}{remedy}", place.to);
    }
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => format!("{peer} refused the connection: is it running?"),
        Some(io::ErrorKind::TimedOut) => format!("{peer} did not take the connection: {cause}"),
        _ if error.is_timeout() => format!("{peer} did not take the connection within {}", place.connect_timeout),
        _ => format!("no connection to {peer}: {cause}"),
    }
}
