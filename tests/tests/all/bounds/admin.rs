//! What clients of the admin listener can use up, and who they can be.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
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

/// How many connections to this address a server has open, on 127.0.0.1.
fn connections(address: SocketAddr) -> usize {
    const LISTENING: &str = "0A";
    let port = format!(":{:04X}", address.port());
    let table = fs::read_to_string("/proc/net/tcp").expect("Linux has it");
    let is_open = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        // What its process has closed has no inode any more.
        fields[1].ends_with(&port) && fields[3] != LISTENING && fields[9] != "0"
    };
    table.lines().skip(1).filter(is_open).count()
}

#[test]
fn readers_that_stop_reading_hold_bounded_memory_and_are_cut_off() {
    const MIB: usize = 1 << 20;
    const READERS: usize = 200;
    let home = Home::serving("[change_hook_dialects]\nbase = true");
    let config = fs::read_to_string(home.path().join("hookd.toml")).expect("it was written");
    home.write("hookd.toml", config.replacen("[server]", "[server]\nrequest_timeout = \"2s\"\nkeep_alive = \"2s\"", 1));
    let hookd = home.start();
    for number in 0..4 {
        let comments = number.to_string().repeat(5 * MIB);
        let request = Request::post("/change_hook/base")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(format!("author=a&revision=r{number}&comments={comments}"));
        assert_eq!(hookd.send(&request).line(), "202 1 change found");
    }
    let (before, address) = (hookd.memory().0, hookd.admin().address());
    // Each asks for an answer of 5 MiB that no buffer of the system takes, and never reads.
    let mut readers: Vec<TcpStream> = (0..READERS)
        .map(|number| {
            let mut stream = TcpStream::connect(address).expect("hookd listens");
            let path = format!("/api/v2/changes/{}", 1 + number % 4);
            let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
            stream.write_all(head.as_bytes()).expect("hookd reads");
            stream
        })
        .collect();
    until("hookd has accepted them", || (connections(address) > READERS / 2).then_some(()));
    let began = Instant::now();
    until("all who do not read are cut off", || (connections(address) == 0).then_some(()));
    let (after, peak) = hookd.memory();
    println!(
        "{READERS} readers of 5 MiB that stop reading: resident {before} MiB before, {peak} MiB at the peak, {after} MiB \
         after {:?}, when all were cut off",
        began.elapsed()
    );
    assert!(peak < before + 200, "resident memory grew from {before} to {peak} MiB, for answers of 1000 MiB");
    let mut whole = 0;
    for reader in &mut readers {
        reader.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout can be set");
        let mut answer = Vec::new();
        // It ends with an error where the system had to drop what was not read.
        let _ = reader.read_to_end(&mut answer);
        whole += usize::from(answer.len() > 5 * MIB);
    }
    assert_eq!(whole, 0, "answers that arrived as a whole although nobody read them");
    let list = hookd.admin().get("/api/v2/changes?limit=4");
    assert_eq!(list.status, 200, "whoever reads gets an answer: {}", list.text());
}

#[test]
fn searches_that_overlap_do_not_make_the_wal_grow_without_end() {
    const MIB: u64 = 1 << 20;
    const WEBHOOKS: usize = 100;
    let hookd = Home::serving("[change_hook_dialects]\nbase = true").start();
    let mut rng = fastrand::Rng::with_seed(5);
    let mut send = |number: usize| {
        // What is hardly compressed, so that each adds 1.5 MiB to the WAL: its body, and the change.
        let comments: String = (0..MIB).map(|_| rng.alphanumeric()).collect();
        let request = Request::post("/change_hook/base")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(format!("author=a&revision=r{number}&comments={comments}"));
        assert_eq!(hookd.send(&request).line(), "202 1 change found");
    };
    (0..10).for_each(&mut send);
    let (address, wal) = (hookd.admin().address(), hookd.home().path().join("hookd.db-wal"));
    let (is_over, searches) = (AtomicBool::new(false), AtomicUsize::new(0));
    let largest = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let search = Request::get("/api/v2/changes?comments__contains=%20&limit=1");
                    let answer = http::send(address, &search).expect("hookd answers");
                    assert!([200, 503].contains(&answer.status), "{}", answer.status);
                    searches.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut largest = 0;
        for number in 10..WEBHOOKS {
            send(number);
            largest = largest.max(fs::metadata(&wal).expect("the store has a WAL").len());
        }
        is_over.store(true, Ordering::Relaxed);
        largest
    });
    let searches = searches.into_inner();
    let stored = fs::metadata(hookd.home().path().join("hookd.db")).expect("the store is there").len();
    println!(
        "{WEBHOOKS} webhooks of 1 MiB beside {searches} searches, four at a time: the WAL had {} MiB at most, the store {}",
        largest / MIB,
        stored / MIB
    );
    assert!(searches > 20, "{searches} searches");
    assert!(stored > 120 * MIB, "{} MiB went through the WAL", stored / MIB);
    assert!(largest < 100 * MIB, "the WAL grew to {} MiB", largest / MIB);
}
