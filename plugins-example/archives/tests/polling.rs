//! The poller against a real folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use archives as _;
use hookd_core::{Secret, SecretSource, registry};
use hookd_pollers::{Poll, PollError, Polled, Poller, PollerContext, PollerType};
use hookd_store::{MemoryStore, Positions, SharedStore, Timestamp};
use serde_json::{Value, json};

struct NoSecrets;

impl SecretSource for NoSecrets {
    fn read(&self, _: &Secret) -> Result<Vec<u8>, String> {
        Err("there are none".to_owned())
    }
}

fn poller(folder: &Path) -> Box<dyn Poller> {
    let kind = registry::find::<PollerType>("archives").expect("it is registered");
    let context = PollerContext { name: "under-test", folder, config_folder: folder, secrets: &NoSecrets };
    let Value::Object(options) = json!({"folder": "releases"}) else { unreachable!("it is an object") };
    assert_eq!((kind.default_name)(&options).as_deref(), Some("releases"));
    (kind.build)(options, &context).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Polls once, from these positions.
fn poll(poller: &dyn Poller, at: Option<&BTreeMap<String, String>>) -> Result<Polled, PollError> {
    let store: SharedStore = Arc::new(MemoryStore::new());
    let now = Timestamp::now();
    let positions = at.map(|at| Positions { version: 1, polled_at: now, changed_at: None, at: at.clone() });
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(poller.poll(Poll { positions: positions.as_ref(), store: &store, now }))
}

/// Moves positions as the engine does, and returns the revisions of the changes.
fn take(polled: Polled, at: &mut BTreeMap<String, String>) -> Vec<String> {
    for (key, position) in polled.set {
        match position {
            Some(position) => at.insert(key, position),
            None => at.remove(&key),
        };
    }
    polled.changes.into_iter().filter_map(|change| change.revision).collect()
}

fn publish(folder: &Path, name: &str, seconds: u64) {
    let file = File::create(folder.join("releases").join(name)).expect("it is writable");
    file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).expect("it is ours");
}

#[test]
fn each_new_archive_is_a_change_once_oldest_first() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("releases")).expect("it is writable");
    publish(folder.path(), "tea-1.0.zip", 1000);
    let (poller, mut at) = (poller(folder.path()), BTreeMap::new());
    assert_eq!(take(poll(&*poller, None).expect("a baseline"), &mut at), [""; 0]);

    publish(folder.path(), "tea-1.2.zip", 3000);
    publish(folder.path(), "tea-1.3.tar.gz", 2000);
    publish(folder.path(), "tea-1.4.txt", 2000);
    assert_eq!(take(poll(&*poller, Some(&at)).expect("it can be read"), &mut at), ["tea-1.3.tar.gz", "tea-1.2.zip"]);
    assert_eq!(poll(&*poller, Some(&at)).expect("it can be read"), Polled::default());

    // Another file of the same name, and one that is gone, which may come again.
    publish(folder.path(), "tea-1.2.zip", 4000);
    fs::remove_file(folder.path().join("releases/tea-1.0.zip")).expect("it is there");
    assert_eq!(take(poll(&*poller, Some(&at)).expect("it can be read"), &mut at), ["tea-1.2.zip"]);
    assert_eq!(at.keys().collect::<Vec<_>>(), ["tea-1.2.zip", "tea-1.3.tar.gz"]);
}

#[test]
fn a_folder_that_is_gone_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = poll(&*poller(folder.path()), None).expect_err("there is no folder").to_string();
    assert!(error.contains("releases: No such file or directory"), "{error}");
}
