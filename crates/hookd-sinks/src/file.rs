//! The sink `file`: changes are appended to a file as JSON Lines, or go to standard output.
//!
//! Each line is written whole or not at all: a line that a crash tore off is removed when the file is opened again. One
//! write at a time is under way, of as many lines as come together; it is not waited for longer than [`TIME_LIMIT`].

mod lines;
mod recent;

use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hookd_core::Problem;
use hookd_store::LoggedChange;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use self::lines::{Lines, NotOurs};
use self::recent::RecentLines;
use crate::document::Document;
use crate::{Attempt, Known, Sink, SinkContext, SinkOptions, SinkType, Verdict};

/// How long a write may take; a disk that hangs, or a reader of standard output, must not hold an attempt for ever.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// How many changes are written together, at most.
const BATCH_SIZE: usize = 256;

/// How many bytes of lines are written at a time, about.
const WRITE_BYTES: usize = 256 << 10;

/// The path that means standard output.
const STANDARD_OUTPUT: &str = "-";

/// The options of the sink `file`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Options {
    /// The file to which changes are appended, one JSON object a line; `"-"` is standard output. A relative path starts at
    /// the folder of the configuration file. The file is made where it does not exist, its folder is not; after `SIGHUP` it
    /// is opened again, so that it can be rotated.
    path: PathBuf,
}

/// A file, or standard output.
struct File {
    target: Target,
    /// Also whose turn it is to write.
    writing: Arc<Mutex<Writing>>,
    must_reopen: Arc<AtomicBool>,
    /// What was found in the file when it was searched last.
    recent: Arc<std::sync::Mutex<RecentLines>>,
}

/// What a write needs.
#[derive(Default)]
struct Writing {
    /// The open file.
    lines: Option<Lines>,
    /// Lines that are written next: its memory is used again.
    buffer: Vec<u8>,
}

#[derive(Clone)]
enum Target {
    StandardOutput,
    Path(PathBuf),
}

impl SinkOptions for Options {
    fn build(self, context: &SinkContext<'_>) -> Result<Box<dyn Sink>, Vec<Problem>> {
        if self.path.as_os_str().is_empty() {
            return Err(vec![Problem::with("path", "a path is expected, or `-` for standard output")]);
        }
        let target = if self.path == Path::new(STANDARD_OUTPUT) {
            Target::StandardOutput
        } else {
            Target::Path(context.path(&self.path))
        };
        Ok(Box::new(File { target, writing: Arc::default(), must_reopen: Arc::default(), recent: Arc::default() }))
    }
}

/// What a piece of work on the file ended with: not finished in time, or so.
type Worked<T> = Option<T>;

impl File {
    /// Works on the file, where threads may block, when it is its turn. None where that took too long.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce(&mut Writing) -> T + Send + 'static) -> Worked<T> {
        let writing = Arc::clone(&self.writing);
        let work = async {
            let mut writing = writing.lock_owned().await;
            spawn_blocking(move || work(&mut writing)).await.ok()
        };
        timeout(TIME_LIMIT, work).await.ok().flatten()
    }

    /// Appends changes, up to the first that cannot be written.
    async fn append(&self, changes: Vec<Arc<LoggedChange>>) -> Vec<Attempt> {
        let count = changes.len();
        let written = match &self.target {
            Target::StandardOutput => {
                let write_lines = |lines: &[u8]| written(write_to_standard_output(lines));
                self.work(move |Writing { buffer, .. }| write(&changes, buffer, write_lines)).await
            }
            Target::Path(path) => {
                let path = path.clone();
                let must_reopen = Arc::clone(&self.must_reopen);
                let write_lines = move |Writing { lines, buffer }: &mut Writing| {
                    write(&changes, buffer, |new| append(lines, &path, &must_reopen, new))
                };
                self.work(write_lines).await
            }
        };
        written.unwrap_or_else(|| {
            // Any of them may be written still.
            let limit = hookd_core::duration::format(TIME_LIMIT);
            let attempt = Attempt::unanswered(format!("writing to {} took longer than {limit}", self.destination()));
            vec![attempt; count]
        })
    }
}

/// Writes the lines of changes, many at a time, up to the first that cannot be written.
fn write(changes: &[Arc<LoggedChange>], lines: &mut Vec<u8>, mut append: impl FnMut(&[u8]) -> Attempt) -> Vec<Attempt> {
    let mut attempts = Vec::with_capacity(changes.len());
    let mut count = 0;
    lines.clear();
    for (index, change) in changes.iter().enumerate() {
        Document::new(change).write_line(lines);
        count += 1;
        if lines.len() < WRITE_BYTES && index + 1 < changes.len() {
            continue;
        }
        let attempt = append(lines);
        if attempt.verdict != Verdict::Delivered {
            // None of these lines was written, but where the attempt leaves that open.
            let failed = if attempt.may_have_arrived { count } else { 1 };
            attempts.extend(std::iter::repeat_n(attempt, failed));
            break;
        }
        attempts.extend(std::iter::repeat_n(attempt, count));
        lines.clear();
        count = 0;
    }
    lines.shrink_to(2 * WRITE_BYTES);
    attempts
}

fn write_to_standard_output(lines: &[u8]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(lines)?;
    output.flush()
}

fn written(result: io::Result<()>) -> Attempt {
    match result {
        Ok(()) => Attempt::delivered("written"),
        // Part of it may have been read.
        Err(error) => Attempt::unanswered(format!("standard output: {error}")),
    }
}

/// Appends lines to the file, all of them or none.
fn append(open: &mut Option<Lines>, path: &Path, must_reopen: &AtomicBool, new: &[u8]) -> Attempt {
    if must_reopen.swap(false, Ordering::AcqRel)
        && let Some(old) = open.take()
        && let Err(error) = old.sync()
    {
        // What it has was not committed yet, and is not in the file that is opened next.
        must_reopen.store(true, Ordering::Release);
        *open = Some(old);
        return failed(path, &error);
    }
    if open.is_none() {
        match Lines::open(path) {
            Ok(lines) => *open = Some(lines),
            Err(error) => return failed(path, &error),
        }
    }
    let Some(lines) = open else { unreachable!("it was opened above") };
    match lines.append(new) {
        Ok(()) => Attempt::delivered("written"),
        Err(error) => {
            // The next attempt repairs what this one left.
            *open = None;
            failed(path, &error)
        }
    }
}

/// How an attempt ended that could not write: a path that is wrong needs somebody, a full disk needs time.
fn failed(path: &Path, error: &io::Error) -> Attempt {
    let path = path.display();
    if error.get_ref().is_some_and(|inner| inner.is::<NotOurs>()) {
        return Attempt::misconfigured(format!("`{path}`: {error}"));
    }
    match error.kind() {
        ErrorKind::NotFound => Attempt::misconfigured(format!("the folder of `{path}` does not exist")),
        ErrorKind::IsADirectory => Attempt::misconfigured(format!("`{path}` is a folder")),
        ErrorKind::PermissionDenied
        | ErrorKind::NotADirectory
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::InvalidInput
        | ErrorKind::InvalidFilename => Attempt::misconfigured(format!("`{path}` cannot be written to: {error}")),
        _ => Attempt::later(format!("`{path}`: {error}")),
    }
}

impl Sink for File {
    fn deliver<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Attempt> {
        Box::pin(async {
            let attempts = self.append(vec![Arc::new(change.clone())]).await;
            attempts.into_iter().next().unwrap_or_else(|| unreachable!("there is one for the change"))
        })
    }

    fn batch_size(&self) -> usize {
        BATCH_SIZE
    }

    fn deliver_many<'a>(&'a self, changes: &'a [Arc<LoggedChange>]) -> BoxFuture<'a, Vec<Attempt>> {
        Box::pin(self.append(changes.to_vec()))
    }

    fn can_tell(&self) -> bool {
        matches!(self.target, Target::Path(_))
    }

    fn has<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Known> {
        Box::pin(async {
            let Target::Path(path) = self.target.clone() else { return Known::CannotTell };
            let hookd_id = change.hookd_id.clone();
            let recent = Arc::clone(&self.recent);
            // Not while something is written.
            let find =
                move |_: &mut Writing| recent.lock().unwrap_or_else(PoisonError::into_inner).find(&path, &hookd_id);
            match self.work(find).await {
                Some(Ok(Some(offset))) => Known::Yes(format!("the line at byte {offset}")),
                Some(Ok(None)) => Known::No,
                Some(Err(error)) => Known::NoAnswer(error.to_string()),
                None => Known::NoAnswer("reading the file took too long".to_owned()),
            }
        })
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async {
            let Target::Path(path) = &self.target else { return Ok(()) };
            let synced = self.work(|writing| writing.lines.as_ref().map_or(Ok(()), Lines::sync)).await;
            let path = path.display();
            match synced {
                Some(synced) => synced.map_err(|error| format!("`{path}`: {error}")),
                None => Err(format!("`{path}`: the disk took too long")),
            }
        })
    }

    fn reopen(&self) {
        self.must_reopen.store(true, Ordering::Release);
    }

    fn warnings(&self) -> Vec<String> {
        let Target::Path(path) = &self.target else { return Vec::new() };
        let shown = path.display();
        if path.is_dir() {
            vec![format!("`path`: `{shown}` is a folder, so that nothing can be written")]
        } else if path.parent().is_some_and(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            vec![format!("`path`: the folder of `{shown}` does not exist, so that nothing can be written")]
        } else {
            Vec::new()
        }
    }

    fn destination(&self) -> String {
        match &self.target {
            Target::StandardOutput => "standard output".to_owned(),
            Target::Path(path) => path.display().to_string(),
        }
    }
}

inventory::submit! {
    SinkType::new::<Options>("file", "A file of JSON Lines, or standard output.")
}
