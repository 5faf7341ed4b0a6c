//! What looks like a secret in a request that is shown to others, and is removed.
//!
//! Headers with secrets are never stored. Here are those that people and old forges put elsewhere: arguments of the URL or
//! of a form, members of JSON (Gogs sends the webhook's `secret` in the payload), and passwords in URLs.

use std::sync::LazyLock;

use hookd_core::Arguments;
use percent_encoding::percent_decode_str;
use regex::Regex;
use serde_json::Value;

/// What stands in the place of a secret.
const REMOVED: &str = "REMOVED";

/// Names of arguments and members with a secret, apart from case, `-` and `_`; also as the end of a longer name.
const NAMES: [&str; 9] =
    ["secret", "token", "password", "passwd", "apikey", "accesskey", "privatekey", "authorization", "signature"];

/// The user and password in a URL.
static CREDENTIALS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"://[^/\s"'<>@:]*:[^/\s"'<>@]+@"#).expect("the pattern is valid"));

fn is_secret(name: &str) -> bool {
    let name: String = name.chars().filter(|char| char.is_ascii_alphanumeric()).collect();
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|secret| name.ends_with(secret))
}

/// Urlencoded arguments, with those that contain a secret replaced. The others stay as they were written.
pub(super) fn without_in_arguments(arguments: &str, place: &str, removed: &mut Vec<String>) -> String {
    let pairs = arguments.split('&').map(|pair| {
        let Some((name, value)) = pair.split_once('=') else { return pair.to_owned() };
        let plain = percent_decode_str(name).decode_utf8_lossy();
        if is_secret(&plain) && !value.is_empty() {
            removed.push(format!("`{plain}` of the {place}"));
            return format!("{name}={REMOVED}");
        }
        pair.to_owned()
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// A body of JSON, a form, or any text, with secrets replaced. A body without any stays as it was, byte for byte.
pub(super) fn without_in_body(body: &str, content_type: &str, removed: &mut Vec<String>) -> String {
    let mut body = match serde_json::from_str::<Value>(body) {
        Ok(json) => json_without(body, json, removed),
        Err(_) if content_type.starts_with("application/x-www-form-urlencoded") => form_without(body, removed),
        Err(_) => body.to_owned(),
    };
    if CREDENTIALS.is_match(&body) {
        removed.push("users and passwords in URLs of the body".to_owned());
        body = CREDENTIALS.replace_all(&body, format!("://{REMOVED}@")).into_owned();
    }
    body
}

fn json_without(text: &str, mut json: Value, removed: &mut Vec<String>) -> String {
    let before = removed.len();
    replace(&mut json, "", removed);
    if removed.len() == before { text.to_owned() } else { json.to_string() }
}

/// A form, whose argument `payload` may be JSON.
fn form_without(body: &str, removed: &mut Vec<String>) -> String {
    let body = without_in_arguments(body, "form", removed);
    let payload =
        Arguments::from_query(&body).ok().and_then(|arguments| Some(arguments.first("payload").ok()??.to_owned()));
    let Some(payload) = payload else { return body };
    let Ok(json) = serde_json::from_str::<Value>(&payload) else { return body };
    let without = json_without(&payload, json, removed);
    if without == payload {
        return body;
    }
    let pairs = body.split('&').map(|pair| match pair.split_once('=') {
        Some(("payload", _)) => format!("payload={}", crate::cli::records::escaped(&without)),
        _ => pair.to_owned(),
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// Replaces the members of objects that contain a secret.
fn replace(json: &mut Value, place: &str, removed: &mut Vec<String>) {
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                match value {
                    Value::String(text) if is_secret(name) && !text.is_empty() => {
                        removed.push(format!("`{place}` of the body"));
                        *text = REMOVED.to_owned();
                    }
                    value => replace(value, &place, removed),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                replace(item, &format!("{place}.{index}"), removed);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(body: &str, content_type: &str) -> (String, Vec<String>) {
        let mut removed = Vec::new();
        (without_in_body(body, content_type, &mut removed), removed)
    }

    #[test]
    fn what_has_no_secret_stays_as_it_was() {
        for body in
            ["{ \"b\" : 1, \"a\": [\"token of appreciation\"] }", "a=1&b", "", "no { JSON", "https://example.org/a@b:c"]
        {
            assert_eq!(without(body, "application/x-www-form-urlencoded"), (body.to_owned(), Vec::new()));
        }
    }

    #[test]
    fn secrets_are_replaced_wherever_they_are() {
        let (body, removed) = without("{\"secret\": \"s1\", \"hook\": {\"config\": [{\"Access_Token\": \"s2\"}]}}", "");
        assert!(!body.contains("s1") && !body.contains("s2"), "{body}");
        assert_eq!(removed, ["`hook.config.0.Access_Token` of the body", "`secret` of the body"]);
        let form = "project=a&private_token=s3&payload=%7B%22secret%22%3A%22s4%22%7D";
        let (body, removed) = without(form, "application/x-www-form-urlencoded; charset=utf-8");
        assert_eq!(body, "project=a&private_token=REMOVED&payload=%7B%22secret%22%3A%22REMOVED%22%7D");
        assert_eq!(removed, ["`private_token` of the form", "`secret` of the body"]);
        let (body, removed) = without("{\"url\": \"https://ann:s5@example.org/r\"}", "");
        assert_eq!(body, "{\"url\": \"https://REMOVED@example.org/r\"}");
        assert_eq!(removed.len(), 1);
        let mut removed = Vec::new();
        let query = without_in_arguments("a=1&api-key=s6&X%5Fsecret=s7&token=", "query", &mut removed);
        assert_eq!(query, "a=1&api-key=REMOVED&X%5Fsecret=REMOVED&token=");
        assert_eq!(removed, ["`api-key` of the query", "`X_secret` of the query"]);
    }
}
