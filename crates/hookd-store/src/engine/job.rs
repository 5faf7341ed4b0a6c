//! What the writer is asked to do. The result of a job travels in it, until the transaction is committed.

use crate::{
    Completion, CursorMove, Due, Expired, Expiry, Identity, Moved, NewDelivery, PositionMove, Receipt, Replier, Spent,
    StoreError,
};

/// One write, and the promise of its result.
pub enum Job {
    /// The identity is computed by whoever appends, since the writer is one for all.
    Append(Box<NewDelivery>, Option<Identity>, Promise<Receipt>),
    /// [`Log::complete`](crate::Log::complete).
    Complete(Box<Completion>, Promise<bool>),
    /// [`Log::postpone`](crate::Log::postpone).
    Postpone(Box<Due>, Promise<()>),
    /// [`Log::move_positions`](crate::Log::move_positions).
    MovePositions(PositionMove, Promise<()>),
    /// [`Log::expire`](crate::Log::expire).
    Expire(Box<Expiry>, Promise<Expired>),
    /// [`Log::move_cursors`](crate::Log::move_cursors).
    MoveCursors(Vec<CursorMove>, Promise<Vec<Moved>>),
    /// [`Log::probe`](crate::Log::probe).
    Probe(Promise<()>),
}

/// Where the result of a write goes, and what it is if the transaction is committed.
pub struct Promise<T> {
    replier: Replier<T>,
    result: Option<Result<T, StoreError>>,
}

impl<T> Promise<T> {
    /// A promise to whoever waits for this.
    pub fn new(replier: Replier<T>) -> Self {
        Self { replier, result: None }
    }

    /// The result from now on: a write that is invalid fails without the others. A transaction that is tried again sets it
    /// anew.
    pub fn set(&mut self, result: Result<T, StoreError>) {
        self.result = Some(result);
    }

    /// What it was given.
    pub fn get(&self) -> Option<&T> {
        self.result.as_ref()?.as_ref().ok()
    }

    /// Sends the result, or the error of the transaction.
    fn keep(self, error: Option<&StoreError>, spent: Option<Spent>) {
        if let Some(result) = error.map_or(self.result, |error| Some(Err(error.clone()))) {
            self.replier.send(result, spent);
        }
    }
}

impl Job {
    /// The write fails for this reason, without the others.
    pub fn fail(&mut self, error: StoreError) {
        match self {
            Self::Append(_, _, promise) => promise.set(Err(error)),
            Self::Complete(_, promise) => promise.set(Err(error)),
            Self::Expire(_, promise) => promise.set(Err(error)),
            Self::MoveCursors(_, promise) => promise.set(Err(error)),
            Self::Postpone(_, promise) | Self::MovePositions(_, promise) | Self::Probe(promise) => {
                promise.set(Err(error));
            }
        }
    }

    /// Answers whoever waits, when the transaction is committed or has failed.
    pub fn answer(self, error: Option<&StoreError>) {
        match self {
            Self::Append(delivery, _, promise) => promise.keep(error, Some(delivery)),
            Self::Complete(completion, promise) => promise.keep(error, Some(completion)),
            Self::Expire(_, promise) => promise.keep(error, None),
            Self::MoveCursors(_, promise) => promise.keep(error, None),
            Self::Postpone(_, promise) | Self::MovePositions(_, promise) | Self::Probe(promise) => {
                promise.keep(error, None);
            }
        }
    }
}
