//! Connections that do nothing, or not enough: each is closed in time, without affecting other senders.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use hookd_tests::http::{Connection, Request};
use hookd_tests::{Home, Hookd, until};

use crate::push;
use crate::raw::Raw;

fn start(server: &str) -> Hookd {
    let config = format!(
        "[server]\nlisten = '127.0.0.1:0'\n{server}\n[admin]\nlisten = '127.0.0.1:0'\n[store]\nurl = 'sqlite:hookd.db'\n\
         [change_hook_dialects]\nbase = true\ngithub = true\n"
    );
    Home::with_config(&config).start()
}

fn change(address: SocketAddr) -> Vec<u8> {
    Request::get("/change_hook?author=a").to_bytes(address)
}

#[test]
fn an_unfinished_head_is_408_on_a_reused_connection_too() {
    let hookd = start("request_timeout = '1s'");
    for address in [hookd.public(), hookd.admin().address()] {
        let whole = Request::get(if address == hookd.public() { "/change_hook?author=a" } else { "/healthz" });
        let bytes = whole.to_bytes(address);
        let mut connection = Raw::open(address);
        connection.write(&bytes);
        assert!(connection.answer().expect("hookd answers").status < 300);
        let since = Instant::now();
        connection.write(&bytes[..20]);
        let answer = connection.answer().expect("hookd says why");
        assert_eq!(answer.line(), "408 no complete request head within 1s");
        assert_eq!(answer.header("Connection"), Some("close"));
        connection.closed();
        assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    }
}

#[test]
fn a_head_that_trickles_in_gets_no_more_time_than_one_that_stops() {
    let hookd = start("request_timeout = '1s'");
    let mut dripping = Raw::open(hookd.public());
    dripping.write(change(hookd.public()));
    assert_eq!(dripping.answer().expect("hookd answers").status, 202);
    dripping.write("GET /change_hook HTTP/1.1\r\nHost: a\r\nX: ");
    let since = Instant::now();
    let answer = thread::scope(|scope| {
        let mut writer = dripping.writer();
        scope.spawn(move || {
            while std::io::Write::write_all(&mut writer, b"x").is_ok() {
                thread::park_timeout(Duration::from_millis(50));
            }
        });
        dripping.answer()
    });
    assert_eq!(answer.expect("hookd says why").line(), "408 no complete request head within 1s");
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
}

#[test]
fn a_head_that_is_too_large_is_431_on_a_reused_connection_too() {
    let hookd = start("");
    let mut connection = Raw::open(hookd.public());
    connection.write(change(hookd.public()));
    assert_eq!(connection.answer().expect("hookd answers").status, 202);
    connection.write(format!("GET /change_hook?author={} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(500_000)));
    let answer = connection.answer().expect("hookd says why");
    assert_eq!(answer.line(), "431 the request head is larger than 32768 bytes");
    connection.closed();
    // A head just below the limit is accepted, in whatever pieces it arrives.
    let large = Request::get(format!("/change_hook?author=b&comments={}", "c".repeat(30_000)));
    let mut slow = Raw::open(hookd.public());
    slow.write(change(hookd.public()));
    assert_eq!(slow.answer().expect("hookd answers").status, 202);
    for piece in large.to_bytes(hookd.public()).chunks(700) {
        slow.write(piece);
    }
    assert_eq!(slow.answer().expect("hookd answers").line(), "202 1 change found");
    let mut quick = Raw::open(hookd.public());
    quick.write(large.to_bytes(hookd.public()));
    assert_eq!(quick.answer().expect("hookd answers").line(), "202 1 change found");
}

#[test]
fn a_client_that_does_not_read_its_answers_is_disconnected() {
    let hookd = start("request_timeout = '1s'");
    let request = Request::get("/nothing").to_bytes(hookd.public());
    // Sends more requests than hookd reads while its answers pile up.
    let mut deaf = Raw::open(hookd.public()).writer();
    deaf.set_write_timeout(Some(Duration::from_secs(30))).expect("the system has timeouts");
    let since = Instant::now();
    let refused = loop {
        if let Err(error) = std::io::Write::write_all(&mut deaf, &request.repeat(1000)) {
            break error.kind();
        }
    };
    println!("{refused:?} after {:?}", since.elapsed());
    assert!(matches!(refused, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{refused:?}");
}

#[test]
fn connections_beyond_max_connections_wait_until_one_is_closed() {
    let hookd = start("max_connections = 4\nworkers = 1\nrequest_timeout = '2s'");
    let mut idle: Vec<_> = (0..4).map(|_| Raw::open(hookd.public())).collect();
    let mut waiting = Raw::open(hookd.public());
    waiting.write(change(hookd.public()));
    // The private listener answers: it has its own connections.
    assert_eq!(hookd.admin().get("/healthz").status, 200);
    let closed = idle.pop().expect("there are four");
    let since = Instant::now();
    drop(closed);
    assert_eq!(waiting.answer().expect("hookd answers").line(), "202 1 change found");
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
    drop(waiting);
    // It does not take a client that disconnects.
    let mut late = [Raw::open(hookd.public()), Raw::open(hookd.public())];
    for connection in &mut late {
        connection.write(change(hookd.public()));
        assert_eq!(connection.answer().expect("hookd answers").line(), "202 1 change found");
    }
    for connection in &mut idle {
        assert_eq!(connection.answer().expect("hookd says why").status, 408);
    }
}

/// The worst and the median time of a hundred webhooks, one after the other.
fn times(address: SocketAddr, name: &str) -> (Duration, Duration) {
    let mut sender = Connection::new(address);
    let mut times: Vec<_> = (0..100)
        .map(|number| {
            let since = Instant::now();
            let answer = sender.send(&push::request(&format!("{name}{number}"))).expect("hookd answers");
            assert_eq!(answer.line(), "202 1 change found");
            since.elapsed()
        })
        .collect();
    times.sort();
    (times[99], times[50])
}

/// How many connections this process may open, with room for its other files.
fn possible() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").expect("this is Linux");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("Linux says so");
    let hard = line.split_whitespace().nth(4).expect("soft and hard").parse().unwrap_or(usize::MAX);
    rlimit::increase_nofile_limit(u64::MAX).expect("the hard limit may be taken");
    hard.saturating_sub(500)
}

#[test]
fn ten_thousand_idle_connections_cost_little_and_delay_nobody() {
    let count = possible().min(10_000);
    if count < 10_000 {
        println!("the hard limit on open files allows {count} connections only");
    }
    let hookd = start("request_timeout = '8s'");
    let before = (hookd.memory().0, times(hookd.public(), "before"));
    let since = Instant::now();
    let address = hookd.public();
    // Half of them send nothing, half start a request.
    let mut idle: Vec<_> = (0..count)
        .map(|number| {
            let mut connection = Raw::open(address);
            if number % 2 == 0 {
                connection.write("POST /change_hook/github HTTP/1.1\r\nHost: ");
            }
            connection
        })
        .collect();
    let opened = since.elapsed();
    let during = (hookd.memory().0, times(hookd.public(), "during"));
    println!("{count} connections in {opened:?}; memory (MiB) and worst and median time: {before:?}, then {during:?}");
    assert!(during.0 < before.0 + 200, "{during:?}");
    assert!(during.1.0 < Duration::from_secs(1), "{during:?}");
    assert!(opened < Duration::from_secs(20), "{opened:?}");
    for connection in idle.iter_mut().skip(count - 100) {
        assert_eq!(connection.answer().expect("hookd says why").status, 408);
    }
    // hookd has closed all of them, though their peers still keep them open.
    let open = until("the connections are closed", || {
        let open = fs::read_dir(format!("/proc/{}/fd", hookd.pid())).expect("it runs, on Linux").count();
        (open < 200).then_some(open)
    });
    println!("{open} descriptors, {} MiB and {:?} afterwards", hookd.memory().0, times(hookd.public(), "after"));
}

#[test]
fn hookd_warns_when_the_system_allows_fewer_connections_than_configured() {
    let home = Home::with_config(
        "[server]\nlisten = '127.0.0.1:0'\nmax_connections = 1000000000\n[admin]\nlisten = '127.0.0.1:0'\n\
         [store]\nurl = 'sqlite:hookd.db'\n[change_hook_dialects]\nbase = true\n",
    );
    let hookd = home.start();
    let said = until("hookd has logged the warning", || {
        hookd.log().into_iter().find(|line| line.contains("the limit on open files allows fewer connections"))
    });
    assert!(said.contains("1000000000"), "{said}");
    let refused: std::io::Result<TcpStream> = TcpStream::connect(hookd.public());
    assert!(refused.is_ok(), "it serves nevertheless");
}
