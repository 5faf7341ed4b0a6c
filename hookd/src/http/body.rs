//! Reading a body within its limits of size and time.

use std::time::Duration;

use actix_web::http::header::CONTENT_LENGTH;
use actix_web::{HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

/// Why a body was not read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is larger than the limit.
    TooLarge,
    /// It did not come in time.
    TooSlow,
    /// The connection broke, or the body is not what its headers said.
    Broken,
}

/// Reads the whole body.
pub(super) async fn read(
    request: &HttpRequest,
    payload: &mut web::Payload,
    limit: usize,
    timeout: Duration,
) -> Result<Bytes, Unread> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit as u64) {
        return Err(Unread::TooLarge);
    }
    match tokio::time::timeout(timeout, collect(payload, limit)).await {
        Ok(read) => read,
        Err(_) => Err(Unread::TooSlow),
    }
}

async fn collect(payload: &mut web::Payload, limit: usize) -> Result<Bytes, Unread> {
    // Most bodies come in one piece, which needs no copy.
    let Some(first) = payload.next().await else { return Ok(Bytes::new()) };
    let first = first.map_err(|_| Unread::Broken)?;
    let Some(second) = payload.next().await else {
        return if first.len() > limit { Err(Unread::TooLarge) } else { Ok(first) };
    };
    let mut whole = BytesMut::from(first);
    let mut next = Some(second);
    while let Some(piece) = next {
        let piece = piece.map_err(|_| Unread::Broken)?;
        if whole.len() + piece.len() > limit {
            return Err(Unread::TooLarge);
        }
        whole.extend_from_slice(&piece);
        next = payload.next().await;
    }
    Ok(whole.freeze())
}
