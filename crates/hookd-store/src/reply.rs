//! The result of a write, available once it is committed.

use std::fmt::Debug;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::StoreError;

/// A future that is ready when a write has been committed or has failed. The write takes place even if it is not
/// awaited.
#[must_use = "a write is stored only once its reply is `Ok`"]
#[derive(Debug)]
pub struct Reply<T>(Inner<T>);

#[derive(Debug)]
enum Inner<T> {
    Waiting(oneshot::Receiver<Answer<T>>),
    Failed(StoreError),
}

#[derive(Debug)]
struct Answer<T> {
    result: Result<T, StoreError>,
    _spent: Option<Spent>,
}

/// What a write was made of. It goes back with the result, so that the thread that took its memory frees it: memory of
/// another thread costs several times as much to free.
pub type Spent = Box<dyn Debug + Send>;

/// Where the result of a write is sent.
#[derive(Debug)]
pub struct Replier<T>(oneshot::Sender<Answer<T>>);

impl<T> Replier<T> {
    /// Sends the result, and what the write was made of. A caller that has gone away does not matter: what is stored is
    /// stored.
    pub fn send(self, result: Result<T, StoreError>, spent: Option<Spent>) {
        let _ = self.0.send(Answer { result, _spent: spent });
    }
}

impl<T> Reply<T> {
    /// A reply, and where to send its result. If the sender is dropped without one, the result is
    /// [`StoreError::Closed`].
    pub fn channel() -> (Replier<T>, Self) {
        let (sender, receiver) = oneshot::channel();
        (Replier(sender), Self(Inner::Waiting(receiver)))
    }

    /// A reply that has its result already.
    pub fn ready(result: Result<T, StoreError>) -> Self {
        let (replier, reply) = Self::channel();
        replier.send(result, None);
        reply
    }

    /// A reply that has failed already.
    pub fn failed(error: StoreError) -> Self {
        Self(Inner::Failed(error))
    }

    /// Blocks until the result is there; not for use on an event loop.
    ///
    /// # Errors
    /// As the write.
    pub fn wait(self) -> Result<T, StoreError> {
        match self.0 {
            Inner::Waiting(receiver) => {
                receiver.blocking_recv().map_or(Err(StoreError::Closed), |answer| answer.result)
            }
            Inner::Failed(error) => Err(error),
        }
    }
}

impl<T> Future for Reply<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Inner::Waiting(receiver) => {
                let answer = Pin::new(receiver).poll(context);
                answer.map(|answer| answer.map_or(Err(StoreError::Closed), |answer| answer.result))
            }
            Inner::Failed(error) => Poll::Ready(Err(error.clone())),
        }
    }
}
