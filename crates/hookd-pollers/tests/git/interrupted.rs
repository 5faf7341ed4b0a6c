//! A poll that is abandoned at any moment, as by `kill -9`, is made again with the same result.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::fixture::{Polling, Repo};

/// A `git` that counts its calls, and hangs in the one that `stop` names: before it has done anything, or after.
const GIT: &str = r#"#!/bin/sh
cd_to=$(dirname "$0")
if test -n "$HOOKD_NESTED"; then exec git "$@"; fi
export HOOKD_NESTED=1
echo x >> "$cd_to/calls"
n=$(wc -l < "$cd_to/calls")
read -r stop when < "$cd_to/stop"
if test "$n" = "$stop" && test "$when" = before; then : > "$cd_to/hangs"; exec sleep 600; fi
git "$@"; code=$?
if test "$n" = "$stop" && test "$when" = after; then : > "$cd_to/hangs"; exec sleep 600; fi
exit $code
"#;

fn stop_at(folder: &Path, call: usize, when: &str) {
    let _ = fs::remove_file(folder.join("calls"));
    let _ = fs::remove_file(folder.join("hangs"));
    fs::write(folder.join("stop"), format!("{call} {when}\n")).unwrap();
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_poll_that_is_abandoned_at_any_step_is_made_again() {
    let scripts = tempfile::tempdir().unwrap();
    let script = scripts.path().join("git");
    fs::write(&script, GIT).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    stop_at(scripts.path(), 0, "never");

    let repo = Repo::started();
    let options = json!({ "branches": true, "gitbin": script.to_str().unwrap() });
    let mut polling = Polling::begun(&repo, options).await;
    let mut expected = Vec::new();
    let mut steps = 0;
    'times: for call in 1.. {
        for when in ["before", "after"] {
            let (on_main, on_topic) = (format!("m{call}{when}"), format!("t{call}{when}"));
            repo.checkout("main");
            repo.commit(&on_main);
            // One branch is rewritten each time.
            repo.git(&["checkout", "--quiet", "-B", "topic"]);
            repo.commit(&on_topic);
            expected.extend([format!("main: {on_main}"), format!("topic: {on_topic}")]);

            stop_at(scripts.path(), call, when);
            let abandoned = {
                let mut poll = std::pin::pin!(polling.peek());
                loop {
                    tokio::select! {
                        polled = &mut poll => break Some(polled.unwrap()),
                        () = tokio::time::sleep(Duration::from_millis(2)) => {
                            if scripts.path().join("hangs").exists() {
                                break None;
                            }
                        }
                    }
                }
            };
            if let Some(polled) = abandoned {
                assert_eq!(polled.changes.len(), 2, "there was no call {call}");
                break 'times;
            }
            steps += 1;
            stop_at(scripts.path(), 0, "never");
            let reported = polling.reported().await;
            assert_eq!(reported, expected.split_off(expected.len() - 2), "abandoned {when} call {call}");
        }
    }
    println!("a poll was abandoned at {steps} steps");
    assert!(steps >= 20, "{steps}");
}
