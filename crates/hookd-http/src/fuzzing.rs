//! The laws of request heads and the framing of bodies, for fuzzing: what [`head`](crate::head) accepts is what actix reads.

use actix_http::h1::{Codec, Message};
use actix_http::{Request, ServiceConfig};
use actix_web::HttpMessage as _;
use actix_web::web::BytesMut;
use httparse::{EMPTY_HEADER, Header};
use tokio::runtime::Builder;
use tokio::task::LocalSet;
use tokio_util::codec::Decoder as _;

use crate::head::{self, Head, MAX_HEAD_BYTES, MAX_HEADERS};

/// Headers that may be left out or changed on the way to actix.
const CHANGED: [&str; 4] = ["connection", "expect", "http2-settings", "upgrade"];

thread_local! {
    static CONFIG: ServiceConfig = {
        // It starts a clock, which is not needed here, and wants a runtime for that.
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime can be made");
        LocalSet::new().block_on(&runtime, async { ServiceConfig::default() })
    };
}

/// Reads the bytes of a connection as hookd does, and those that it passes on as actix does.
///
/// # Panics
/// When hookd accepts a head that actix does not, or reads otherwise; when the body does not end for both at the same byte;
/// or when anything that follows it is passed on.
pub fn check(bytes: &[u8]) {
    let head = match head::read(bytes) {
        Ok(Some(head)) if head.length <= MAX_HEAD_BYTES => head,
        Ok(_) => return,
        Err(error) => {
            let text = error.to_string();
            assert!(!text.chars().any(char::is_control) && text.len() < 200, "not a short line: {text:?}");
            return;
        }
    };
    let Head { length, mut framing, rewritten, .. } = head;
    let (received, rest) = bytes.split_at(length);
    let taken = framing.advance(rest);
    let given = [rewritten.as_deref().unwrap_or(received), &rest[..taken]].concat();
    let mut buffer = BytesMut::from(&given[..]);
    let mut codec = Codec::new(CONFIG.with(ServiceConfig::clone));
    match codec.decode(&mut buffer) {
        Ok(Some(Message::Item(request))) => check_request(received, &request, rewritten.is_some()),
        other => panic!("a head is accepted of which actix says {other:?}: {:?}", given.escape_ascii().to_string()),
    }
    let is_ended = read_body(&mut codec, &mut buffer);
    assert_eq!(is_ended, framing.is_complete(), "whether the body has ended, for actix and for hookd");
    assert!(!is_ended || buffer.is_empty(), "{} bytes are passed on that follow a body", buffer.len());
}

/// Reads a body to its end. Whether that has come: it may be still to come, or the body malformed.
fn read_body(codec: &mut Codec, buffer: &mut BytesMut) -> bool {
    if codec.message_type() == actix_http::h1::MessageType::None {
        return true;
    }
    loop {
        match codec.decode(buffer) {
            Ok(Some(Message::Chunk(Some(_)))) => {}
            Ok(Some(Message::Chunk(None))) => return true,
            Ok(Some(Message::Item(_))) => panic!("a body contains a request"),
            Ok(None) | Err(_) => return false,
        }
    }
}

/// Compares a request with the head that was received.
fn check_request(received: &[u8], request: &Request, is_rewritten: bool) {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut expected = httparse::Request::new(&mut headers);
    // A query may have bytes that are encoded in what actix gets, so that only the rest can be compared then.
    let is_parsed = expected.parse(received).is_ok_and(|status| status.is_complete());
    assert!(is_parsed || is_rewritten, "a head is passed on as it is that is none");
    if !is_parsed {
        return;
    }
    assert_eq!(Some(request.method().as_str()), expected.method);
    assert_eq!(request.version() == actix_http::Version::HTTP_10, expected.version == Some(0), "the version");
    if !is_rewritten {
        let target = expected.path.unwrap_or_default();
        assert!(target.contains(request.path()), "{target:?} became {:?}", request.path());
    }
    let mut found: Vec<(String, Vec<u8>)> =
        request.headers().iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    let mut wanted: Vec<(String, Vec<u8>)> = expected.headers.iter().map(pair).collect();
    if is_rewritten {
        assert!(!request.head().expect(), "an expectation is passed on that the connection answers");
        assert!(!request.head().upgrade(), "an offer to upgrade is passed on");
        found.retain(|(name, _)| !CHANGED.contains(&&**name));
        wanted.retain(|(name, _)| !CHANGED.contains(&&**name));
        // One that was not sent is added to a `POST` of HTTP/1.0.
        let is_length = |(name, _): &(String, Vec<u8>)| name == "content-length";
        if !wanted.iter().any(is_length) {
            found.retain(|header| !is_length(header));
        }
    }
    found.sort();
    wanted.sort();
    assert!(found == wanted, "headers {wanted:?} became {found:?}");
}

fn pair(header: &Header<'_>) -> (String, Vec<u8>) {
    (header.name.to_ascii_lowercase(), header.value.to_vec())
}
