//! Requests as they are kept.

use bytes::Bytes;
use hookd_core::{Headers, HookRequest, Method};

/// A request as it is kept: the headers that the dialect names, never one with a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRequest {
    /// All but the body.
    pub head: RequestHead,
    /// The body as it was sent.
    pub body: Bytes,
}

/// All of a stored request but its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The path, still escaped.
    pub path: String,
    /// The query, still escaped, without the `?`.
    pub query: String,
    /// The headers that were kept, in their order; what was not UTF-8 in a value is replaced by U+FFFD.
    pub headers: Vec<(String, String)>,
}

impl StoredRequest {
    /// Keeps of a request the headers named in `keep`, besides `Content-Type` and `User-Agent`. The body is shared, the
    /// rest copied.
    pub fn new(request: &HookRequest, keep: &[&str]) -> Self {
        const ALWAYS: [&str; 2] = ["Content-Type", "User-Agent"];
        let is_kept = |name: &str| keep.iter().chain(&ALWAYS).any(|kept| kept.eq_ignore_ascii_case(name));
        let headers = request.headers().iter().filter(|(name, _)| is_kept(name));
        Self {
            head: RequestHead {
                method: request.method(),
                path: request.path().to_owned(),
                query: request.query().to_owned(),
                headers: headers
                    .map(|(name, value)| (name.to_owned(), String::from_utf8_lossy(value).into_owned()))
                    .collect(),
            },
            body: request.body().clone(),
        }
    }

    /// The request again, to be translated once more.
    pub fn into_request(self) -> HookRequest {
        let RequestHead { method, path, query, headers } = self.head;
        let headers: Headers = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        HookRequest::new(method, path, query, headers, self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_no_header_that_was_not_named() {
        let request = HookRequest::post("/change_hook/github")
            .with_query("project=x")
            .with_header("X-GitHub-Event", "push")
            .with_header("content-type", "application/json")
            .with_header("Authorization", "Basic c2VjcmV0")
            .with_body(Bytes::from("{}"));
        let stored = StoredRequest::new(&request, &["x-github-event"]);
        let names: Vec<_> = stored.head.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["X-GitHub-Event", "content-type"]);
        let again = stored.into_request();
        assert_eq!((again.path(), again.query(), &again.body()[..]), ("/change_hook/github", "project=x", &b"{}"[..]));
        assert_eq!((again.header("x-github-event"), again.header("Authorization")), (Some("push"), None));
    }
}
