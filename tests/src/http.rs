//! HTTP/1.1 as bytes: requests that a proper client would not send, and answers as they arrive.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a peer may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request. Only `Host` and `Content-Length` are added when it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method, such as `POST`.
    pub method: String,
    /// Path and query, as sent.
    pub target: String,
    /// Headers in the order in which they are sent; a name may occur more than once.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &str, target: impl Into<String>) -> Self {
        Self { method: method.to_owned(), target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// A `GET` of this path and query.
    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// A `POST` to this path and query.
    pub fn post(target: impl Into<String>) -> Self {
        Self::new("POST", target)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets a JSON body and its content type.
    #[must_use]
    pub fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("Content-Type", "application/json").body(body)
    }

    /// The last value of the header `name` (in any case), which is the one that Twisted uses.
    pub fn last(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().rfind(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The bytes to send to `host`.
    pub fn to_bytes(&self, host: SocketAddr) -> Vec<u8> {
        let mut bytes = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        if self.method != "GET" || !self.body.is_empty() {
            bytes.extend(format!("Content-Length: {}\r\n", self.body.len()).into_bytes());
        }
        bytes.extend(b"\r\n");
        bytes.extend(&self.body);
        bytes
    }
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, including duplicates.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of the header `name` (in any case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text; invalid UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status and body in one string, for comparisons: `202 1 change found`.
    pub fn line(&self) -> String {
        format!("{} {}", self.status, self.text().trim_end())
    }
}

/// Sends one request on its own connection.
///
/// # Errors
/// When the peer cannot be reached or does not answer in HTTP.
pub fn send(address: SocketAddr, request: &Request) -> io::Result<Answer> {
    Connection::new(address).send(request)
}

/// Reads answers until the peer closes the connection; those of 1xx are left out.
///
/// # Errors
/// When the peer breaks the connection, is silent for too long, or does not answer in HTTP.
pub fn answers(stream: TcpStream) -> io::Result<Vec<Answer>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut stream = BufReader::new(stream);
    let mut answers = Vec::new();
    while !stream.fill_buf()?.is_empty() {
        answers.push(read_answer(&mut stream, false)?);
    }
    Ok(answers)
}

/// A connection that is kept alive as long as the peer keeps it, and reopened after it was closed.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    stream: Option<BufReader<TcpStream>>,
    patience: Duration,
}

impl Connection {
    /// A connection to this address, opened with the first request.
    pub fn new(address: SocketAddr) -> Self {
        Self::with_patience(address, PATIENCE)
    }

    /// The same, which waits for each piece of an answer only so long.
    pub fn with_patience(address: SocketAddr, patience: Duration) -> Self {
        Self { address, stream: None, patience }
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// When the peer cannot be reached or does not answer in HTTP.
    pub fn send(&mut self, request: &Request) -> io::Result<Answer> {
        if self.stream.is_some() {
            match self.send_on_it(request) {
                // It was closed while it was idle.
                Err(error) if is_closed(&error) => {}
                done => return done,
            }
        }
        self.send_once(request)
    }

    /// Sends a request exactly once, whatever happens.
    ///
    /// # Errors
    /// When the peer cannot be reached, has closed the connection, or does not answer in HTTP.
    pub fn send_once(&mut self, request: &Request) -> io::Result<Answer> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address)?;
            stream.set_read_timeout(Some(self.patience))?;
            stream.set_nodelay(true)?;
            self.stream = Some(BufReader::new(stream));
        }
        self.send_on_it(request)
    }

    fn send_on_it(&mut self, request: &Request) -> io::Result<Answer> {
        let mut stream = self.stream.take().expect("the caller opened it");
        // A peer may refuse, answer and close before it has read everything.
        let written = stream.get_mut().write_all(&request.to_bytes(self.address));
        let answer =
            read_answer(&mut stream, request.method == "HEAD").map_err(|error| written.err().unwrap_or(error))?;
        if !answer.header("Connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            self.stream = Some(stream);
        }
        Ok(answer)
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof)
}

fn read_answer(stream: &mut BufReader<TcpStream>, is_head: bool) -> io::Result<Answer> {
    loop {
        let line = read_line(stream)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status: u16 = status.ok_or_else(|| odd(format!("not a status line: {line:?}")))?;
        let mut headers = Vec::new();
        loop {
            let line = read_line(stream)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| odd(format!("not a header: {line:?}")))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if !matches!(status, 204 | 304) && !is_head && status >= 200 {
            answer.body = read_body(stream, &answer)?;
        }
        if status >= 200 {
            return Ok(answer);
        }
    }
}

fn read_body(stream: &mut BufReader<TcpStream>, answer: &Answer) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if answer.header("Transfer-Encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        loop {
            let line = read_line(stream)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| odd(format!("not a chunk: {line:?}")))?;
            let start = body.len();
            body.resize(start + size, 0);
            stream.read_exact(&mut body[start..])?;
            read_line(stream)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match answer.header("Content-Length") {
        Some(length) => {
            let length = length.parse().map_err(|_| odd(format!("not a length: {length:?}")))?;
            body.resize(length, 0);
            stream.read_exact(&mut body)?;
        }
        None => drop(stream.read_to_end(&mut body)?),
    }
    Ok(body)
}

fn read_line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = Vec::new();
    if stream.read_until(b'\n', &mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
}

fn odd(message: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, message)
}
