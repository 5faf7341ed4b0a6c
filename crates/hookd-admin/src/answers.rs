//! The memory of answers: all that are being sent have one limit together, and each counts until its client has read it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderValue, RETRY_AFTER};
use bytes::Bytes;
use hookd_http::plain;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Smaller answers do not count: all connections together take 16 MiB with such ones.
const COUNTED_BYTES: usize = 64 << 10;

/// How much memory counted answers take together, in KiB.
const MAX_ANSWERS_KIB: u32 = 64 << 10;

/// How much of a counted answer is given to its connection at a time, in bytes.
const PIECE_BYTES: usize = 32 << 10;

/// What is left of the memory for answers, in KiB. There is one listener for it in a process.
static ANSWERS: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MAX_ANSWERS_KIB as usize)));

/// Counts an answer until it is sent; 503 if there are too many already.
pub(crate) fn counted(answer: HttpResponse<BoxBody>) -> HttpResponse<BoxBody> {
    let (answer, body) = answer.into_parts();
    let bytes = match body.try_into_bytes() {
        Ok(bytes) if bytes.len() <= COUNTED_BYTES => return answer.set_body(BoxBody::new(bytes)),
        Ok(bytes) => bytes,
        Err(body) => return answer.set_body(body),
    };
    // One that is larger than all of them may take all of them.
    let kib = u32::try_from(bytes.len() >> 10).unwrap_or(u32::MAX).clamp(1, MAX_ANSWERS_KIB);
    match Arc::clone(&ANSWERS).try_acquire_many_owned(kib) {
        Ok(permit) => answer.set_body(BoxBody::new(Counted { rest: bytes, _permit: permit })),
        Err(_) => {
            let message = "too many large answers are being sent, try again in some seconds".to_owned();
            retry_later(plain(StatusCode::SERVICE_UNAVAILABLE, message))
        }
    }
}

/// Asks the client of an answer 503 to come again.
pub(crate) fn retry_later(mut answer: HttpResponse) -> HttpResponse {
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
    answer
}

/// A body that is sent in pieces, so that the rest of it is counted as long as it waits.
struct Counted {
    rest: Bytes,
    _permit: OwnedSemaphorePermit,
}

impl MessageBody for Counted {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.rest.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let length = self.rest.len().min(PIECE_BYTES);
        Poll::Ready((length > 0).then(|| Ok(self.rest.split_to(length))))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    #[actix_web::test]
    async fn large_answers_count_until_they_are_gone() {
        let answer = |bytes: usize| counted(HttpResponse::Ok().body(vec![b'x'; bytes]));
        let all = answer(70 << 20);
        assert_eq!(all.status(), StatusCode::OK);
        let refused = answer(1 << 20);
        assert_eq!(
            (refused.status(), refused.headers().get(RETRY_AFTER).unwrap().as_bytes()),
            (StatusCode::SERVICE_UNAVAILABLE, &b"5"[..])
        );
        assert_eq!(answer(COUNTED_BYTES).status(), StatusCode::OK, "small ones are always sent");
        assert_eq!(to_bytes(all.into_body()).await.unwrap().len(), 70 << 20);
        assert_eq!(answer(1 << 20).status(), StatusCode::OK);
    }
}
