//! What clients of the admin listener can use up, and who they can be.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use hookd_tests::http::{self, Request};
use hookd_tests::{Home, until};
use serde_json::Value;

/// The status line of the answer to this request head.
fn status(address: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("hookd listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout can be set");
    stream.write_all(head.as_bytes()).expect("hookd reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("hookd answers and closes");
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_page_of_another_site_reads_and_changes_nothing() {
    let hookd = Home::serving("[change_hook_dialects]\nbase = true").start();
    let address = hookd.admin().address();
    let head = |method: &str, path: &str, host: &str, more: &str| {
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n{more}\r\n")
    };
    let own = address.to_string();
    for (host, expected) in [
        (own.clone(), "200"),
        (format!("localhost:{}", address.port()), "200"),
        (format!("rebound.example:{}", address.port()), "421"),
        ("127.0.0.1".to_owned(), "421"),
    ] {
        for path in ["/", "/api/v2/changes", "/metrics"] {
            let line = status(address, &head("GET", path, &host, ""));
            assert!(line.starts_with(&format!("HTTP/1.1 {expected}")), "{host} {path}: {line}");
        }
    }
    for (more, expected) in [
        ("", "200"),
        ("Sec-Fetch-Site: cross-site\r\n", "403"),
        ("Sec-Fetch-Site: same-site\r\n", "403"),
        ("Sec-Fetch-Site: same-origin\r\n", "200"),
        ("Origin: http://evil.example\r\n", "403"),
        ("Origin: null\r\n", "403"),
    ] {
        let line = status(address, &head("POST", "/api/v2/reload", &own, more));
        assert!(line.starts_with(&format!("HTTP/1.1 {expected}")), "{more:?}: {line}");
    }
    for path in ["/", "/healthz", "/api/v2/changes", "/api/v2/changes/99", "/metrics", "/nowhere"] {
        assert_eq!(hookd.admin().get(path).header("Cache-Control"), Some("no-store"), "{path}");
    }
}

#[test]
fn lists_of_large_changes_take_bounded_memory() {
    const MIB: usize = 1 << 20;
    let hookd = Home::serving("[change_hook_dialects]\nbase = true").start();
    for number in 0..12 {
        let comments = number.to_string().repeat(5 * MIB);
        let request = Request::post("/change_hook/base")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(format!("author=a&revision=r{number}&comments={comments}"));
        assert_eq!(hookd.send(&request).line(), "202 1 change found");
    }
    let before = hookd.memory().0;
    let address = hookd.admin().address();
    let get =
        move |path: &'static str| thread::spawn(move || http::send(address, &Request::get(path)).expect("an answer"));
    let paths = ["/", "/api/v2/changes?limit=200000", "/api/v2/changes?order=comments"];
    let answers: Vec<_> = paths.into_iter().cycle().take(12).map(|path| (path, get(path))).collect();
    for (path, answer) in answers {
        let answer = answer.join().expect("no panic");
        assert!([200, 503].contains(&answer.status), "{path}: {}", answer.status);
        assert!(answer.body.len() < 10 * MIB, "{path}: {} bytes", answer.body.len());
    }
    let (_, peak) = hookd.memory();
    println!("12 changes of 5 MiB, 12 lists of them: resident {before} MiB before, {peak} MiB at the peak");
    assert!(peak < before + 250, "resident memory grew from {before} to {peak} MiB");

    let list: Value = serde_json::from_slice(&hookd.admin().get("/api/v2/changes?limit=200000").body).expect("JSON");
    assert_eq!((&list["meta"]["total"], &list["meta"]["limit"]), (&Value::from(12), &Value::from(5000)));
    let changes = list["changes"].as_array().expect("a list");
    let cut = changes.iter().filter(|change| change["truncated"] == true).count();
    assert!(cut >= 10, "{cut} of 12 are cut");
    let whole = hookd.admin().list("/api/v2/changes/12", "changes").remove(0);
    assert_eq!(whole["comments"].as_str().map(str::len), Some(2 * 5 * MIB), "the change itself is whole");
    let sorted = hookd.admin().get("/api/v2/changes?order=author&offset=20000");
    assert_eq!(sorted.status, 400, "{}", sorted.text());
}

#[test]
fn searches_that_are_given_up_hold_up_no_other() {
    let hookd = Home::serving("[change_hook_dialects]\nbase = true").start();
    let filler = "x".repeat(2000);
    for number in 0..60 {
        let body: String = format!("author=a&revision=r{number}&comments={filler}");
        let request =
            Request::post("/change_hook/base").header("Content-Type", "application/x-www-form-urlencoded").body(body);
        assert_eq!(hookd.send(&request).line(), "202 1 change found");
    }
    let address = hookd.admin().address();
    let given_up: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(address).expect("hookd listens");
            let head = format!("GET /api/v2/changes?comments__contains=y HTTP/1.1\r\nHost: {address}\r\n\r\n");
            stream.write_all(head.as_bytes()).expect("hookd reads");
            stream
        })
        .collect();
    drop(given_up);
    let began = Instant::now();
    let found = until("a search is answered", || {
        let answer = hookd.admin().get("/api/v2/changes?comments__contains=x&limit=1");
        (answer.status == 200).then_some(answer)
    });
    assert!(began.elapsed() < Duration::from_secs(20), "after {:?}", began.elapsed());
    let found: Value = serde_json::from_slice(&found.body).expect("JSON");
    assert_eq!(found["meta"]["total"], 60);
}
