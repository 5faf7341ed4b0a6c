//! The number of connections, and how long each may be idle.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hookd_tests::http::Request;
use hookd_tests::{Home, Hookd};

use crate::raw::Raw;

fn start(server: &str) -> Hookd {
    let config = format!(
        "[server]\nlisten = '127.0.0.1:0'\n{server}\n[admin]\nlisten = '127.0.0.1:0'\n[store]\nurl = 'sqlite:hookd.db'\n\
         [change_hook_dialects]\nbase = true\ngithub = true\nclosed = {{ custom_class = 'base', change_hook_auth = \
         'memory:ann:one' }}\nfar = {{ custom_class = 'base', allow_from = ['192.0.2.1'] }}\n"
    );
    Home::with_config(&config).start()
}

/// An open connection on which this was answered, with the status.
fn answered(address: SocketAddr, request: &Request) -> (Raw, u16) {
    let mut connection = Raw::open(address);
    connection.write(request.to_bytes(address));
    let status = connection.answer().expect("hookd answers").status;
    (connection, status)
}

fn change() -> Request {
    Request::get("/change_hook?author=a")
}

#[test]
fn an_idle_connection_is_kept_for_keep_alive_whatever_was_answered() {
    let hookd = start("request_timeout = '1s'\nkeep_alive = '3s'");
    let (public, admin) = (hookd.public(), hookd.admin().address());
    let since = Instant::now();
    let connections: Vec<_> = [
        (public, change(), 202),
        (public, Request::get("/nothing"), 404),
        (public, Request::get("/change_hook/none"), 400),
        (public, Request::get("/change_hook/base"), 400),
        (public, Request::get("/change_hook/closed"), 401),
        (public, Request::get("/change_hook/far"), 403),
        (public, Request::get("/change_hook/github"), 405),
        (public, change().header("Content-Encoding", "gzip"), 415),
        (public, Request::post("/change_hook/github").json("{"), 400),
        (admin, Request::get("/healthz"), 200),
        (admin, Request::get("/nothing"), 404),
        (admin, Request::get("/api/v2/changes?limit=x"), 400),
    ]
    .into_iter()
    .map(|(address, request, expected)| {
        let (connection, status) = answered(address, &request);
        assert_eq!(status, expected, "{request:?}");
        (connection, request)
    })
    .collect();
    for (mut connection, request) in connections {
        connection.closed();
        let took = since.elapsed();
        assert!((Duration::from_secs(3)..Duration::from_secs(8)).contains(&took), "{took:?}: {request:?}");
    }
}

#[test]
fn sixty_four_idle_connections_after_a_404_shut_out_nobody() {
    let hookd = start("max_connections = 64\nworkers = 1\nrequest_timeout = '2s'\nkeep_alive = '1h'");
    let idle: Vec<_> = (0..64).map(|_| answered(hookd.public(), &Request::get("/nothing"))).collect();
    assert!(idle.iter().all(|(_, status)| *status == 404));
    let since = Instant::now();
    for _ in 0..200 {
        assert_eq!(answered(hookd.public(), &change()).1, 202);
    }
    println!("200 more were answered in {:?}", since.elapsed());
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
}

#[test]
fn the_longest_idle_connection_goes_when_another_wants_in() {
    let hookd = start("max_connections = 200\nworkers = 2\nkeep_alive = '1h'");
    for (address, request, count) in
        [(hookd.public(), change(), 200), (hookd.admin().address(), Request::get("/healthz"), 256)]
    {
        let mut idle: Vec<_> = (0..count).map(|_| answered(address, &request).0).collect();
        // The first one is used again: it is not the longest idle any more.
        idle[0].write(request.to_bytes(address));
        assert!(idle[0].answer().expect("hookd answers").status < 300);
        let since = Instant::now();
        let new: Vec<_> = (0..3).map(|_| answered(address, &request)).collect();
        assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
        assert!(new.iter().all(|(_, status)| *status < 300));
        for closed in &mut idle[1..4] {
            closed.closed();
        }
        for kept in [0, 4, count - 1] {
            idle[kept].write(request.to_bytes(address));
            assert!(idle[kept].answer().expect("it is still open").status < 300, "{kept}");
        }
    }
}

#[test]
fn a_busy_connection_does_not_go_but_the_next_that_is_idle() {
    let hookd = start("max_connections = 2\nworkers = 1\nkeep_alive = '1h'");
    let mut busy: Vec<_> = (0..2).map(|_| Raw::open(hookd.public())).collect();
    let whole =
        Request::post("/change_hook").header("Content-Type", "application/x-www-form-urlencoded").body("author=a");
    let bytes = whole.to_bytes(hookd.public());
    for connection in &mut busy {
        connection.write(&bytes[..bytes.len() - 1]);
    }
    // hookd has begun to serve both.
    assert_eq!(hookd.admin().get("/healthz").status, 200);
    let mut waiting = Raw::open(hookd.public());
    waiting.write(change().to_bytes(hookd.public()));
    busy[1].write("a");
    assert_eq!(busy[1].answer().expect("it was not closed").status, 202);
    busy[1].closed();
    assert_eq!(waiting.answer().expect("hookd answers").status, 202);
    busy[0].write("a");
    assert_eq!(busy[0].answer().expect("it was not closed").status, 202);
}

#[test]
fn a_connection_that_waits_for_a_place_does_not_delay_the_shutdown() {
    let hookd = start("max_connections = 1\nworkers = 1\nrequest_timeout = '20s'\nshutdown_timeout = '20s'");
    let mut first = Raw::open(hookd.public());
    first.write("GET /change_hook HTTP/1.1\r\n");
    let mut waiting = Raw::open(hookd.public());
    waiting.write(change().to_bytes(hookd.public()));
    let since = Instant::now();
    let (status, _) = hookd.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    first.closed();
}

#[test]
fn a_connection_goes_on_or_is_closed_as_the_answer_announces() {
    let hookd = start("max_body = '1000B'");
    let head = |target: &str, headers: &str| format!("POST {target} HTTP/1.1\r\nHost: hookd\r\n{headers}\r\n");
    let form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 8\r\n";
    let h2c = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n";
    let websocket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let close = "Connection: close\r\n";
    let cases = [
        ("accepted", head("/change_hook", form) + "author=a", 202, true),
        ("h2c", head("/change_hook", &(h2c.to_owned() + form)) + "author=a", 202, true),
        ("WebSocket", head("/change_hook", &(websocket.to_owned() + form)) + "author=a", 202, true),
        ("close", head("/change_hook", &(close.to_owned() + form)) + "author=a", 202, false),
        ("chunked", head("/change_hook", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400, true),
        ("no dialect, no body", head("/change_hook/none", "Content-Length: 0\r\n"), 400, true),
        ("no path, no body", head("/nothing", ""), 404, true),
        ("refused by the dialect", head("/change_hook/github", form) + "author=a", 400, true),
        ("unread body", head("/change_hook/none", form), 400, false),
        ("unread chunks", head("/change_hook/none", "Transfer-Encoding: chunked\r\n"), 400, false),
        ("too large", head("/change_hook", "Content-Length: 1001\r\n"), 413, false),
        ("malformed", head("/change_hook", "No colon\r\n"), 400, false),
        ("HTTP/1.0", "GET /change_hook?author=a HTTP/1.0\r\n\r\n".to_owned(), 202, false),
    ];
    for (name, bytes, status, goes_on) in cases {
        let mut connection = Raw::open(hookd.public());
        connection.write(bytes);
        let answer = connection.answer().expect(name);
        assert_eq!(answer.status, status, "{name}: {}", answer.line());
        assert_eq!(answer.header("Upgrade"), None, "{name}");
        if !goes_on {
            assert!(answer.header("Connection").is_none_or(|value| value == "close"), "{name}");
            connection.closed();
            continue;
        }
        assert_eq!(answer.header("Connection"), None, "{name}");
        connection.write(change().to_bytes(hookd.public()));
        assert_eq!(connection.answer().expect(name).line(), "202 1 change found", "{name}");
    }
}
