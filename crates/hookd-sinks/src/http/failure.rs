//! Exchanges that ended without an answer, in words of their own, and whether the request may have arrived.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

use crate::Attempt;
use crate::http::options::chain;
use crate::http::private::Denied;
use crate::http::{Client, HttpUrl};

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
    if let Some(tls) = find::<rustls::Error>(error)
        && let Some(words) = tls_words(tls, error.is_connect(), place)
    {
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

/// What an error of TLS means and what helps; none where it says nothing about whether the request arrived.
fn tls_words(error: &rustls::Error, while_connecting: bool, place: &Place) -> Option<String> {
    use CertificateError as Bad;
    let to = &place.to;
    Some(match error {
        rustls::Error::InvalidCertificate(why) => match why {
            Bad::Expired | Bad::ExpiredContext { .. } => {
                format!("the certificate of `{to}` has expired: it must be renewed there, or a clock is wrong")
            }
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                format!("the certificate of `{to}` is not valid yet: is the clock of this machine right?")
            }
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                format!("the certificate of `{to}` is for another name: use a name in `url` that the certificate has")
            }
            Bad::UnknownIssuer => format!(
                "the certificate of `{to}` comes from an authority that is not trusted: name the authority's certificate \
                 in `ca`"
            ),
            Bad::BadSignature => format!(
                "the certificate of `{to}` was signed with another key than that of the authority: is `ca` out of date?"
            ),
            Bad::Revoked => format!("the certificate of `{to}` was revoked"),
            other => format!("the certificate of `{to}` is not valid: {other}"),
        },
        // With TLS 1.3 a client is refused after its handshake, and possibly after its request, which is not read then.
        rustls::Error::AlertReceived(alert) => match alert {
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied => {
                format!("`{to}` wants another certificate of its clients ({alert:?}): see `client_certificate`")
            }
            AlertDescription::HandshakeFailure => {
                format!("`{to}` refused TLS: it may want a `client_certificate`, or speak only what is outdated")
            }
            alert if while_connecting => format!("`{to}` refused TLS: {alert:?}"),
            _ => return None,
        },
        rustls::Error::InvalidMessage(_) if while_connecting => {
            format!("`{to}` does not speak TLS: is `https://` right in `url`?")
        }
        other if while_connecting => format!("TLS with `{to}` failed: {other}"),
        _ => return None,
    })
}

/// The causes of an error, from the outermost. `std::io::Error` keeps what it wraps from `source`, so it is unwrapped.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = match error.downcast_ref::<io::Error>() {
            Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
            None => error.source(),
        };
        Some(error)
    })
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}
