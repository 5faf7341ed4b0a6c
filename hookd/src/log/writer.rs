//! Writes log lines on a thread of its own: no webhook waits for whoever reads the log, and many lines are one write.
//!
//! Invariants: lines that wait take at most [`MAX_WAITING_BYTES`]; those that find no room are lost, and their number is
//! logged; a reader that has stopped reading cannot keep hookd from stopping.

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// How long a line waits for others that are written with it.
const BATCH_TIME: Duration = Duration::from_millis(20);

/// The size of the lines that wait while the reader of the log is slow.
const MAX_WAITING_BYTES: usize = 4 << 20;

/// Where log lines are written to: each write is a whole line.
#[derive(Default)]
pub(super) struct LogWriter {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    text: Vec<u8>,
    /// How many lines found no room.
    lost: u64,
    is_ending: bool,
}

/// Flushes the log when it is dropped, and gives up after a while if nobody reads it.
pub(crate) struct FlushGuard {
    writer: Arc<LogWriter>,
    /// Disconnected when the thread has ended.
    ended: Receiver<()>,
    timeout: Duration,
}

impl LogWriter {
    /// Starts the thread that writes to `output`. Its end is waited for no longer than `flush_timeout`.
    ///
    /// # Errors
    /// When the system starts no thread.
    pub(super) fn start(
        output: impl Write + Send + 'static,
        flush_timeout: Duration,
    ) -> io::Result<(Arc<Self>, FlushGuard)> {
        let writer = Arc::<Self>::default();
        let (running, ended) = mpsc::channel();
        thread::Builder::new().name("log".into()).spawn({
            let writer = Arc::clone(&writer);
            move || {
                writer.run(output);
                drop(running);
            }
        })?;
        let guard = FlushGuard { writer: Arc::clone(&writer), ended, timeout: flush_timeout };
        Ok((writer, guard))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes batches of lines until the guard is dropped and nothing is left.
    fn run(&self, mut output: impl Write) {
        let mut text = Vec::new();
        loop {
            let waiting = self.changed.wait_while(self.lock(), |waiting| waiting.text.is_empty() && !waiting.is_ending);
            let is_ending = waiting.unwrap_or_else(PoisonError::into_inner).is_ending;
            if !is_ending {
                thread::sleep(BATCH_TIME);
            }
            let mut waiting = self.lock();
            std::mem::swap(&mut text, &mut waiting.text);
            let lost = std::mem::take(&mut waiting.lost);
            drop(waiting);
            // There is no place to report an error to.
            let _ = output.write_all(&text).and_then(|()| output.flush());
            text.clear();
            if lost > 0 {
                tracing::warn!(lost, "log lines were lost, since the log was not read fast enough");
            } else if is_ending {
                return;
            }
        }
    }
}

impl Write for &LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.lock();
        if waiting.text.len() + line.len() > MAX_WAITING_BYTES {
            waiting.lost += 1;
            return Ok(line.len());
        }
        let is_first = waiting.text.is_empty();
        waiting.text.extend_from_slice(line);
        drop(waiting);
        if is_first {
            self.changed.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for FlushGuard {
    fn drop(&mut self) {
        self.writer.lock().is_ending = true;
        self.writer.changed.notify_one();
        // Both its end and the time limit are errors; nothing else is ever received.
        let _ = self.ended.recv_timeout(self.timeout);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An output whose writes wait until the other end of the channel is dropped.
    struct Held(Receiver<()>, Arc<Mutex<Vec<u8>>>);

    impl Write for Held {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            self.1.lock().unwrap().extend_from_slice(text);
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_slow_reader_delays_nobody_and_takes_bounded_memory() {
        let (release, held) = mpsc::channel();
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let (writer, guard) = LogWriter::start(Held(held, Arc::clone(&written)), Duration::from_secs(60)).unwrap();
        let line = vec![b'x'; 1 << 10];
        for _ in 0..20_000 {
            (&*writer).write_all(&line).unwrap();
        }
        let waiting = writer.lock();
        assert!(waiting.text.len() <= MAX_WAITING_BYTES);
        assert!(waiting.lost >= 20_000 - 2 * (MAX_WAITING_BYTES as u64 >> 10), "{}", waiting.lost);
        drop(waiting);
        drop(release);
        drop(guard);
        let written = written.lock().unwrap().len();
        assert!(written >= MAX_WAITING_BYTES - line.len(), "what was taken is written at the end: {written}");
    }

    #[test]
    fn ends_though_nobody_reads() {
        let (release, held) = mpsc::channel();
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let (writer, guard) = LogWriter::start(Held(held, Arc::clone(&written)), Duration::from_millis(1)).unwrap();
        (&*writer).write_all(b"a line\n").unwrap();
        drop(guard);
        assert_eq!(written.lock().unwrap().len(), 0);
        drop(release);
    }
}
