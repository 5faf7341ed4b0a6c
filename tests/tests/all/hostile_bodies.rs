//! Bodies that are too many, never end, or are built to consume time and memory: other senders are served meanwhile.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hookd_tests::http::{Answer, Connection, Request};
use hookd_tests::{Home, Hookd, sha256_signature, until};

use crate::push;
use crate::raw::{Raw, exchange};

const SECRET: &str = "a secret of the tests";

/// The memory that large bodies take, according to the metric.
const BUFFERED: &str = "hookd_buffered_bytes";

fn start(server: &str) -> Hookd {
    let config = format!(
        "[server]\nlisten = '127.0.0.1:0'\n{server}\n[admin]\nlisten = '127.0.0.1:0'\n[store]\nurl = 'sqlite:hookd.db'\n\
         [change_hook_dialects]\nbase = true\ngithub = {{ secret = '{SECRET}', strict = true }}\n"
    );
    Home::with_config(&config).start()
}

/// A signed GitHub webhook with this body.
fn signed(body: Vec<u8>) -> Request {
    let signature = sha256_signature(SECRET, &body);
    Request::post("/change_hook/github")
        .header("X-GitHub-Event", "push")
        .header("X-Hub-Signature-256", signature)
        .json(body)
}

/// A push with this many bytes of padding.
fn push_of(revision: &str, bytes: usize) -> Request {
    let mut payload = push::payload(revision);
    payload["padding"] = "x".repeat(bytes).into();
    signed(payload.to_string().into_bytes())
}

/// The head of a request with a body of this length, and the start of that body.
fn begun(length: usize, begin: usize) -> Vec<u8> {
    let head = format!("POST /change_hook/github HTTP/1.1\r\nHost: hookd\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), &vec![b'x'; begin]].concat()
}

fn assert_overloaded(answer: &Answer) {
    assert_eq!(answer.line(), "503 overloaded: nothing was stored, try again soon");
    assert_eq!(answer.header("Retry-After"), Some("1"));
    assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
}

#[test]
fn a_compressed_body_is_415_and_the_answer_names_the_accepted_encoding() {
    let hookd = start("");
    let body = push::payload("1").to_string();
    for encoding in ["gzip", "deflate", "br", "zstd", "x-gzip", "GZIP", "identity, gzip", "nonsense"] {
        let answer = hookd.send(&signed(body.clone().into_bytes()).header("Content-Encoding", encoding));
        assert_eq!(
            answer.line(),
            "415 the body is compressed or encoded, expected one without `Content-Encoding`",
            "{encoding}"
        );
        assert_eq!(answer.header("Accept-Encoding"), Some("identity"));
        assert_eq!(answer.header("Content-Type"), Some("text/plain; charset=utf-8"));
    }
    let plain = hookd.send(&signed(body.into_bytes()).header("Content-Encoding", "identity"));
    assert_eq!(plain.line(), "202 1 change found");
    assert_eq!(hookd.admin().deliveries().len(), 1);
}

#[test]
fn bytes_beyond_the_content_length_do_not_belong_to_the_body() {
    let hookd = start("");
    let request = "POST /change_hook HTTP/1.1\r\nHost: hookd\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                   Content-Length: 8\r\n\r\nauthor=abcdef\r\n\r\n";
    let since = Instant::now();
    let lines: Vec<_> = exchange(hookd.public(), request).iter().map(Answer::line).collect();
    let malformed = "400 the request is malformed: invalid token";
    assert_eq!(lines, ["202 1 change found", malformed], "{:?}", since.elapsed());
    let [change] = hookd.admin().changes().try_into().expect("one change");
    assert_eq!(change["author"], "a");
}

#[test]
fn a_connection_that_breaks_within_a_body_releases_its_memory() {
    let hookd = start("");
    for _ in 0..20 {
        let mut connection = Raw::open(hookd.public());
        connection.write(begun(10_000_000, 5_000_000));
        connection.reset();
    }
    // First a body occupies memory; then all of it is released.
    let mut stuck = Raw::open(hookd.public());
    stuck.write(begun(10_000_000, 5_000_000));
    until("a body is being read", || (hookd.admin().metric(BUFFERED) > 1e6).then_some(()));
    stuck.reset();
    until("all memory is released", || (hookd.admin().metric(BUFFERED) == 0.0).then_some(()));
    assert_eq!(hookd.admin().deliveries().len(), 0);
}

#[test]
fn stalled_bodies_give_way_to_those_that_make_progress() {
    let hookd = start("max_buffered = '2MiB'");
    // Each announces a large body, sends part of it, and then nothing.
    let mut stuck: Vec<_> = (0..16)
        .map(|_| {
            let mut connection = Raw::open(hookd.public());
            connection.write(begun(20_000_000, 1_000_000));
            connection
        })
        .collect();
    until("one of the bodies occupies memory", || (hookd.admin().metric(BUFFERED) > 900_000.0).then_some(()));
    for number in 0..5 {
        assert_eq!(hookd.send(&push_of(&format!("small{number}"), 0)).line(), "202 1 change found");
        assert_eq!(hookd.send(&push_of(&format!("large{number}"), 1_900_000)).line(), "202 1 change found");
        assert!(hookd.admin().metric(BUFFERED) <= 2_097_152.0);
    }
    for connection in &mut stuck {
        assert_overloaded(&connection.answer().expect("hookd says why"));
    }
    let unstored = hookd.admin().metric("hookd_requests_total{dialect=\"github\",outcome=\"unstored\"}");
    assert_eq!(unstored, 16.0);
    assert_eq!(hookd.admin().changes().len(), 10);
}

#[test]
fn halves_of_many_large_bodies_take_no_more_memory_than_allowed() {
    let hookd = start("max_buffered = '32MiB'");
    let before = hookd.memory().0;
    let mut stuck: Vec<_> = (0..40)
        .map(|_| {
            let mut connection = Raw::open(hookd.public());
            connection.write(begun(25_000_000, 20_000_000));
            connection
        })
        .collect();
    let refused = stuck.iter_mut().take(38).filter_map(Raw::answer).inspect(assert_overloaded).count();
    let (after, most) = hookd.memory();
    println!("{refused} of 40 gave way; {before} MiB before, {after} MiB after, {most} MiB at most");
    assert!(refused >= 38, "{refused}");
    // The allocator keeps some memory, and doubles buffers when a body grows; that comes on top.
    assert!(most < before + 200, "{most}");
}

/// Sends small webhooks until `done`, and returns the longest time that one took.
fn worst_time(address: SocketAddr, name: &str, done: &AtomicBool) -> Duration {
    let mut sender = Connection::new(address);
    let mut worst = Duration::ZERO;
    for number in 0.. {
        let since = Instant::now();
        let answer = sender.send(&push_of(&format!("{name}{number}"), 0)).expect("hookd answers");
        assert_eq!(answer.line(), "202 1 change found");
        worst = worst.max(since.elapsed());
        if done.load(Ordering::Relaxed) {
            break;
        }
    }
    worst
}

#[test]
fn large_json_of_any_shape_is_answered_in_time_and_delays_nobody() {
    const LARGEST: usize = 25 << 20;
    let repeated = |begin: &str, part: &str, end: &str| {
        let count = (LARGEST - begin.len() - end.len()) / part.len();
        [begin, &part.repeat(count), end].concat().into_bytes()
    };
    let commit = r#"{"id":"a","message":"m","timestamp":"2024-05-01T12:00:00+02:00","url":"http://x","added":[],
        "modified":[],"removed":[],"distinct":true,"author":{"name":"a","email":"b"}},"#;
    let commits_end = r#"{}],"ref":"refs/heads/main","before":"0","after":"1","repository":{"name":"r",
        "full_name":"o/r","html_url":"http://x"}}"#;
    let keys: String = (0..1_500_000).map(|number| format!("\"{number}\":0,")).collect();
    let bodies = [
        ("lists in lists", repeated("", "[", ""), "400 broken JSON: recursion limit"),
        ("objects in objects", repeated("", "{\"a\":", ""), "400 broken JSON: recursion limit"),
        ("small keys", format!("{{{keys}\"a\":0}}").into_bytes(), "400 `ref` is missing"),
        ("the same key", repeated("{", "\"ref\":0,", "\"a\":0}"), "400 broken JSON: it has more than 2000000 values"),
        ("a long key", repeated("{\"", "k", "\":0}"), "400 `ref` is missing"),
        ("a long text", repeated("{\"ref\":\"", "t", "\"}"), "202 no change found"),
        ("escapes", repeated("{\"ref\":\"", "\\u00e4", "\"}"), "202 no change found"),
        ("numbers", repeated("[", "1,", "1]"), "400 broken JSON: it has more than 2000000 values"),
        ("a long number", repeated("[", "1", "]"), "400 "),
        ("empty lists", repeated("[", "[],", "[]]"), "400 broken JSON: it has more than 2000000 values"),
        ("white space", repeated("{", " ", "}"), "400 `ref` is missing"),
        ("many commits", repeated("{\"commits\":[", commit, commits_end), "400 "),
    ];
    // One thread serves them all.
    let hookd = start("workers = 1");
    for (name, body, expected) in &bodies {
        let request = signed(body.clone());
        let longest = || {
            let done = AtomicBool::new(false);
            let (answer, took, worst) = thread::scope(|scope| {
                let others = scope.spawn(|| worst_time(hookd.public(), name, &done));
                let since = Instant::now();
                let answer = hookd.send(&request);
                let took = since.elapsed();
                done.store(true, Ordering::Relaxed);
                (answer, took, others.join().expect("the others are answered"))
            });
            let shown: String = answer.line().chars().take(60).collect();
            println!("{name}: {took:?}, others {worst:?}, {} MiB at most: {shown}", hookd.memory().1);
            assert!(answer.line().starts_with(expected), "{name}: {shown}");
            assert!(took < Duration::from_secs(20), "{name}: {took:?}");
            worst
        };
        // A slow disk may delay them occasionally; a large body would do so every time, and must not.
        let is_short = (0..3).any(|_| longest() < Duration::from_millis(700));
        assert!(is_short, "{name} delays others");
    }
    assert!(hookd.memory().1 < 1500, "{:?}", hookd.memory());
}

#[test]
fn a_form_of_millions_of_arguments_is_400_and_takes_little() {
    let hookd = start("");
    let form = |query: &str, body: String| {
        let request = Request::post(format!("/change_hook{query}"));
        request.header("Content-Type", "application/x-www-form-urlencoded").body(body)
    };
    // Keys of the form replace those of the query: many of both must not be compared pairwise.
    let query = format!("?{}", "a=&".repeat(9_000));
    let since = Instant::now();
    for request in [form("", "b=c&".repeat(6_000_000)), form(&query, "b=c&".repeat(6_000_000))] {
        assert_eq!(hookd.send(&request).line(), "400 there are more than 10000 arguments");
    }
    let many = form(&query, "b=&".repeat(9_000));
    assert!(hookd.send(&many).line().starts_with("400 no field of a change was sent"), "{}", hookd.send(&many).line());
    println!("{:?}, {} MiB at most", since.elapsed(), hookd.memory().1);
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    assert!(hookd.memory().1 < 250, "{:?}", hookd.memory());
}
