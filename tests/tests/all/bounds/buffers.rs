//! The memory that senders occupy before anything of theirs has been verified.

use std::fs;

use hookd_tests::{Home, Hookd, until};

use crate::push;
use crate::raw::Raw;

const BUFFERED: &str = "hookd_buffered_bytes";

fn start() -> Hookd {
    let config = "[server]\nlisten = '127.0.0.1:0'\nmax_buffered = '16MiB'\n[admin]\nlisten = '127.0.0.1:0'\n[store]\n\
                  url = 'sqlite:hookd.db'\n[change_hook_dialects]\nbase = true\ngithub = true\n";
    Home::with_config(config).start()
}

/// How many connections this process may open: so many, or fewer.
fn possible(wanted: usize) -> usize {
    let limit = rlimit::increase_nofile_limit(u64::MAX).expect("the hard limit may be taken");
    wanted.min(usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(500))
}

/// Opens connections that send these bytes and no more; the memory that each takes, in KiB, and what hookd counts of it.
fn occupy(name: &str, bytes: &[u8]) -> (usize, f64) {
    let hookd = start();
    let count = possible(3000);
    let before = hookd.memory().0;
    let _connections: Vec<_> = (0..count)
        .map(|_| {
            let mut connection = Raw::open(hookd.public());
            connection.write(bytes);
            connection
        })
        .collect();
    // All of it has been read, or refused.
    until("hookd has read what was sent", || {
        let sockets = fs::read_to_string(format!("/proc/{}/net/tcp", hookd.pid())).expect("this is Linux");
        let port = format!(":{:04X} ", hookd.public().port());
        let is_read = |line: &str| {
            let fields: Vec<_> = line.split_whitespace().collect();
            !fields[1].ends_with(port.trim()) || fields[3] != "01" || fields[4].ends_with(":00000000")
        };
        sockets.lines().skip(1).all(is_read).then_some(())
    });
    let buffered = hookd.admin().metric(BUFFERED);
    let peak = hookd.memory().1;
    let each = (peak.saturating_sub(before) << 10) as usize / count;
    println!(
        "{name}: {count} connections, {before} MiB before, {peak} MiB at most, {each} KiB each; {buffered} counted"
    );
    // A genuine sender is served meanwhile.
    assert_eq!(hookd.send(&push::request("1")).line(), "202 1 change found");
    (each, buffered)
}

#[test]
fn connections_that_send_nothing_take_little() {
    let (each, buffered) = occupy("nothing", b"");
    assert!(each < 40 && buffered == 0.0, "{each} KiB, {buffered}");
}

#[test]
fn bodies_of_unverified_senders_are_counted_and_bounded() {
    let head = "POST /change_hook/github HTTP/1.1\r\nHost: hookd\r\nContent-Length: 65536\r\n\r\n";
    let (each, buffered) = occupy("bodies", &[head.as_bytes(), &vec![b'x'; (64 << 10) - 1]].concat());
    // What is counted is at most 16 MiB, which is 6 KiB of each.
    assert!(each < 75, "{each} KiB");
    assert!((8e6..17e6).contains(&buffered), "{buffered}");
}

#[test]
fn heads_of_unverified_senders_are_counted_and_bounded() {
    let head = format!("GET /change_hook HTTP/1.1\r\nHost: hookd\r\nX: {}", "x".repeat(30_000));
    let (each, buffered) = occupy("heads", head.as_bytes());
    assert!(each < 60, "{each} KiB");
    assert!((8e6..17e6).contains(&buffered), "{buffered}");
}
