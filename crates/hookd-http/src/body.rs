//! Reading a body within limits of size, time and memory.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue};
use actix_web::{HttpRequest, web};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};

use crate::budget::{Budget, Full};
use crate::phase;

/// The room for a body of which nothing but its length is known, at most. Most webhooks are smaller.
const FIRST_ROOM_BYTES: usize = 16 << 10;

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
    /// The size of all that are held at a time, in bytes. It applies to what the budget counts from now on.
    pub max_buffered_bytes: usize,
    /// What counts those.
    pub budget: &'b Arc<Budget>,
}

/// Whether a body is compressed, or encoded otherwise.
pub fn is_encoded(request: &HttpRequest) -> bool {
    let is_identity = |value: &HeaderValue| value.is_empty() || value.as_bytes().eq_ignore_ascii_case(b"identity");
    !request.headers().get_all(CONTENT_ENCODING).all(is_identity)
}

/// Reads the whole body. Until this is called, no more of it is read than came along with the head, and a client that
/// expects `100 Continue` is not asked to send it.
///
/// # Errors
/// When it breaks off or exceeds a limit; the rest of it was not read then.
pub async fn read_body(
    request: &HttpRequest,
    payload: &mut web::Payload,
    limits: BodyLimits<'_>,
) -> Result<Bytes, BodyError> {
    limits.budget.set_limit(limits.max_buffered_bytes);
    let length =
        request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.trim().parse::<u64>().ok());
    if length.is_some_and(|length| length > limits.max_bytes as u64) {
        return Err(BodyError::TooLarge(limits.max_bytes));
    }
    phase::want_body(request);
    let most = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(limits.max_bytes);
    let mut reading = pin!(collect(payload, most, limits));
    // A body that has arrived already, as most have, needs no timer.
    if let Poll::Ready(read) = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await {
        return read;
    }
    match tokio::time::timeout(limits.timeout, reading).await {
        Ok(read) => read,
        Err(_) => Err(BodyError::TooSlow(limits.timeout)),
    }
}

/// Reads a body, which has `most` bytes at most.
async fn collect(payload: &mut web::Payload, most: usize, limits: BodyLimits<'_>) -> Result<Bytes, BodyError> {
    // Copied even when it arrives in one piece: the connection can then reuse its buffer, and what is kept until the body
    // is stored is no larger than the body.
    let mut body = Vec::new();
    let add = |piece: Option<Result<Bytes, _>>, body: &mut Vec<u8>| match piece {
        Some(Ok(piece)) => {
            let length = body.len() + piece.len();
            if length > limits.max_bytes {
                return Err(BodyError::TooLarge(limits.max_bytes));
            }
            if length > body.capacity() {
                let room = length.max((2 * body.capacity()).max(FIRST_ROOM_BYTES).min(most));
                body.reserve_exact(room - body.len());
            }
            body.extend_from_slice(&piece);
            Ok(true)
        }
        Some(Err(_)) => Err(BodyError::Broken),
        None => Ok(false),
    };
    while let Some(piece) = payload.next().now_or_never() {
        if !add(piece, &mut body)? {
            return Ok(limits.budget.complete(body)?);
        }
    }
    let mut share = limits.budget.share();
    share.grow(body.capacity())?;
    loop {
        let piece = poll_fn(|context| {
            if share.is_revoked(context.waker()) {
                return Poll::Ready(Err(BodyError::NoRoom));
            }
            payload.poll_next_unpin(context).map(Ok)
        });
        if !add(piece.await?, &mut body)? {
            return Ok(share.complete(body)?);
        }
        share.grow(body.capacity() - share.bytes())?;
    }
}
