//! The example of Buildbot's manual: a Subversion repository that is polled once a day, and poked by its commit hook.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;

use super::{serving, wait_for_baseline, wait_for_changes};
use crate::curl::curl;

fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program).current_dir(folder).args(arguments).output().expect("subversion runs");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Commits a new file to a folder of the repository.
fn commit(work: &Path, file: &str, message: &str) {
    std::fs::write(work.join(file), message).expect("the working copy is writable");
    run(work, "svn", &["add", "--quiet", "--parents", file]);
    run(work, "svn", &["commit", "--quiet", "--username", "ann", "--message", message]);
}

#[test]
#[ignore = "needs svn from cargo xtask test"]
fn the_example_of_the_manual_works_word_for_word() {
    let folder = TempDir::new().expect("a folder for the repository");
    run(folder.path(), "svnadmin", &["create", "amanda"]);
    let repourl = format!("file://{}/amanda", folder.path().display());
    run(folder.path(), "svn", &["checkout", "--quiet", &repourl, "work"]);
    let work = folder.path().join("work");
    run(&work, "svn", &["mkdir", "--quiet", "trunk", "branches", "branches/3_3"]);
    run(&work, "svn", &["commit", "--quiet", "--message", "the folders"]);
    let home = serving(&format!(
        "[[pollers]]\ntype = \"svn\"\nrepourl = \"{repourl}\"\nsplit_file = \"branches\"\npoll_interval = \"24h\"\n\
         poll_at_launch = true\n"
    ));
    let hookd = home.start();
    wait_for_baseline(&hookd, &repourl);
    let url = format!("http://{}/change_hook/poller", hookd.public());
    commit(&work, "trunk/a.c", "a fix");
    assert_eq!(curl(&url, &["-s", "-F", &format!("poller={repourl}")]).line(), "202 no change found");
    wait_for_changes(&hookd, 1);
    commit(&work, "branches/3_3/b.c", "another one");
    assert_eq!(curl(&url, &["-s", "-F", &format!("poller={repourl}")]).line(), "202 no change found");
    wait_for_changes(&hookd, 2);
    let changes = hookd.admin().changes();
    let fields = |index: usize| {
        let change = &changes[index];
        json!([
            change["author"],
            change["branch"],
            change["comments"],
            change["files"],
            change["repository"],
            change["revision"]
        ])
    };
    assert_eq!(fields(0), json!(["ann", null, "a fix", ["a.c"], repourl, "2"]));
    assert_eq!(fields(1), json!(["ann", "branches/3_3", "another one", ["b.c"], repourl, "3"]));

    // Also after a restart, which polls at launch.
    let home = hookd.terminate().1;
    commit(&work, "trunk/c.c", "while it was down");
    let hookd = home.start();
    assert_eq!(wait_for_changes(&hookd, 3), ["2", "3", "4"]);
}
