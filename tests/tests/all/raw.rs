//! A connection as bytes: for requests that no client would send, and for tests of how hookd treats connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use hookd_tests::http::Answer;

/// How long hookd may take to answer, or to close a connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection.
pub(crate) struct Raw(BufReader<TcpStream>);

impl Raw {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self::new(TcpStream::connect(address).expect("hookd listens"))
    }

    /// Takes a connection that is open.
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("the system has timeouts");
        stream.set_nodelay(true).expect("it is TCP");
        Self(BufReader::new(stream))
    }

    /// Sends these bytes, or as many as hookd reads before it refuses.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let _ = self.0.get_mut().write_all(bytes.as_ref());
        self
    }

    /// A second handle of the connection, for another writer.
    pub(crate) fn writer(&self) -> TcpStream {
        self.0.get_ref().try_clone().expect("the system has descriptors")
    }

    /// Breaks the connection: the peer gets a reset.
    pub(crate) fn reset(self) {
        let stream = socket2::Socket::from(self.0.into_inner());
        stream.set_linger(Some(Duration::ZERO)).expect("it is TCP");
    }

    /// Closes the sending side.
    pub(crate) fn end(&mut self) -> &mut Self {
        let _ = self.0.get_mut().shutdown(Shutdown::Write);
        self
    }

    /// The next answer, including those with status 100; `None` if hookd has closed the connection.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        self.read_answer(false)
    }

    /// The next answer to a `HEAD`, which has no body.
    pub(crate) fn answer_to_head(&mut self) -> Option<Answer> {
        self.read_answer(true)
    }

    /// All answers until hookd closes the connection.
    pub(crate) fn answers(&mut self) -> Vec<Answer> {
        std::iter::from_fn(|| self.answer()).collect()
    }

    /// Waits until hookd closes the connection, and panics if it sends something before that.
    pub(crate) fn closed(&mut self) {
        assert_eq!(self.answer(), None);
    }

    fn read_answer(&mut self, is_head: bool) -> Option<Answer> {
        let line = self.line()?;
        let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest[2..].get(..3)).and_then(|s| s.parse().ok());
        let mut answer = Answer { status: status.expect(&line), headers: Vec::new(), body: Vec::new() };
        loop {
            let line = self.line().expect("a head has an end");
            let Some((name, value)) = line.split_once(':') else { break };
            answer.headers.push((name.to_owned(), value.trim().to_owned()));
        }
        if !is_head && answer.status >= 200 {
            let length = answer.header("Content-Length").expect("hookd's answers have a length");
            answer.body = vec![0; length.parse().expect("a length is a number")];
            self.0.read_exact(&mut answer.body).expect("a body is as long as it says");
        }
        Some(answer)
    }

    /// A line without its ending; `None` if the connection was closed, in whatever way.
    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.0.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("neither an answer nor the end of the connection: {error}"),
            Ok(_) => Some(String::from_utf8_lossy(&line).trim_end().to_owned()),
        }
    }
}

/// Sends only these bytes, and returns all answers.
pub(crate) fn exchange(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Vec<Answer> {
    Raw::open(address).write(bytes).end().answers()
}
