//! Names and messages in any encoding, and refs whose names contain each other.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::json;

use super::fixture::{Polling, Repo};

#[tokio::test]
#[ignore = "needs git"]
async fn what_is_not_ascii_is_reported_as_it_is() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "branches": true })).await;
    repo.branch("zweig-ä");
    repo.write("größe/文件 \"x\"\n", "x");
    repo.git(&["config", "user.name", "x"]);
    repo.git(&["add", "--all"]);
    repo.git(&["commit", "--quiet", "--author", "Zoë Ström <zoe@example.org>", "--message", "Grüße\n\n世界"]);
    let changes = polling.changes().await;
    let change = &changes[0];
    assert_eq!((change.author.as_str(), change.branch.as_deref()), ("Zoë Ström <zoe@example.org>", Some("zweig-ä")));
    assert_eq!(
        (change.comments.as_str(), change.files.as_slice()),
        ("Grüße\n世界", &["größe/文件 \"x\"\n".to_owned()][..])
    );
}

#[tokio::test]
#[ignore = "needs git"]
async fn what_is_in_another_encoding_or_in_none_is_no_failure() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "branches": true })).await;
    let latin1 = OsStr::from_bytes(b"gr\xfc\xdfe");
    std::fs::write(repo.folder.path().join(latin1), "x").unwrap();
    repo.git(&["add", "--all"]);
    std::fs::write(repo.folder.path().join("message"), b"Gr\xfc\xdfe").unwrap();
    repo.git(&["-c", "i18n.commitEncoding=ISO-8859-1", "commit", "--quiet", "--file", "message"]);
    let who = "x <x> 1700000000 +0000";
    let head = format!("commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata 13\n");
    super::fixture::import(&repo, &[head.as_bytes(), b"no \xff encoding", b"\nfrom refs/heads/main^0\n"].concat());
    let head = repo.head();
    let odd = [b"refs/heads/".as_slice(), b"\xff\xfe"].concat();
    std::fs::write(repo.folder.path().join(".git").join(OsStr::from_bytes(&odd)), format!("{head}\n")).unwrap();
    let changes = polling.changes().await;
    assert_eq!(changes.len(), 2, "{changes:?}");
    assert_eq!((changes[0].comments.as_str(), changes[0].files[0].as_str()), ("Grüße", "gr\u{fffd}\u{fffd}e"));
    assert_eq!(changes[1].comments, "no \u{fffd} encoding");
    assert_eq!(polling.reported().await, Vec::<String>::new(), "the odd branch has a position");
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_branch_may_take_the_place_of_a_folder_of_branches() {
    let repo = Repo::started();
    repo.branch("a");
    repo.commit("one");
    repo.checkout("main");
    let mut polling = Polling::begun(&repo, json!({ "branches": true })).await;
    repo.delete("a");
    repo.branch("a/b");
    repo.commit("two");
    assert_eq!(polling.reported().await, ["a/b: two"]);
    repo.checkout("main");
    repo.delete("a/b");
    repo.branch("a");
    repo.commit("three");
    assert_eq!(polling.reported().await, ["a: three"]);
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_repository_of_sha_256_is_polled() {
    let repo = Repo::with(&["--object-format=sha256"]);
    repo.commit("first");
    let mut polling = Polling::begun(&repo, json!({})).await;
    let revision = repo.commit("second");
    assert_eq!(revision.len(), 64);
    assert_eq!(polling.changes().await[0].revision, Some(revision));
}

#[tokio::test]
#[ignore = "needs git"]
async fn the_order_is_that_of_ancestry_and_not_of_clocks() {
    let repo = Repo::started();
    let mut polling = Polling::begun(&repo, json!({ "first_parent": false })).await;
    for (subject, date) in [("one", "3000000000 +0000"), ("two", "1000000000 +0000"), ("three", "2000000000 +0000")] {
        let commit = ["-c", "user.name=x", "-c", "user.email=x", "commit", "--quiet", "--allow-empty", "-m", subject];
        let environment = [("GIT_COMMITTER_DATE", date), ("GIT_AUTHOR_DATE", date)];
        assert!(super::fixture::git_in(repo.folder.path(), &commit, &environment).status.success());
    }
    assert_eq!(polling.reported().await, ["main: one", "main: two", "main: three"]);
}
