//! The poller `archives`: each new file in a folder is a change, such as the releases on a file server.
//!
//! What is in the folder when it is polled first is where it begins, and makes no change. A file that is replaced by a newer
//! one of its name makes another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use std::{fs, io};

use hookd_core::{Change, Problem, register};
use hookd_pollers::{BoxFuture, Poll, PollError, Polled, Poller, PollerContext, PollerOptions, PollerType};
use schemars::JsonSchema;
use serde::Deserialize;

/// The options of the poller `archives`.
#[derive(Deserialize, JsonSchema)]
struct Options {
    /// The folder that is polled. A relative path starts at the folder of the configuration file. Move an archive there when
    /// it is complete.
    folder: PathBuf,

    /// How the names of archives end; other files are left alone.
    #[serde(default = "endings")]
    endings: Vec<String>,
}

fn endings() -> Vec<String> {
    [".tar.gz", ".tar.xz", ".zip"].map(str::to_owned).to_vec()
}

impl PollerOptions for Options {
    fn default_name(options: &serde_json::Map<String, serde_json::Value>) -> Option<String> {
        options.get("folder")?.as_str().map(str::to_owned)
    }

    fn build(self, context: &PollerContext<'_>) -> Result<Box<dyn Poller>, Vec<Problem>> {
        if self.folder.as_os_str().is_empty() {
            return Err(vec![Problem::with("folder", "is empty, expected the path of a folder")]);
        }
        Ok(Box::new(Archives { folder: context.path(&self.folder), endings: self.endings }))
    }
}

struct Archives {
    folder: PathBuf,
    endings: Vec<String>,
}

impl Poller for Archives {
    fn poll<'a>(&'a self, poll: Poll<'a>) -> BoxFuture<'a, Result<Polled, PollError>> {
        Box::pin(async move {
            let (folder, endings) = (self.folder.clone(), self.endings.clone());
            let listed = tokio::task::spawn_blocking(move || archives_in(&folder, &endings)).await;
            let wrong = |error: &dyn std::fmt::Display| PollError(format!("{}: {error}", self.repository()));
            let found = listed.map_err(|error| wrong(&error))?.map_err(|error| wrong(&error))?;
            Ok(self.compared(poll, &found))
        })
    }

    fn repository(&self) -> String {
        self.folder.display().to_string()
    }
}

impl Archives {
    /// What is new since the last poll.
    fn compared(&self, poll: Poll<'_>, found: &BTreeMap<String, u64>) -> Polled {
        let mut polled = Polled::default();
        for (name, seconds) in found {
            let before = poll.positions.and_then(|positions| positions.at.get(name));
            if before.is_some_and(|before| *before == seconds.to_string()) {
                continue;
            }
            polled.set.push((name.clone(), Some(seconds.to_string())));
            if poll.positions.is_some() {
                polled.changes.push(self.change(name, *seconds));
            }
        }
        let at = poll.positions.into_iter().flat_map(|positions| positions.at.keys());
        polled.set.extend(at.filter(|name| !found.contains_key(*name)).map(|name| (name.clone(), None)));
        polled.changes.sort_by_key(|change| change.when_timestamp);
        polled
    }

    fn change(&self, name: &str, seconds: u64) -> Change {
        Change {
            comments: format!("New archive {name}"),
            files: vec![name.to_owned()],
            repository: self.repository(),
            revision: Some(name.to_owned()),
            when_timestamp: i64::try_from(seconds).ok(),
            ..Change::default()
        }
    }
}

/// The archives in a folder, and when each was modified, in seconds since 1970.
fn archives_in(folder: &Path, endings: &[String]) -> io::Result<BTreeMap<String, u64>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let metadata = entry.metadata()?;
        if metadata.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
            let since_1970 = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            found.insert(name, since_1970.as_secs());
        }
    }
    Ok(found)
}

register! { PollerType::new::<Options>("archives", "A folder of archives: each new one is a change.") }
