//! What a status means: the moment, the change, or the sink.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::http::Answer;
use crate::{Attempt, Verdict};

/// What web servers answer with 400 to every request that comes without TLS to a port that wants it: nginx, Apache, Go.
const TLS_WANTED: [&str; 3] = [
    "plain HTTP request was sent to HTTPS port",
    "speaking plain HTTP to an SSL-enabled server port",
    "Client sent an HTTP request to an HTTPS server",
];

/// How an attempt ended that was answered.
///
/// | status | verdict |
/// |---|---|
/// | 2xx | delivered |
/// | 3xx, 401, 402, 403, 404, 405, 406, 407, 410, 411, 415, 421, 426, 428, 451 | this sink: no change would be taken |
/// | 400 that asks for TLS | this sink |
/// | 408, 425, 429 | later |
/// | 502, 503, 504 | later: what stands before the other side, or overload |
/// | any other 5xx | later, and the change may be at fault |
/// | any other 4xx | this change: it was understood and refused |
///
/// Whether the change may have arrived is not known after a 5xx but 503, which says that the request was not handled.
/// `Retry-After` counts for 408, 429 and 503.
pub(crate) fn verdict(answer: &Answer) -> Attempt {
    let shown = answer.shown();
    let later = |blames_change| {
        let after = asked_pause(answer.status, &answer.headers, SystemTime::now());
        Attempt { verdict: Verdict::Later { after, blames_change }, ..Attempt::later(shown.clone()) }
    };
    match answer.status.as_u16() {
        200..=299 => Attempt::delivered(shown),
        300..=399 => Attempt::misconfigured(redirect(answer)),
        400 if TLS_WANTED.iter().any(|message| answer.body.contains(message)) => {
            Attempt::misconfigured(format!("the server wants TLS: use `https://` in `url` ({shown})"))
        }
        401 | 407 => Attempt::misconfigured(format!("{shown} (are the credentials right?)")),
        402 | 403 | 404 | 405 | 406 | 410 | 411 | 415 | 421 | 426 | 428 | 451 => Attempt::misconfigured(shown),
        408 | 425 | 429 | 503 => later(false),
        502 | 504 => Attempt { may_have_arrived: true, ..later(false) },
        400..=499 => Attempt::refused(shown),
        // 5xx, and what HTTP does not know.
        _ => Attempt { may_have_arrived: true, ..later(true) },
    }
}

fn redirect(answer: &Answer) -> String {
    let location = answer.headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
    // A query may have a token.
    let location = location.split(['?', '#']).next().unwrap_or_default();
    let status = answer.status;
    if location.is_empty() {
        format!("{status}: redirects are not followed")
    } else {
        format!("{status} to `{location}`: redirects are not followed; is this the right URL?")
    }
}

/// The pause that the other side asks for: `Retry-After` in seconds or as a date, which counts from the answer's own
/// `Date`, since the clocks of two machines differ (RFC 9110, 10.2.3).
fn asked_pause(status: StatusCode, headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    if !matches!(status.as_u16(), 408 | 429 | 503) {
        return None;
    }
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(RETRY_AFTER)?;
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let asked = httpdate::parse_http_date(asked).ok()?;
    let now = text(DATE).and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or(now);
    Some(asked.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Answer { status: StatusCode::from_u16(status).unwrap(), headers, body: body.to_owned(), cut: None }
    }

    #[test]
    fn every_status_has_its_verdict() {
        let later = |blames_change| Verdict::Later { after: None, blames_change };
        for status in 200..600 {
            let (verdict_of_status, may_have_arrived) = match status {
                200..=299 => (Verdict::Delivered, false),
                300..=399 => (Verdict::ThisSink, false),
                401..=407 | 410 | 411 | 415 | 421 | 426 | 428 | 451 => (Verdict::ThisSink, false),
                408 | 425 | 429 | 503 => (later(false), false),
                502 | 504 => (later(false), true),
                500.. => (later(true), true),
                _ => (Verdict::ThisChange, false),
            };
            let attempt = verdict(&answer(status, &[], ""));
            assert_eq!((attempt.verdict, attempt.may_have_arrived), (verdict_of_status, may_have_arrived), "{status}");
        }
        for status in [400, 409, 412, 413, 414, 416, 417, 418, 422, 423, 424, 431] {
            assert_eq!(verdict(&answer(status, &[], "")).verdict, Verdict::ThisChange, "{status}");
        }
    }

    #[test]
    fn a_port_that_wants_tls_is_no_fault_of_the_change() {
        let body = "<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>";
        let attempt = verdict(&answer(400, &[], body));
        assert_eq!(attempt.verdict, Verdict::ThisSink);
        assert!(attempt.answer.contains("`https://`"), "{}", attempt.answer);
    }

    #[test]
    fn a_redirect_is_reported_without_its_query() {
        let attempt = verdict(&answer(302, &[("location", "https://sso.example.org/login?state=pa55")], ""));
        let expected =
            "302 Found to `https://sso.example.org/login`: redirects are not followed; is this the right URL?";
        assert_eq!(attempt.answer, expected);
    }

    #[test]
    fn retry_after_counts_in_both_forms_where_it_means_something() {
        let after = |status, headers: &[(&'static str, &str)]| match verdict(&answer(status, headers, "")).verdict {
            Verdict::Later { after, .. } => after,
            other => panic!("{other:?}"),
        };
        let seconds = |n| Some(Duration::from_secs(n));
        for status in [408, 429, 503] {
            assert_eq!(after(status, &[("retry-after", " 120")]), seconds(120));
        }
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(after(503, &[("retry-after", "Sun, 06 Nov 1994 08:50:37 GMT"), date]), seconds(60));
        assert_eq!(after(503, &[("retry-after", "Sunday, 06-Nov-94 08:50:37 GMT"), date]), seconds(60));
        assert_eq!(after(503, &[("retry-after", "Sun, 06 Nov 1994 08:40:37 GMT"), date]), seconds(0));
        for (status, header) in [(503, "soon"), (503, "-1"), (500, "120"), (502, "120"), (425, "120")] {
            assert_eq!(after(status, &[("retry-after", header)]), None, "{status} {header}");
        }
    }
}
