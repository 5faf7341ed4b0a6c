//! The head of a request, as actix gets it.
//!
//! actix refuses, or closes the connection after, a few requests that are harmless and that people's senders and proxies
//! send. Such a head is written anew:
//! - an offer to upgrade to another protocol is left out, since a server may ignore it (RFC 9110, 7.8);
//! - so is `Expect: 100-continue`: the connection answers that itself, once the body is wanted;
//! - characters that a query may not contain (RFC 3986, 3.4), such as `"` and `<`, are percent-encoded;
//! - a `POST` of HTTP/1.0 without a length gets the length 0: it has no body (RFC 9112, 6.3).
//!
//! Invariant: what actix would refuse is refused here, with the cause, so that a body ends where [`Framing`] says.

use actix_web::http::{Method, StatusCode, Uri};
use httparse::{EMPTY_HEADER, Header, Request, Status};

use crate::framing::{Chunked, Framing};

/// The size limit of a head, which is the request line and the headers. GitHub's have less than 2 KiB.
pub(crate) const MAX_HEAD_BYTES: usize = 32 << 10;

/// The most headers, as many as actix takes.
pub(crate) const MAX_HEADERS: usize = 96;

/// A complete head.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// Its length as received, in bytes.
    pub(crate) length: usize,
    /// What follows it.
    pub(crate) framing: Framing,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub(crate) expects_continue: bool,
    /// The head for actix, where it is not the one that was received.
    pub(crate) rewritten: Option<Vec<u8>>,
}

/// Why a head is refused. The text is for the sender, and repeats nothing of the head.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeadError {
    #[error("the request head is larger than {MAX_HEAD_BYTES} bytes")]
    TooLarge,
    #[error("the request has more than {MAX_HEADERS} headers")]
    TooManyHeaders,
    #[error("the request is malformed: {0}")]
    Malformed(String),
}

impl HeadError {
    /// The status that answers it.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge | Self::TooManyHeaders => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
        }
    }
}

fn malformed(cause: impl Into<String>) -> HeadError {
    HeadError::Malformed(cause.into())
}

/// Reads a head from the beginning of these bytes; `None` if it is not complete.
///
/// # Errors
/// When it is malformed, or ambiguous about where its body ends.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Head>, HeadError> {
    let Some((line_length, line)) = escape_query(bytes) else { return parse(bytes, false) };
    let escaped = [&line, &bytes[line_length..]].concat();
    let head = parse(&escaped, true)?;
    Ok(head.map(|head| Head { length: head.length - line.len() + line_length, ..head }))
}

/// The request line with its query percent-encoded, and the length of the original; `None` if that changes nothing or the
/// line is not complete.
fn escape_query(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    // Empty lines before a request are ignored (RFC 9112, 2.2).
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
    let end = start + bytes[start..].iter().position(|byte| *byte == b'\n')?;
    let line = &bytes[start..end];
    let query = start + line.iter().position(|byte| *byte == b'?')?;
    let query_end = start + line.iter().rposition(|byte| *byte == b' ')?;
    let is_wrong = |byte: &u8| matches!(byte, b'"' | b'<' | b'>' | 0x80..);
    if query > query_end || !bytes[query..query_end].iter().any(is_wrong) {
        return None;
    }
    let mut escaped = bytes[..query].to_vec();
    for byte in &bytes[query..query_end] {
        if is_wrong(byte) {
            escaped.extend(format!("%{byte:02X}").into_bytes());
        } else {
            escaped.push(*byte);
        }
    }
    escaped.extend(&bytes[query_end..end]);
    Some((end, escaped))
}

fn parse(bytes: &[u8], is_changed: bool) -> Result<Option<Head>, HeadError> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = Request::new(&mut headers);
    let length = match request.parse(bytes) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooManyHeaders),
        Err(error) => return Err(malformed(error.to_string())),
    };
    let (Some(method), Some(target), Some(version)) = (request.method, request.path, request.version) else {
        return Ok(None);
    };
    // httparse takes a few more characters.
    Method::from_bytes(method.as_bytes()).map_err(|_| malformed("the method is none"))?;
    check_target(target)?;
    let is_http_10 = version == 0;
    let facts = Facts::of(request.headers, is_http_10)?;
    // With `CONNECT`, all that follows is a tunnel's, unless the headers say that a body comes first.
    let is_tunnel = method == "CONNECT" && facts.framing.is_complete();
    let framing = if is_tunnel { Framing::UntilClose } else { facts.framing };
    let lacks_length = is_http_10 && method == "POST" && !facts.has_length;
    if lacks_length && request.headers.len() == MAX_HEADERS {
        return Err(HeadError::TooManyHeaders);
    }
    let rewritten = (is_changed || facts.is_to_change || lacks_length).then(|| {
        let line_end = bytes[..length].iter().position(|byte| *byte > b' ').unwrap_or(0);
        let line_end = line_end + bytes[line_end..length].iter().position(|byte| *byte == b'\n').unwrap_or(0);
        let mut written = bytes[..=line_end].to_vec();
        for header in request.headers.iter() {
            write(&mut written, header);
        }
        if lacks_length {
            written.extend(b"Content-Length: 0\r\n");
        }
        written.extend(b"\r\n");
        written
    });
    Ok(Some(Head { length, framing, expects_continue: facts.expects_continue, rewritten }))
}

/// Checks that a target is one for actix's parser as well.
fn check_target(target: &str) -> Result<(), HeadError> {
    let is_plain = |byte: u8| matches!(byte, 0x21 | 0x24..=0x3B | 0x3D | 0x3F..=0x5F | 0x61..=0x7A | 0x7E);
    if target.starts_with('/') && target.bytes().all(is_plain) {
        return Ok(());
    }
    match Uri::try_from(target) {
        Ok(_) => Ok(()),
        Err(error) => Err(malformed(format!("the target of the request: {error}"))),
    }
}

/// What headers say of the body and the connection.
struct Facts {
    framing: Framing,
    has_length: bool,
    expects_continue: bool,
    /// Whether a header is not for actix.
    is_to_change: bool,
}

impl Facts {
    fn of(headers: &[Header<'_>], is_http_10: bool) -> Result<Self, HeadError> {
        let (mut length, mut is_chunked, mut has_host) = (None, false, false);
        let (mut expects_continue, mut is_to_change) = (false, false);
        for header in headers {
            match Kind::of(header.name) {
                Kind::ContentLength => {
                    let digits = header.value.trim_ascii();
                    let text =
                        str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
                    let number: u64 = text
                        .and_then(|text| text.parse().ok())
                        .ok_or_else(|| malformed("`Content-Length` is not a number of bytes"))?;
                    if length.replace(number).is_some() {
                        return Err(malformed("there are two `Content-Length`"));
                    }
                }
                Kind::TransferEncoding => {
                    if is_http_10 || is_chunked || !header.value.trim_ascii().eq_ignore_ascii_case(b"chunked") {
                        return Err(malformed("`Transfer-Encoding` is not just `chunked`"));
                    }
                    is_chunked = true;
                }
                Kind::Host => {
                    if has_host {
                        return Err(malformed("there are two `Host`"));
                    }
                    has_host = true;
                }
                Kind::Upgrade => is_to_change = true,
                Kind::Connection => is_to_change |= items(header.value).any(is_of_upgrade),
                Kind::Expect => {
                    if is_continue(header.value) {
                        is_to_change = true;
                        expects_continue = !is_http_10;
                    }
                }
                Kind::Other => {}
            }
        }
        if !is_http_10 && !has_host {
            return Err(malformed("`Host` is missing"));
        }
        let framing = match (length, is_chunked) {
            (Some(_), true) => return Err(malformed("there are `Content-Length` and `Transfer-Encoding`")),
            (None, true) => Framing::Chunked(Chunked::START),
            (length, false) => Framing::Length(length.unwrap_or(0)),
        };
        Ok(Self { framing, has_length: length.is_some(), expects_continue, is_to_change })
    }
}

enum Kind {
    ContentLength,
    TransferEncoding,
    Host,
    /// Part of an offer to upgrade.
    Upgrade,
    Connection,
    Expect,
    Other,
}

impl Kind {
    fn of(name: &str) -> Self {
        let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
        // The length decides for nearly all headers.
        match name.len() {
            4 if is("host") => Self::Host,
            6 if is("expect") => Self::Expect,
            7 if is("upgrade") => Self::Upgrade,
            10 if is("connection") => Self::Connection,
            14 if is("content-length") => Self::ContentLength,
            14 if is("http2-settings") => Self::Upgrade,
            17 if is("transfer-encoding") => Self::TransferEncoding,
            _ => Self::Other,
        }
    }
}

/// The items of a list.
fn items(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

/// Whether an item of `Connection` is part of an offer to upgrade.
fn is_of_upgrade(item: &[u8]) -> bool {
    item.eq_ignore_ascii_case(b"upgrade") || item.eq_ignore_ascii_case(b"http2-settings")
}

fn is_continue(expectation: &[u8]) -> bool {
    items(expectation).any(|item| item.eq_ignore_ascii_case(b"100-continue"))
}

/// Writes a header, unless it is not for actix.
fn write(written: &mut Vec<u8>, header: &Header<'_>) {
    let value = match Kind::of(header.name) {
        Kind::Upgrade => return,
        Kind::Expect if is_continue(header.value) => return,
        Kind::Connection => {
            let kept: Vec<_> = items(header.value).filter(|item| !is_of_upgrade(item)).collect();
            if kept.is_empty() {
                return;
            }
            kept.join(&b", "[..])
        }
        _ => header.value.to_vec(),
    };
    written.extend([header.name.as_bytes(), b": ", &value, b"\r\n"].concat());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(head: &str) -> (Framing, bool, String) {
        let read = read(format!("{head}body").as_bytes()).unwrap().unwrap();
        assert_eq!(read.length, head.len());
        let rewritten = read.rewritten.map_or_else(String::new, |bytes| String::from_utf8(bytes).unwrap());
        (read.framing, read.expects_continue, rewritten)
    }

    #[test]
    fn an_ordinary_head_is_kept_as_it_is() {
        let head =
            "POST /change_hook/github?a=b HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\n";
        assert_eq!(rewritten(head), (Framing::Length(4), false, String::new()));
        let chunked = "\r\nPUT / HTTP/1.1\r\nhost:a\r\ntransfer-encoding: Chunked\r\n\r\n";
        assert_eq!(rewritten(chunked), (Framing::Chunked(Chunked::START), false, String::new()));
        assert_eq!(rewritten("GET / HTTP/1.0\r\n\r\n"), (Framing::NONE, false, String::new()));
        let connect = "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(rewritten(connect), (Framing::UntilClose, false, String::new()));
        let connect = "CONNECT a:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
        assert_eq!(rewritten(connect), (Framing::Length(4), false, String::new()));
        assert_eq!(read(&head.as_bytes()[..head.len() - 1]), Ok(None));
    }

    #[test]
    fn an_offer_to_upgrade_is_left_out() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
            HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nContent-Length: 4\r\n\r\n";
        let kept = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
        assert_eq!(rewritten(head), (Framing::Length(4), false, kept.to_owned()));
        let (_, _, closing) = rewritten("GET / HTTP/1.1\r\nHost: a\r\nConnection: close, upgrade\r\n\r\n");
        assert_eq!(closing, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    }

    #[test]
    fn an_expectation_is_for_the_connection() {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 4\r\n\r\n";
        let kept = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n";
        assert_eq!(rewritten(head), (Framing::Length(4), true, kept.to_owned()));
    }

    #[test]
    fn what_a_query_may_not_contain_is_encoded() {
        let (_, _, head) = rewritten("GET /a?b=<c>&d=[\"e\"]&f=\u{fc} HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(head, "GET /a?b=%3Cc%3E&d=[%22e%22]&f=%C3%BC HTTP/1.1\r\nHost: a\r\n\r\n");
    }

    #[test]
    fn a_post_of_http_10_without_a_length_has_no_body() {
        let (framing, _, head) = rewritten("POST /a HTTP/1.0\r\nConnection: close\r\n\r\n");
        assert_eq!(framing, Framing::NONE);
        assert_eq!(head, "POST /a HTTP/1.0\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    }

    #[test]
    fn what_is_malformed_or_ambiguous_is_refused_with_its_cause() {
        let error = |head: &str| read(head.as_bytes()).unwrap_err().to_string();
        for (line, cause) in [
            ("GET /<a> HTTP/1.1\r\nHost: a", "the target of the request: invalid uri character"),
            ("GE%T / HTTP/1.1\r\nHost: a", "the method is none"),
            ("GET / HTTP/1.1", "`Host` is missing"),
            ("GET / HTTP/1.1\r\nHost: a\r\nHost: b", "there are two `Host`"),
            ("GET / HTTP/9.9\r\nHost: a", "invalid HTTP version"),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3", "`Content-Length` is not a number of bytes"),
            ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3", "there are two `Content-Length`"),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked",
                "`Transfer-Encoding` is not just `chunked`",
            ),
            (
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked",
                "there are `Content-Length` and `Transfer-Encoding`",
            ),
        ] {
            assert_eq!(error(&format!("{line}\r\n\r\n")), format!("the request is malformed: {cause}"));
        }
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(97));
        assert_eq!(error(&many), "the request has more than 96 headers");
        // The length that it is given would be one more.
        let full = format!("POST / HTTP/1.0\r\n{}\r\n", "X: y\r\n".repeat(96));
        assert_eq!(error(&full), "the request has more than 96 headers");
    }
}
