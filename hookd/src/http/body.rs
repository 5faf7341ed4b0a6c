//! Reading a body within its limits of size and time.

use std::convert::Infallible;
use std::future::poll_fn;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::budget::{self, Budget, Full};

/// Why a body was not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is larger than the limit.
    TooLarge,
    /// It did not come in time.
    TooSlow,
    /// The connection broke, or the body is not what its headers said.
    Broken,
    /// There is no room for it among the others that are held.
    NoRoom,
}

/// What a body may take.
pub(super) struct Bounds<'b> {
    /// The most bytes of this one.
    pub(super) size: usize,
    /// The longest time for all of it to come.
    pub(super) time: Duration,
    /// The most bytes of all that are held.
    pub(super) all: usize,
    /// What those take.
    pub(super) budget: &'b Arc<Budget>,
}

/// Whether a request says that it has a body.
pub(super) fn is_announced(request: &HttpRequest) -> bool {
    let headers = request.headers();
    headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING) || headers.contains_key(UPGRADE)
}

/// Whether a body is compressed, or encoded otherwise.
pub(super) fn is_encoded(request: &HttpRequest) -> bool {
    let is_identity = |value: &HeaderValue| value.is_empty() || value.as_bytes().eq_ignore_ascii_case(b"identity");
    !request.headers().get_all(CONTENT_ENCODING).all(is_identity)
}

/// Whether a sender wants to go on with another protocol than HTTP. Then actix takes all that follows for the body.
pub(super) fn is_websocket(request: &HttpRequest) -> bool {
    let is_websocket = |value: &HeaderValue| value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"websocket");
    request.headers().get_all(UPGRADE).any(is_websocket)
}

/// Reads the whole body.
pub(super) async fn read(
    request: &HttpRequest,
    payload: &mut web::Payload,
    bounds: &Bounds<'_>,
) -> Result<Bytes, Unread> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > bounds.size as u64) {
        return Err(Unread::TooLarge);
    }
    let expected = length.map_or(0, |length| usize::try_from(length).unwrap_or(usize::MAX).min(budget::FREE));
    let mut reading = pin!(collect(payload, expected, bounds));
    // What has come already, as most bodies have, needs no timer.
    if let Poll::Ready(read) = poll_fn(|context| Poll::Ready(reading.as_mut().poll(context))).await {
        return read;
    }
    match tokio::time::timeout(bounds.time, reading).await {
        Ok(read) => read,
        Err(_) => Err(Unread::TooSlow),
    }
}

/// Reads a body of which so many bytes are expected, at first.
async fn collect(payload: &mut web::Payload, expected: usize, bounds: &Bounds<'_>) -> Result<Bytes, Unread> {
    let mut left = bounds.size;
    let mut next = async || match payload.next().await {
        Some(Ok(piece)) => {
            left = left.checked_sub(piece.len()).ok_or(Unread::TooLarge)?;
            Ok(Some(piece))
        }
        Some(Err(_)) => Err(Unread::Broken),
        None => Ok(None),
    };
    // A copy, also where a body comes in one piece: the connection then goes on with the buffer that it has, and what
    // is kept until it is stored is no larger than the body.
    let mut whole = BytesMut::new();
    while whole.len() <= budget::FREE {
        let Some(piece) = next().await? else { return Ok(whole.freeze()) };
        if whole.is_empty() {
            whole.reserve(expected);
        }
        whole.extend_from_slice(&piece);
    }
    let mut share = bounds.budget.share();
    share.grow(whole.len() - budget::FREE, bounds.all)?;
    let mut revoked = pin!(share.revoked());
    loop {
        let piece = tokio::select! {
            biased;
            () = &mut revoked => return Err(Unread::NoRoom),
            piece = next() => piece?,
        };
        let Some(piece) = piece else { return Ok(share.whole(whole)?) };
        share.grow(piece.len(), bounds.all)?;
        whole.extend_from_slice(&piece);
    }
}

impl From<Full> for Unread {
    fn from(Full: Full) -> Self {
        Self::NoRoom
    }
}

/// An answer to a request whose body was not read to its end, with the rest of that.
///
/// As long as the answer has the rest, actix closes the connection behind it, within a second. Without it, actix would
/// read on to the end of a chunked body, which may never come.
pub(super) fn unread(answer: HttpResponse, rest: web::Payload) -> HttpResponse {
    answer.map_body(|_, text| match text.try_into_bytes() {
        Ok(text) => BoxBody::new(Unfinished { text, _rest: rest }),
        Err(text) => text,
    })
}

/// The text of an answer, with what is left of the request's body.
struct Unfinished {
    text: Bytes,
    _rest: web::Payload,
}

impl MessageBody for Unfinished {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.text.len() as u64)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let text = mem::take(&mut self.get_mut().text);
        Poll::Ready((!text.is_empty()).then_some(Ok(text)))
    }
}
