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

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    use super::{Answer, Reply, Wakes};
    use crate::StoreError;

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Three who wait on this thread.
    struct Waiting {
        answers: Vec<Answer<u32>>,
        replies: Vec<Reply<u32>>,
        counts: [Arc<Count>; 3],
    }

    impl Waiting {
        fn new() -> Self {
            let (answers, replies) = (0..3).map(|_| Reply::channel()).unzip();
            let mut waiting = Self { answers, replies, counts: Default::default() };
            for index in 0..3 {
                assert!(waiting.poll(index).is_pending());
            }
            waiting
        }

        fn poll(&mut self, index: usize) -> Poll<Result<u32, StoreError>> {
            let waker = Waker::from(Arc::clone(&self.counts[index]));
            Pin::new(&mut self.replies[index]).poll(&mut Context::from_waker(&waker))
        }

        /// Answers each with its place.
        fn answer(&mut self) -> Wakes {
            let mut wakes = Wakes::default();
            (0..).zip(self.answers.drain(..)).for_each(|(place, answer)| answer.send(Ok(place), &mut wakes));
            assert_eq!(self.woken(), [0; 3], "they are woken together");
            wakes
        }

        fn woken(&self) -> [usize; 3] {
            self.counts.each_ref().map(|count| count.0.load(Ordering::Relaxed))
        }
    }

    #[test]
    fn one_of_a_thread_is_woken_and_wakes_the_others() {
        let mut waiting = Waiting::new();
        waiting.answer().wake();
        assert_eq!(waiting.woken(), [0, 0, 1]);
        assert!(matches!(waiting.poll(2), Poll::Ready(Ok(2))));
        assert_eq!(waiting.woken(), [1; 3]);
        assert!(matches!(waiting.poll(0), Poll::Ready(Ok(0))));
        assert!(matches!(waiting.poll(1), Poll::Ready(Ok(1))));
        assert_eq!(waiting.woken(), [1; 3]);
    }

    #[test]
    fn nobody_sleeps_on_when_the_one_has_gone_away() {
        let mut waiting = Waiting::new();
        waiting.answer().wake();
        waiting.replies.pop();
        assert_eq!(waiting.woken(), [1; 3], "it went after it was woken");

        let mut waiting = Waiting::new();
        let wakes = waiting.answer();
        waiting.replies.pop();
        wakes.wake();
        assert_eq!(waiting.woken(), [1; 3], "it went before");

        let mut waiting = Waiting::new();
        let wakes = waiting.answer();
        assert!(matches!(waiting.poll(2), Poll::Ready(Ok(2))));
        wakes.wake();
        assert_eq!(waiting.woken(), [1; 3], "it looked before");
    }

    #[test]
    fn those_of_other_threads_are_woken_themselves() {
        let mut waiting = Waiting::new();
        let (answer, mut reply) = std::thread::spawn(Reply::channel).join().unwrap();
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        assert!(Pin::new(&mut reply).poll(&mut Context::from_waker(&waker)).is_pending());
        let mut wakes = waiting.answer();
        answer.send(Ok(3), &mut wakes);
        wakes.wake();
        assert_eq!((waiting.woken(), count.0.load(Ordering::Relaxed)), ([0, 0, 1], 1));
    }

    #[test]
    fn an_answer_that_never_comes_says_that_the_store_is_closed() {
        let mut waiting = Waiting::new();
        waiting.answers.clear();
        assert_eq!(waiting.woken(), [1; 3]);
        assert!(matches!(waiting.poll(0), Poll::Ready(Err(StoreError::Closed))));
        let (answer, reply) = Reply::<u32>::channel();
        drop(answer);
        assert!(matches!(reply.wait(), Err(StoreError::Closed)));
    }

    #[test]
    fn waits_on_a_thread() {
        let (answer, reply) = Reply::channel();
        let waits = std::thread::spawn(|| reply.wait());
        let mut wakes = Wakes::default();
        answer.send(Ok(7), &mut wakes);
        wakes.wake();
        assert_eq!(waits.join().unwrap().unwrap(), 7);
    }
}
