//! Calls to a forge's API, as data: a dialect names the calls, `hookd` makes them.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

/// How many calls are made for one delivery. A dialect that asks for more goes round in circles.
pub const MAX_API_CALLS: usize = 300;

/// A `GET` to a forge's API. Its URL identifies it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApiCall {
    /// The whole URL. What came from a payload is escaped in it.
    pub url: String,
    /// Headers to send; they may hold a token, and are neither stored nor logged.
    pub headers: Vec<(&'static str, String)>,
    /// Whether the webhook announced what it asks for. APIs lag behind webhooks: that there is no such thing (404, or 422
    /// for a commit) counts only when it is still so a minute later.
    pub is_announced: bool,
}

impl ApiCall {
    /// A call of this URL, without headers.
    pub fn get(url: impl Into<String>) -> Self {
        Self { url: url.into(), headers: Vec::new(), is_announced: false }
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same for what the webhook has [announced](Self::is_announced).
    #[must_use]
    pub fn announced(self) -> Self {
        Self { is_announced: true, ..self }
    }
}

impl fmt::Debug for ApiCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiCall").field("url", &self.url).finish_non_exhaustive()
    }
}

/// The result of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiAnswer {
    /// The API answered for good: with success, or with an error that a retry would not change.
    Answered {
        /// The status.
        status: u16,
        /// The `Link` header, where one was sent.
        link: Option<String>,
        /// The body.
        body: Bytes,
    },
    /// No answer within the budget, for this reason.
    GaveUp(String),
}

impl ApiAnswer {
    /// The body of a success.
    ///
    /// # Errors
    /// A half-sentence that says why there is none, for a mark on the change.
    pub fn success(&self) -> Result<&Bytes, String> {
        match self {
            ApiAnswer::Answered { status: 200..=299, body, .. } => Ok(body),
            ApiAnswer::Answered { status, .. } => Err(format!("the API answered {status}")),
            ApiAnswer::GaveUp(reason) => Err(reason.clone()),
        }
    }

    /// Whether the API says that there is no such thing.
    pub fn is_absent(&self) -> bool {
        matches!(self, ApiAnswer::Answered { status: 404 | 422, .. })
    }

    /// The URL of the next page, as the `Link` header of RFC 8288 names it.
    pub fn next_page(&self) -> Option<&str> {
        let ApiAnswer::Answered { link: Some(link), .. } = self else { return None };
        link.split(',').find_map(|entry| {
            let (url, parameters) = entry.trim().strip_prefix('<')?.split_once('>')?;
            let is_next = |parameter: &str| {
                let (name, value) = parameter.trim().split_once('=').unwrap_or_default();
                name.eq_ignore_ascii_case("rel") && value.trim_matches('"').split(' ').any(|rel| rel == "next")
            };
            parameters.split(';').any(is_next).then_some(url)
        })
    }
}

/// The answers so far, by URL.
#[derive(Clone, Debug, Default)]
pub struct ApiAnswers(BTreeMap<String, ApiAnswer>);

impl ApiAnswers {
    /// The answer to the call of `url`; `None` where it has not been made yet.
    pub fn get(&self, url: &str) -> Option<&ApiAnswer> {
        self.0.get(url)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds an answer.
    pub fn insert(&mut self, url: String, answer: ApiAnswer) {
        self.0.insert(url, answer);
    }

    /// How many bytes the bodies of all answers have.
    pub fn body_bytes(&self) -> usize {
        let bytes = |answer: &ApiAnswer| match answer {
            ApiAnswer::Answered { body, .. } => body.len(),
            ApiAnswer::GaveUp(_) => 0,
        };
        self.0.values().map(bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_next_page() {
        let answer = |link: &str| ApiAnswer::Answered { status: 200, link: Some(link.to_owned()), body: Bytes::new() };
        let link =
            r#"<https://a/1?page=1>; rel="prev", <https://a/1?page=3>; rel="next", <https://a/1?page=9>; rel="last""#;
        assert_eq!(answer(link).next_page(), Some("https://a/1?page=3"));
        assert_eq!(answer(r#"<https://a/1?page=9>; rel="last""#).next_page(), None);
        assert_eq!(answer("nonsense").next_page(), None);
        assert_eq!(ApiAnswer::GaveUp(String::new()).next_page(), None);
    }
}
