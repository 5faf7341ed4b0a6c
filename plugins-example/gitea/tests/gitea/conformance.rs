//! The changes are those of [buildbot-gitea](https://pypi.org/project/buildbot-gitea/), where that makes any.

use std::collections::BTreeMap;
use std::env;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hookd_core::Change;
use hookd_core::Compat::Off;
use serde_json::{Value, json};

use crate::{FORGE, NOTHING};

/// How a case ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// Both make the same changes, at least one.
    Same,
    /// Neither makes a change.
    Nothing,
    /// The plugin makes none, or fails, where there is something to build.
    OnlyOurs,
    /// The plugin builds what has nothing new in it.
    OnlyTheirs,
}

/// Events, how their payload differs from the fixture, and how each ends.
fn cases() -> Vec<(&'static str, Value, Expected)> {
    use Expected::{Nothing, OnlyOurs, OnlyTheirs, Same};
    vec![
        ("push", json!({}), Same),
        ("push", json!({"ref": "refs/heads/a/b"}), Same),
        ("push", json!({"commits.0.added": null, "commits.0.modified": ["x", "y"]}), Same),
        ("push", json!({"ref": "refs/notes/x"}), Nothing),
        ("push", json!({"after": NOTHING, "commits": [], "head_commit": null}), Nothing),
        // A branch that is made from another.
        ("push", json!({"commits": []}), OnlyOurs),
        ("tag", json!({}), Same),
        // It fails: a tag that was deleted has no head.
        ("tag", json!({"after": NOTHING, "head_commit": null}), Nothing),
        // Dates describe, and refuse nothing.
        ("push", json!({"commits.0.timestamp": "soon"}), OnlyOurs),
        ("pull_request", json!({}), Same),
        ("pull_request", json!({"action": "synchronized"}), Same),
        ("pull_request", json!({"action": "reopened"}), Same),
        ("pull_request", json!({"action": "closed"}), Nothing),
        ("pull_request", json!({"pull_request.merged": true}), Nothing),
        ("pull_request", json!({"pull_request.mergeable": false}), Nothing),
        ("pull_request", json!({"action": "edited", "changes": {"ref": {"from": "next"}}}), Same),
        ("pull_request", json!({"action": "edited", "changes": {"title": {"from": "x"}}}), OnlyTheirs),
        // The fork is gone.
        ("pull_request", json!({"pull_request.head.repo": null}), OnlyOurs),
        ("release", json!({}), OnlyOurs),
        ("issues", json!({}), Nothing),
    ]
}

#[test]
#[ignore = "needs Buildbot and its plugin for Gitea from cargo xtask test"]
fn translates_as_the_plugin_where_that_is_right() {
    for head_alone in [false, true] {
        // Pull requests that are not mergeable make no change with the plugin, unless an option says otherwise.
        let options = json!({"onlyIncludePushCommit": head_alone, "onlyMergeablePullRequest": true});
        let hook = FORGE.hook(Off, options.clone());
        let (mut ours, mut requests) = (Vec::new(), Vec::new());
        for (event, patch, _) in cases() {
            let run = hook.run(&FORGE.request(event, patch.clone()));
            ours.push(if run.summary().starts_with("ignored: ") { Vec::new() } else { run.changes() });
            let name = if event == "tag" { "push" } else { event };
            requests.push(json!({"event": name, "payload": FORGE.payload(event, patch), "options": options}));
        }
        for ((case, ours), theirs) in cases().into_iter().zip(ours).zip(plugin(&json!(requests))) {
            let ours: Vec<_> = ours.iter().map(fields_of).collect();
            let found = match (ours.is_empty(), theirs.is_empty()) {
                (true, true) => Expected::Nothing,
                (false, true) => Expected::OnlyOurs,
                (true, false) => Expected::OnlyTheirs,
                (false, false) => {
                    assert_eq!(ours, theirs, "{case:?}");
                    Expected::Same
                }
            };
            assert_eq!(found, case.2, "{case:?}");
        }
    }
}

/// The changes that the plugin makes of each request; none where it fails.
fn plugin(requests: &Value) -> Vec<Vec<BTreeMap<String, Value>>> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers");
    let peers = env::var_os("HOOKD_PEERS").map_or(target, PathBuf::from);
    let mut python = Command::new(peers.join("venv/bin/python"));
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gitea/plugin.py"));
    python.env("PYTHONPATH", peers.join("buildbot-gitea")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = python.spawn().unwrap_or_else(|error| panic!("{python:?}: {error}"));
    let mut input = process.stdin.take().expect("it is piped");
    input.write_all(requests.to_string().as_bytes()).expect("it reads");
    drop(input);
    let output = process.wait_with_output().expect("it ends");
    assert!(output.status.success(), "the plugin does not run: {}", output.status);
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

/// A change, with the fields that the plugin sets.
fn fields_of(change: &Change) -> BTreeMap<String, Value> {
    let Value::Object(fields) = serde_json::to_value(change).expect("a change is JSON") else { panic!("an object") };
    let of_plugin = ["codebase", "committer", "src"];
    fields.into_iter().filter(|(name, _)| !of_plugin.contains(&name.as_str())).collect()
}
