//! Fixtures: requests that a hookd has stored, as `hookd deliveries export` prints them, and what became of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookd_core::{HookRequest, Method};
use serde_json::Value;

use crate::Scheme;

/// A request that was received once. Its signature or token is not there.
///
/// ```
/// use hookd_testkit::Fixture;
///
/// let exported = r#"{
///   "dialect": "github", "event": "push", "method": "POST", "path": "/change_hook/github", "query": "project=tea",
///   "headers": [["Content-Type", "application/json"], ["X-GitHub-Event", "push"]],
///   "body_text": "{\"ref\": \"refs/heads/main\"}", "removed": [], "changes": [{"branch": "main"}]
/// }"#;
/// let fixture = Fixture::parse(exported)?;
/// assert_eq!((fixture.dialect.as_str(), fixture.request.header("x-github-event")), ("github", Some("push")));
/// assert_eq!(&fixture.request.body()[..8], b"{\"ref\": ");
/// # Ok::<(), String>(())
/// ```
#[derive(Debug)]
pub struct Fixture {
    /// The dialect that took it.
    pub dialect: String,
    /// The forge's name for the kind of event.
    pub event: Option<String>,
    /// The request, with the headers that were kept.
    pub request: HookRequest,
    /// The changes that it became, as objects of fields; `None` where the fixture does not say. Fields that are not named
    /// may be anything.
    pub changes: Option<Vec<Value>>,
}

impl Fixture {
    /// Reads what `hookd deliveries export` has printed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| format!("the fixture is not JSON: {error}"))?;
        let text = |name: &str| json[name].as_str().ok_or_else(|| format!("the fixture has no text `{name}`"));
        let method = match text("method")? {
            "GET" => Method::Get,
            "POST" => Method::Post,
            other => return Err(format!("the fixture has the method `{other}`, expected `GET` or `POST`")),
        };
        let body = match (json["body_text"].as_str(), json["body_base64"].as_str()) {
            (Some(text), None) => text.as_bytes().to_vec(),
            (None, Some(base64)) => STANDARD
                .decode(base64)
                .map_err(|error| format!("`body_base64` of the fixture is not base64: {error}"))?,
            _ => return Err("the fixture has not one of `body_text` and `body_base64`".to_owned()),
        };
        let mut request =
            HookRequest::post(text("path")?).with_method(method).with_query(text("query")?).with_body(body);
        let headers = json["headers"].as_array().ok_or("the fixture has no list `headers`")?;
        for header in headers {
            let (Some(name), Some(value)) = (header[0].as_str(), header[1].as_str()) else {
                return Err(format!("a header of the fixture is not a name and a value: {header}"));
            };
            request = request.with_header(name, value);
        }
        let changes = match &json["changes"] {
            Value::Null => None,
            Value::Array(changes) if changes.iter().all(Value::is_object) => Some(changes.clone()),
            other => return Err(format!("`changes` of the fixture is not a list of objects: {other}")),
        };
        let event = json["event"].as_str().map(str::to_owned);
        Ok(Self { dialect: text("dialect")?.to_owned(), event, request, changes })
    }

    /// The request, with the proof that a forge adds to it that was configured with `key`.
    #[must_use]
    pub fn signed(self, scheme: Scheme, key: &str) -> HookRequest {
        scheme.sign(key, self.request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_with_a_fixture() {
        let whole =
            r#"{"dialect": "d", "method": "GET", "path": "/", "query": "", "headers": [], "body_base64": "/w=="}"#;
        let fixture = Fixture::parse(whole).unwrap();
        assert_eq!(
            (fixture.request.method(), fixture.event, &fixture.request.body()[..]),
            (Method::Get, None, &b"\xff"[..])
        );
        for (part, other, error) in [
            ("{", "", "the fixture is not JSON"),
            ("\"GET\"", "\"PUT\"", "the fixture has the method `PUT`"),
            ("\"path\"", "\"place\"", "the fixture has no text `path`"),
            ("/w==", "?", "`body_base64` of the fixture is not base64"),
            ("\"body_base64\"", "\"body\"", "the fixture has not one of"),
            ("\"query\"", "\"changes\": [1], \"query\"", "`changes` of the fixture is not a list of objects"),
            ("[]", "[[1]]", "a header of the fixture is not a name and a value"),
        ] {
            let found = Fixture::parse(&whole.replacen(part, other, 1)).unwrap_err();
            assert!(found.starts_with(error), "{found}");
        }
    }
}
