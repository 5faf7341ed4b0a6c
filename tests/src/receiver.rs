//! A receiver of the events of a sink `webhook`, which answers as it is asked to and remembers everything.

use std::collections::HashSet;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::Value;

/// An event as it arrived.
#[derive(Clone, Debug)]
pub struct Event {
    /// The header `webhook-id`.
    pub id: String,
    /// The change.
    pub change: Value,
}

impl Event {
    /// A field of the change, as text; empty where it has none.
    pub fn field(&self, name: &str) -> &str {
        self.change[name].as_str().unwrap_or_default()
    }
}

/// What the receiver does with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Answers with this status; with 2xx it has taken the event.
    Status(u16),
    /// Takes the event, and closes the connection without an answer.
    TakeAndClose,
    /// Does not answer until the other side hangs up.
    Hang,
}

type Script = Box<dyn FnMut(&Event) -> Reply + Send>;

/// The running receiver.
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    script: Script,
    /// Every event with what was done with it, in the order of arrival.
    seen: Vec<(Event, Reply)>,
}

impl Receiver {
    /// Starts it. It takes all events until a test says otherwise.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(Mutex::new(State { script: Box::new(|_| Reply::Status(204)), seen: Vec::new() }));
        let shared = Arc::clone(&state);
        // The thread ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // A client that hangs up in between wants no answer.
                thread::spawn(move || drop(serve(stream, &state)));
            }
        });
        Self { address, state }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    /// Answers as this says from now on.
    pub fn answer(&self, script: impl FnMut(&Event) -> Reply + Send + 'static) {
        lock(&self.state).script = Box::new(script);
    }

    /// Every event so far and what was done with it, repeats included.
    pub fn seen(&self) -> Vec<(Event, Reply)> {
        lock(&self.state).seen.clone()
    }

    /// How many events have come, repeats included.
    pub fn count(&self) -> usize {
        lock(&self.state).seen.len()
    }

    /// The events that were taken, each once, in the order in which it took them first.
    pub fn taken(&self) -> Vec<Event> {
        let mut known = HashSet::new();
        let state = lock(&self.state);
        let taken =
            state.seen.iter().filter(|(_, reply)| matches!(reply, Reply::Status(200..=299) | Reply::TakeAndClose));
        taken.map(|(event, _)| event).filter(|event| known.insert(event.id.clone())).cloned().collect()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers the requests of one connection.
fn serve(stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut out = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    while let Some(event) = read_event(&mut input)? {
        let reply = {
            let mut state = lock(state);
            let reply = (state.script)(&event);
            state.seen.push((event, reply));
            reply
        };
        match reply {
            Reply::Status(204) => out.write_all(b"HTTP/1.1 204 No Content\r\n\r\n")?,
            Reply::Status(status) => {
                let body = format!("said {status}");
                let length = body.len();
                write!(
                    out,
                    "HTTP/1.1 {status} Status\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n{body}"
                )?;
            }
            Reply::TakeAndClose => return Ok(()),
            Reply::Hang => {
                io::copy(&mut input, &mut io::sink())?;
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The next event of a connection; none where it has ended, also in the middle of a request.
fn read_event(input: &mut impl BufRead) -> io::Result<Option<Event>> {
    let (mut id, mut length) = (String::new(), 0);
    let mut line = String::new();
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        match text.split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("webhook-id") => id = value.to_owned(),
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().map_err(io::Error::other)?;
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    let mut event: Value = serde_json::from_slice(&body).map_err(io::Error::other)?;
    Ok(Some(Event { id, change: event["data"].take() }))
}
