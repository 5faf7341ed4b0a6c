//! The sink `spool`: each change becomes a file in a folder, for a program that takes them from there.
//!
//! A file has one change as JSON. Its name is made of the number of the change, so that names sort as the changes came, and
//! of its `hookd_id`, by which it is found again. It appears whole or not at all: it is written beside, and then renamed.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use hookd_core::{Problem, register};
use hookd_sinks::{Attempt, BoxFuture, Known, Sink, SinkContext, SinkOptions, SinkType};
use hookd_store::LoggedChange;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// The options of the sink `spool`.
#[derive(Deserialize, JsonSchema)]
struct Options {
    /// The folder, which must be there. A relative path starts at the folder of the configuration file.
    folder: PathBuf,
}

impl SinkOptions for Options {
    fn build(self, context: &SinkContext<'_>) -> Result<Box<dyn Sink>, Vec<Problem>> {
        if self.folder.as_os_str().is_empty() {
            return Err(vec![Problem::with("folder", "is empty, expected the path of a folder")]);
        }
        Ok(Box::new(Spool { folder: context.path(&self.folder) }))
    }
}

struct Spool {
    folder: PathBuf,
}

impl Spool {
    fn path(&self, change: &LoggedChange) -> PathBuf {
        self.folder.join(format!("{:012}-{}.json", change.changeid, change.hookd_id))
    }
}

impl Sink for Spool {
    fn deliver<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Attempt> {
        let path = self.path(change);
        let text =
            json!({"hookd_id": change.hookd_id, "changeid": change.changeid, "change": change.change}).to_string();
        Box::pin(async move {
            let write = tokio::task::spawn_blocking(move || write(&path, &text));
            match write.await {
                Ok(Ok(())) => Attempt::delivered("written"),
                Ok(Err(error)) if is_wrong_place(&error) => Attempt::misconfigured(error.to_string()),
                Ok(Err(error)) => Attempt::later(error.to_string()),
                Err(error) => Attempt::unanswered(error.to_string()),
            }
        })
    }

    fn can_tell(&self) -> bool {
        true
    }

    fn has<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Known> {
        let path = self.path(change);
        Box::pin(async move {
            match path.try_exists() {
                Ok(true) => Known::Yes(path.display().to_string()),
                Ok(false) => Known::No,
                Err(error) => Known::NoAnswer(error.to_string()),
            }
        })
    }

    fn destination(&self) -> String {
        self.folder.display().to_string()
    }

    fn warnings(&self) -> Vec<String> {
        let shown = self.folder.display();
        let is_missing = !self.folder.is_dir();
        is_missing
            .then(|| format!("`folder`: `{shown}` is no folder, so that nothing can be written"))
            .into_iter()
            .collect()
    }
}

/// Writes a file that is there whole or not at all, also after a crash.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut file = fs::File::create(&part)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&part, path));
    if written.is_err() {
        // What is left of it is written over by the next attempt, if there is one.
        let _ = fs::remove_file(&part);
    }
    written?;
    fs::File::open(path.parent().unwrap_or(path))?.sync_all()
}

/// Whether somebody has to do something before anything can be written there.
fn is_wrong_place(error: &io::Error) -> bool {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem)
}

register! { SinkType::new::<Options>("spool", "A folder with a file for each change.") }
