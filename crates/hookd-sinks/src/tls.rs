//! What went wrong with TLS, in words that say what helps.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

/// What an error of TLS with `to`, a host and port, means and what helps; none where TLS is not among its causes, or where
/// it says nothing about whether what was sent has arrived. `scheme` is that of URLs with TLS, for those who use it without.
pub fn words(error: &(dyn Error + 'static), to: &str, scheme: &str, while_connecting: bool) -> Option<String> {
    use CertificateError as Bad;
    let error = find::<rustls::Error>(error)?;
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
            format!("`{to}` does not speak TLS: is `{scheme}://` right in `url`?")
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

/// The first cause of this type, which may be the error itself.
pub(crate) fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

/// What the innermost cause says.
pub(crate) fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().unwrap_or(error).to_string()
}
