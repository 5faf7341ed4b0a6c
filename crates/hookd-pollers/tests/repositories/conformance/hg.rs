//! Mercurial.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use fastrand::Rng;
use serde_json::{Value, json};

use super::{Buildbot, as_buildbot, keyed};
use crate::hg::Repository;
use crate::polling::Polling;
use crate::tools::text;

const REVISIONS: usize = 100;

const BRANCHES: [&str; 2] = ["default", "stable ü"];

/// One of the things that people do.
fn step(repository: &Repository, rng: &mut Rng, number: usize) {
    let branch = *rng.choice(&BRANCHES).unwrap();
    let others = repository.hg(&["branches", "--template", "{branch}\\n"]);
    let others: Vec<&str> = others.lines().collect();
    repository.hg(&["update", "--quiet", "--clean", "--rev", &format!("branch('literal:{branch}')")]);
    let name = *rng.choice(&["a", "b", "dir/c", "dir/ü ö", "日本", "deep/er/d"]).unwrap();
    let file = repository.path().join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    match rng.u8(0..10) {
        0 => {
            repository.hg(&["branch", "--quiet", "--force", &format!("topic {number}")]);
            fs::write(&file, number.to_string()).unwrap();
        }
        1..=3 => {
            let other = *rng.choice(&others).unwrap();
            let merge = ["merge", "--quiet", "--tool", ":other", "--rev", &format!("branch('literal:{other}')")];
            if other == branch
                || repository.hg(&["log", "--rev", &format!("branch('literal:{other}') - ::.")]).is_empty()
            {
                fs::write(&file, number.to_string()).unwrap();
            } else {
                repository.hg(&merge);
            }
        }
        4 if file.exists() => fs::remove_file(&file).unwrap(),
        5 if file.exists() => fs::rename(&file, repository.path().join(format!("renamed{number}"))).unwrap(),
        6 => {
            repository.hg(&["tag", "--user", "tagger", &format!("v{number}")]);
            return;
        }
        _ => fs::write(&file, number.to_string()).unwrap(),
    }
    let date = format!("{} -3600", 1_700_000_000 + number * 60);
    let message = format!("change {number}: Grüße & <b>\n\n {}\n", "日本 ".repeat(number % 5));
    let author = if number.is_multiple_of(3) { "Jürgen <j@example.org>" } else { "nobody" };
    repository.hg(&["commit", "--quiet", "--addremove", "--date", &date, "--user", author, "--message", &message]);
}

#[tokio::test]
#[ignore = "needs hg and Buildbot"]
async fn hg_reports_what_buildbots_poller_reports_and_what_was_merged_in_from_beside() {
    let repository = Repository::new();
    repository.commit_on(BRANCHES[1], "0", "stable", "s");
    let source = text(repository.path());
    let options = json!({"repourl": source, "branches": BRANCHES});
    let mut ours = Polling::new("hg", &options, &repository.work());
    let work = text(repository.folder().join("buildbot"));
    let mut buildbot = Buildbot::start("HgPoller", &json!({"repourl": source, "branches": BRANCHES, "workdir": work}));
    let mut rng = Rng::with_seed(14);
    let (mut compared, mut beside) = (0, 0);
    let mut before: BTreeMap<&str, String> = BTreeMap::new();
    for number in 0..=REVISIONS {
        if number > 0 {
            step(&repository, &mut rng, number);
        }
        if !number.is_multiple_of(13) && number < REVISIONS && number > 0 {
            continue;
        }
        let theirs = keyed(buildbot.poll());
        let changes = ours.poll().await;
        for branch in BRANCHES {
            let head = repository.hash(&format!("max(branch('literal:{branch}'))"));
            let Some(old) = before.insert(branch, head.clone()) else { continue };
            // What is new of it, each once.
            let new = repository.hg(&["log", "--rev", &format!("only({head}, {old})"), "--template", "{node}\\n"]);
            let new: BTreeSet<&str> = new.lines().collect();
            let found: Vec<&str> = changes
                .iter()
                .filter(|change| change.branch.as_deref() == Some(branch))
                .map(|change| change.revision.as_deref().unwrap())
                .collect();
            assert_eq!(
                (found.len(), found.into_iter().collect::<BTreeSet<_>>()),
                (new.len(), new),
                "{branch} {number}"
            );
        }
        let merges = repository.hg(&["log", "--rev", "merge()", "--template", "{node}\\n"]);
        let merges: BTreeSet<&str> = merges.lines().collect();
        let mut ours = keyed(changes.iter().map(as_buildbot).collect());
        for (key, theirs) in theirs {
            let Some(mut ours) = ours.remove(&key) else { panic!("Buildbot alone has {theirs}") };
            if merges.contains(theirs["revision"].as_str().unwrap()) {
                // The files of a merge: Buildbot has those that are like in neither parent.
                let files =
                    |change: &Value| -> BTreeSet<String> { serde_json::from_value(change["files"].clone()).unwrap() };
                assert!(files(&ours).is_superset(&files(&theirs)), "{ours} {theirs}");
                ours["files"] = theirs["files"].clone();
            }
            assert_eq!(ours, theirs);
            compared += 1;
        }
        beside += ours.len();
    }
    assert!(compared > 60 && beside > 0, "{compared} {beside}");
    println!("{compared} changes compared, {beside} were merged in from beside");
}
