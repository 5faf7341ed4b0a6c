//! Single requests: checks that a server accepts valid pushes and refuses invalid ones, and queries hookd.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::child::Server;
use super::load::{Push, fresh_seed};

/// Sends a request that closes its connection; returns the status and the whole answer.
pub(super) fn send(address: SocketAddr, request: &str) -> Result<(u16, String), String> {
    let failed = |error: std::io::Error| format!("{address}: {error}");
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).map_err(failed)?;
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(failed)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.map(|status| (status, answer)).ok_or_else(|| format!("{address} did not answer in HTTP"))
}

/// The body of the answer to a `GET` of this path.
pub(super) fn get(address: SocketAddr, path: &str) -> Result<String, String> {
    let (status, answer) =
        send(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    if status == 200 { Ok(body.to_owned()) } else { Err(format!("{path} was answered with {status}: {body}")) }
}

/// Checks that a server accepts a signed push, and refuses it with wrong signatures: otherwise its speed is meaningless.
pub(super) fn check(server: &Server, push: &Push) -> Result<(), String> {
    let wrong = push.with_wrong_signatures();
    for (push, is_valid) in [(push, true), (&wrong, false)] {
        let id = format!("00000000-0000-11f0-0000-{:012x}", fresh_seed());
        let (status, answer) = send(server.address, &push.request(server.path, &id, "close"))?;
        if (200..300).contains(&status) != is_valid {
            let signed = if is_valid { "with valid signatures" } else { "with wrong signatures" };
            let answer = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            return Err(format!("{} answered a push {signed} with {status}: {answer}", server.name));
        }
    }
    Ok(())
}
