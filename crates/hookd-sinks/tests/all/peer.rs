//! A web server on the loopback that answers as a test says, and remembers what it was asked.

use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method, target and version.
    pub(crate) line: String,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What the server does with a request.
pub(crate) enum Reply {
    /// It answers.
    Answer(String),
    /// It closes the connection.
    Close,
    /// It says nothing until the client goes away.
    Hang,
}

/// An answer with a status and reason, and a body.
pub(crate) fn answer(status: &str, body: &str) -> Reply {
    Reply::Answer(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

/// The same with headers, each with its line's end.
pub(crate) fn answer_with(status: &str, headers: &str, body: &str) -> Reply {
    Reply::Answer(format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()))
}

/// The server.
pub(crate) struct Peer {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<AtomicUsize>,
}

type Answering = Arc<dyn Fn(&Request) -> Reply + Send + Sync>;

impl Peer {
    pub(crate) fn start(answering: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(None, Arc::new(answering))
    }

    pub(crate) fn start_tls(
        config: ServerConfig,
        answering: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::serve(Some(Arc::new(config)), Arc::new(answering))
    }

    fn serve(tls: Option<Arc<ServerConfig>>, answering: Answering) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let connections = Arc::<AtomicUsize>::default();
        let (seen, count) = (Arc::clone(&requests), Arc::clone(&connections));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let (tls, answering, seen) = (tls.clone(), Arc::clone(&answering), Arc::clone(&seen));
                // A client that goes away is no failure of the server's.
                thread::spawn(move || match tls {
                    None => drop(converse(stream, &*answering, &seen)),
                    Some(config) => {
                        let session = ServerConnection::new(config).unwrap();
                        let mut stream = StreamOwned::new(session, stream);
                        drop(converse(&mut stream, &*answering, &seen));
                        // What the client sent meanwhile is read, since a close without that resets the connection, and
                        // the client might not see why it was refused.
                        drop(stream.sock.shutdown(Shutdown::Write));
                        drop(io::copy(&mut stream.sock, &mut io::sink()));
                    }
                });
            }
        });
        Self { address, requests, connections }
    }

    /// `http://ADDRESS` and the path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// How many connections it took so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

fn converse<S: Read + Write>(
    stream: S,
    answering: &dyn Fn(&Request) -> Reply,
    seen: &Mutex<Vec<Request>>,
) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let Some(request) = read(&mut stream)? else { return Ok(()) };
        seen.lock().unwrap().push(request.clone());
        match answering(&request) {
            Reply::Answer(answer) => {
                stream.get_mut().write_all(answer.as_bytes())?;
                stream.get_mut().flush()?;
            }
            Reply::Close => return Ok(()),
            Reply::Hang => {
                io::copy(&mut stream, &mut io::sink())?;
                return Ok(());
            }
        }
    }
}

fn read<S: Read>(stream: &mut BufReader<S>) -> io::Result<Option<Request>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if line.trim_end().is_empty() {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let headers: Vec<(String, String)> = lines[1..]
        .iter()
        .map(|line| line.split_once(':').unwrap())
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let mut request = Request { line: lines[0].clone(), headers, body: Vec::new() };
    let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
    request.body.resize(length, 0);
    stream.read_exact(&mut request.body)?;
    Ok(Some(request))
}

/// A port of the loopback at which nobody listens, as long as what is returned beside it lives.
pub(crate) fn closed_port() -> (u16, TcpStream) {
    // The local end of a connection has a port that no listener gets.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (stream.local_addr().unwrap().port(), stream)
}
