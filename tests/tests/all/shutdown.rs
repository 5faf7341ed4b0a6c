//! SIGTERM stops hookd cleanly: it finishes requests in progress, and accepts no new ones.

use std::io::{Read, Write};
use std::net::TcpStream;

use hookd_tests::{Home, until};

use crate::push;

#[test]
fn a_request_in_progress_is_finished() {
    let hookd = Home::serving("[change_hook_dialects]\ngithub = true").start();
    let address = hookd.public();
    let request = push::request("1").header("Connection", "close").header("Expect", "100-continue");
    let bytes = request.to_bytes(address);
    let (head, body) = bytes.split_at(bytes.len() - request.body.len());
    let mut stream = TcpStream::connect(address).expect("hookd listens");
    stream.write_all(head).expect("hookd reads");
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut go_on).expect("hookd asks for the body");
    assert!(go_on.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&go_on));

    hookd.send_sigterm();
    until("hookd takes no more connections", || TcpStream::connect(address).is_err().then_some(()));
    stream.write_all(body).expect("hookd reads on");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("hookd answers");
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");

    let (status, home) = hookd.wait();
    assert_eq!(status.code(), Some(0));
    let [change] = home.start().admin().changes().try_into().expect("the change was stored");
    assert_eq!(change["revision"], "1");
}

#[test]
fn an_idle_hookd_stops_at_once() {
    let (status, _) = Home::serving("[change_hook_dialects]\nbase = true").start().terminate();
    assert_eq!(status.code(), Some(0));
}
