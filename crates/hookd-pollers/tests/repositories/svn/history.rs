//! What a poller reports of histories of all kinds.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use hookd_core::Change;
use serde_json::json;

use super::Repository;
use crate::interrupted::poll_with_interruptions;
use crate::polling::{Polling, shown};
use crate::tools::{run, with};

#[tokio::test]
#[ignore = "needs svn"]
async fn each_revision_is_reported_once() {
    let repository = Repository::new();
    let mut polling =
        repository.polled(&with(&repository.options(), "revlinktmpl", "https://svn.example.org/?r=%s")).await;
    assert_eq!(polling.poll().await, [], "nothing is new");
    repository.commit("second\n\nwith text", &[("trunk/a", Some("1")), ("trunk/b", Some("1"))]);
    repository.commit("third", &[("trunk/a", None)]);
    let changes = polling.poll().await;
    let expected = |revision: &str, comments: &str, files: &[&str]| Change {
        author: run(Command::new("id").arg("-un")).trim().to_owned(),
        comments: comments.to_owned(),
        files: files.iter().map(|file| (*file).to_owned()).collect(),
        repository: repository.url(),
        revision: Some(revision.to_owned()),
        revlink: Some(format!("https://svn.example.org/?r={revision}")),
        src: Some("svn".to_owned()),
        when_timestamp: changes[revision.parse::<usize>().unwrap() - 2].when_timestamp,
        ..Change::default()
    };
    assert_eq!(
        changes,
        [expected("2", "second\n\nwith text", &["trunk/a", "trunk/b"]), expected("3", "third", &["trunk/a"])]
    );
    let now = hookd_store::Timestamp::now().as_micros() / 1_000_000;
    assert!(changes.iter().all(|change| change.when_timestamp.is_some_and(|when| (now - 600..=now).contains(&when))));
    assert_eq!(polling.poll().await, []);
}

#[tokio::test]
#[ignore = "needs svn"]
async fn more_revisions_than_a_page_are_all_reported_in_order() {
    let repository = Repository::new();
    let mut polling = repository.polled(&with(&repository.options(), "histmax", 3)).await;
    repository.commits(10);
    let first = polling.look().await.unwrap();
    assert!(first.has_more && first.changes.len() == 3, "{first:?}");
    let revisions: Vec<_> = polling.poll().await.into_iter().map(|change| change.revision.unwrap()).collect();
    assert_eq!(revisions, (2..=11).map(|n| n.to_string()).collect::<Vec<_>>());
    // A page that ends with the newest revision.
    repository.commits(3);
    let last = polling.look().await.unwrap();
    assert!(!last.has_more && last.changes.len() == 3, "{last:?}");
}

#[tokio::test]
#[ignore = "needs svn"]
async fn branches_are_distinguished() {
    let repository = Repository::new();
    repository.commit("files", &[("trunk/a", Some("1")), ("trunk/dir/b", Some("1"))]);
    let mut polling = repository.polled(&with(&repository.options(), "split_file", "branches")).await;
    repository.svn(&["copy", "--message", "branch", "--", &repository.at("trunk"), &repository.at("branches/x")]);
    repository.commit("both", &[("trunk/a", Some("2")), ("branches/x/dir/b", Some("2")), ("trunk-old/a", Some("1"))]);
    repository.commit("beside", &[("branches/file", Some("1")), ("tags/1/a", Some("1")), ("top", Some("1"))]);
    repository.commit("folders", &[("trunk/new/deep/a", Some("1"))]);
    repository.svn(&["delete", "--message", "end", "--", &repository.at("branches/x")]);
    repository.svn(&[
        "move",
        "--message",
        "move",
        "--",
        &repository.at("trunk/dir"),
        &format!("{}/trunk/folder", repository.url()),
    ]);
    let hostile = "branches/--upload-pack=x y@'\"é";
    repository.svn(&["copy", "--message", "hostile", "--", &repository.at("trunk"), &repository.at(hostile)]);
    let changes = polling.poll().await;
    assert_eq!(
        shown(&changes),
        [
            "branches/x branch: ",
            "branches/x both: dir/b",
            "- both: a",
            "- folders: new,new/deep,new/deep/a",
            "- move: dir,folder",
            "branches/--upload-pack=x y@'\"é hostile: ",
        ]
    );
    assert_eq!(polling.notes, ["branches were deleted, which makes no change: `branches/x`"]);
}

#[tokio::test]
#[ignore = "needs svn"]
async fn projects_are_distinguished() {
    let repository = Repository::new();
    let mut polling = repository.polled(&with(&repository.options(), "split_file", "projects_branches")).await;
    repository
        .commit("two", &[("tea/trunk/a", Some("1")), ("pot/trunk/b", Some("1")), ("pot/branches/x/c", Some("1"))]);
    let mut seen: Vec<_> =
        polling.poll().await.into_iter().map(|change| (change.project, change.branch, change.files)).collect();
    seen.sort();
    let files = |files: &[&str]| files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>();
    let expected = [
        ("pot".to_owned(), None, files(&["", "b"])),
        ("pot".to_owned(), Some("branches/x".to_owned()), files(&["", "c"])),
        ("tea".to_owned(), None, files(&["", "a"])),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
#[ignore = "needs svn"]
async fn a_folder_of_a_repository_is_polled_at_the_boundaries_of_paths() {
    let repository = Repository::new();
    repository.commit("folders", &[("a bü/trunk/a", Some("1")), ("a bücher/trunk/a", Some("1"))]);
    let options = json!({"repourl": format!("{}/a%20b%C3%BC/", repository.url()), "split_file": "branches"});
    let mut polling = repository.polled(&options).await;
    repository.commit("ours", &[("a bü/trunk/ä ö", Some("2"))]);
    repository.commit("theirs", &[("a bücher/trunk/a", Some("2")), ("trunk/a", Some("1"))]);
    let changes = polling.poll().await;
    assert_eq!(shown(&changes), ["- ours: ä ö"]);
    assert_eq!(changes[0].repository, format!("{}/a%20b%C3%BC", repository.url()));
    assert_eq!(polling.positions.as_ref().unwrap().at.values().collect::<Vec<_>>(), ["4"]);
    assert_eq!(polling.poll().await, []);
}

#[tokio::test]
#[ignore = "needs svn"]
async fn texts_are_utf_8_and_what_is_missing_is_no_error() {
    let repository = Repository::new();
    let mut polling = repository.polled(&repository.options()).await;
    repository.commit("Grüße, 日本 \u{1f600} & <b>\n", &[("trunk/ünï & <cödé>", Some("1"))]);
    repository.svn(&["propset", "--revprop", "--revision", "2", "svn:author", "Jürgen", &repository.url()]);
    repository.commit("nobody", &[("trunk/b", Some("1"))]);
    for name in ["svn:author", "svn:date", "svn:log"] {
        repository.svn(&["propdel", "--revprop", "--revision", "3", name, &repository.url()]);
    }
    let changes = polling.poll().await;
    assert_eq!(changes[0].author, "Jürgen");
    assert_eq!(changes[0].comments.trim_end(), "Grüße, 日本 \u{1f600} & <b>");
    assert_eq!(changes[0].files, ["trunk/ünï & <cödé>"]);
    let nobody = &changes[1];
    assert_eq!((nobody.author.as_str(), nobody.comments.as_str(), nobody.when_timestamp), ("unknown", "", None));
    assert_eq!(nobody.files, ["trunk/b"]);
}

#[tokio::test]
#[ignore = "needs svn"]
async fn a_folder_that_was_deleted_and_made_again_loses_nothing() {
    let repository = Repository::new();
    repository.commit("start", &[("p/trunk/a", Some("1"))]);
    let options = json!({"repourl": format!("{}/p/trunk", repository.url())});
    let mut polling = repository.polled(&options).await;
    repository.commit("before", &[("p/trunk/a", Some("2"))]);
    repository.svn(&["delete", "--message", "gone", "--", &repository.at("p/trunk")]);
    let error = polling.fail().await;
    assert!(error.contains("`svn info` failed with exit code 1") && error.contains("non-existent"), "{error}");
    repository.commit("again", &[("p/trunk/b", Some("1"))]);
    repository.commit("after", &[("p/trunk/b", Some("2"))]);
    assert_eq!(shown(&polling.poll().await), ["- before: a", "- again: ,b", "- after: b"]);
    // It came with a folder above it: Subversion names only that one.
    repository.svn(&["move", "--message", "away", "--", &repository.at("p"), &format!("{}/q", repository.url())]);
    repository.svn(&["move", "--message", "back", "--", &repository.at("q"), &format!("{}/p", repository.url())]);
    repository.commit("later", &[("p/trunk/b", Some("3"))]);
    assert_eq!(shown(&polling.poll().await), ["- back: ", "- later: b"]);
}

#[tokio::test]
#[ignore = "needs svn"]
async fn another_repository_is_read_from_its_newest_revision_on() {
    let repository = Repository::new();
    repository.commits(5);
    let mut polling = repository.polled(&repository.options()).await;
    let backup = repository.folder().join("backup");
    run(Command::new("svnadmin").arg("hotcopy").arg(repository.path()).arg(&backup));
    repository.commits(2);
    assert_eq!(polling.poll().await.len(), 2);

    // The backup is restored: revisions 7 and 8 are gone, and will be others.
    fs::remove_dir_all(repository.path()).unwrap();
    run(Command::new("svnadmin").arg("hotcopy").arg(&backup).arg(repository.path()));
    assert_eq!(shown(&polling.poll().await), ["- many 4: trunk/many"]);
    assert!(polling.notes[0].starts_with("the repository has fewer revisions than before"), "{:?}", polling.notes);
    assert_eq!(polling.poll().await, [], "it is reported once");
    repository.commits(1);
    assert_eq!(polling.poll().await.len(), 1);

    repository.replace();
    assert_eq!(polling.poll().await, [], "it has no revision");
    repository.svn(&["mkdir", "--message", "other", "--", &repository.at("trunk")]);
    assert_eq!(shown(&polling.poll().await), ["- other: trunk"]);
    assert_eq!(polling.positions.unwrap().at.len(), 1);
}

#[tokio::test]
#[ignore = "needs svn"]
async fn other_options_keep_the_position() {
    let repository = Repository::new();
    let mut polling = repository.polled(&repository.options()).await;
    repository.commit("second", &[("trunk/a", Some("1"))]);
    let folder = repository.folder().join("other");
    let options = json!({"repourl": format!("{}/trunk", repository.url()), "histmax": 7});
    let mut other = polling.reconfigured("svn", &options, &folder);
    assert_eq!(shown(&other.poll().await), ["- second: a"]);
    assert_eq!(shown(&polling.poll().await), ["- second: trunk/a"]);
}

#[tokio::test]
#[ignore = "needs svn"]
async fn a_poll_that_is_abandoned_anywhere_reports_nothing_twice_and_misses_nothing() {
    let repository = Repository::new();
    let options = with(&repository.options(), "histmax", 2);
    let polling = repository.polled(&options).await;
    repository.commits(5);
    let (changes, abandoned) = poll_with_interruptions(&polling, "svn", &options, "svn", repository.folder()).await;
    let mut revisions = BTreeMap::new();
    for change in changes {
        *revisions.entry(change.revision.unwrap()).or_insert(0) += 1;
    }
    assert_eq!(revisions, (2..=6).map(|n| (n.to_string(), 1)).collect());
    assert!(abandoned >= 3, "{abandoned}");
}

#[tokio::test]
#[ignore = "needs svn"]
async fn a_log_that_is_too_long_is_read_in_smaller_pieces() {
    let repository = Repository::new();
    let mut polling = repository.polled(&repository.options()).await;
    repository.commits(9);
    // As much as may be written, but for logs of few revisions.
    let flood = crate::tools::script(
        &repository.folder().join("flood"),
        "case \"$*\" in *--limit=100*|*--limit=13*) exec cat /dev/zero;; esac\nexec svn \"$@\"",
    );
    let options = with(&repository.options(), "svnbin", crate::tools::text(&flood));
    let mut flooded: Polling = polling.reconfigured("svn", &options, &repository.folder().join("flooded"));
    let first = flooded.look().await.unwrap();
    assert!(first.has_more && first.changes.len() == 2, "{first:?}");
    assert_eq!(flooded.poll().await, polling.poll().await);
}
