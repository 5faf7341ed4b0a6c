//! A connection with limits that actix lacks, or applies to the first request of a connection only.
//!
//! Invariants: the head of every request, the first or a later one, arrives within the connection's timeout and in
//! [`MAX_HEAD_BYTES`], or it is answered with 408 or 431; a client that does not read its answers is disconnected after
//! the same timeout.
//!
//! A request pays for this with a few reads of memory: each connection has one timer, which is looked at when it fires,
//! and not reset for each request.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::body::{self, is_announced};

/// The size limit of a request head, which is the request line and the headers. GitHub's have less than 2 KiB.
const MAX_HEAD_BYTES: usize = 32 << 10;

/// How much is read before actix gets to look whether it is a complete head. actix alone would first read 128 KiB.
const READ_STEP_BYTES: usize = 16 << 10;

/// How long hookd reads, and discards, what a client still sends after its request was rejected: if hookd closed at once,
/// the system would discard the answer as well.
const LINGER_TIME: Duration = Duration::from_secs(1);

/// The stream of a connection, which enforces the limits.
pub(crate) struct Connection<S> {
    stream: S,
    state: Rc<ConnectionState>,
    timeout: Duration,
    timer: Pin<Box<Sleep>>,
    /// Since when the client has not read what is sent to it.
    blocked: Option<Instant>,
    /// Whether the request was rejected here: nothing more is read, and actix closes the connection.
    is_rejected: bool,
}

/// What the stream of a connection and the handler of its requests share.
#[derive(Debug)]
pub(crate) struct ConnectionState {
    phase: Cell<Phase>,
    /// The bytes of the present head that were read, perhaps with the beginning of a body.
    head_bytes: Cell<usize>,
    /// How many of those actix has parsed without finding a complete head.
    parsed_bytes: Cell<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Waiting for the next request, of which nothing has arrived.
    Idle,
    /// Reading a head since then.
    Head(Instant),
    /// Serving a request, which has limits of its own.
    Serving,
    /// The last answer was given then; what still arrives is discarded.
    Closing(Instant),
}

/// A request that is being served, during which the limits on a head do not apply; it ends when this is dropped.
#[must_use]
pub struct RequestGuard(Option<Rc<ConnectionState>>);

impl RequestGuard {
    /// Marks the connection of a request as serving. Without effect where no [`Listener`](crate::Listener) serves.
    pub fn new(request: &HttpRequest) -> Self {
        let state = request.conn_data::<Rc<ConnectionState>>().cloned();
        if let Some(state) = &state {
            state.phase.set(Phase::Serving);
        }
        Self(state)
    }

    /// Ends a request whose body was not read to its end. The answer that this returns is to be sent: it makes actix close
    /// the connection behind it, and not wait for the end of the body.
    pub fn refuse(self, request: &HttpRequest, answer: HttpResponse, rest: web::Payload) -> HttpResponse {
        self.end_unread(request);
        body::with_rest(answer, rest)
    }

    /// Ends a request whose body, if it has one, was not read: what still arrives of it is no head of another request.
    pub fn end_unread(self, request: &HttpRequest) {
        if let Some(state) = &self.0
            && is_announced(request)
        {
            state.phase.set(Phase::Closing(Instant::now()));
        }
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        if let Some(state) = &self.0
            && state.phase.get() == Phase::Serving
        {
            state.phase.set(Phase::Idle);
            state.head_bytes.set(0);
            state.parsed_bytes.set(0);
        }
    }
}

impl<S> Connection<S> {
    /// A connection that was just accepted.
    pub(crate) fn new(stream: S, timeout: Duration) -> Self {
        let now = Instant::now();
        let phase = Cell::new(Phase::Head(now));
        let state = Rc::new(ConnectionState { phase, head_bytes: Cell::new(0), parsed_bytes: Cell::new(0) });
        let timer = Box::pin(tokio::time::sleep_until(now + timeout));
        Self { stream, state, timeout, timer, blocked: None, is_rejected: false }
    }

    /// What handlers of its requests share with it.
    pub(crate) fn state(&self) -> Rc<ConnectionState> {
        Rc::clone(&self.state)
    }

    /// Whether the present phase has lasted longer than the timeout. If not, the task is woken when it may have.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(context).is_ready() {
            let since = match (self.blocked, self.state.phase.get()) {
                (Some(since), _) | (None, Phase::Head(since) | Phase::Closing(since)) => since,
                (None, Phase::Idle | Phase::Serving) => Instant::now(),
            };
            if since.elapsed() >= self.timeout {
                return true;
            }
            self.timer.as_mut().reset(since + self.timeout);
        }
        false
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Answers in place of actix, and makes it close the connection: from now on the stream is at its end. The answer fits
    /// into any send buffer; if that is full, the client is not reading anyway.
    fn reject_and_close(&mut self, context: &mut Context<'_>, status: StatusCode, text: &str) {
        self.is_rejected = true;
        self.timer.as_mut().reset(Instant::now() + LINGER_TIME);
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\
             content-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\n\r\n{text}",
            text.len()
        );
        let _ = Pin::new(&mut self.stream).poll_write(context, answer.as_bytes());
        let _ = Pin::new(&mut self.stream).poll_flush(context);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Connection<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_rejected {
            return Poll::Ready(Ok(()));
        }
        if this.is_late(context) {
            if this.blocked.is_some() || !matches!(this.state.phase.get(), Phase::Head(_)) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            let text = format!("no complete request head within {:?}", this.timeout);
            this.reject_and_close(context, StatusCode::REQUEST_TIMEOUT, &text);
            return Poll::Ready(Ok(()));
        }
        let (head_bytes, parsed_bytes) = (this.state.head_bytes.get(), this.state.parsed_bytes.get());
        if matches!(this.state.phase.get(), Phase::Head(_)) {
            if parsed_bytes >= MAX_HEAD_BYTES {
                let text = format!("the request head is larger than {MAX_HEAD_BYTES} bytes");
                this.reject_and_close(context, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, &text);
                return Poll::Ready(Ok(()));
            }
            if head_bytes - parsed_bytes >= READ_STEP_BYTES {
                // Enough for now: actix parses it, and reads again if the head is not complete.
                this.state.parsed_bytes.set(head_bytes);
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        let length = buffer.filled().len() - before;
        if length > 0 {
            match this.state.phase.get() {
                Phase::Idle => {
                    this.state.phase.set(Phase::Head(Instant::now()));
                    this.state.head_bytes.set(length);
                }
                Phase::Head(_) => this.state.head_bytes.set(head_bytes + length),
                Phase::Serving | Phase::Closing(_) => {}
            }
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        if written.is_ready() {
            this.blocked = None;
        } else {
            this.blocked.get_or_insert_with(Instant::now);
            if this.is_late(context) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        let mut rest = [0; 4096];
        while this.is_rejected {
            let mut buffer = ReadBuf::new(&mut rest);
            match Pin::new(&mut this.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) => break,
                Poll::Pending => {
                    ready!(this.timer.as_mut().poll(context));
                    break;
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}
