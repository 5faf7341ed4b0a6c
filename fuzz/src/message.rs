//! A request to a hook and the answers of an API, as a file that people can read and write.
//!
//! ```text
//! POST ?project=tea
//! X-GitHub-Event: pull_request
//! < 200 - {"commit":{"message":"Add%20milk"}}
//! < none no%20answer
//!
//! {"action": "opened"}
//! ```
//!
//! The method and the query; headers; answers of the API, given from the first on to one call after the other: the status,
//! the `Link` header or `-`, and the body, or why there is none, percent-encoded; an empty line; the body as it is.

use std::borrow::Cow;

use hookd_core::{ApiAnswer, HookRequest, Method};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};

/// What is encoded in an answer: what would end it or a part of it.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// A request, and what the API answers to its calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// `GET` or `POST`.
    pub method: Method,
    /// The query, without the `?`.
    pub query: String,
    /// The headers, in their order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The answers of the API.
    pub answers: Vec<ApiAnswer>,
    /// The body.
    pub body: Vec<u8>,
}

impl Message {
    /// A `POST` with these headers and this body.
    pub fn post(headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        Self { method: Method::Post, query: String::new(), headers, answers: Vec::new(), body: body.into() }
    }

    /// The same with this query.
    #[must_use]
    pub fn with_query(self, query: &str) -> Self {
        Self { query: query.to_owned(), ..self }
    }

    /// The same with one more successful answer of the API.
    #[must_use]
    pub fn with_answer(mut self, link: Option<&str>, body: &str) -> Self {
        let (link, body) = (link.map(str::to_owned), body.to_owned().into());
        self.answers.push(ApiAnswer::Answered { status: 200, link, body });
        self
    }

    /// The message in a file. Any bytes are one: what is not as it should be is left out.
    pub fn parse(file: &[u8]) -> Self {
        let mut message = Self::post(&[], Vec::new());
        let mut rest = file;
        let line = next_line(&mut rest).unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let (method, query) = line.split_once(" ?").unwrap_or((&line, ""));
        message.method = if method == "GET" { Method::Get } else { Method::Post };
        message.query = query.to_owned();
        while let Some(line) = next_line(&mut rest) {
            if line.is_empty() {
                break;
            } else if let Some(answer) = line.strip_prefix(b"< ") {
                message.answers.extend(parse_answer(&String::from_utf8_lossy(answer)));
            } else if let Some(colon) = line.windows(2).position(|two| two == b": ") {
                let name = String::from_utf8_lossy(&line[..colon]).into_owned();
                message.headers.push((name, line[colon + 2..].to_vec()));
            }
        }
        message.body = rest.to_vec();
        message
    }

    /// The file of the message.
    pub fn to_file(&self) -> Vec<u8> {
        let query = if self.query.is_empty() { String::new() } else { format!(" ?{}", self.query) };
        let mut file = format!("{}{}\n", self.method.name(), query.replace('\n', "%0A")).into_bytes();
        for (name, value) in &self.headers {
            let value: Vec<u8> = value.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect();
            file.extend([name.replace('\n', " ").as_bytes(), b": ", &value, b"\n"].concat());
        }
        for answer in &self.answers {
            let line = match answer {
                ApiAnswer::Answered { status, link, body } => {
                    let link = link.as_ref().map_or("-".into(), |link| encoded(link.as_bytes()));
                    format!("< {status} {link} {}\n", encoded(body))
                }
                ApiAnswer::GaveUp(reason) => format!("< none {}\n", encoded(reason.as_bytes())),
            };
            file.extend(line.into_bytes());
        }
        file.extend(b"\n");
        file.extend(&self.body);
        file
    }

    /// The request.
    pub fn request(&self) -> HookRequest {
        let headers = self.headers.iter().map(|(name, value)| (name, value)).collect();
        let path = "/change_hook/x".to_owned();
        HookRequest::new(self.method, path, self.query.clone(), headers, self.body.clone().into())
    }

    /// The answers, from the first on again and again; none where the message has none.
    pub fn api(&self) -> impl FnMut(&str) -> ApiAnswer {
        let mut answers = self.answers.iter().cycle();
        move |_| answers.next().cloned().unwrap_or_else(|| ApiAnswer::GaveUp("no answer".to_owned()))
    }

    /// How many bytes a sender and an API have to send for it, besides the heads of the answers.
    pub fn bytes(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        self.query.len() + headers + self.answer_bytes() + self.body.len()
    }

    /// The bytes of the bodies of answers.
    pub fn answer_bytes(&self) -> usize {
        let bytes = |answer: &ApiAnswer| answer.success().map_or(0, |body| body.len());
        self.answers.iter().map(bytes).sum()
    }
}

fn next_line<'f>(rest: &mut &'f [u8]) -> Option<&'f [u8]> {
    if rest.is_empty() {
        return None;
    }
    let end = rest.iter().position(|byte| *byte == b'\n');
    let line = &rest[..end.unwrap_or(rest.len())];
    *rest = &rest[end.map_or(rest.len(), |end| end + 1)..];
    Some(line)
}

fn encoded(bytes: &[u8]) -> Cow<'_, str> {
    percent_encode(bytes, ENCODED).into()
}

fn parse_answer(line: &str) -> Option<ApiAnswer> {
    let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let text = |text: &str| String::from_utf8_lossy(&decoded(text)).into_owned();
    let (status, rest) = line.split_once(' ')?;
    if status == "none" {
        return Some(ApiAnswer::GaveUp(text(rest)));
    }
    let (link, body) = rest.split_once(' ')?;
    let link = Some(link).filter(|link| *link != "-").map(text);
    Some(ApiAnswer::Answered { status: status.parse().ok()?, link, body: decoded(body).into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_all_of_a_message() {
        let mut message = Message::post(&[("X-Event", "push"), ("Empty", "")], "a\nb\n\nc")
            .with_query("a=b&c=d e")
            .with_answer(None, "[1,\n 2]")
            .with_answer(Some("<https://a/b?page=2>; rel=\"next\""), "");
        message.answers.push(ApiAnswer::GaveUp("no answer".to_owned()));
        assert_eq!(Message::parse(&message.to_file()), message);
        let get = Message { method: Method::Get, ..Message::post(&[], "") };
        assert_eq!(Message::parse(&get.to_file()), get);
        assert_eq!(get.to_file(), b"GET\n\n");
    }
}
