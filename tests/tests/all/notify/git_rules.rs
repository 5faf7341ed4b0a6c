//! Which commits of a push are reported, and for which branch.

use hookd_tests::Hookd;
use serde_json::{Value, json};

use super::{Workshop, git_hook, heads, master};

/// Repositories with a branch `main` of two commits, which were reported.
fn with_two_commits(options: &str) -> (Hookd, Workshop, [String; 2]) {
    let (hookd, shop) = (master(), Workshop::new());
    shop.git_repositories(&git_hook(hookd.public(), options));
    let commits = [shop.commit_file("one"), shop.commit_file("two")];
    shop.git("client", &["push", "--quiet", "origin", "main"]);
    assert_eq!(heads(&hookd).len(), 2);
    (hookd, shop, commits)
}

/// The changes of the pushes after the first.
fn later(hookd: &Hookd) -> Vec<(String, String)> {
    heads(hookd).split_off(2)
}

fn on(branch: &str, revision: &str) -> (String, String) {
    (branch.to_owned(), revision.to_owned())
}

fn last(hookd: &Hookd) -> Value {
    hookd.admin().changes().pop().expect("there is one")
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_new_branch_reports_what_no_ref_had_before() {
    let (hookd, shop, _) = with_two_commits("");
    shop.git("client", &["checkout", "--quiet", "-b", "feature"]);
    let three = shop.commit_file("three");
    let four = shop.commit_file("four");
    shop.git("client", &["push", "--quiet", "origin", "feature"]);
    assert_eq!(later(&hookd), [on("feature", &three), on("feature", &four)]);
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_new_branch_at_an_existing_head_reports_that_once() {
    let (hookd, shop, [_, two]) = with_two_commits("");
    shop.git("client", &["push", "--quiet", "origin", "main:release"]);
    assert_eq!(later(&hookd), [on("release", &two)]);
    assert_eq!(last(&hookd)["files"], json!(["two"]));
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn what_two_new_branches_share_is_reported_for_each() {
    let (hookd, shop, _) = with_two_commits("");
    let three = shop.commit_file("three");
    shop.git("client", &["branch", "x"]);
    let four = shop.commit_file("four");
    shop.git("client", &["tag", "t", "x"]);
    shop.git("client", &["push", "--quiet", "origin", "main:y", "x", "t"]);
    let mut reported = later(&hookd);
    reported.sort();
    let mut expected = [on("x", &three), on("y", &three), on("y", &four), on("t", &three)];
    expected.sort();
    assert_eq!(reported, expected);
    for change in hookd.admin().changes().iter().filter(|change| change["revision"] == three) {
        assert_eq!(change["files"], json!(["three"]), "{change}");
    }
    assert_eq!(hookd.admin().deliveries().len(), 2, "one request for one push");
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_branch_that_catches_up_reports_what_it_did_not_have() {
    let (hookd, shop, _) = with_two_commits("");
    shop.git("client", &["push", "--quiet", "origin", "main:stable"]);
    let three = shop.commit_file("three");
    shop.git("client", &["push", "--quiet", "origin", "main"]);
    shop.git("client", &["push", "--quiet", "origin", "main:stable"]);
    assert_eq!(later(&hookd)[1..], [on("main", &three), on("stable", &three)]);
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_rewind_reports_the_head_with_what_was_undone() {
    let (hookd, shop, [one, _]) = with_two_commits("");
    shop.git("client", &["push", "--quiet", "--force", "origin", "main~1:main"]);
    assert_eq!(later(&hookd), [on("main", &one)]);
    let change = last(&hookd);
    assert_eq!((&change["comments"], &change["files"]), (&json!("change one"), &json!(["one", "two"])));
    assert_eq!(change["author"], "Jan Ärzte <jan@example.org>");
    assert_eq!(change["properties"]["is_forced"][0], true);
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_rewritten_branch_reports_its_new_commits_and_what_was_undone() {
    let (hookd, shop, _) = with_two_commits("");
    shop.git("client", &["reset", "--quiet", "--hard", "HEAD~1"]);
    let three = shop.commit_file("three");
    let four = shop.commit_file("four");
    shop.git("client", &["push", "--quiet", "--force", "origin", "main"]);
    assert_eq!(later(&hookd), [on("main", &three), on("main", &four)]);
    assert_eq!(last(&hookd)["files"], json!(["four", "two"]));
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn unrelated_histories_report_what_no_ref_had_before() {
    let (hookd, shop, [_, two]) = with_two_commits("");
    shop.git("client", &["checkout", "--quiet", "--orphan", "pages"]);
    shop.git("client", &["rm", "--quiet", "-r", "--force", "."]);
    let page = shop.commit_file("page");
    shop.git("client", &["push", "--quiet", "origin", "pages"]);
    assert_eq!(later(&hookd), [on("pages", &page)]);
    // Over another branch: not all of that one's history, but its head.
    shop.git("client", &["push", "--quiet", "--force", "origin", "main:pages"]);
    assert_eq!(later(&hookd)[1..], [on("pages", &two)]);
    let change = last(&hookd);
    assert_eq!(change["properties"]["is_forced"][0], true);
    assert_eq!(change["files"], json!(["two", "one", "page"]));
}

/// The same branch moves from one commit to another for the second time: that is another push. The same push that is
/// reported again by hand is the same delivery.
#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_move_that_is_repeated_is_reported_again_and_a_hook_that_is_repeated_is_not() {
    let (hookd, shop, [one, two]) = with_two_commits("");
    shop.hook(
        "server/hooks/post-receive",
        &format!("tee push | {}", git_hook(hookd.public(), "").replace("exec ", "")),
    );
    for revision in [&one, &two, &one, &two] {
        shop.git("client", &["push", "--quiet", "--force", "origin", &format!("{revision}:main")]);
    }
    let expected = [on("main", &one), on("main", &two), on("main", &one), on("main", &two)];
    assert_eq!(later(&hookd), expected);
    shop.hook("server/again", &format!("{} < push", git_hook(hookd.public(), "--verbose --strict")));
    let again = shop.run("server", "./again", &[]);
    assert!(again.err.contains("1 change sent to http://"), "{}", again.err);
    assert_eq!(later(&hookd), expected);
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn tags_report_their_commit_when_they_are_new_or_moved() {
    let (hookd, shop, [one, two]) = with_two_commits("");
    shop.git("client", &["tag", "light", "HEAD~1"]);
    shop.git("client", &["tag", "--annotate", "--message", "release", "heavy"]);
    shop.git("client", &["tag", "tree", "HEAD^{tree}"]);
    shop.git("client", &["push", "--quiet", "--tags", "origin"]);
    let mut reported = later(&hookd);
    reported.sort();
    assert_eq!(reported, [on("heavy", &two), on("light", &one)]);
    assert_eq!((&last(&hookd)["category"], hookd.admin().deliveries().len()), (&json!("tag"), 2));

    shop.git("client", &["tag", "--force", "light"]);
    shop.git("client", &["push", "--quiet", "--force", "origin", "light"]);
    assert_eq!(later(&hookd)[2..], [on("light", &two)]);
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn deleted_refs_and_other_refs_report_nothing() {
    let (hookd, shop, _) = with_two_commits("--verbose");
    shop.git("client", &["push", "--quiet", "origin", "main:x", "HEAD:refs/tags/v1"]);
    assert_eq!(later(&hookd).len(), 2);
    let deleted = shop.git("client", &["push", "--quiet", "--delete", "origin", "x", "v1"]);
    assert!(deleted.err.contains("hookd notify: no change"), "{}", deleted.err);
    shop.git("client", &["push", "--quiet", "origin", "HEAD:refs/notes/x", "HEAD:refs/changes/01/1/1"]);
    assert_eq!((later(&hookd).len(), hookd.admin().deliveries().len()), (2, 2));
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn first_parent_leaves_out_what_a_merge_brought_in() {
    let (hookd, shop, _) = with_two_commits("");
    shop.git("server", &["config", "hookd.firstParent", "true"]);
    shop.git("client", &["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    shop.commit_file("three");
    shop.git("client", &["checkout", "--quiet", "main"]);
    shop.git("client", &["merge", "--quiet", "--no-ff", "--message", "merge", "side"]);
    let merge = shop.revision("HEAD");
    shop.git("client", &["push", "--quiet", "origin", "main"]);
    assert_eq!(later(&hookd), [on("main", &merge)]);
    assert_eq!(last(&hookd)["files"], json!(["three"]));
}

/// Somebody who may push could otherwise make the hook see other commits than everyone else does.
#[test]
#[ignore = "needs git from cargo xtask test"]
fn replaced_objects_are_reported_as_they_are() {
    let (hookd, shop, [_, two]) = with_two_commits("");
    let three = shop.commit_file("three");
    shop.git("client", &["push", "--quiet", "origin", &format!("{two}:refs/replace/{three}")]);
    shop.git("client", &["push", "--quiet", "origin", "main"]);
    assert_eq!(later(&hookd), [on("main", &three)]);
    assert_eq!(last(&hookd)["comments"], "change three");
}
