//! SIGTERM ends hookd in bounded time whatever does not answer: whoever reads its log or its output, a sink, a file of the
//! configuration, an API. And a second signal ends it at once.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use hookd_tests::http::Connection;
use hookd_tests::{Home, Hookd, LISTENERS, until};

use crate::api_retries::pull_request;
use crate::push;

/// How long hookd may take to end, with a `shutdown_timeout` of a second; it takes two or three.
const MAX_TIME: Duration = Duration::from_secs(20);

/// A hookd with these tables, whose requests have a second to finish when it stops.
fn start(tables: &str) -> Hookd {
    let listeners = LISTENERS.replacen("[server]", "[server]\nshutdown_timeout = '1s'", 1);
    Home::with_config(&format!("{listeners}\n[change_hook_dialects.github]\n{tables}\n")).start()
}

/// Sends so many pushes.
fn push(hookd: &Hookd, count: usize) {
    let mut connection = Connection::new(hookd.public());
    for number in 1..=count {
        let answer = connection.send(&push::request(&number.to_string())).expect("hookd answers");
        assert_eq!(answer.line(), "202 1 change found");
    }
}

/// Stops hookd, which has to end cleanly and in time.
fn ends(hookd: Hookd) -> Home {
    let since = Instant::now();
    let (status, home) = hookd.terminate();
    assert_eq!(status.code(), Some(0));
    assert!(since.elapsed() < MAX_TIME, "{:?}", since.elapsed());
    home
}

#[test]
fn a_log_that_nobody_reads_holds_up_neither_requests_nor_the_end() {
    let hookd = start("");
    hookd.stop_reading();
    // Several times what a pipe takes.
    push(&hookd, 1000);
    let home = ends(hookd);
    // The store is free again, and has everything.
    assert_eq!(home.start().admin().list("/api/v2/changes?limit=5000", "changes").len(), 1000);
}

#[test]
fn an_output_that_nobody_reads_does_not_hold_up_the_end() {
    let hookd = start("[[sinks]]\nname = 'out'\ntype = 'file'\npath = '-'\n");
    hookd.stop_reading();
    push(&hookd, 500);
    // The pipe is full: the sink no longer moves.
    let lag = || hookd.admin().metric("hookd_sink_lag_changes{sink=\"out\"}");
    until("the sink is stuck", || {
        let before = lag();
        let attempts = hookd.admin().metric("hookd_sink_attempts_total{sink=\"out\",outcome=\"delivered\"}");
        (before > 0.0 && attempts > 50.0 && lag() == before).then_some(())
    });
    ends(hookd);
}

#[test]
fn a_file_that_never_ends_does_not_hold_up_the_end() {
    let hookd = start("");
    let fifo = hookd.home().path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("it is a program").success());
    let config = std::fs::read_to_string(hookd.home().path().join("hookd.toml")).expect("it is there");
    hookd.home().write("hookd.toml", config + "secret = { file = 'fifo' }\n");
    hookd.signal("HUP");
    // Opening it succeeds once hookd opens it to read.
    let _writer = std::fs::OpenOptions::new().write(true).open(&fifo).expect("hookd reads it");
    ends(hookd);
}

#[test]
fn peers_that_never_answer_do_not_hold_up_the_end() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("it is bound");
    let hookd = start(&format!(
        "github_api_endpoint = 'http://{address}'\n[[sinks]]\nname = 'web'\ntype = 'webhook'\nurl = 'http://{address}/'\n\
         [[sinks]]\nname = 'exec'\ntype = 'exec'\ncommand = ['sh', '-c', 'trap \"\" TERM INT HUP; sleep 1000']\n"
    ));
    assert_eq!(hookd.send(&push::webhook("pull_request", &pull_request())).status, 202);
    push(&hookd, 1);
    // The API, and the sink.
    let _connections = [silent.accept().expect("hookd calls"), silent.accept().expect("hookd calls")];
    ends(hookd);
}

/// A hookd that has read a request but for its last bytes, which are returned; it waits for these for 30 seconds.
fn with_a_request_in_progress() -> (Hookd, TcpStream, Vec<u8>) {
    let hookd = Home::serving("[change_hook_dialects]\ngithub = true").start();
    let address = hookd.public();
    let bytes = push::request("1").to_bytes(address);
    let (most, rest) = bytes.split_at(bytes.len() - 5);
    let mut stream = TcpStream::connect(address).expect("hookd listens");
    stream.write_all(most).expect("hookd reads");
    until("hookd has read it", || (hookd.admin().metric("hookd_buffered_bytes") > 0.0).then_some(()));
    (hookd, stream, rest.to_vec())
}

#[test]
fn a_second_signal_ends_hookd_at_once() {
    let (hookd, mut stream, _) = with_a_request_in_progress();
    let address = hookd.public();
    hookd.send_sigterm();
    until("hookd takes no more connections", || TcpStream::connect(address).is_err().then_some(()));
    stream.set_nonblocking(true).expect("it can be");
    let since = Instant::now();
    // What comes at once is no second signal.
    until("hookd has closed the connection", || {
        hookd.send_sigterm();
        let read = stream.read(&mut [0]);
        read.err().is_none_or(|error| error.kind() != ErrorKind::WouldBlock).then_some(())
    });
    let (status, home) = hookd.wait();
    assert_eq!(status.code(), Some(1));
    assert!(since.elapsed() < MAX_TIME, "{:?}", since.elapsed());
    assert!(home.start().admin().changes().is_empty());
}

#[test]
fn signals_that_come_together_are_one_request_to_stop() {
    let (hookd, mut stream, rest) = with_a_request_in_progress();
    let address = hookd.public();
    let both = format!("kill -TERM {0} && kill -INT {0}", hookd.pid());
    assert!(Command::new("sh").args(["-c", &both]).status().expect("a shell runs").success());
    until("hookd takes no more connections", || TcpStream::connect(address).is_err().then_some(()));
    stream.write_all(&rest).expect("hookd reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("hookd answers, and closes the connection");
    assert!(answer.starts_with("HTTP/1.1 202 ") && answer.ends_with("1 change found"), "{answer}");
    let (status, home) = hookd.wait();
    assert_eq!(status.code(), Some(0));
    assert_eq!(home.start().admin().changes().len(), 1);
}
