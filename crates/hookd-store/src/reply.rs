//! The result of a write, available once it is committed.

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
    Waiting(oneshot::Receiver<Result<T, StoreError>>),
    Failed(StoreError),
}

impl<T> Reply<T> {
    /// A reply, and where to send its result. If the sender is dropped without one, the result is
    /// [`StoreError::Closed`].
    pub fn channel() -> (oneshot::Sender<Result<T, StoreError>>, Self) {
        let (sender, receiver) = oneshot::channel();
        (sender, Self(Inner::Waiting(receiver)))
    }

    /// A reply that has its result already.
    pub fn ready(result: Result<T, StoreError>) -> Self {
        let (sender, reply) = Self::channel();
        // The receiver is in the reply, so that this cannot fail.
        let _ = sender.send(result);
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
            Inner::Waiting(receiver) => receiver.blocking_recv().unwrap_or(Err(StoreError::Closed)),
            Inner::Failed(error) => Err(error),
        }
    }
}

impl<T> Future for Reply<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Inner::Waiting(receiver) => {
                Pin::new(receiver).poll(context).map(|result| result.unwrap_or(Err(StoreError::Closed)))
            }
            Inner::Failed(error) => Poll::Ready(Err(error.clone())),
        }
    }
}
