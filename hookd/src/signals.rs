//! The signals that ask hookd to stop, be it the daemon or a command that takes long.
//!
//! Invariant: signals that come together are one request, so that only a request that is repeated ends a process at once.

use std::io;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What comes within this time of the first signal belongs to it: `timeout`, for example, signals its command and then its
/// process group.
const ONE_REQUEST: Duration = Duration::from_millis(500);

/// `SIGTERM` and `SIGINT`.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
    first: Option<Instant>,
}

impl StopSignals {
    /// Listens for them. From now on they do not end the process by themselves.
    ///
    /// # Errors
    /// Where the system does not let it.
    pub(crate) fn new() -> io::Result<Self> {
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        Ok(Self { terminate, interrupt, first: None })
    }

    /// Waits for the next request to stop, and returns the signal's name. None is lost if this is abandoned.
    pub(crate) async fn next(&mut self) -> &'static str {
        loop {
            let name = tokio::select! {
                _ = self.terminate.recv() => "SIGTERM",
                _ = self.interrupt.recv() => "SIGINT",
            };
            match self.first {
                Some(first) if first.elapsed() < ONE_REQUEST => {}
                Some(_) => return name,
                None => {
                    self.first = Some(Instant::now());
                    return name;
                }
            }
        }
    }
}
