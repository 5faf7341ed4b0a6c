//! The contract that every sink passes, with a folder as the other side.

use std::fs;
use std::path::PathBuf;

use hookd_core::{Secret, SecretSource, registry};
use hookd_sinks::contract::{Behaviour, Peer};
use hookd_sinks::{Sink, SinkContext, SinkType};
use serde_json::{Value, json};
use spool as _;
use tempfile::TempDir;

struct NoSecrets;

impl SecretSource for NoSecrets {
    fn read(&self, _: &Secret) -> Result<Vec<u8>, String> {
        Err("there are none".to_owned())
    }
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("there")).expect("it is writable");
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

impl Peer for Folder {
    fn sink(&self) -> Box<dyn Sink> {
        let context = SinkContext { name: "under-test", folder: self.0.path(), secrets: &NoSecrets };
        let Value::Object(options) = json!({"folder": "there"}) else { unreachable!("it is an object") };
        let kind = registry::find::<SinkType>("spool").expect("it is registered");
        (kind.build)(options, &context).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    fn behave(&self, behaviour: &Behaviour) -> bool {
        match behaviour {
            Behaviour::Take if self.path("gone").exists() => {
                fs::rename(self.path("gone"), self.path("there")).expect("it is writable");
            }
            Behaviour::Take => {}
            Behaviour::Misconfigured => {
                fs::rename(self.path("there"), self.path("gone")).expect("it is writable");
            }
            // A folder takes any change, and says so.
            Behaviour::TakeNone | Behaviour::Refuse(_) | Behaviour::TakeSilently => return false,
        }
        true
    }

    fn arrived(&self) -> Vec<String> {
        let folder = if self.path("gone").exists() { "gone" } else { "there" };
        let entries = fs::read_dir(self.path(folder)).expect("the folder is there");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        // Names are in the order of the log; a file that is written again is newer than its neighbours.
        paths.sort();
        let id = |path: &PathBuf| {
            let text = fs::read_to_string(path).expect("it can be read");
            let change: Value = serde_json::from_str(&text).expect("each file is whole");
            change["hookd_id"].as_str().expect("it has an id").to_owned()
        };
        paths.iter().map(id).collect()
    }
}

hookd_sinks::contract_tests!(Folder::new());
