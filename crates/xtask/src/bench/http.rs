//! Single requests: whether a server takes what is right and refuses what is wrong, and what hookd says of itself.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::child::Server;
use super::load::Push;

/// Sends a request that closes its connection; gives the status and the whole answer.
pub(super) fn send(address: SocketAddr, request: &str) -> Result<(u16, String), String> {
    let failed = |error: std::io::Error| format!("{address}: {error}");
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_read_timeout(Some(Duration::from_secs(60))).map_err(failed)?;
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(failed)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.map(|status| (status, answer)).ok_or_else(|| format!("{address} gave no answer of HTTP"))
}

/// The body of what is at a path.
pub(super) fn get(address: SocketAddr, path: &str) -> Result<String, String> {
    let (status, answer) = send(address, &format!("GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n"))?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    if status == 200 { Ok(body.to_owned()) } else { Err(format!("{path} was answered with {status}: {body}")) }
}

/// Whether a server takes a push, and not with a signature of something else: only then is there a point in its speed.
pub(super) fn check(server: &Server, push: &Push) -> Result<(), String> {
    let wrong = push.with_signatures_of_nothing();
    for (push, is_right) in [(push, true), (&wrong, false)] {
        let (status, answer) = send(server.address, &push.request(server.path))?;
        if (200..300).contains(&status) != is_right {
            let signed = if is_right { "that is signed" } else { "with wrong signatures" };
            let answer = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
            return Err(format!("{} answered a push {signed} with {status}: {answer}", server.name));
        }
    }
    Ok(())
}
