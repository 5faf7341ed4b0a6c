//! A connection with limits that actix lacks, or applies to the first request of a connection only.
//!
//! The stream finds out where each request begins and ends, gives actix one request at a time, and of its body no more
//! than its handler asks for. Hence these invariants:
//! - each phase of a connection has a time limit of its own: the head of a request, first or later, has
//!   [`Limits::request_timeout`] or is answered with 408; a pause between requests has [`Limits::keep_alive`]; an answer
//!   has to be read at a minimum speed; what still arrives after the last answer is discarded for a limited time, up to a
//!   limited size. A body has limits of its own, see [`read_body`](crate::read_body).
//! - a connection without a request in progress holds no buffer but actix's;
//! - an answer, also an early one, is not lost because hookd closed the connection before it had read what came.
//!
//! A request pays for this with a few reads of memory: each connection has one timer, which is looked at when it fires,
//! and not reset for each request.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use actix_web::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::budget::{Budget, Share};
use crate::framing::Framing;
use crate::head::{self, Head, HeadError, MAX_HEAD_BYTES};
use crate::phase::{ConnectionState, Phase};
use crate::places::Place;

/// The first bytes of an incomplete head, which are not counted in the budget.
const UNCOUNTED_HEAD_BYTES: usize = 4 << 10;

/// How much of a body is read before the handler gets to take it, so that it does not pile up in actix's buffer.
const READ_STEP_BYTES: usize = 4 << 10;

/// How much is read ahead of the next request while one is served.
const READ_AHEAD_BYTES: usize = 4 << 10;

/// How much of what waits to be written a client has to read within the time limit, unless it is less.
const MIN_WRITE_BYTES: usize = 64 << 10;

/// How much is read and discarded after the last answer: more than the largest webhook of a forge.
const MAX_DISCARDED_BYTES: usize = 32 << 20;

/// How long hookd waits for more of what it discards.
const DISCARD_PAUSE: Duration = Duration::from_secs(2);

/// How many pieces are discarded before other tasks get their turn.
const DISCARDED_AT_ONCE: usize = 16;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// For the head of a request to arrive, for an answer to be read, and for discarding what is not read.
    pub(crate) request_timeout: Duration,
    /// For a pause between requests.
    pub(crate) keep_alive: Duration,
}

/// Called with the peer and the reason when a request is refused before actix sees it.
pub type OnRefusal = Arc<dyn Fn(Option<SocketAddr>, &str) + Send + Sync>;

/// What all connections of a listener share.
pub(crate) struct Terms {
    pub(crate) limits: Limits,
    /// What counts the memory of large heads.
    pub(crate) budget: Arc<Budget>,
    /// Whether a client that closes its sending side while a request is served is gone.
    pub(crate) ends_with_client: bool,
    /// What is reported of a request that is refused before actix sees it: the peer, and why.
    pub(crate) on_refusal: OnRefusal,
}

/// The stream of a connection, which enforces the limits.
pub(crate) struct Connection<S> {
    stream: S,
    peer: Option<SocketAddr>,
    terms: Arc<Terms>,
    state: Rc<ConnectionState>,
    timer: Pin<Box<Sleep>>,
    /// What was received and not yet given to actix.
    received: Vec<u8>,
    /// How many bytes of that actix may have.
    passable: usize,
    /// How many bytes of an incomplete head were last parsed.
    parsed: usize,
    /// The share of the budget that an incomplete head has.
    share: Option<Share>,
    /// What is still to be received of the present body.
    framing: Framing,
    /// Bytes of the body since the handler last got to take some.
    stepped: usize,
    /// What is to be sent of `100 Continue` before the body is read.
    to_continue: &'static [u8],
    /// Since when the client has not read enough of what is sent to it.
    blocked: Option<Blocked>,
    /// Whether the client has closed its sending side.
    is_at_end: bool,
    /// Whether a head was refused, so that it is unknown how much is still to come.
    is_refused: bool,
    discarding: Option<Discarding>,
}

#[derive(Clone, Copy)]
struct Blocked {
    since: Instant,
    written: usize,
}

/// The end of a connection.
struct Discarding {
    since: Instant,
    last: Instant,
    bytes: usize,
    is_shut: bool,
}

impl<S> Connection<S> {
    /// A connection that was just accepted.
    pub(crate) fn new(stream: S, peer: Option<SocketAddr>, place: Place, terms: Arc<Terms>) -> Self {
        let timer = Box::pin(tokio::time::sleep(terms.limits.request_timeout));
        Self {
            stream,
            peer,
            terms,
            state: ConnectionState::new(place),
            timer,
            received: Vec::new(),
            passable: 0,
            parsed: 0,
            share: None,
            framing: Framing::NONE,
            stepped: 0,
            to_continue: &[],
            blocked: None,
            is_at_end: false,
            is_refused: false,
            discarding: None,
        }
    }

    /// What handlers of its requests share with it.
    pub(crate) fn state(&self) -> Rc<ConnectionState> {
        Rc::clone(&self.state)
    }

    /// Whether a deadline has passed. If not, the task is woken when it has.
    fn is_past(&mut self, deadline: Instant, context: &mut Context<'_>) -> bool {
        if self.timer.deadline() > deadline {
            self.timer.as_mut().reset(deadline);
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if deadline <= Instant::now() {
                return true;
            }
            self.timer.as_mut().reset(deadline);
        }
        false
    }

    /// Takes a head from the beginning of what was received, and what follows of its body. `false` if it is incomplete.
    fn take_head(&mut self) -> Result<bool, HeadError> {
        // What arrives in many pieces is not parsed anew with each of them.
        let new = &self.received[self.parsed.saturating_sub(3)..];
        let may_end = new.windows(2).any(|two| two == b"\n\n") || new.windows(3).any(|three| three == b"\n\r\n");
        if self.parsed > 0 && !may_end && self.received.len() < 2 * self.parsed {
            return if self.received.len() > MAX_HEAD_BYTES { Err(HeadError::TooLarge) } else { Ok(false) };
        }
        self.parsed = self.received.len();
        let head = head::read(&self.received)?;
        if head.as_ref().map_or(self.received.len(), |head| head.length) > MAX_HEAD_BYTES {
            return Err(HeadError::TooLarge);
        }
        let Some(Head { length, framing, expects_continue, rewritten }) = head else { return Ok(false) };
        let length = match rewritten {
            Some(rewritten) => {
                let written = rewritten.len();
                self.received.splice(..length, rewritten);
                written
            }
            None => length,
        };
        self.framing = framing;
        self.passable = length + self.framing.advance(&self.received[length..]);
        self.serve(expects_continue && self.passable == length);
        Ok(true)
    }

    fn serve(&mut self, expects_continue: bool) {
        self.parsed = 0;
        self.share = None;
        self.stepped = 0;
        self.to_continue = if expects_continue { CONTINUE } else { &[] };
        self.state.serve(self.framing.is_complete());
        self.state.has_more.set(self.passable < self.received.len() || self.is_at_end);
    }

    /// Gives actix what it may have.
    fn pass_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = self.passable.min(buffer.remaining());
        buffer.put_slice(&self.received[..length]);
        self.passable -= length;
        if length == self.received.len() {
            self.received = Vec::new();
        } else {
            self.received.drain(..length);
        }
    }

    /// Counts an incomplete head in the budget; `false` if there is no room.
    fn count_head(&mut self) -> bool {
        if self.received.len() <= UNCOUNTED_HEAD_BYTES {
            return true;
        }
        let share = self.share.get_or_insert_with(|| self.terms.budget.share());
        share.grow(self.received.capacity().saturating_sub(share.bytes())).is_ok()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Answers in place of actix, and makes it close the connection: from now on the stream is at its end. The answer fits
    /// into any send buffer; if that is full, the client is not reading anyway.
    fn refuse(&mut self, context: &mut Context<'_>, status: StatusCode, text: &str) {
        self.is_refused = true;
        if !self.received.is_empty() {
            (self.terms.on_refusal)(self.peer, text);
        }
        self.received = Vec::new();
        self.share = None;
        self.state.close();
        let retry = if status == StatusCode::SERVICE_UNAVAILABLE { "retry-after: 1\r\n" } else { "" };
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{retry}\
             content-type: text/plain; charset=utf-8\r\nx-content-type-options: nosniff\r\n\r\n{text}",
            text.len()
        );
        let _ = Pin::new(&mut self.stream).poll_write(context, answer.as_bytes());
        let _ = Pin::new(&mut self.stream).poll_flush(context);
    }

    /// Reads until a whole head has been received, and sees to it that it is given to actix; or the connection is at its
    /// end. `true` if actix has got some already.
    fn poll_head(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<bool>> {
        let done = Poll::Ready(Ok(false));
        // The next request can wait until the last answer is sent.
        if self.blocked.is_some() {
            self.state.park(context.waker());
            return Poll::Pending;
        }
        loop {
            if !self.received.is_empty() {
                if !self.state.begin_head() {
                    self.state.close();
                    return done;
                }
                match self.take_head() {
                    Ok(true) => return done,
                    Ok(false) => {
                        if !self.count_head() {
                            return self.refuse_for_lack_of_room(context);
                        }
                    }
                    Err(error) => {
                        self.refuse(context, error.status(), &error.to_string());
                        return done;
                    }
                }
            }
            if self.is_at_end {
                self.state.close();
                return done;
            }
            let before = buffer.filled().len();
            if Pin::new(&mut self.stream).poll_read(context, buffer)?.is_pending() {
                return if self.is_still_waiting(context) { Poll::Pending } else { done };
            }
            let new = &buffer.filled()[before..];
            if new.is_empty() {
                self.is_at_end = true;
            } else if self.received.is_empty()
                && self.state.begin_head()
                && let Ok(Some(Head { length, mut framing, expects_continue, rewritten: None })) = head::read(new)
                && length + framing.advance(&new[length..]) == new.len()
            {
                // As nearly always: a whole request that actix can have as it is.
                let has_body = new.len() > length;
                self.framing = framing;
                self.serve(expects_continue && !has_body);
                return Poll::Ready(Ok(true));
            } else {
                self.received.extend_from_slice(new);
                buffer.set_filled(before);
            }
        }
    }

    /// Whether a head is still waited for, of which nothing more is there at the moment.
    fn is_still_waiting(&mut self, context: &mut Context<'_>) -> bool {
        let Limits { request_timeout, keep_alive } = self.terms.limits;
        if let Phase::Idle(since) = self.state.phase() {
            if self.state.place().is_evicted(context.waker()) || self.is_past(since + keep_alive, context) {
                self.state.close();
                return false;
            }
            return true;
        }
        if self.share.as_ref().is_some_and(|share| share.is_revoked(context.waker())) {
            let _ = self.refuse_for_lack_of_room(context);
            return false;
        }
        if let Phase::Head(since) = self.state.phase()
            && self.is_past(since + request_timeout, context)
        {
            let text = format!("no complete request head within {request_timeout:?}");
            self.refuse(context, StatusCode::REQUEST_TIMEOUT, &text);
            return false;
        }
        true
    }

    fn refuse_for_lack_of_room(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.refuse(context, StatusCode::SERVICE_UNAVAILABLE, "overloaded: nothing was stored, try again soon");
        Poll::Ready(Ok(false))
    }

    /// Reads of a body, if the handler asks for it; else ahead.
    fn poll_body(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // A pause may begin while nothing is read: the timer must fire soon enough to see its end, and whoever wants the
        // place must be able to wake this task.
        let Limits { request_timeout, keep_alive } = self.terms.limits;
        let _ = self.is_past(Instant::now() + request_timeout.min(keep_alive), context);
        let _ = self.state.place().is_evicted(context.waker());
        self.state.park(context.waker());
        if self.framing.is_complete() {
            return self.poll_ahead(context);
        }
        if !self.state.is_body_wanted.get() {
            return Poll::Pending;
        }
        while !self.to_continue.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, self.to_continue))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.to_continue = &self.to_continue[written..],
            }
            let _ = Pin::new(&mut self.stream).poll_flush(context)?;
        }
        if self.is_at_end {
            return Poll::Ready(Ok(()));
        }
        if self.stepped >= READ_STEP_BYTES {
            self.stepped = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        if Pin::new(&mut self.stream).poll_read(context, buffer)?.is_pending() {
            self.stepped = 0;
            return Poll::Pending;
        }
        let new = &buffer.filled()[before..];
        if new.is_empty() {
            self.is_at_end = true;
            return Poll::Ready(Ok(()));
        }
        let length = self.framing.advance(new);
        self.stepped += length;
        if length < new.len() {
            self.received.extend_from_slice(&new[length..]);
            self.state.has_more.set(true);
            buffer.set_filled(before + length);
        }
        self.state.is_body_complete.set(self.framing.is_complete());
        Poll::Ready(Ok(()))
    }

    /// Looks for the next request, or the end of the connection, while one is served.
    fn poll_ahead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.is_at_end && self.received.len() < READ_AHEAD_BYTES {
            let mut room = [MaybeUninit::uninit(); READ_AHEAD_BYTES];
            let mut ahead = ReadBuf::uninit(&mut room);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut ahead))?;
            self.state.has_more.set(true);
            self.received.extend_from_slice(ahead.filled());
            self.is_at_end = ahead.filled().is_empty();
            if self.is_at_end && self.terms.ends_with_client {
                return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
            }
        }
        Poll::Pending
    }

    /// Watches whether the client reads what is sent to it: `written` bytes now, or nothing.
    fn watch_write(&mut self, context: &mut Context<'_>, written: Option<usize>) -> io::Result<()> {
        let blocked = self.blocked.get_or_insert_with(|| Blocked { since: Instant::now(), written: 0 });
        blocked.written += written.unwrap_or(0);
        if blocked.written >= MIN_WRITE_BYTES {
            *blocked = Blocked { since: Instant::now(), written: 0 };
        }
        let deadline = blocked.since + self.terms.limits.request_timeout;
        if self.is_past(deadline, context) { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    /// All that is to be written is written.
    fn unblock(&mut self, waker: &Waker) {
        if self.blocked.take().is_some() {
            // Reading had to wait for that.
            waker.wake_by_ref();
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Connection<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.passable > 0 {
                this.pass_on(buffer);
                return Poll::Ready(Ok(()));
            }
            match this.state.phase() {
                Phase::Closing => return Poll::Ready(Ok(())),
                Phase::Serving => return this.poll_body(context, buffer),
                Phase::Idle(_) | Phase::Head(_) => {
                    if ready!(this.poll_head(context, buffer))? {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match Pin::new(&mut this.stream).poll_write(context, bytes)? {
            Poll::Ready(written) if written == bytes.len() => {
                this.unblock(context.waker());
                Poll::Ready(Ok(written))
            }
            Poll::Ready(written) => {
                this.watch_write(context, Some(written))?;
                Poll::Ready(Ok(written))
            }
            Poll::Pending => {
                this.watch_write(context, None)?;
                Poll::Pending
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if Pin::new(&mut this.stream).poll_flush(context)?.is_pending() {
            this.watch_write(context, None)?;
            return Poll::Pending;
        }
        this.unblock(context.waker());
        Poll::Ready(Ok(()))
    }

    /// Closes in stages (RFC 9112, 9.6): the sending side first, then, after a while in which what arrives is discarded,
    /// the rest. If hookd closed at once, the system would discard the answer as well.
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.state.close();
        let now = Instant::now();
        let start = Discarding { since: now, last: now, bytes: 0, is_shut: false };
        let mut discarding = this.discarding.take().unwrap_or(start);
        let ended = this.poll_end(context, &mut discarding);
        this.discarding = Some(discarding);
        ended
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    fn poll_end(&mut self, context: &mut Context<'_>, end: &mut Discarding) -> Poll<io::Result<()>> {
        let request_timeout = self.terms.limits.request_timeout;
        if !end.is_shut {
            if Pin::new(&mut self.stream).poll_shutdown(context)?.is_pending() {
                let is_past = self.is_past(end.since + request_timeout, context);
                return if is_past { Poll::Ready(Ok(())) } else { Poll::Pending };
            }
            end.is_shut = true;
        }
        let mut room = [MaybeUninit::uninit(); READ_STEP_BYTES];
        for _ in 0..DISCARDED_AT_ONCE {
            if self.is_at_end || end.bytes > MAX_DISCARDED_BYTES {
                return Poll::Ready(Ok(()));
            }
            let mut rest = ReadBuf::uninit(&mut room);
            match Pin::new(&mut self.stream).poll_read(context, &mut rest) {
                Poll::Ready(Ok(())) => {
                    self.is_at_end = rest.filled().is_empty();
                    end.bytes += rest.filled().len();
                    end.last = Instant::now();
                    self.framing.advance(rest.filled());
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Ok(())),
                Poll::Pending => {
                    let is_over = self.framing.is_complete() && !self.is_refused;
                    let deadline = (end.last + DISCARD_PAUSE).min(end.since + request_timeout.max(DISCARD_PAUSE));
                    let has_to_go = self.state.place().is_evicted(context.waker());
                    return if is_over || has_to_go || self.is_past(deadline, context) {
                        Poll::Ready(Ok(()))
                    } else {
                        Poll::Pending
                    };
                }
            }
        }
        if self.is_past(end.since + request_timeout.max(DISCARD_PAUSE), context) {
            return Poll::Ready(Ok(()));
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
