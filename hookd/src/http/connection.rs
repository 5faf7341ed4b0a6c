//! A connection with bounds that actix does not have, or has for the first request only.
//!
//! What holds here: a head of a request, whether the first of its connection or a later one, comes within
//! `request_timeout` and in [`LARGEST_HEAD`] bytes; who does not read the answers is waited for no longer than that;
//! and what actix answers without a text, to what is no request, gets one.
//!
//! All of it costs a request nothing but a few reads of memory: there is one timer for each connection, which is looked
//! at when it rings, and not set again for each request.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The most bytes of a head, which is a request's line and its headers. GitHub's have less than 2 KiB.
pub(crate) const LARGEST_HEAD: usize = 32 << 10;

/// How much is read before it is looked whether that is a head. Otherwise actix would first read 128 KiB.
const STEP: usize = 16 << 10;

/// How long hookd goes on reading, and throwing away, what a sender sends that was refused already: closing at once
/// would make the system throw away the answer, too.
const LINGER: Duration = Duration::from_secs(1);

/// The stream of a connection, which keeps its bounds.
pub(crate) struct Connection<S> {
    stream: S,
    seat: Rc<Seat>,
    timeout: Duration,
    timer: Pin<Box<Sleep>>,
    /// Since when the sender does not take what it is sent.
    blocked: Option<Instant>,
    /// Whether the stream has said its last word, and is to be closed.
    is_over: bool,
}

/// What the stream of a connection and the handler of its requests know of each other.
#[derive(Debug)]
pub(crate) struct Seat {
    phase: Cell<Phase>,
    /// How many bytes of a head there are, perhaps with the begin of a body.
    head: Cell<usize>,
    /// How many of them actix has looked at, and found no whole head.
    looked_at: Cell<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing of the next request is there.
    Idle,
    /// A head is being read, since then.
    Head(Instant),
    /// A request is at work: it has its own bounds.
    Serving,
    /// The last answer was given, then; what still comes is thrown away.
    Closing(Instant),
}

impl Seat {
    /// Says that a request is at work, until what this gives is dropped.
    pub(crate) fn serve(self: &Rc<Self>) -> Serving {
        self.phase.set(Phase::Serving);
        Serving(Rc::clone(self))
    }
}

/// A request at work on a connection.
#[must_use]
pub(crate) struct Serving(Rc<Seat>);

impl Serving {
    /// The request was answered before all of it was read: what still comes is no head.
    pub(crate) fn close(self) {
        self.0.phase.set(Phase::Closing(Instant::now()));
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if self.0.phase.get() == Phase::Serving {
            self.0.phase.set(Phase::Idle);
            self.0.head.set(0);
            self.0.looked_at.set(0);
        }
    }
}

impl<S> Connection<S> {
    /// A connection that was just accepted.
    pub(crate) fn new(stream: S, timeout: Duration) -> Self {
        let now = Instant::now();
        let seat = Seat { phase: Cell::new(Phase::Head(now)), head: Cell::new(0), looked_at: Cell::new(0) };
        let timer = Box::pin(tokio::time::sleep_until(now + timeout));
        Self { stream, seat: Rc::new(seat), timeout, timer, blocked: None, is_over: false }
    }

    /// What the handler of its requests is to have.
    pub(crate) fn seat(&self) -> Rc<Seat> {
        Rc::clone(&self.seat)
    }

    /// Whether the time of what is waited for is over. Otherwise the task is woken when it may be.
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(context).is_ready() {
            let since = match (self.blocked, self.seat.phase.get()) {
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
    /// Says why there is no answer of the usual way, and reads no more. It is a text that fits into any buffer of the
    /// system; where it does not, nobody reads it.
    fn part(&mut self, context: &mut Context<'_>, answer: &str) {
        self.is_over = true;
        self.timer.as_mut().reset(Instant::now() + LINGER);
        let _ = Pin::new(&mut self.stream).poll_write(context, answer.as_bytes());
        let _ = Pin::new(&mut self.stream).poll_flush(context);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Connection<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(Ok(()));
        }
        if this.is_late(context) {
            if this.blocked.is_some() || !matches!(this.seat.phase.get(), Phase::Head(_)) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            this.part(context, &bare(408, &format!("no whole head of a request within {:?}", this.timeout)));
            return Poll::Ready(Ok(()));
        }
        let (head, looked_at) = (this.seat.head.get(), this.seat.looked_at.get());
        if matches!(this.seat.phase.get(), Phase::Head(_)) {
            if looked_at >= LARGEST_HEAD {
                this.part(context, &bare(431, &format!("the head of the request is larger than {LARGEST_HEAD} bytes")));
                return Poll::Ready(Ok(()));
            }
            if head - looked_at >= STEP {
                // Enough for now: actix looks at it, and calls again where it is no whole head.
                this.seat.looked_at.set(head);
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        let length = buffer.filled().len() - before;
        if length > 0 {
            match this.seat.phase.get() {
                Phase::Idle => {
                    this.seat.phase.set(Phase::Head(Instant::now()));
                    this.seat.head.set(length);
                }
                Phase::Head(_) => this.seat.head.set(head + length),
                Phase::Serving | Phase::Closing(_) => {}
            }
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let stream = Pin::new(&mut this.stream);
        let written = match with_text(bytes) {
            None => stream.poll_write(context, bytes),
            Some((before, answer)) => {
                let both = [before, answer.as_bytes()].concat();
                // Whoever does not take the answers before it gets them first.
                stream.poll_write(context, &both).map_ok(|count| if count < before.len() { count } else { bytes.len() })
            }
        };
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
        while this.is_over {
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

/// The answer with a text that is sent instead of one of actix's own, which have none and come last; and what is sent
/// before it. `None` where there is no such answer.
fn with_text(bytes: &[u8]) -> Option<(&[u8], String)> {
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let start = bytes.windows(BEGIN.len()).rposition(|part| part == BEGIN)?;
    let (before, answer) = bytes.split_at(start);
    let (status, text) = match answer.get(BEGIN.len()..)?.get(..3)? {
        b"400" => (400, "this is no request of HTTP/1.1"),
        b"431" => (431, "the request has too many headers"),
        _ => return None,
    };
    let is_empty = answer.windows(EMPTY.len()).any(|part| part == EMPTY);
    is_empty.then(|| (before, bare(status, text)))
}

/// How an answer begins.
const BEGIN: &[u8] = b"HTTP/1.1 ";

/// How an answer says that it has no text. No answer of hookd says so.
const EMPTY: &[u8] = b"\r\ncontent-length: 0\r\n";

/// An answer to what is no request, after which the connection is closed.
fn bare(status: u16, text: &str) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let length = text.len();
    format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-length: {length}\r\nconnection: close\r\n\
         content-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\n\r\n{text}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_a_text_to_what_has_none() {
        let own = "HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok";
        let empty = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        assert_eq!(with_text(own.as_bytes()), None);
        // The answer to a `HEAD`, which has a length and no text.
        assert_eq!(with_text(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 7\r\n\r\n"), None);
        for before in ["", own] {
            let sent = [before, empty].concat();
            let (kept, answer) = with_text(sent.as_bytes()).unwrap();
            assert_eq!(kept, before.as_bytes());
            assert!(answer.ends_with("nosniff\r\n\r\nthis is no request of HTTP/1.1"), "{answer}");
        }
    }
}
