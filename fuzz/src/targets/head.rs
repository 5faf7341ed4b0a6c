//! Request heads and the framing of bodies.

use fastrand::Rng;

use crate::{Bound, Meter, Scope, Target, mutation};

/// Laws: those of [`hookd_http::fuzzing::check`]: what hookd accepts is what its HTTP library reads, and a body ends for
/// both at the same byte.
pub(super) struct Heads;

const TOKENS: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    " ",
    "\t",
    ":",
    ",",
    "GET ",
    "POST ",
    "CONNECT a:1 ",
    "HTTP/1.1",
    "HTTP/1.0",
    "HTTP/2.0",
    "Host: a\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: +3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "transfer-encoding:\tchunked \r\n",
    "Connection: Upgrade, HTTP2-Settings\r\n",
    "Connection: close\r\n",
    "Upgrade: h2c\r\n",
    "Upgrade: websocket\r\n",
    "Expect: 100-continue\r\n",
    "HTTP2-Settings: A\r\n",
    "http://a/b",
    "*",
    "?a=\"<b>\"",
    "%",
    "#",
    "\u{fc}",
    "3\r\nabc\r\n",
    "0\r\n\r\n",
    "0\r\nA: b\r\n\r\n",
    "3;x=\"y\"\r\n",
    "fffffffff",
    "X: \u{80}\r\n",
    " X: folded\r\n",
];

impl Target for Heads {
    fn name(&self) -> &'static str {
        "head"
    }

    fn seeds(&self) -> Vec<Vec<u8>> {
        [
            "POST /change_hook/github?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n",
            "GET /?a=\"<b>\"&c=\u{fc} HTTP/1.1\r\nHost: a\r\nUser-Agent: b\r\nAccept: */*\r\n\r\n",
            "POST /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\
             Content-Length: 4\r\n\r\nabcd",
            "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nabcd",
            "\r\n\r\nGET http://a/b?c HTTP/1.1\r\nhost:a\r\n\r\n",
            "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\nbytes",
        ]
        .map(|seed| seed.as_bytes().to_vec())
        .to_vec()
    }

    fn mutate(&self, rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8> {
        match rng.bool() {
            true => mutation::bytes::mutate_lines(rng, input, other),
            false => mutation::bytes::mutate(rng, input, other, TOKENS),
        }
    }

    fn check(&self, input: &[u8], _: Scope, meter: &mut Meter) {
        meter.measure(Bound::SENT, input.len(), || hookd_http::fuzzing::check(input));
    }
}
