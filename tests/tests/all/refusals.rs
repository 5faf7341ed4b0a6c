//! Mistakes of senders: each has its answer, never a 5xx, and leaves no connection open.

use std::time::{Duration, Instant};

use hookd_tests::http::{Answer, Request};
use hookd_tests::{Home, Hookd};

use crate::push;
use crate::raw::{Raw, exchange};

const BASE: &str = "/change_hook/base";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// hookd with small limits for time and size.
fn start() -> Hookd {
    Home::with_config(
        "[server]\nlisten = '127.0.0.1:0'\nrequest_timeout = '1s'\nmax_body = '1000B'\n[admin]\nlisten = '127.0.0.1:0'\n\
         [store]\nurl = 'sqlite:hookd.db'\n[change_hook_dialects]\nbase = true\ngithub = true\n",
    )
    .start()
}

/// The head of a request; `headers` include their line endings.
fn head(method: &str, target: &str, headers: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: hookd\r\n{headers}\r\n")
}

/// Checks that an answer is hookd's own, with this status and text.
fn assert_says(answer: &Answer, line: &str) {
    assert_eq!(answer.line(), line);
    assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"), "{line}");
    assert_eq!(answer.header("X-Content-Type-Options"), Some("nosniff"), "{line}");
}

/// The only answer.
fn only(answers: Vec<Answer>) -> Answer {
    let [answer] = answers.try_into().unwrap_or_else(|answers| panic!("not one answer: {answers:?}"));
    answer
}

/// Checks that the connection is closed soon, although the request is incomplete.
fn assert_is_closed_soon(connection: &mut Raw) {
    let since = Instant::now();
    connection.closed();
    assert!(since.elapsed() < Duration::from_secs(4), "it took {:?} until the connection was closed", since.elapsed());
}

#[test]
fn an_unsupported_method_is_405_and_the_supported_ones_are_named() {
    let hookd = start();
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW", "get"] {
        let base = only(exchange(hookd.public(), head(method, BASE, "")));
        assert_says(&base, "405 method not allowed, expected GET, POST");
        assert_eq!(base.header("Allow"), Some("GET, POST"));
        let github = only(exchange(hookd.public(), head(method, "/change_hook/github", "")));
        assert_says(&github, "405 method not allowed, expected POST");
        assert_eq!(github.header("Allow"), Some("POST"));
    }
    let get = hookd.send(&Request::get("/change_hook/github"));
    assert_says(&get, "405 method not allowed, expected POST");

    // The answer to HEAD has no body, and the connection stays usable.
    let mut connection = Raw::open(hookd.public());
    connection.write(head("HEAD", BASE, ""));
    let answer = connection.answer_to_head().expect("hookd answers");
    assert_eq!((answer.status, answer.header("Allow")), (405, Some("GET, POST")));
    connection.write(head("GET", &format!("{BASE}?author=a"), ""));
    assert_says(&connection.answer().expect("hookd answers"), "202 1 change found");
}

#[test]
fn a_body_that_is_too_large_is_413_as_soon_as_that_is_known() {
    let hookd = start();
    let too_large = "413 the body is larger than 1000 bytes";
    // The body is not sent.
    let mut said = Raw::open(hookd.public());
    said.write(head("POST", BASE, "Content-Length: 1001\r\n"));
    assert_says(&said.answer().expect("hookd answers"), too_large);
    assert_is_closed_soon(&mut said);
    let huge = only(exchange(hookd.public(), head("POST", BASE, "Content-Length: 18446744073709551615\r\n")));
    assert_says(&huge, too_large);
    // One chunk or many, without an end.
    for chunks in [format!("3e9\r\n{}\r\n", "a".repeat(1001)), "1\r\na\r\n".repeat(1001)] {
        let mut chunked = Raw::open(hookd.public());
        chunked.write(head("POST", BASE, CHUNKED)).write(chunks);
        assert_says(&chunked.answer().expect("hookd answers"), too_large);
        assert_is_closed_soon(&mut chunked);
    }
    // The whole body is sent before the answer is read.
    let sent = hookd.send(&Request::post(BASE).body("a".repeat(5_000_000)));
    assert_says(&sent, too_large);

    let field = |length: usize| format!("author={}", "a".repeat(length - "author=".len()));
    for (length, line) in [(1000, "202 1 change found"), (1001, too_large)] {
        let fixed = format!("{FORM}Content-Length: {length}\r\n");
        assert_says(&only(exchange(hookd.public(), head("POST", BASE, &fixed) + &field(length))), line);
        let chunk = format!("{length:x}\r\n{}\r\n0\r\n\r\n", field(length));
        let chunked = head("POST", BASE, &format!("{FORM}{CHUNKED}")) + &chunk;
        assert_says(&only(exchange(hookd.public(), chunked)), line);
    }
    assert_eq!(hookd.admin().changes().len(), 2);
}

#[test]
fn a_body_that_is_too_slow_is_408() {
    let hookd = start();
    let (no_head, no_body) = ("408 no complete request head within 1s", "408 no complete body within 1s");
    let since = Instant::now();
    let connections: Vec<_> = [
        (String::new(), no_head),
        ("POST /change_hook HT".to_owned(), no_head),
        (format!("POST {BASE} HTTP/1.1\r\nHost: hookd\r\n"), no_head),
        (head("POST", BASE, "Content-Length: 9\r\n"), no_body),
        (head("POST", BASE, "Content-Length: 9\r\n") + "author=", no_body),
        (head("POST", BASE, CHUNKED), no_body),
        (head("POST", BASE, CHUNKED) + "3\r\nabc\r\n", no_body),
        (head("POST", BASE, &format!("Expect: 100-continue\r\n{CHUNKED}")), no_body),
    ]
    .into_iter()
    .map(|(bytes, line)| {
        let mut slow = Raw::open(hookd.public());
        slow.write(&bytes);
        (slow, bytes, line)
    })
    .collect();
    for (mut slow, bytes, line) in connections {
        let mut answer = slow.answer().expect("hookd answers");
        if answer.status == 100 {
            answer = slow.answer().expect("hookd answers");
        }
        assert_says(&answer, line);
        assert_eq!(answer.header("Connection"), Some("close"), "{bytes:?}");
        assert_is_closed_soon(&mut slow);
    }
    assert!(since.elapsed() >= Duration::from_secs(1), "they had a second each");

    // Slow, but within the limit.
    let mut slow = Raw::open(hookd.public());
    for byte in (head("POST", BASE, &format!("{FORM}Content-Length: 8\r\n")) + "author=a").as_bytes() {
        slow.write([*byte]);
    }
    assert_says(&slow.answer().expect("hookd answers"), "202 1 change found");
    assert_eq!(hookd.admin().deliveries().len(), 1);
}

#[test]
fn a_request_refused_before_its_body_does_not_keep_the_connection_open() {
    let home = Home::with_config(
        "change_hook_auth = 'memory:ann:one'\n[server]\nlisten = '127.0.0.1:0'\n[admin]\nlisten = '127.0.0.1:0'\n\
         [store]\nurl = 'sqlite:hookd.db'\n[change_hook_dialects]\nbase = { change_hook_auth = 'anonymous' }\n\
         known = { custom_class = 'base' }\nfar = { custom_class = 'base', allow_from = ['192.0.2.1'] }\n",
    );
    let hookd = home.start();
    let mut connections = Vec::new();
    for (method, target, status) in [
        ("POST", "/nothing", 404),
        ("PUT", BASE, 405),
        ("POST", "/change_hook/known", 401),
        ("POST", "/change_hook/none", 401),
        ("POST", "/change_hook/far", 403),
    ] {
        for (headers, begun) in [(CHUNKED, "3\r\nabc\r\n"), ("Content-Length: 9\r\n", "abc")] {
            let mut connection = Raw::open(hookd.public());
            connection.write(head(method, target, headers) + begun);
            connections.push((connection, status, format!("{method} {target} {headers}")));
        }
    }
    for (mut connection, status, about) in connections {
        assert_eq!(connection.answer().expect("hookd answers").status, status, "{about}");
        assert_is_closed_soon(&mut connection);
    }
}

#[test]
fn a_broken_body_is_400() {
    let hookd = start();
    let broken = "400 the body is broken";
    for chunks in ["zz\r\nabc\r\n", "3\r\nabcdef", "-1\r\n", "ffffffffffffffffff\r\n", "3;\r\nab", "3\r\nabc\r\n0\r\nx"]
    {
        let answers = exchange(hookd.public(), head("POST", BASE, CHUNKED) + chunks);
        assert_says(answers.first().expect("hookd answers"), broken);
        assert!(answers[1..].iter().all(|answer| answer.status == 400), "{chunks:?}: {answers:?}");
    }
    // It ends too early.
    assert_says(&only(exchange(hookd.public(), head("POST", BASE, "Content-Length: 9\r\n") + "abc")), broken);
    assert_says(&only(exchange(hookd.public(), head("POST", BASE, CHUNKED) + "3\r\nabc\r\n")), broken);
    // It breaks later, while hookd is waiting for it.
    let mut later = Raw::open(hookd.public());
    later.write(head("POST", BASE, &format!("{CHUNKED}Expect: 100-continue\r\n")));
    assert_eq!(later.answer().map(|answer| answer.status), Some(100));
    later.write("3\r\nabc\r\nzz\r\n");
    assert_says(&later.answer().expect("hookd answers"), broken);
    assert_eq!(hookd.admin().deliveries().len(), 0);
}

#[test]
fn a_malformed_head_is_answered_and_the_connection_closed() {
    let hookd = start();
    let line = |headers: &str| head("POST", BASE, headers);
    for (bytes, status) in [
        ("garbage\r\n\r\n".to_owned(), 400),
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0".to_owned(), 400),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400),
        (format!("GET {BASE} HTTP/1.1\r\n\r\n"), 400),
        (format!("GET {BASE}/ü HTTP/1.1\r\nHost: a\r\n\r\n"), 400),
        (format!("GET {BASE} HTTP/9.9\r\nHost: a\r\n\r\n"), 400),
        (format!("GET {BASE}?{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(70_000)), 431),
        // Ambiguous body lengths allow requests to be smuggled through a proxy.
        (line(&format!("Content-Length: 3\r\n{CHUNKED}")) + "0\r\n\r\n", 400),
        (line(&format!("{CHUNKED}Content-Length: 3\r\n")) + "0\r\n\r\n", 400),
        (line("Content-Length: 3\r\nContent-Length: 3\r\n") + "abc", 400),
        (line("Content-Length: 3\r\nContent-Length: 4\r\n") + "abcd", 400),
        (line(&CHUNKED.repeat(2)) + "0\r\n\r\n", 400),
        (line("Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n", 400),
        (line("Transfer-Encoding: identity\r\n"), 400),
        (line("Content-Length: -3\r\n"), 400),
        (line("Content-Length: +3\r\n") + "abc", 400),
        (line("Content-Length: 18446744073709551616\r\n"), 400),
        (line("Host: another\r\n"), 400),
        (line("No colon\r\n"), 400),
        (line("Space : before\r\n"), 400),
        (line(&"X: y\r\n".repeat(97)), 431),
        (line(&format!("X: {}\r\n", "a".repeat(33_000))), 431),
        (line(&format!("X: {}\r\n", "a".repeat(2_000_000))), 431),
        (line(&"Some-Header: with a value\r\n".repeat(100_000)), 431),
        ("a".repeat(1_000_000), 431),
    ] {
        let answer = only(exchange(hookd.public(), &bytes));
        let shown = bytes.get(..bytes.len().min(200));
        assert_eq!(answer.status, status, "{shown:?}");
        let text = answer.text();
        assert!(!text.is_empty(), "{shown:?}");
        assert_says(&answer, &format!("{status} {text}"));
        assert_eq!(answer.header("Connection"), Some("close"));
    }
    assert_eq!(hookd.admin().deliveries().len(), 0);
    assert_says(&hookd.send(&Request::get(format!("{BASE}?author=a"))), "202 1 change found");
}

#[test]
fn a_client_that_expects_100_continue_gets_it() {
    let hookd = start();
    let mut polite = Raw::open(hookd.public());
    polite.write(head("POST", BASE, &format!("{FORM}Expect: 100-continue\r\nContent-Length: 8\r\n")));
    assert_eq!(polite.answer().map(|answer| answer.status), Some(100));
    polite.write("author=a");
    assert_says(&polite.answer().expect("hookd answers"), "202 1 change found");
    // A client that does not wait for it needs none.
    let impatient = format!("{FORM}Expect: 100-continue\r\nContent-Length: 8\r\n");
    let statuses: Vec<_> = exchange(hookd.public(), head("POST", BASE, &impatient) + "author=b")
        .into_iter()
        .map(|answer| answer.status)
        .collect();
    assert_eq!(statuses, [202]);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let hookd = start();
    let good = head("GET", &format!("{BASE}?author=a"), "");
    let bad = head("GET", "/change_hook/none", "");
    let form = head("POST", BASE, &format!("{FORM}Content-Length: 8\r\n")) + "author=b";
    let answers = exchange(hookd.public(), [&*good, &bad, &form, &good, &head("GET", "/", ""), &good].concat());
    let statuses: Vec<_> = answers.into_iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [202, 400, 202, 202, 404, 202]);
}

#[test]
fn paths_are_interpreted_as_buildbot_does() {
    let hookd = start();
    let unknown = |name: &str| format!("400 The dialect specified, '{name}', wasn't whitelisted in change_hook");
    let nothing = "404 not found: hookd serves /change_hook here, and nothing else";
    for (target, line) in [
        ("/change_hook?author=a", "202 1 change found"),
        ("/change_hook/?author=a", "202 1 change found"),
        ("/change_hook/base/what/ever?author=a", "202 1 change found"),
        ("/change_hook//github?author=a", "202 1 change found"),
        ("/change_hook/%zz?author=a", "202 1 change found"),
        ("http://elsewhere/change_hook?author=a", "202 1 change found"),
        ("/change_hook/none", &unknown("none")),
        ("/change_hook/base2", &unknown("base2")),
        ("/change_hook/BASE", &unknown("BASE")),
        ("/change_hook/base?author=%ff", "400 argument `author` is not UTF-8"),
        ("/change_hookbase", nothing),
        ("/Change_Hook", nothing),
        ("/", nothing),
        ("/api/v2/changes", nothing),
        ("/healthz", nothing),
        ("/../change_hook", nothing),
        ("*", nothing),
    ] {
        let answer = only(exchange(hookd.public(), head("GET", target, "")));
        assert_says(&answer, line);
    }
}

/// Bytes with a meaning in HTTP.
const ODD: &[u8] = b"\0\r\n :;%/?&=ap0\xff";

/// Pseudorandom numbers, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

#[test]
fn no_bytes_are_answered_with_5xx() {
    let hookd = start();
    let mut dice = Dice(1);
    let form = head("POST", BASE, &format!("{FORM}Content-Length: 8\r\n")) + "author=a";
    let chunked = head("POST", BASE, &format!("{FORM}{CHUNKED}")) + "8\r\nauthor=a\r\n0\r\n\r\n";
    let seeds = [push::request("1").to_bytes(hookd.public()), form.into_bytes(), chunked.into_bytes()];
    let mut seen = [0_usize; 6];
    for round in 0..600 {
        let mut bytes = seeds[round % seeds.len()].clone();
        for _ in 0..=dice.below(4) {
            let (at, byte) = (dice.below(bytes.len()), ODD[dice.below(ODD.len())]);
            match dice.below(4) {
                0 => drop(bytes.remove(at)),
                1 => bytes.insert(at, byte),
                2 => bytes[at] = byte,
                _ => bytes.truncate(at + 1),
            }
        }
        for answer in exchange(hookd.public(), &bytes) {
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            assert!(answer.status < 500, "{} to {shown:?}", answer.line());
            let is_plain = answer.header("X-Content-Type-Options") == Some("nosniff")
                && answer.header("Content-Type") == Some("text/plain; charset=utf-8");
            assert!(is_plain || answer.body.is_empty(), "{answer:?} to {shown:?}");
            seen[usize::from(answer.status / 100)] += 1;
        }
    }
    assert!(seen[2] > 0 && seen[4] > 100, "{seen:?}");
    assert!(!hookd.log().iter().any(|line| line.contains("panicked")), "{:?}", hookd.log());
}
