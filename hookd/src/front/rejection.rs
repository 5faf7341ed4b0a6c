//! Requests that are rejected before a dialect sees them.

use actix_web::HttpResponse;
use actix_web::http::header::{ACCEPT_ENCODING, ALLOW, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use hookd_core::Method;
use hookd_http::{BUSY, BodyError, busy, plain, unauthorized};
use hookd_store::StoreError;

use super::answers;

/// Why a request is rejected. The text is the body of its answer, and the reason in the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum Rejection {
    #[error("requests may not come from this address")]
    Forbidden,
    #[error("credentials are missing or wrong")]
    Unauthorized,
    #[error("{BUSY}")]
    Busy,
    /// Buildbot's words.
    #[error("The dialect specified, '{0}', wasn't whitelisted in change_hook")]
    NotWhitelisted(String),
    #[error("method not allowed, expected {}", names(.0))]
    MethodNotAllowed(&'static [Method]),
    /// No forge compresses bodies, and those that sign sign either the compressed or the decompressed one.
    #[error("the body is compressed or encoded, expected one without `Content-Encoding`")]
    Encoded,
    #[error(transparent)]
    Body(#[from] BodyError),
}

impl Rejection {
    /// The answer to the sender.
    pub(super) fn answer(&self) -> HttpResponse {
        let text = || self.to_string();
        match self {
            Self::Forbidden => plain(StatusCode::FORBIDDEN, text()),
            Self::Unauthorized => unauthorized(),
            Self::Busy => busy(),
            Self::NotWhitelisted(_) => plain(StatusCode::BAD_REQUEST, text()),
            Self::MethodNotAllowed(allowed) => {
                let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, text());
                if let Ok(names) = HeaderValue::from_str(&names(allowed)) {
                    answer.headers_mut().insert(ALLOW, names);
                }
                answer
            }
            Self::Encoded => {
                let mut answer = plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, text());
                answer.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
                answer
            }
            Self::Body(error) => {
                let mut answer = match error {
                    BodyError::NoRoom => answers::unstored(&StoreError::Overloaded),
                    BodyError::TooLarge(_) | BodyError::TooSlow(_) | BodyError::Broken => plain(error.status(), text()),
                };
                answer.head_mut().set_connection_type(ConnectionType::Close);
                answer
            }
        }
    }
}

fn names(methods: &[Method]) -> String {
    methods.iter().map(|method| method.name()).collect::<Vec<_>>().join(", ")
}
