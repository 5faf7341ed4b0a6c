//! The answer to a write, which comes when it is committed.
//!
//! A batch has many answers, and those who wait for them sit on a few event loops. Waking a task from another thread
//! costs a system call, which interrupts that thread as well; waking it from its own costs next to nothing. So of all who
//! wait on one thread the writer wakes the first, and that one wakes the others ([`Wakes`]).

use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread, ThreadId};

use crate::StoreError;

/// A future that is ready when a write is committed, or has failed.
#[derive(Debug)]
pub struct Reply<T>(Inner<T>);

#[derive(Debug)]
enum Inner<T> {
    Asked(Arc<Slot<T>>),
    Failed(StoreError),
}

/// Where to send what a reply is. Dropped without that, it says that the store is closed.
#[derive(Debug)]
pub(crate) struct Answer<T>(Arc<Slot<T>>);

/// What an answer and its reply share.
#[derive(Debug)]
struct Slot<T> {
    state: Mutex<State<T>>,
    /// The thread that asked, on which the reply most likely is waited for.
    thread: ThreadId,
}

#[derive(Debug)]
enum State<T> {
    /// Not answered yet; who waits for it.
    Open(Option<Waker>),
    /// Answered; who else is to be woken as soon as somebody looks.
    Answered(Result<T, StoreError>, Vec<Waker>),
    /// The reply was taken, or nobody wants it any more.
    Over,
}

impl<T> Reply<T> {
    /// A reply, and where to send what it is.
    pub(crate) fn channel() -> (Answer<T>, Self) {
        let slot = Arc::new(Slot { state: Mutex::new(State::Open(None)), thread: thread::current().id() });
        (Answer(Arc::clone(&slot)), Self(Inner::Asked(slot)))
    }

    /// A reply that has failed already.
    pub(crate) fn failed(error: StoreError) -> Self {
        Self(Inner::Failed(error))
    }

    /// Blocks until the reply is there; not for use on an event loop.
    ///
    /// # Errors
    /// As the write.
    pub fn wait(mut self) -> Result<T, StoreError> {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match Pin::new(&mut self).poll(&mut context) {
                Poll::Ready(reply) => return reply,
                Poll::Pending => thread::park(),
            }
        }
    }
}

impl<T> Future for Reply<T> {
    type Output = Result<T, StoreError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let slot = match &self.get_mut().0 {
            Inner::Asked(slot) => slot,
            Inner::Failed(error) => return Poll::Ready(Err(error.clone())),
        };
        let mut state = slot.state();
        if let State::Open(waiting) = &mut *state {
            match waiting {
                Some(waker) => waker.clone_from(context.waker()),
                None => *waiting = Some(context.waker().clone()),
            }
            return Poll::Pending;
        }
        let answered = mem::replace(&mut *state, State::Over);
        drop(state);
        match answered {
            State::Answered(reply, others) => {
                others.into_iter().for_each(Waker::wake);
                Poll::Ready(reply)
            }
            State::Open(_) | State::Over => Poll::Ready(Err(StoreError::Closed)),
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Inner::Asked(slot) = &self.0 {
            let answered = mem::replace(&mut *slot.state(), State::Over);
            if let State::Answered(_, others) = answered {
                others.into_iter().for_each(Waker::wake);
            }
        }
    }
}

impl<T> Answer<T> {
    /// Says what the reply is; who waits for it is woken with `wakes`.
    pub(crate) fn send(self, reply: Result<T, StoreError>, wakes: &mut Wakes)
    where
        T: Send + 'static,
    {
        if let Some(waker) = self.0.answer(reply) {
            wakes.0.push((self.0.thread, Arc::clone(&self.0) as _, waker));
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        if let Some(waker) = self.0.answer(Err(StoreError::Closed)) {
            waker.wake();
        }
    }
}

impl<T> Slot<T> {
    /// Answers, if that was not done before; gives who is to be woken.
    fn answer(&self, reply: Result<T, StoreError>) -> Option<Waker> {
        let mut state = self.state();
        let State::Open(waiting) = &mut *state else { return None };
        let waiting = waiting.take();
        *state = State::Answered(reply, Vec::new());
        waiting
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those who are to be woken, since their answers are there.
#[derive(Default)]
pub(crate) struct Wakes(Vec<(ThreadId, Arc<dyn Leader>, Waker)>);

/// One who was answered, and wakes others on the same thread.
trait Leader: Send + Sync {
    /// Gives it those whom it is to wake; back if it has looked at its answer already, or never will.
    fn lead(&self, others: Vec<Waker>) -> Option<Vec<Waker>>;
}

impl<T: Send> Leader for Slot<T> {
    fn lead(&self, others: Vec<Waker>) -> Option<Vec<Waker>> {
        match &mut *self.state() {
            State::Answered(_, waiting) => {
                *waiting = others;
                None
            }
            State::Open(_) | State::Over => Some(others),
        }
    }
}

impl Wakes {
    /// Wakes all of them.
    pub(crate) fn wake(mut self) {
        while let Some((thread, leader, waker)) = self.0.pop() {
            let others = self.0.extract_if(.., |(other, ..)| *other == thread).map(|(.., waker)| waker).collect();
            let left = leader.lead(others);
            waker.wake();
            left.into_iter().flatten().for_each(Waker::wake);
        }
    }
}

/// Wakes a thread that waits for a reply.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
