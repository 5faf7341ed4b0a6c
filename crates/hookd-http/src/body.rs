//! Reading a body within limits of size, time and memory.

use std::convert::Infallible;
use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use crate::budget::{Budget, Full, UNCOUNTED_BYTES};

/// Why a body was not read. The text is for the sender.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is larger than the limit, in bytes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// It did not arrive in time.
    #[error("no complete body within {0:?}")]
    TooSlow(Duration),
    /// The connection broke, or the body is not what its headers said.
    #[error("the body is broken")]
    Broken,
    /// The budget has no room for it. This is not the sender's fault.
    #[error("no room for the body")]
    NoRoom,
}

impl BodyError {
    /// The status that answers it.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<Full> for BodyError {
    fn from(Full: Full) -> Self {
        Self::NoRoom
    }
}

/// The limits on a body.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits<'b> {
    /// The size of this one, in bytes.
    pub max_bytes: usize,
    /// The time for all of it to arrive.
    pub timeout: Duration,
    /// The size of all that are held at a time, in bytes.
    pub max_buffered_bytes: usize,
    /// What counts those.
    pub budget: &'b Arc<Budget>,
}

/// Whether a request says that it has a body.
pub(crate) fn is_announced(request: &HttpRequest) -> bool {
    let headers = request.headers();
    headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING) || headers.contains_key(UPGRADE)
}

/// Whether a body is compressed, or encoded otherwise.
pub fn is_encoded(request: &HttpRequest) -> bool {
    let is_identity = |value: &HeaderValue| value.is_empty() || value.as_bytes().eq_ignore_ascii_case(b"identity");
    !request.headers().get_all(CONTENT_ENCODING).all(is_identity)
}

/// Whether a client wants to switch to WebSocket. actix then takes all that follows for the body.
pub fn is_websocket(request: &HttpRequest) -> bool {
    let is_websocket = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"websocket");
    request.headers().get_all(UPGRADE).any(is_websocket)
}

/// Reads the whole body.
///
/// # Errors
/// When it breaks off or exceeds a limit; the rest of it was not read then.
pub async fn read_body(
    request: &HttpRequest,
    payload: &mut web::Payload,
    limits: BodyLimits<'_>,
) -> Result<Bytes, BodyError> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limits.max_bytes as u64) {
        return Err(BodyError::TooLarge(limits.max_bytes));
    }
    let expected = length.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX).min(UNCOUNTED_BYTES));
    let mut reading = pin!(collect(payload, expected, limits));
    // A body that has arrived already, as most have, needs no timer.
    if let Poll::Ready(read) = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await {
        return read;
    }
    match tokio::time::timeout(limits.timeout, reading).await {
        Ok(read) => read,
        Err(_) => Err(BodyError::TooSlow(limits.timeout)),
    }
}

/// Reads a body, starting with room for `expected` bytes.
async fn collect(payload: &mut web::Payload, expected: usize, limits: BodyLimits<'_>) -> Result<Bytes, BodyError> {
    let mut left = limits.max_bytes;
    let mut next = async || match payload.next().await {
        Some(Ok(piece)) => {
            left = left.checked_sub(piece.len()).ok_or(BodyError::TooLarge(limits.max_bytes))?;
            Ok(Some(piece))
        }
        Some(Err(_)) => Err(BodyError::Broken),
        None => Ok(None),
    };
    // Copied even when it arrives in one piece: the connection can then reuse its buffer, and what is kept until the body
    // is stored is no larger than the body.
    let mut body = BytesMut::new();
    while body.len() <= UNCOUNTED_BYTES {
        let Some(piece) = next().await? else { return Ok(body.freeze()) };
        if body.is_empty() {
            body.reserve(expected);
        }
        body.extend_from_slice(&piece);
    }
    let mut share = limits.budget.share();
    share.grow(body.len() - UNCOUNTED_BYTES, limits.max_buffered_bytes)?;
    let mut revoked = pin!(share.revoked());
    loop {
        let piece = tokio::select! {
            biased;
            () = &mut revoked => return Err(BodyError::NoRoom),
            piece = next() => piece?,
        };
        let Some(piece) = piece else { return Ok(share.complete(body)?) };
        share.grow(piece.len(), limits.max_buffered_bytes)?;
        body.extend_from_slice(&piece);
    }
}

/// An answer to a request whose body was not read to its end, with the rest of that body.
///
/// While the answer holds the rest, actix closes the connection behind it within a second. Without it, actix would read
/// on to the end of a chunked body, which may never come.
pub(crate) fn with_rest(answer: HttpResponse, rest: web::Payload) -> HttpResponse {
    answer.map_body(|_, text| match text.try_into_bytes() {
        Ok(text) => BoxBody::new(WithRest { text, _rest: rest }),
        Err(text) => text,
    })
}

/// The text of an answer, with what is left of the request's body.
struct WithRest {
    text: Bytes,
    _rest: web::Payload,
}

impl MessageBody for WithRest {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.text.len() as u64)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let text = mem::take(&mut self.get_mut().text);
        Poll::Ready((!text.is_empty()).then_some(Ok(text)))
    }
}
