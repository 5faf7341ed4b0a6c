//! A proxy in front of a server, which loses answers or gives its own.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What it does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meddling {
    /// Passes it on, and the answer back.
    None,
    /// Passes it on, waits for the answer, and closes the connection without it.
    LoseAnswer,
    /// Does not pass it on, and answers with this status and body.
    Answer(&'static str, &'static str),
}

type Script = Box<dyn FnMut(&[u8]) -> Meddling + Send>;

/// The running proxy.
pub struct Proxy {
    address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

impl Proxy {
    /// Starts it in front of a server. It passes on everything until it is instructed otherwise.
    pub fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(|_| Meddling::None)));
        let shared = Arc::clone(&script);
        // The thread ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let script = Arc::clone(&shared);
                // A client that hangs up wants no answer.
                thread::spawn(move || drop(serve(stream, server, &script)));
            }
        });
        Self { address, script }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Does this from now on with each request, given as its bytes.
    pub fn meddle(&self, script: impl FnMut(&[u8]) -> Meddling + Send + 'static) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(script);
    }
}

/// Answers one request; the connection ends with its answer.
fn serve(stream: TcpStream, server: SocketAddr, script: &Mutex<Script>) -> io::Result<()> {
    let mut out = stream.try_clone()?;
    let Some(request) = read(&mut BufReader::new(stream))? else { return Ok(()) };
    let meddling = (script.lock().unwrap_or_else(PoisonError::into_inner))(&request);
    if let Meddling::Answer(status, body) = meddling {
        let length = body.len();
        return write!(
            out,
            "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
    }
    let mut upstream = TcpStream::connect(server)?;
    upstream.write_all(&request)?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    if meddling == Meddling::None { out.write_all(&answer) } else { Ok(()) }
}

/// A request whole, made one that ends its connection; none where there is none.
fn read(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let (mut request, mut length, mut line) = (Vec::new(), 0, String::new());
    loop {
        line.clear();
        if input.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line.trim_end().is_empty() {
            break;
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        if !lower.starts_with("connection:") {
            request.extend_from_slice(line.as_bytes());
        }
    }
    request.extend_from_slice(b"Connection: close\r\n\r\n");
    let head = request.len();
    request.resize(head + length, 0);
    input.read_exact(&mut request[head..])?;
    Ok(Some(request))
}
