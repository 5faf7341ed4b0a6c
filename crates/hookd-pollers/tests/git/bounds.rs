//! Long histories are reported in parts, and large commits in full or cut.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::json;

use super::fixture::{Polling, Repo, import};

fn commit(stream: &mut String, branch: &str, mark: usize, message: &str, parents: &[String]) {
    let who = "Ada <ada@example.org> 1700000000 +0000";
    writeln!(stream, "commit refs/heads/{branch}\nmark :{mark}\nauthor {who}\ncommitter {who}").unwrap();
    writeln!(stream, "data {}\n{message}", message.len()).unwrap();
    for (index, parent) in parents.iter().enumerate() {
        writeln!(stream, "{} {parent}", if index == 0 { "from" } else { "merge" }).unwrap();
    }
    writeln!(stream, "M 100644 inline f{mark}\ndata 1\nx\n").unwrap();
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_long_history_is_reported_in_parts_of_which_none_is_missing_or_twice() {
    let repo = Repo::started();
    let first = repo.head();
    let mut line = Polling::begun(&repo, json!({ "branches": true })).await;
    let mut all = Polling::begun(&repo, json!({ "branches": true, "first_parent": false })).await;
    // Three lines side by side that are merged again and again, and a branch of its own beside them.
    let mut stream = String::new();
    let mut tips: Vec<String> = vec![first.clone(); 3];
    let mut mark = 0;
    for round in 0..450 {
        for line in 0..3 {
            mark += 1;
            let mut parents = vec![tips[line].clone()];
            if round % 7 == line && tips[line] != tips[(line + 1) % 3] {
                parents.push(tips[(line + 1) % 3].clone());
            }
            let branch = if line == 0 { "main".to_owned() } else { format!("line{line}") };
            commit(&mut stream, &branch, mark, &format!("c{mark}"), &parents);
            tips[line] = format!(":{mark}");
        }
    }
    mark += 1;
    commit(&mut stream, "main", mark, "last", &tips);
    import(&repo, stream.as_bytes());
    repo.git(&["branch", "-D", "line1"]);

    let mut parts = 0;
    let mut changes = Vec::new();
    loop {
        let polled = all.poll().await;
        parts += 1;
        assert!(polled.changes.len() <= 500, "{}", polled.changes.len());
        changes.extend(polled.changes);
        if !polled.has_more {
            break;
        }
    }
    assert!(parts >= 3, "{parts} parts");
    let revisions: Vec<String> = changes.into_iter().filter_map(|change| change.revision).collect();
    let different: HashSet<&String> = revisions.iter().collect();
    assert_eq!((revisions.len(), different.len()), (mark, mark), "each once");
    let parents = repo.git(&["rev-list", "--parents", "--all"]);
    let place = |id: &str| revisions.iter().position(|revision| revision == id);
    for commit in parents.lines() {
        let ids: Vec<&str> = commit.split(' ').collect();
        assert!(ids[1..].iter().all(|parent| place(parent) < place(ids[0])), "parents come first");
    }
    assert_eq!(all.reported().await, Vec::<String>::new());
    let reported = line.reported().await;
    let on = |branch: &str| reported.iter().filter(|reported| reported.starts_with(branch)).count().to_string();
    assert_eq!(on("line2: "), "450");
    assert_eq!(on("main: "), repo.git(&["rev-list", "--first-parent", "--count", "main", "^line2"]));
}

/// Between the parts of a long history the branch goes on, and is rewritten.
#[tokio::test]
#[ignore = "needs git"]
async fn a_branch_that_moves_while_it_is_reported_in_parts_loses_nothing() {
    let repo = Repo::started();
    let first = repo.head();
    let mut polling = Polling::begun(&repo, json!({})).await;
    let mut stream = String::new();
    let mut parent = first;
    for mark in 1..=700 {
        commit(&mut stream, "main", mark, &format!("c{mark}"), std::slice::from_ref(&parent));
        parent = format!(":{mark}");
    }
    import(&repo, stream.as_bytes());
    let polled = polling.poll().await;
    assert_eq!((polled.changes.len(), polled.has_more), (500, true));
    assert_eq!(polled.changes[499].comments, "c500");
    repo.git(&["reset", "--quiet", "--hard", "main~50"]);
    repo.commit("other");
    let reported = polling.reported().await;
    assert_eq!((reported.len(), reported[0].as_str(), reported[150].as_str()), (151, "main: c501", "main: other"));
}

#[tokio::test]
#[ignore = "needs git"]
async fn a_commit_that_is_too_large_is_cut_and_the_next_is_reported() {
    let repo = Repo::started();
    let first = repo.head();
    let mut polling = Polling::begun(&repo, json!({})).await;
    let mut stream = String::new();
    commit(&mut stream, "main", 1, &"m".repeat(5 << 20), &[first]);
    commit(&mut stream, "main", 2, "many files", &[":1".to_owned()]);
    // What comes before an empty line is of the same commit.
    stream.truncate(stream.trim_end().len() + 1);
    for number in 0..100_000 {
        writeln!(stream, "M 100644 inline {}/{}/{number}\ndata 0\n", "d".repeat(200), number / 300).unwrap();
    }
    commit(&mut stream, "main", 3, "small", &[":2".to_owned()]);
    import(&repo, stream.as_bytes());
    let mut notes = Vec::new();
    let mut changes = Vec::new();
    loop {
        let polled = polling.poll().await;
        notes.extend(polled.note);
        changes.extend(polled.changes);
        if !polled.has_more {
            break;
        }
    }
    assert_eq!(changes.len(), 3);
    assert!((3 << 20..=4 << 20).contains(&changes[0].comments.len()), "{}", changes[0].comments.len());
    assert!((50_000..100_000).contains(&changes[1].files.len()), "{}", changes[1].files.len());
    assert_eq!((changes[2].comments.as_str(), changes[2].files.len()), ("small", 1));
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("too long") && notes[1].contains("too many files"), "{notes:?}");
}
