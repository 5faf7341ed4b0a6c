//! Answers to requests that were translated.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use hookd_core::Refusal;
use hookd_http::plain;
use hookd_store::{Receipt, State, StoreError};

/// The header that names the delivery in an answer.
const DELIVERY: HeaderName = HeaderName::from_static("x-hookd-delivery");

/// The answer to a stored delivery.
pub(super) fn stored(receipt: Receipt) -> HttpResponse {
    let mut answer = match receipt {
        Receipt { state: State::Refused, reason: Some(reason), .. } => plain(StatusCode::BAD_REQUEST, reason),
        Receipt { reported_changes: 0, .. } => plain(StatusCode::ACCEPTED, "no change found".to_owned()),
        Receipt { reported_changes, .. } => plain(StatusCode::ACCEPTED, format!("{reported_changes} change found")),
    };
    answer.headers_mut().insert(DELIVERY, HeaderValue::from(receipt.deliveryid));
    answer
}

/// The answer to a test of the connection.
pub(super) fn ping() -> HttpResponse {
    plain(StatusCode::ACCEPTED, "no change found".to_owned())
}

/// The answer to an unverified request that its dialect refused.
pub(super) fn refused(refusal: &Refusal) -> HttpResponse {
    plain(StatusCode::BAD_REQUEST, refusal.message().to_owned())
}

/// The answer to an unverified request that its dialect failed on.
pub(super) fn failed(reason: &str) -> HttpResponse {
    plain(StatusCode::INTERNAL_SERVER_ERROR, reason.to_owned())
}

/// The answer to a stored delivery that its dialect failed on. It is no 400, since nobody knows that the request is wrong, and
/// no 202, since no build will start: what is sent is right, and so is that the forge shows a failure.
pub(super) fn kept_after_a_fault(receipt: &Receipt) -> HttpResponse {
    let reason = receipt.reason.as_deref().unwrap_or("the dialect failed on this request");
    let text = format!("{reason}; it is kept as delivery {}", receipt.deliveryid);
    let mut answer = plain(StatusCode::INTERNAL_SERVER_ERROR, text);
    answer.headers_mut().insert(DELIVERY, HeaderValue::from(receipt.deliveryid));
    answer
}

/// The answer to a request that could not be stored.
pub(super) fn unstored(error: &StoreError) -> HttpResponse {
    let (retry_after_seconds, text) = match error {
        StoreError::Overloaded => (1, "overloaded: nothing was stored, try again soon"),
        // The last four are about polling and reading alone.
        StoreError::Unavailable { .. }
        | StoreError::Failed(_)
        | StoreError::Invalid(_)
        | StoreError::Closed
        | StoreError::Moved { .. }
        | StoreError::TimedOut
        | StoreError::Cancelled
        | StoreError::Busy => (10, "the store is not available: nothing was stored, try again"),
    };
    let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE, text.to_owned());
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after_seconds));
    answer
}
