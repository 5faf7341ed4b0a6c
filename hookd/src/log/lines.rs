//! Lines on their way to the standard error output: a thread writes what has come together, so that no webhook waits for
//! who reads the log, and many lines are one write.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// How long a line waits for others at most.
const GATHER: Duration = Duration::from_millis(20);

/// With so many bytes waiting, who reads the log has stopped: more lines are lost, and counted.
const MOST: usize = 4 << 20;

/// Where lines are written to.
#[derive(Clone)]
pub(super) struct Lines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    come: Condvar,
}

#[derive(Default)]
struct Waiting {
    text: Vec<u8>,
    /// How many lines found no room.
    lost: u64,
    has_ended: bool,
}

/// Writes what is left when it is dropped.
pub(crate) struct Ending {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    /// Starts the thread, which writes to `output`.
    pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<(Self, Ending)> {
        let shared = Arc::new(Shared::default());
        let lines = Self(Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("log".into()).spawn({
            let shared = Arc::clone(&shared);
            move || shared.write_all(output)
        })?;
        Ok((lines, Ending { shared, thread: Some(thread) }))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_all(&self, mut output: impl Write) {
        let mut text = Vec::new();
        loop {
            let waiting = self.come.wait_while(self.lock(), |waiting| waiting.text.is_empty() && !waiting.has_ended);
            let has_ended = waiting.unwrap_or_else(PoisonError::into_inner).has_ended;
            if !has_ended {
                std::thread::sleep(GATHER);
            }
            let mut waiting = self.lock();
            std::mem::swap(&mut text, &mut waiting.text);
            let lost = std::mem::take(&mut waiting.lost);
            drop(waiting);
            // Nobody could be told of an error here.
            let _ = output.write_all(&text).and_then(|()| output.flush());
            text.clear();
            if lost > 0 {
                tracing::warn!(lost, "lines of the log were lost: who reads it was too slow");
            } else if has_ended {
                return;
            }
        }
    }
}

impl Write for &Lines {
    /// Takes a whole line.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.lock();
        if waiting.text.len() + line.len() > MOST {
            waiting.lost += 1;
            return Ok(line.len());
        }
        let is_first = waiting.text.is_empty();
        waiting.text.extend_from_slice(line);
        drop(waiting);
        if is_first {
            self.0.come.notify_one();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'l> MakeWriter<'l> for Lines {
    type Writer = &'l Lines;

    fn make_writer(&'l self) -> Self::Writer {
        self
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.shared.lock().has_ended = true;
        self.shared.come.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// An output that writes when it is told to.
    struct Held(mpsc::Receiver<()>, Arc<Mutex<Vec<u8>>>);

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
    fn nobody_waits_for_who_reads_the_log_and_the_memory_of_lines_is_bounded() {
        let (go, held) = mpsc::channel();
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let (lines, ending) = Lines::start(Held(held, Arc::clone(&written))).unwrap();
        let line = vec![b'x'; 1 << 10];
        for _ in 0..20_000 {
            (&lines).write_all(&line).unwrap();
        }
        let waiting = lines.0.lock();
        assert!(waiting.text.len() <= MOST);
        assert!(waiting.lost >= 20_000 - 2 * (MOST as u64 >> 10), "{}", waiting.lost);
        drop(waiting);
        drop(go);
        drop(ending);
        let written = written.lock().unwrap().len();
        assert!(written >= MOST - line.len(), "what was taken is written at the end: {written}");
    }
}
