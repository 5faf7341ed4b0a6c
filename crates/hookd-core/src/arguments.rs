//! The arguments of a request, as Twisted's `request.args` gives them to Buildbot.
//!
//! `&` and `;` separate, `+` is a space, a bad `%zz` stays, a key without `=` is dropped, blank values are kept. A form
//! body (urlencoded or multipart, POST only) adds its keys; a key in it replaces the whole list of the query.

use std::collections::HashSet;

use bytes::Bytes;
use futures_util::FutureExt;
use percent_encoding::percent_decode;

use crate::{Headers, Method, Refusal};

/// The most arguments of a query, and of a form. Buildbot's have some twenty; each takes forty times the memory that it
/// takes in the request.
const MAX_ARGUMENTS: usize = 10_000;

/// A name and its value.
type Pair = (Vec<u8>, Vec<u8>);

/// The decoded arguments of a request; names and values are bytes until somebody asks for text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arguments(Vec<Pair>);

impl Arguments {
    /// The arguments of a query, without the `?`.
    ///
    /// # Errors
    /// When there are more than [`MAX_ARGUMENTS`].
    pub fn from_query(query: &str) -> Result<Self, Refusal> {
        urlencoded(query.as_bytes()).map(Self)
    }

    /// The arguments of a request of these parts.
    ///
    /// # Errors
    /// When the content type is multipart and the body is not; when query or form have more than [`MAX_ARGUMENTS`].
    pub(crate) fn from_request(method: Method, query: &str, headers: &Headers, body: &Bytes) -> Result<Self, Refusal> {
        let mut pairs = urlencoded(query.as_bytes())?;
        if method == Method::Post && !body.is_empty() {
            let form = form(headers, body)?;
            if !form.is_empty() {
                let replaced: HashSet<&[u8]> = form.iter().map(|(key, _)| &**key).collect();
                pairs.retain(|(key, _)| !replaced.contains(&**key));
            }
            pairs.extend(form);
        }
        Ok(Self(pairs))
    }

    /// The first value of `name`; `None` where it was not sent.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn first(&self, name: &str) -> Result<Option<&str>, Refusal> {
        self.0.iter().find(|(key, _)| key == name.as_bytes()).map(|(_, value)| text(name, value)).transpose()
    }

    /// All values of `name`.
    ///
    /// # Errors
    /// When one is not UTF-8.
    pub fn all(&self, name: &str) -> Result<Vec<&str>, Refusal> {
        self.0.iter().filter(|(key, _)| key == name.as_bytes()).map(|(_, value)| text(name, value)).collect()
    }

    /// The names that were sent, as bytes.
    pub fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|(key, _)| &**key)
    }
}

fn text<'a>(name: &str, value: &'a [u8]) -> Result<&'a str, Refusal> {
    std::str::from_utf8(value).map_err(|_| Refusal::new(format!("argument `{name}` is not UTF-8")))
}

fn urlencoded(text: &[u8]) -> Result<Vec<Pair>, Refusal> {
    let pairs = text.split(|byte| matches!(byte, b'&' | b';')).filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        Some((unquoted(&pair[..equals]), unquoted(&pair[equals + 1..])))
    });
    let pairs: Vec<_> = pairs.take(MAX_ARGUMENTS + 1).collect();
    if pairs.len() > MAX_ARGUMENTS { Err(too_many()) } else { Ok(pairs) }
}

fn too_many() -> Refusal {
    Refusal::new(format!("there are more than {MAX_ARGUMENTS} arguments"))
}

fn unquoted(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

/// The pairs of a form body; none where the body is of another type.
fn form(headers: &Headers, body: &Bytes) -> Result<Vec<Pair>, Refusal> {
    let Some(content_type) = headers.get("Content-Type").and_then(|value| std::str::from_utf8(value).ok()) else {
        return Ok(Vec::new());
    };
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return urlencoded(body);
    }
    if kind.eq_ignore_ascii_case("multipart/form-data") {
        let boundary = multer::parse_boundary(content_type).map_err(broken)?;
        return multipart(boundary, body.clone());
    }
    Ok(Vec::new())
}

fn multipart(boundary: String, body: Bytes) -> Result<Vec<Pair>, Refusal> {
    let whole = futures_util::stream::once(std::future::ready(Ok::<_, std::convert::Infallible>(body)));
    let mut parts = multer::Multipart::new(whole, boundary);
    let all = async {
        let mut pairs = Vec::new();
        while let Some(part) = parts.next_field().await? {
            if pairs.len() == MAX_ARGUMENTS {
                return Ok(Err(too_many()));
            }
            let name = part.name().map(|name| name.as_bytes().to_vec());
            let value = part.bytes().await?;
            if let Some(name) = name {
                pairs.push((name, value.to_vec()));
            }
        }
        Ok(Ok(pairs))
    };
    // The body is all there, so that nothing is waited for.
    all.now_or_never().unwrap_or(Err(multer::Error::IncompleteStream)).map_err(broken)?
}

fn broken(error: multer::Error) -> Refusal {
    Refusal::new(format!("broken multipart body: {error}"))
}

#[cfg(test)]
mod tests {
    use crate::{HookRequest, Method};

    #[test]
    fn reads_a_query_as_twisted_does() {
        let request = HookRequest::post("/").with_query("a=1&a=2;b=x+y%20z&bad=%zz&none&blank=");
        let arguments = request.arguments().unwrap();
        assert_eq!(arguments.all("a").unwrap(), ["1", "2"]);
        assert_eq!(arguments.first("b").unwrap(), Some("x y z"));
        assert_eq!(arguments.first("bad").unwrap(), Some("%zz"));
        assert_eq!(arguments.first("none").unwrap(), None);
        assert_eq!(arguments.first("blank").unwrap(), Some(""));
    }

    #[test]
    fn a_key_in_the_body_replaces_the_list_of_the_query() {
        let form = HookRequest::post("/")
            .with_query("a=1&a=2&b=3")
            .with_header("content-type", "Application/X-WWW-Form-URLEncoded; charset=utf-8")
            .with_body("a=9");
        assert_eq!(form.arguments().unwrap().all("a").unwrap(), ["9"]);
        assert_eq!(form.argument("b").unwrap(), Some("3"));
        let get = form.with_method(Method::Get).with_query("a=1");
        assert_eq!(get.argument("a").unwrap(), Some("1"));
    }

    #[test]
    fn takes_many_arguments_but_not_any_number() {
        let kinds = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"];
        let part = |number| format!("--x\r\nContent-Disposition: form-data; name=\"{number}\"\r\n\r\n1\r\n");
        for (count, is_taken) in [(super::MAX_ARGUMENTS, true), (super::MAX_ARGUMENTS + 1, false)] {
            let numbers = 0..count;
            let urlencoded: String = numbers.clone().map(|number| format!("{number}=1&")).collect();
            let multipart: String = numbers.map(part).chain(["--x--\r\n".to_owned()]).collect();
            for (kind, body) in kinds.into_iter().zip([urlencoded.clone(), multipart]) {
                let form = HookRequest::post("/").with_header("Content-Type", kind).with_body(body);
                assert_eq!(form.arguments().is_ok(), is_taken, "{kind}, {count}");
            }
            let query = HookRequest::post("/").with_query(urlencoded);
            assert_eq!(query.arguments().is_ok(), is_taken, "{count}");
        }
    }

    #[test]
    fn reads_what_curl_sends_with_dash_f() {
        let body =
            "--B\r\nContent-Disposition: form-data; name=\"poller\"\r\n\r\nhttps://svn.example.org/x\r\n--B--\r\n";
        let request =
            HookRequest::post("/").with_header("Content-Type", "multipart/form-data; boundary=B").with_body(body);
        assert_eq!(request.argument("poller").unwrap(), Some("https://svn.example.org/x"));
        let empty = HookRequest::post("/")
            .with_header("Content-Type", "multipart/form-data; boundary=B")
            .with_body("--B--\r\n");
        assert_eq!(empty.argument("poller").unwrap(), None);
        let broken =
            HookRequest::post("/").with_header("Content-Type", "multipart/form-data; boundary=B").with_body("--B\r\n");
        assert!(broken.argument("poller").unwrap_err().message().starts_with("broken multipart body: "));
    }

    #[test]
    fn refuses_a_value_that_is_not_utf_8() {
        let request = HookRequest::post("/").with_query("project=%ff");
        assert_eq!(request.argument("project").unwrap_err().message(), "argument `project` is not UTF-8");
        assert_eq!(request.argument("other").unwrap(), None);
    }
}
