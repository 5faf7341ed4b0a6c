//! What a connection is doing, as its stream and the handlers of its requests know it.
//!
//! Invariant: every request that a connection gives to actix has a [`RequestGuard`], from before its handler runs until
//! the end of its answer. The listener sees to that, whatever it serves.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use actix_web::HttpRequest;
use actix_web::body::{BodySize, MessageBody};
use bytes::Bytes;
use tokio::time::Instant;

use crate::places::Place;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Receiving a head since then.
    Head(Instant),
    /// A request is being served and answered.
    Serving,
    /// Waiting since then for the next request, of which nothing has arrived.
    Idle(Instant),
    /// The last answer is given; nothing more is given to actix.
    Closing,
}

/// What the stream of a connection and the handlers of its requests share.
pub(crate) struct ConnectionState {
    phase: Cell<Phase>,
    place: Place,
    /// Whether the present request's body has arrived to its end.
    pub(crate) is_body_complete: Cell<bool>,
    /// Whether the handler asks for the body.
    pub(crate) is_body_wanted: Cell<bool>,
    /// Whether something is there to be read when the request has been answered.
    pub(crate) has_more: Cell<bool>,
    /// What wakes the task that reads, where that waits for the handler.
    reader: Cell<Option<Waker>>,
}

impl ConnectionState {
    /// The state of a connection that was just accepted.
    pub(crate) fn new(place: Place) -> Rc<Self> {
        Rc::new(Self {
            phase: Cell::new(Phase::Head(Instant::now())),
            place,
            is_body_complete: Cell::new(true),
            is_body_wanted: Cell::new(false),
            has_more: Cell::new(false),
            reader: Cell::new(None),
        })
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The first bytes of a head have arrived; `false` if the connection had to go before that.
    pub(crate) fn begin_head(&self) -> bool {
        if matches!(self.phase.get(), Phase::Idle(_)) {
            if !self.place.set_busy() {
                return false;
            }
            self.phase.set(Phase::Head(Instant::now()));
        }
        true
    }

    /// A whole head has arrived.
    pub(crate) fn serve(&self, is_body_complete: bool) {
        self.phase.set(Phase::Serving);
        self.is_body_complete.set(is_body_complete);
        self.is_body_wanted.set(false);
        self.has_more.set(false);
    }

    /// Nothing more is given to actix; the place may be taken by another connection.
    pub(crate) fn close(&self) {
        if self.phase.replace(Phase::Closing) != Phase::Closing {
            self.place.set_idle(Instant::now());
        }
    }

    /// Sees to it that the reading task is woken by what the handler does.
    pub(crate) fn park(&self, waker: &Waker) {
        let parked = self.reader.take().filter(|parked| parked.will_wake(waker));
        self.reader.set(Some(parked.unwrap_or_else(|| waker.clone())));
    }

    fn wake(&self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// The handler of a request asks for its body.
pub(crate) fn want_body(request: &HttpRequest) {
    if let Some(state) = request.conn_data::<Rc<ConnectionState>>()
        && !state.is_body_wanted.replace(true)
        && !state.is_body_complete.get()
    {
        state.wake();
    }
}

/// A request that is being served and answered; it ends when this is dropped.
#[must_use]
pub(crate) struct RequestGuard(Option<Rc<ConnectionState>>);

impl RequestGuard {
    pub(crate) fn new(state: Option<&Rc<ConnectionState>>) -> Self {
        Self(state.cloned())
    }

    /// Whether the request's body did not arrive to its end, so that no further request can follow it.
    pub(crate) fn is_last(&self) -> bool {
        self.0.as_ref().is_some_and(|state| !state.is_body_complete.get())
    }

    /// The body of the answer, with whose end the request ends.
    pub(crate) fn until_end_of<B>(self, body: B) -> Answering<B> {
        Answering { body, _guard: self }
    }
}

impl Drop for RequestGuard {
    fn drop(&mut self) {
        let Some(state) = &self.0 else { return };
        if state.phase.get() != Phase::Serving {
            return;
        }
        if state.is_body_complete.get() {
            let now = Instant::now();
            state.phase.set(Phase::Idle(now));
            state.place.set_idle(now);
            if state.has_more.get() {
                state.wake();
            }
        } else {
            state.close();
            state.wake();
        }
    }
}

/// The body of an answer.
pub(crate) struct Answering<B> {
    body: B,
    _guard: RequestGuard,
}

impl<B: MessageBody + Unpin> MessageBody for Answering<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(context)
    }
}
