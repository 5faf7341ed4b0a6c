//! The request as a dialect sees it: what was sent, undecoded, and the arguments as Buildbot reads them.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use bumpalo::Bump;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::left_out::LeftOut;
use crate::{Arguments, Compat, KeptHeaders, Refusal, View};

/// The methods that a change hook may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
}

impl Method {
    /// The name as HTTP writes it: `GET`.
    pub fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

/// The headers of a request, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// Names and values, one after the other: one piece of memory for all of them.
    text: Vec<u8>,
    /// Where the name and the value of each header end.
    ends: Vec<(usize, usize)>,
}

impl Headers {
    /// Adds a header behind the others.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        self.text.extend_from_slice(name.as_bytes());
        let end_of_name = self.text.len();
        self.text.extend_from_slice(value);
        self.ends.push((end_of_name, self.text.len()));
    }

    /// The value of the header `name` (in any case). Of duplicates the last counts, as in Twisted.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.pairs().rfind(|(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// All values of the header `name`, in the order in which they came.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h [u8]> {
        self.pairs().filter(move |(n, _)| n.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// All headers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.pairs().map(|(name, value)| (std::str::from_utf8(name).unwrap_or_default(), value))
    }

    fn pairs(&self) -> impl DoubleEndedIterator<Item = (&[u8], &[u8])> {
        self.ends.iter().enumerate().map(|(index, (end_of_name, end))| {
            let start = index.checked_sub(1).map_or(0, |before| self.ends[before].1);
            (&self.text[start..*end_of_name], &self.text[*end_of_name..*end])
        })
    }
}

impl<N: AsRef<str>, V: AsRef<[u8]>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        let headers = headers.into_iter();
        // Of the size that forges send.
        let mut all = Self { text: Vec::with_capacity(1024), ends: Vec::with_capacity(headers.size_hint().0.max(16)) };
        headers.for_each(|(name, value)| all.push(name.as_ref(), value.as_ref()));
        all
    }
}

/// One request to `/change_hook/DIALECT`.
pub struct HookRequest {
    method: Method,
    path: String,
    query: String,
    headers: Headers,
    body: Bytes,
    arguments: OnceCell<Result<Arguments, Refusal>>,
    /// Memory for the JSON that is read from the request.
    arena: OnceCell<Bump>,
    left_out: LeftOut,
}

impl HookRequest {
    /// A `POST` without query, headers and body; see [`HookRequest::with_header`] and the others for the rest.
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::Post, path.into(), String::new(), Headers::default(), Bytes::new())
    }

    /// A request of these parts: `path` and `query` as they were sent, still escaped; `query` without the `?`.
    pub fn new(method: Method, path: String, query: String, headers: Headers, body: Bytes) -> Self {
        let (arguments, arena, left_out) = (OnceCell::new(), OnceCell::new(), LeftOut::default());
        Self { method, path, query, headers, body, arguments, arena, left_out }
    }

    /// The same with another method.
    #[must_use]
    pub fn with_method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value.as_ref());
        self
    }

    /// The same with this query, without the `?`.
    #[must_use]
    pub fn with_query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self.arguments = OnceCell::new();
        self
    }

    /// The same with this body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.arguments = OnceCell::new();
        self
    }

    /// The same as it is kept, with nothing read from it yet: what [`Hook::translate`](crate::Hook::translate) gets.
    pub fn kept(&self, headers: &KeptHeaders) -> Self {
        let (path, query, headers) = (self.path.clone(), self.query.clone(), headers.select(&self.headers));
        Self::new(self.method, path, query, headers, self.body.clone())
    }

    /// `GET` or `POST`.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The path, still escaped, such as `/change_hook/github`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The query, still escaped, without the `?`.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// All headers.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    /// The value of one header as text; `None` where it was not sent or is not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// As [`HookRequest::header`], with `None` also for an empty one.
    pub fn nonempty_header(&self, name: &str) -> Option<&str> {
        self.header(name).filter(|value| !value.is_empty())
    }

    /// The content type without its parameters, in lower case; empty where there is none.
    pub fn content_type(&self) -> String {
        let value = self.header("Content-Type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The content type as a mode compares it: as [`HookRequest::content_type`], or as Buildbot to the letter.
    pub fn content_type_in(&self, compat: Compat) -> Cow<'_, str> {
        match compat {
            Compat::Off => Cow::Owned(self.content_type()),
            Compat::Buildbot => self.content_type_as_sent().unwrap_or_default(),
        }
    }

    /// Checks that the content type, [in this mode](HookRequest::content_type_in), starts with `application/json`.
    ///
    /// # Errors
    /// [`HookRequest::unknown_content_type`] when it does not.
    pub fn expect_json(&self, compat: Compat) -> Result<(), Refusal> {
        let is_json = self.content_type_in(compat).starts_with("application/json");
        if is_json { Ok(()) } else { Err(self.unknown_content_type()) }
    }

    /// The refusal of a content type that a dialect does not take, in Buildbot's words.
    pub fn unknown_content_type(&self) -> Refusal {
        Refusal::new(format!("Unknown content type: {}", self.content_type_as_sent().as_deref().unwrap_or("none")))
    }

    fn content_type_as_sent(&self) -> Option<Cow<'_, str>> {
        self.headers.get("Content-Type").map(String::from_utf8_lossy)
    }

    /// The body, as it was sent: what signatures are made of.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The arguments of query and form body, as Buildbot reads them.
    ///
    /// # Errors
    /// When the body says that it is a form and is not.
    pub fn arguments(&self) -> Result<&Arguments, Refusal> {
        let parse = || Arguments::from_request(self.method, &self.query, &self.headers, &self.body);
        self.arguments.get_or_init(parse).as_ref().map_err(Clone::clone)
    }

    /// The first value of an argument; `None` where it was not sent.
    ///
    /// # Errors
    /// As [`HookRequest::arguments`], and when the value is not UTF-8.
    pub fn argument(&self, name: &str) -> Result<Option<&str>, Refusal> {
        self.arguments()?.first(name)
    }

    /// The first value of an argument; `None` where it was not sent or is empty.
    ///
    /// # Errors
    /// As [`HookRequest::argument`].
    pub fn nonempty_argument(&self, name: &str) -> Result<Option<&str>, Refusal> {
        Ok(self.argument(name)?.filter(|value| !value.is_empty()))
    }

    /// The first value of an argument of the form in the body, whatever the query says: for what a signature must cover.
    ///
    /// # Errors
    /// As [`HookRequest::argument`].
    pub fn body_argument(&self, name: &str) -> Result<Option<String>, Refusal> {
        let form = Arguments::from_request(self.method, "", &self.headers, &self.body)?;
        Ok(form.first(name)?.map(str::to_owned))
    }

    /// The body, which is JSON.
    ///
    /// # Errors
    /// When the JSON is broken.
    pub fn json(&self) -> Result<View<'_>, Refusal> {
        self.json_in(&self.body)
    }

    /// A part of the request that is JSON, such as an argument.
    ///
    /// # Errors
    /// When the JSON is broken.
    pub fn json_in<'r>(&'r self, text: &'r [u8]) -> Result<View<'r>, Refusal> {
        let arena = self.arena.get_or_init(|| Bump::with_capacity(self.body.len()));
        Ok(View::parse(text, arena)?.noting(&self.left_out))
    }

    /// What reading from it has left out so far, since it only describes and is not as it should be: a sentence for the
    /// delivery's reason. `None` where nothing was.
    pub fn left_out(&self) -> Option<String> {
        self.left_out.sentence()
    }
}

impl fmt::Debug for HookRequest {
    /// Without headers, query and body: they may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}
