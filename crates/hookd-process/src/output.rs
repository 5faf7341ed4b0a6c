//! The outputs of a command: read as they come, so that a flood never blocks it, and kept within bounds.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;
use tokio::time::{Instant, timeout_at};

/// How much is kept of an output of which the end counts, in bytes.
pub const END_BYTES: usize = 4 << 10;

/// How much a pipe holds on Linux, in bytes: what a command that has ended can have left in it.
const PIPE_BYTES: usize = 64 << 10;

/// How much is read at a time.
const PIECE_BYTES: usize = 16 << 10;

/// A pipe that a command writes to, and what is kept of it.
pub(crate) struct Output {
    /// `None` once it is closed.
    pipe: Option<Receiver>,
    kept: Vec<u8>,
    keep: Keep,
}

/// What is kept of an output.
#[derive(Clone, Copy)]
pub(crate) enum Keep {
    /// The last [`END_BYTES`].
    End,
    /// All of it, which may be so many bytes.
    All(usize),
}

impl Output {
    /// A pipe, and its end for the command.
    pub(crate) fn new(keep: Keep) -> io::Result<(Self, io::PipeWriter)> {
        let (reader, writer) = io::pipe()?;
        let pipe = Receiver::from_owned_fd(OwnedFd::from(reader))?;
        Ok((Self { pipe: Some(pipe), kept: Vec::new(), keep }, writer))
    }

    /// One that is closed.
    pub(crate) fn closed() -> Self {
        Self { pipe: None, kept: Vec::new(), keep: Keep::End }
    }

    /// Whether more may come.
    pub(crate) fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Reads the next piece, and returns its length: 0 when the pipe was closed. Dropping the future loses nothing.
    pub(crate) async fn read(&mut self) -> usize {
        let Some(pipe) = &self.pipe else { return 0 };
        let mut piece = [0; PIECE_BYTES];
        while pipe.readable().await.is_ok() {
            match pipe.try_read(&mut piece) {
                Ok(0) => break,
                Ok(length) => {
                    self.push(&piece[..length]);
                    return length;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        self.pipe = None;
        0
    }

    /// Reads what a command that has ended left in the pipe: until it is closed, or for so long if something that the
    /// command started keeps it open.
    pub(crate) async fn drain(&mut self, limit: Duration) {
        let until = Instant::now() + limit;
        let mut left = PIPE_BYTES;
        // What is in the pipe is read however late it is: it must not be cut because the machine is busy.
        while let Ok(length @ 1..) = timeout_at(until, self.read()).await {
            left = left.saturating_sub(length);
            if self.is_too_long() || (left == 0 && Instant::now() > until) {
                break;
            }
            // A flood must not keep other tasks from running.
            tokio::task::yield_now().await;
        }
    }

    /// Whether it is longer than it may be.
    pub(crate) fn is_too_long(&self) -> bool {
        matches!(self.keep, Keep::All(most) if self.kept.len() > most)
    }

    fn push(&mut self, piece: &[u8]) {
        self.kept.extend_from_slice(piece);
        if matches!(self.keep, Keep::End) && self.kept.len() > 2 * END_BYTES {
            self.kept.drain(..self.kept.len() - END_BYTES);
        }
    }

    /// What was kept: all of it, as far as it may be that long, or its end.
    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        match self.keep {
            Keep::End => self.kept.drain(..self.kept.len().saturating_sub(END_BYTES)),
            Keep::All(most) => self.kept.drain(most.min(self.kept.len())..),
        };
        self.kept
    }

    /// Its text, where it is not UTF-8 with replacement characters.
    pub(crate) fn into_text(self) -> String {
        String::from_utf8_lossy(&self.into_bytes()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_end_within_bounds() {
        let mut output = Output::closed();
        for n in 0..10_000 {
            output.push(format!("{n}\n").as_bytes());
            assert!(output.kept.len() <= 2 * END_BYTES);
        }
        let text = output.into_text();
        assert!(text.len() <= END_BYTES && text.ends_with("9998\n9999\n"), "{text}");
    }

    #[test]
    fn keeps_all_up_to_its_bound() {
        let mut output = Output { keep: Keep::All(10), ..Output::closed() };
        output.push(b"0123456789");
        assert!(!output.is_too_long());
        output.push(b"x");
        assert!(output.is_too_long());
        assert_eq!(output.into_bytes(), b"0123456789");
    }
}
