//! Answers that are given before a body has been read: the sender gets them, and hookd does not read on for ever.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use hookd_tests::http::Request;
use hookd_tests::until;
use hookd_tests::{Home, Hookd};

use crate::raw::{Raw, exchange};

fn start(server: &str) -> Hookd {
    let config = format!(
        "[server]\nlisten = '127.0.0.1:0'\n{server}\n[admin]\nlisten = '127.0.0.1:0'\n[store]\nurl = 'sqlite:hookd.db'\n\
         [change_hook_dialects]\nbase = true\nclosed = {{ custom_class = 'base', change_hook_auth = 'memory:ann:one' }}\n\
         far = {{ custom_class = 'base', allow_from = ['192.0.2.1'] }}\n"
    );
    Home::with_config(&config).start()
}

/// Requests that are refused before their bodies are read: method, path, headers, status.
const REFUSED: [(&str, &str, &str, u16); 7] = [
    ("POST", "/nothing", "", 404),
    ("PUT", "/change_hook", "", 405),
    ("POST", "/change_hook/closed", "", 401),
    ("POST", "/change_hook/far", "", 403),
    ("POST", "/change_hook/none", "", 400),
    ("POST", "/change_hook", "Content-Encoding: gzip\r\n", 415),
    ("POST", "/change_hook", "X-Larger: than allowed\r\n", 413),
];

fn head(method: &str, path: &str, headers: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nHost: hookd\r\n{headers}\r\n")
}

#[test]
fn a_sender_that_reads_only_after_its_whole_body_is_sent_gets_the_early_answer() {
    let hookd = start("max_body = '1000B'");
    let piece = vec![b'x'; 32 << 10];
    for (method, path, headers, status) in REFUSED {
        for length in [32 << 10, 512 << 10, 4 << 20] {
            for framing in [format!("Content-Length: {length}\r\n"), "Transfer-Encoding: chunked\r\n".to_owned()] {
                let is_chunked = framing.starts_with('T');
                let mut connection = Raw::open(hookd.public());
                connection.write(head(method, path, &format!("{headers}{framing}")));
                let mut writer = connection.writer();
                for _ in 0..length / piece.len() {
                    let sent = if is_chunked {
                        writer.write_all(&[format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat())
                    } else {
                        writer.write_all(&piece)
                    };
                    sent.unwrap_or_else(|error| panic!("{path} {framing:?}: hookd reads on: {error}"));
                }
                if is_chunked {
                    writer.write_all(b"0\r\n\r\n").expect("hookd reads on");
                }
                let answer = connection.answer().expect("the answer is not lost");
                assert_eq!(answer.status, status, "{path} {framing:?}");
                assert_eq!(answer.header("Connection"), Some("close"));
                connection.closed();
            }
        }
    }
}

#[test]
fn a_sender_that_expects_100_continue_is_not_reported_to_send_what_is_refused() {
    let hookd = start("max_body = '1000B'");
    for (method, path, headers, status) in REFUSED {
        let mut connection = Raw::open(hookd.public());
        connection.write(head(method, path, &format!("{headers}Expect: 100-continue\r\nContent-Length: 5000\r\n")));
        let since = Instant::now();
        assert_eq!(connection.answer().expect("hookd answers").status, status, "{path}");
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    }
    let mut admitted = Raw::open(hookd.public());
    let form = "Content-Type: application/x-www-form-urlencoded\r\nExpect: 100-continue\r\nContent-Length: 8\r\n";
    admitted.write(head("POST", "/change_hook", form));
    assert_eq!(admitted.answer().expect("hookd answers").status, 100);
    admitted.write("author=a");
    assert_eq!(admitted.answer().expect("hookd answers").line(), "202 1 change found");
}

#[test]
fn what_is_discarded_is_bounded_in_bytes_and_in_time() {
    let hookd = start("request_timeout = '3s'");
    // As fast as it goes.
    let mut fast = Raw::open(hookd.public());
    fast.write(head("POST", "/nothing", "Content-Length: 1000000000000\r\n"));
    let mut writer = fast.writer();
    let piece = vec![b'x'; 1 << 20];
    let sent = (0..1000).take_while(|_| writer.write_all(&piece).is_ok()).count();
    println!("{sent} MiB were sent, {} MiB resident at most", hookd.memory().1);
    assert!((32..100).contains(&sent), "{sent}");
    assert!(hookd.memory().1 < 100, "{:?}", hookd.memory());
    // A byte now and then.
    let mut slow = Raw::open(hookd.public());
    slow.write(head("POST", "/nothing", "Content-Length: 1000000000000\r\n"));
    let since = Instant::now();
    assert_eq!(slow.answer().expect("hookd answers").status, 404);
    let mut writer = slow.writer();
    while writer.write_all(b"x").is_ok() {
        thread::park_timeout(Duration::from_millis(20));
    }
    println!("closed after {:?}", since.elapsed());
    assert!((Duration::from_secs(2)..Duration::from_secs(8)).contains(&since.elapsed()), "{:?}", since.elapsed());
}

#[test]
fn what_a_query_should_not_contain_is_taken() {
    let hookd = start("");
    let target = "/change_hook/base?author=Oda+<oda@fern.example>&revision=r42&files=[\"a.c\"]&comments=\u{fc}";
    for bytes in
        [head("POST", target, "Content-Length: 0\r\n"), format!("POST {target} HTTP/1.0\r\nConnection: close\r\n\r\n")]
    {
        let lines: Vec<_> = exchange(hookd.public(), bytes).iter().map(|answer| answer.line()).collect();
        assert_eq!(lines, ["202 1 change found"]);
    }
    for change in hookd.admin().changes() {
        let texts = ["author", "revision", "comments"].map(|name| change[name].as_str().expect("a text").to_owned());
        assert_eq!(texts, ["Oda <oda@fern.example>", "r42", "\u{fc}"]);
        assert_eq!(change["files"], serde_json::json!(["a.c"]));
    }
}

#[test]
fn what_is_refused_before_a_dialect_sees_it_is_named_counted_and_listed() {
    let hookd = start("");
    let reasons = [
        ("not found", hookd.send(&Request::post("/buildbot/change_hook/base").body("author=a")).line()),
        ("not found", hookd.send(&Request::post("//change_hook/base").body("author=a")).line()),
        ("invalid uri character", lines(&hookd, "GET /change_hook/<base> HTTP/1.1\r\nHost: a\r\n\r\n")),
        ("`Host` is missing", lines(&hookd, "GET /change_hook HTTP/1.1\r\n\r\n")),
        ("more than 96 headers", lines(&hookd, &head("GET", "/change_hook", &"X: y\r\n".repeat(97)))),
        (
            "larger than 32768 bytes",
            lines(&hookd, &head("GET", "/change_hook", &format!("X: {}\r\n", "y".repeat(40_000)))),
        ),
    ];
    for (reason, line) in &reasons {
        assert!(line.contains(reason), "{line}");
    }
    let listed = hookd.admin().get("/api/v2/unverified").text();
    for (reason, _) in &reasons {
        assert!(listed.contains(reason), "{reason}: {listed}");
    }
    assert!(listed.contains("/buildbot/change_hook/base"), "{listed}");
    until("the log line of the wrong path", || {
        hookd.log().iter().any(|line| line.contains("/buildbot/change_hook/base")).then_some(())
    });
    let counted = hookd.admin().get("/metrics").text();
    let line = counted.lines().find(|line| line.starts_with("hookd_requests_total{dialect=\"other\""));
    assert!(line.is_some_and(|line| line.ends_with(" 6")), "{line:?}");
}

/// The answers to these bytes.
fn lines(hookd: &Hookd, bytes: &str) -> String {
    exchange(hookd.public(), bytes).iter().map(|answer| answer.line()).collect::<Vec<_>>().join("; ")
}
