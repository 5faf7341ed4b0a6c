//! The sink `file`: each change is one whole line, once, whenever hookd is killed.

use std::fs;

use hookd_tests::{Home, sha256_signature, until};
use serde_json::Value;

use super::kills::{Load, check_arrived};
use super::{change, stored, tables};
use crate::faults::full_disk;
use crate::push;

/// The whole lines of a file, as ids and branches; all of them must be JSON.
fn lines(home: &Home, name: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(home.path().join(name)).expect("the sink has written");
    assert!(text.ends_with('\n'), "the last line is not whole");
    let field = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .map(|line: Value| (field(&line, "hookd_id"), field(&line, "branch")))
        .collect()
}

#[test]
fn each_change_is_one_whole_line_whenever_hookd_is_killed() {
    let mut load = Load::new();
    let mut home = Home::serving(&tables("type = \"file\"\npath = \"changes.jsonl\""));
    for round in 0..4 {
        // What an earlier run wrote is looked for two seconds after the start; some are killed before that.
        let hookd = home.start();
        if round % 2 == 1 {
            load.send(&hookd, 10);
            super::wait_for_position(&hookd, stored(&hookd).len());
        }
        home = load.send_and_kill(hookd);
    }
    let hookd = home.start();
    load.send(&hookd, 10);
    load.check(&hookd);
    let stored = stored(&hookd);
    super::wait_for_position(&hookd, stored.len());
    check_arrived(&lines(hookd.home(), "changes.jsonl"), &stored, "all");
}

#[test]
fn a_file_that_was_rotated_is_opened_again() {
    let hookd = Home::serving(&tables("type = \"file\"\npath = \"changes.jsonl\"")).start();
    assert_eq!(hookd.send(&change("main", "1")).status, 202);
    super::wait_for_position(&hookd, 1);
    let [file, rotated] = ["changes.jsonl", "changes.jsonl.1"].map(|name| hookd.home().path().join(name));
    fs::rename(&file, rotated).expect("it is there");
    hookd.signal("HUP");
    super::logged_once(&hookd, "configuration reloaded");
    assert_eq!(hookd.send(&change("main", "2")).status, 202);
    super::wait_for_position(&hookd, 2);
    let stored = stored(&hookd);
    assert_eq!(lines(hookd.home(), "changes.jsonl.1"), stored[..1]);
    assert_eq!(lines(hookd.home(), "changes.jsonl"), stored[1..]);
}

#[test]
fn a_full_disk_holds_up_the_file_and_loses_nothing() {
    if !full_disk::can_mount() {
        println!("left out: no file system can be mounted here; the sink's own test writes to /dev/full");
        return;
    }
    let home = Home::serving(&tables("type = \"file\"\npath = \"disk/changes.jsonl\""));
    fs::create_dir(home.path().join("disk")).expect("the folder is writable");
    let hookd = home.within(&full_disk::WITH_SMALL_DISK).start();
    super::send(hookd.public(), 20);
    super::wait_for_position(&hookd, 20);
    let disk = full_disk::disk(&hookd);
    for round in 1..=2 {
        let ballast = full_disk::fill(&disk);
        let failures = || hookd.log().iter().filter(|line| line.contains("No space left on device")).count();
        let before = failures();
        // The last page of the file may have room for a few.
        super::send(hookd.public(), 100);
        until("the disk is full", || (failures() > before).then_some(()));
        assert!(super::position(hookd.home()) < 20 + 100 * round);
        fs::remove_file(&ballast).expect("it is there");
        super::wait_for_position(&hookd, 20 + 100 * usize::try_from(round).expect("a small number"));
    }
    fs::copy(disk.join("changes.jsonl"), hookd.home().path().join("copy")).expect("it is there");
    check_arrived(&lines(hookd.home(), "copy"), &stored(&hookd), "all");
}

/// What README shows: its configuration, on free ports, its payload, and the line that comes out.
#[test]
fn the_first_run_of_the_readme_ends_in_a_line_on_standard_output() {
    let root = hookd_tests::peers::root();
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let config = read("hookd.toml");
    assert!(config.contains("127.0.0.1:8010") && config.contains("127.0.0.1:8011"));
    let config = config.replace("127.0.0.1:8010", "127.0.0.1:0").replace("127.0.0.1:8011", "127.0.0.1:0");
    let hookd = Home::with_config(&config).start();
    let payload = read("docs/examples/github-push.json");
    let request = push::webhook("push", &Value::Null)
        .header("X-Hub-Signature-256", sha256_signature("change-me", payload.as_bytes()))
        .body(payload);
    assert_eq!(hookd.send(&request).line(), "202 1 change found");
    let line = until("the change is on standard output", || hookd.output().into_iter().next());

    // All but what differs from run to run is as README prints it.
    let readme = read("README.md");
    let shown = readme.lines().find(|line| line.starts_with("{\"hookd_id\"")).expect("README shows the line");
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let (mut line, mut shown) = (parse(&line), parse(shown));
    for field in ["hookd_id", "received_at"] {
        assert!(line[field].take() != Value::Null && shown[field].take() != Value::Null, "{field}");
    }
    assert_eq!(line, shown);
}
