//! Makes one call to a forge's API, and decides whether its failure is worth a retry.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::StreamExt;
use hookd_core::{ApiAnswer, ApiCall};
use hookd_store::Timestamp;
use hookd_tls::Trust;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, LINK, RETRY_AFTER};
use reqwest::redirect;

use crate::log::chain;

/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// How many redirects one call may follow.
const MAX_REDIRECTS: usize = 3;

/// The largest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// The result of one call.
#[derive(Debug)]
pub(super) enum CallResult {
    /// The answer, which no retry would change.
    Final(ApiAnswer),
    /// It failed for now.
    Retryable {
        /// Why, as half a sentence.
        reason: String,
        /// The shortest pause before a retry that the API asked for.
        pause: Option<Duration>,
    },
}

/// Calls the APIs of forges.
pub(super) struct ApiClient(reqwest::Client);

impl ApiClient {
    /// A client with limits on time and redirects.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(super) fn new() -> Result<Self, String> {
        // Not reqwest's own, which would need the certificates of the system now, whether there is ever a call or not.
        let tls = Trust::system().client_config().map_err(|error| error.to_string())?;
        // A token must not go where a redirect points to; reqwest drops it for other hosts.
        let redirects = redirect::Policy::limited(MAX_REDIRECTS);
        let client = reqwest::Client::builder().timeout(CALL_TIMEOUT).redirect(redirects);
        client.tls_backend_preconfigured(tls).build().map(Self).map_err(|error| chain(&error))
    }

    /// Makes a call once.
    pub(super) async fn call(&self, call: &ApiCall) -> CallResult {
        let gave_up = |reason| CallResult::Final(ApiAnswer::GaveUp(reason));
        let failed = |error: reqwest::Error| CallResult::Retryable { reason: chain(&error.without_url()), pause: None };
        let mut headers = HeaderMap::new();
        for (name, value) in &call.headers {
            match (HeaderName::try_from(*name), HeaderValue::try_from(value)) {
                (Ok(name), Ok(value)) => drop(headers.insert(name, value)),
                _ => return gave_up(format!("the header `{name}` cannot be sent")),
            }
        }
        let response = match self.0.get(&call.url).headers(headers).send().await {
            Ok(response) => response,
            Err(error) if error.is_builder() => return gave_up(chain(&error.without_url())),
            Err(error) => return failed(error),
        };
        let status = response.status().as_u16();
        if let Some(pause) = retry_pause(status, response.headers()) {
            return CallResult::Retryable { reason: format!("the API answered {status}"), pause };
        }
        let link = response.headers().get(LINK).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut body = BytesMut::new();
        let mut pieces = response.bytes_stream();
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) if body.len() + piece.len() <= MAX_ANSWER_BYTES => body.extend_from_slice(&piece),
                Ok(_) => return gave_up("the answer is too large".to_owned()),
                Err(error) => return failed(error),
            }
        }
        CallResult::Final(ApiAnswer::Answered { status, link, body: body.freeze() })
    }
}

/// Whether an answer is worth a retry, and the pause that the API asks for: `Retry-After`, or GitHub's
/// `X-RateLimit-Reset` when nothing remains.
fn retry_pause(status: u16, headers: &HeaderMap) -> Option<Option<Duration>> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    let retry_after = number(RETRY_AFTER.as_str());
    let is_limited = number("x-ratelimit-remaining") == Some(0);
    let is_temporary = match status {
        408 | 425 | 429 | 500..=599 => true,
        403 => is_limited || retry_after.is_some(),
        _ => false,
    };
    let reset = number("x-ratelimit-reset").filter(|_| is_limited).map(|reset| reset - Timestamp::now().as_seconds());
    let pause = retry_after.or(reset).and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    is_temporary.then_some(pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_what_is_temporary() {
        let headers = |pairs: &[(&'static str, &str)]| -> HeaderMap {
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
        };
        assert_eq!(retry_pause(200, &headers(&[])), None);
        assert_eq!(retry_pause(404, &headers(&[("retry-after", "5")])), None);
        assert_eq!(retry_pause(503, &headers(&[])), Some(None));
        assert_eq!(retry_pause(429, &headers(&[("retry-after", "5")])), Some(Some(Duration::from_secs(5))));
        assert_eq!(retry_pause(403, &headers(&[("x-ratelimit-remaining", "7")])), None);
        let reset = (Timestamp::now().as_seconds() + 100).to_string();
        let limited = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", &reset)]);
        let pause = retry_pause(403, &limited).unwrap().unwrap();
        assert!(pause > Duration::from_secs(90) && pause <= Duration::from_secs(100), "{pause:?}");
    }
}
