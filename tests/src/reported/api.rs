//! A stand-in for a forge's API, which answers as a case says.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::case::Reply;

/// The answers, and how often each path was asked for.
struct State {
    replies: BTreeMap<String, Vec<Reply>>,
    asked: Mutex<BTreeMap<String, usize>>,
}

/// Starts it, and returns its address as a URL. It ends with the process.
pub(super) fn start(replies: BTreeMap<String, Vec<Reply>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let state = Arc::new(State { replies, asked: Mutex::default() });
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let state = Arc::clone(&state);
            // A client that hangs up in between wants no answer.
            thread::spawn(move || drop(serve(stream, &state)));
        }
    });
    format!("http://{address}")
}

/// Answers the requests of one connection.
fn serve(stream: TcpStream, state: &State) -> io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next().transpose()? {
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut token = String::new();
        for header in lines.by_ref() {
            let header = header?;
            let Some((name, value)) = header.split_once(':') else { break };
            if name.eq_ignore_ascii_case("Authorization") {
                value.trim().rsplit(' ').next().unwrap_or_default().clone_into(&mut token);
            }
        }
        out.write_all(state.reply(&path, &token).as_bytes())?;
    }
    Ok(())
}

impl State {
    /// The answer to a call of this path and query: that of both, or else that of the path.
    fn reply(&self, target: &str, token: &str) -> String {
        let path = target.split('?').next().unwrap_or_default();
        let key = if self.replies.contains_key(target) { target } else { path };
        let turn = {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let count = asked.entry(key.to_owned()).or_default();
            *count += 1;
            *count - 1
        };
        let replies = self.replies.get(key).map_or(&[][..], Vec::as_slice);
        let reply = replies.get(turn).or(replies.last());
        match reply.filter(|reply| reply.needs.as_deref().is_none_or(|needed| needed == token)) {
            Some(Reply { status, json, headers, needs: _ }) => {
                let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                let body = json.to_string();
                format!("HTTP/1.1 {status} Status\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
            }
            None => "HTTP/1.1 404 Status\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
        }
    }
}
