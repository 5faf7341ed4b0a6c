//! One exchange with the other side: a request, and an answer that is read within bounds.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};

use crate::Attempt;
use crate::http::failure;
use crate::http::options::chain;

/// How long the next piece of an answer's body may take. Buildbot 4.3.0 writes answers of its REST API from a thread, which
/// Twisted does not allow: now and then a piece gets lost, and the rest never comes.
const MAX_PAUSE: Duration = Duration::from_secs(5);

/// The client of one sink. It keeps connections alive, and follows no redirects.
pub(crate) struct Client {
    client: reqwest::Client,
    /// The time for a whole exchange.
    pub(crate) timeout: Duration,
    /// The time to connect.
    pub(crate) connect_timeout: Duration,
    /// Host and port of the proxy that the configuration names.
    pub(crate) proxy: Option<String>,
}

/// What a request proves itself with.
#[derive(Clone)]
pub(crate) struct Credentials {
    header: HeaderValue,
    hidden: Vec<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The beginning of the body, up to the limit that was asked for.
    pub(crate) body: String,
    /// Why the body is not complete, where it is not.
    pub(crate) cut: Option<Cut>,
}

/// Why a body is not complete.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cut {
    /// There is more than was asked for.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// No more came in time.
    #[error("the rest of the answer did not come")]
    Stalled,
    /// The connection ended.
    #[error("the answer broke off: {0}")]
    BrokeOff(String),
}

impl Credentials {
    /// Those of Basic authentication.
    pub(crate) fn basic(user: &str, password: &[u8]) -> Self {
        let encoded = STANDARD.encode([user.as_bytes(), b":", password].concat());
        let mut header = HeaderValue::try_from(format!("Basic {encoded}")).expect("Base64 fits into a header");
        header.set_sensitive(true);
        Self { header, hidden: vec![encoded, String::from_utf8_lossy(password).into_owned()] }
    }

    /// Adds them to a request.
    pub(crate) fn authorize(&self, request: RequestBuilder) -> RequestBuilder {
        request.header(AUTHORIZATION, self.header.clone())
    }

    /// What must not be shown.
    pub(crate) fn hidden(&self) -> &[String] {
        &self.hidden
    }
}

impl Client {
    pub(crate) fn new(
        client: reqwest::Client,
        timeout: Duration,
        connect_timeout: Duration,
        proxy: Option<String>,
    ) -> Self {
        Self { client, timeout, connect_timeout, proxy }
    }

    /// A request with a body.
    pub(crate) fn post(&self, url: &url::Url, content_type: &'static str, body: Vec<u8>) -> RequestBuilder {
        self.client.post(url.clone()).header(CONTENT_TYPE, content_type).body(body)
    }

    /// A request without one.
    pub(crate) fn get(&self, url: url::Url) -> RequestBuilder {
        self.client.get(url)
    }

    /// Sends a request, and reads so many bytes of the answer's body. `hidden` is cut out of what the other side says.
    ///
    /// # Errors
    /// How the attempt ended, where there was no answer.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        max_body_bytes: usize,
        hidden: &[String],
    ) -> Result<Answer, Attempt> {
        let (client, request) = request.build_split();
        let request = request.map_err(|error| Attempt::misconfigured(chain(&error.without_url())))?;
        let place = failure::Place::new(request.url(), self);
        let response = client.execute(request).await.map_err(|error| failure::attempt(&error.without_url(), &place))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let (body, cut) = read(response, max_body_bytes).await;
        let mut body = String::from_utf8_lossy(&body).into_owned();
        // Some servers send back the request.
        for secret in hidden.iter().filter(|secret| !secret.is_empty()) {
            body = body.replace(secret.as_str(), "…");
        }
        Ok(Answer { status, headers, body, cut })
    }
}

async fn read(mut response: Response, max_bytes: usize) -> (Vec<u8>, Option<Cut>) {
    let mut body = Vec::new();
    loop {
        match tokio::time::timeout(MAX_PAUSE, response.chunk()).await {
            Ok(Ok(None)) => return (body, None),
            Ok(Ok(Some(piece))) => {
                let room = max_bytes - body.len();
                body.extend_from_slice(&piece[..piece.len().min(room)]);
                if piece.len() > room {
                    return (body, Some(Cut::TooLong(max_bytes)));
                }
            }
            Ok(Err(error)) if !error.is_timeout() => return (body, Some(Cut::BrokeOff(chain(&error.without_url())))),
            Ok(Err(_)) | Err(_) => return (body, Some(Cut::Stalled)),
        }
    }
}

impl Answer {
    /// The answer in a few words: the status, and what the body says.
    pub(crate) fn shown(&self) -> String {
        let status = self.status;
        let said = self.said();
        if said.is_empty() { status.to_string() } else { format!("{status}: {said}") }
    }

    /// What the body says to people, in one line: the title of a page of HTML, or its text.
    fn said(&self) -> String {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !self.is_html() {
            return words(&self.body);
        }
        let lower = self.body.to_ascii_lowercase();
        let title = lower.find("<title").and_then(|start| {
            let start = start + lower[start..].find('>')? + 1;
            let end = start + lower[start..].find("</title")?;
            Some(words(&self.body[start..end]))
        });
        title.map_or_else(|| "a page of HTML".to_owned(), |title| format!("a page of HTML, `{title}`"))
    }

    /// Whether the body is a page for people rather than an answer for programs.
    pub(crate) fn is_html(&self) -> bool {
        let start = self.body.trim_start().as_bytes();
        let starts_with =
            |tag: &str| start.len() >= tag.len() && start[..tag.len()].eq_ignore_ascii_case(tag.as_bytes());
        starts_with("<!doctype html") || starts_with("<html")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(body: &str) -> Answer {
        Answer { status: StatusCode::OK, headers: HeaderMap::new(), body: body.to_owned(), cut: None }
    }

    #[test]
    fn shows_a_page_by_its_title() {
        let page = "<!DOCTYPE html>\n<html><head><TITLE>Please\n log in</TITLE></head><body>…</body></html>";
        assert_eq!(answer(page).shown(), "200 OK: a page of HTML, `Please log in`");
        assert_eq!(answer("<html><title>").shown(), "200 OK: a page of HTML");
        assert_eq!(answer(" 1 change\r\nfound").shown(), "200 OK: 1 change found");
        assert_eq!(answer("").shown(), "200 OK");
    }
}
