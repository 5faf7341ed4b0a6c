//! How long this process may believe that the log is its own.
//!
//! The truth is in the head, and is checked by every transaction. A process that was stopped for a while may still have
//! changes to deliver when it goes on, and another one may have delivered them meanwhile: so nothing is read onward once the
//! last commit is longer ago than the lease.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hookd_store::StoreError;

pub(crate) struct Lease {
    length: Duration,
    until: Mutex<Instant>,
}

impl Lease {
    pub(crate) fn new(length: Duration) -> Self {
        Self { length, until: Mutex::new(Instant::now()) }
    }

    pub(crate) fn length(&self) -> Duration {
        self.length
    }

    /// It was renewed by a transaction whose commit was sent at this moment, by this process's clock.
    pub(crate) fn renewed(&self, sent: Instant) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = sent + self.length;
    }

    /// Whether it still lasts.
    ///
    /// # Errors
    /// That it does not.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if Instant::now() < *self.until.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(());
        }
        Err(StoreError::Unavailable {
            cause: "PostgreSQL has not confirmed for too long that this hookd is the one at work".to_owned(),
            remedy:
                "see whether PostgreSQL can be reached, and whether another hookd uses the database; hookd continues \
                     by itself"
                    .to_owned(),
        })
    }
}

/// Who this process is, for people: host and process.
pub(crate) fn holder() -> String {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy().into_owned();
    format!("on {host} (process {})", std::process::id())
}
