//! Bodies: forms, urlencoded and as `curl -F` sends them, and requests for each dialect.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::http::Request;

/// The content type of an urlencoded form.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// The content type of [`multipart`].
pub(crate) const MULTIPART: &str = "multipart/form-data; boundary=----hookd";

/// A string as a value of an urlencoded form.
pub(crate) fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Pairs as an urlencoded form or query.
pub(crate) fn urlencoded(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{}={}", escaped(key), escaped(value))).collect();
    pairs.join("&")
}

/// Pairs as a multipart form.
pub(crate) fn multipart(pairs: &[(&str, &str)]) -> String {
    let part = |(key, value): &(&str, &str)| {
        format!("------hookd\r\nContent-Disposition: form-data; name=\"{key}\"\r\n\r\n{value}\r\n")
    };
    pairs.iter().map(part).chain(["------hookd--\r\n".to_owned()]).collect()
}

/// A webhook of GitHub with a JSON body, unsigned.
pub(crate) fn github(dialect: &str, event: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::post(format!("/change_hook/{dialect}")).header("X-GitHub-Event", event).json(body)
}
