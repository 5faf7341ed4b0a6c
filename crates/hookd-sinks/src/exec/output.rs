//! The output of a command: all of it is read, so that a flood never blocks it, and the end of it is kept.

use tokio::net::unix::pipe::Receiver;

/// How much is kept, in bytes: enough for the characters of an answer.
const KEPT_BYTES: usize = 4 * crate::MAX_ANSWER_CHARS;

/// The end of an output.
#[derive(Default)]
pub(crate) struct Output(Vec<u8>);

impl Output {
    /// Reads until the pipe is closed. What was read before it is dropped is kept.
    pub(crate) async fn read(&mut self, pipe: &Receiver) {
        let mut buffer = [0; 8192];
        while pipe.readable().await.is_ok() {
            match pipe.try_read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => self.push(&buffer[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return,
            }
            // A flood must not keep the time limit from being looked at.
            tokio::task::yield_now().await;
        }
    }

    fn push(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(piece);
        if self.0.len() > 2 * KEPT_BYTES {
            self.0.drain(..self.0.len() - KEPT_BYTES);
        }
    }

    /// Its text.
    pub(crate) fn into_text(self) -> String {
        let start = self.0.len().saturating_sub(KEPT_BYTES);
        String::from_utf8_lossy(&self.0[start..]).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_end_within_bounds() {
        let mut output = Output::default();
        for n in 0..10_000 {
            output.push(format!("{n}\n").as_bytes());
            assert!(output.0.len() <= 2 * KEPT_BYTES);
        }
        let text = output.into_text();
        assert!(text.len() <= KEPT_BYTES && text.ends_with("9998\n9999\n"), "{text}");
    }
}
