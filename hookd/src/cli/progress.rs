//! Progress of long commands on a terminal, and ending them by a signal.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hookd_store_sqlite::maintenance::{Progress, Watch};

use crate::signals::StopSignals;

/// How often what is shown changes.
const INTERVAL: Duration = Duration::from_millis(300);

/// Clears the line of the cursor.
const CLEAR: &str = "\r\x1b[K";

/// A watch that shows progress if standard error is a terminal, and stops the command at SIGINT or SIGTERM.
pub(super) fn watch() -> Watch {
    Watch::new(reporter())
}

/// The same as a function, which returns whether the command goes on.
pub(super) fn reporter() -> impl Fn(Progress) -> bool + Send + Sync + 'static {
    let is_interrupted = interrupted();
    let line = io::stderr().is_terminal().then(|| Mutex::new(Line::new()));
    move |progress| {
        if let Some(line) = &line {
            line.lock().unwrap_or_else(PoisonError::into_inner).show(progress);
        }
        !is_interrupted.load(Ordering::Relaxed)
    }
}

/// Set by the first signal. The second one ends the process.
fn interrupted() -> Arc<AtomicBool> {
    let is_interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&is_interrupted);
    thread::spawn(move || {
        // Without it signals end the process, as they do by themselves.
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
        runtime.block_on(async {
            let Ok(mut signals) = StopSignals::new() else { return };
            loop {
                signals.next().await;
                if flag.swap(true, Ordering::Relaxed) {
                    // As a shell reports SIGINT.
                    std::process::exit(130);
                }
            }
        });
    });
    is_interrupted
}

/// The line of the terminal with the progress, which is cleared at the end.
struct Line {
    began: Instant,
    shown: Option<Instant>,
    step: &'static str,
}

impl Line {
    fn new() -> Self {
        Self { began: Instant::now(), shown: None, step: "" }
    }

    fn show(&mut self, progress: Progress) {
        let now = Instant::now();
        if progress.step != self.step {
            (self.began, self.step) = (now, progress.step);
        }
        if self.shown.is_none_or(|shown| now.duration_since(shown) >= INTERVAL) {
            self.shown = Some(now);
            let text = text(progress, now.duration_since(self.began));
            // What cannot be shown is not worth a failure.
            let _ = write!(io::stderr(), "{CLEAR}{text}").and_then(|()| io::stderr().flush());
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "{CLEAR}").and_then(|()| io::stderr().flush());
        }
    }
}

/// `reading the log: 40 %, 2:05 left`.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is shown")]
fn text(Progress { step, done, total }: Progress, elapsed: Duration) -> String {
    let clock = |seconds: u64| format!("{}:{:02}", seconds / 60, seconds % 60);
    let Some(total) = total.filter(|total| *total > 0) else {
        return format!("{step}: {} so far", clock(elapsed.as_secs()));
    };
    let part = (done as f64 / total as f64).min(1.0);
    let percent = (part * 100.0) as u64;
    if part < 0.01 {
        return format!("{step}: {percent} %");
    }
    let left = elapsed.as_secs_f64() * (1.0 - part) / part;
    format!("{step}: {percent} %, {} left", clock(left as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_much_is_done_and_how_long_the_rest_will_take() {
        let text = |done, total, seconds| text(Progress { step: "copying", done, total }, Duration::from_secs(seconds));
        assert_eq!(text(0, Some(500), 3), "copying: 0 %");
        assert_eq!(text(100, Some(500), 31), "copying: 20 %, 2:04 left");
        assert_eq!(text(600, Some(500), 31), "copying: 100 %, 0:00 left");
        assert_eq!(text(7, None, 61), "copying: 1:01 so far");
        assert_eq!(text(7, Some(0), 1), "copying: 0:01 so far");
    }
}
