//! A push to a Mercurial repository.

use hookd_tests::Hookd;
use serde_json::json;

use super::{Workshop, all, master, url};

/// A repository `server` whose hgrc has this, with `HOOK` for the hook, and a clone of it, `client`.
fn repositories(hgrc: &str) -> (Hookd, Workshop) {
    let (hookd, shop) = (master(), Workshop::new());
    shop.run("", "hg", &["init", "repos/server"]);
    shop.run("", "hg", &["clone", "--quiet", "repos/server", "client"]);
    shop.hook(
        "hook",
        "exec env -i LANG=C \"HG=$HG\" ${HG_NODE:+HG_NODE=$HG_NODE} \
        ${HG_NODE_LAST:+HG_NODE_LAST=$HG_NODE_LAST} hookd notify hg --timeout 60",
    );
    let hgrc = hgrc.replace("HOOK", shop.path("hook").to_str().expect("it is plain"));
    shop.write("repos/server/.hg/hgrc", hgrc.replace("MASTER", &url(hookd.public())));
    (hookd, shop)
}

const CHANGEGROUP: &str = "[hooks]\nchangegroup.hookd = HOOK\n[hgbuildbot]\nmaster = MASTER\n";

fn commit(shop: &Workshop, file: &str, message: &str) {
    shop.write(&format!("client/{file}"), format!("{message}\n"));
    let commit = ["commit", "--addremove", "--quiet", "--user", "Jän <j@x>", "--date", "1700000000 -3600", "--message"];
    shop.run("client", "hg", &[&commit[..], &[message]].concat());
}

fn nodes(shop: &Workshop, revisions: &str) -> Vec<String> {
    let log = shop.run("client", "hg", &["log", "--rev", revisions, "--template", "{node}\n"]).out;
    log.lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs Mercurial from cargo xtask test"]
fn a_push_is_one_delivery_with_the_fields_of_hgbuildbot() {
    let more = "user = ann\npasswd = unused\ncategory = push\nproject = tea\ncodebase = engine\nvenv = /nowhere\n\
        baseurl = https://hg.example.org/\nstrip = 1000\n";
    let (hookd, shop) = repositories(&format!("{CHANGEGROUP}{more}"));
    commit(&shop, "a ü", "Grün\n\nBody");
    shop.run("client", "hg", &["branch", "--quiet", "stäble"]);
    shop.run("client", "hg", &["mv", "--quiet", "a ü", "b"]);
    shop.run("client", "hg", &["commit", "--quiet", "--user", "Eva", "--message", "rename"]);
    let pushed = shop.run("client", "hg", &["push", "--new-branch"]);
    assert!(!format!("{}{}", pushed.out, pushed.err).contains("hookd notify"), "{}{}", pushed.out, pushed.err);

    let changes = hookd.admin().changes();
    assert_eq!(all(&changes, "revision"), nodes(&shop, "all()"));
    assert_eq!(all(&changes, "branch"), ["default", "stäble"]);
    assert_eq!(changes[1]["files"], json!(["a ü", "b"]));
    for (field, value) in [
        ("author", json!("Jän <j@x>")),
        ("category", json!("push")),
        ("codebase", json!("engine")),
        ("comments", json!("Grün\n\nBody")),
        ("files", json!(["a ü"])),
        ("project", json!("tea")),
        ("properties", json!({"is_merge": [false, "Change"]})),
        ("repository", json!("https://hg.example.org/server")),
        ("when_timestamp", json!(1_700_000_000)),
    ] {
        assert_eq!(changes[0][field], value, "{field}");
    }
    let [delivery] = hookd.admin().deliveries().try_into().expect("one request for one push");
    assert!(delivery["forge_id"].as_str().is_some_and(|id| id.starts_with("hg-")), "{delivery}");
}

#[test]
#[ignore = "needs Mercurial from cargo xtask test"]
fn merges_are_reported_as_hgbuildbot_does() {
    let (hookd, shop) = repositories(CHANGEGROUP);
    commit(&shop, "a", "one");
    commit(&shop, "b", "two");
    shop.run("client", "hg", &["update", "--quiet", "0"]);
    commit(&shop, "c", "three");
    shop.run("client", "hg", &["merge", "--quiet"]);
    shop.run("client", "hg", &["commit", "--quiet", "--user", "Eva", "--message", "merge"]);
    shop.run("client", "hg", &["push", "--quiet"]);
    let changes = hookd.admin().changes();
    assert_eq!(all(&changes, "revision"), nodes(&shop, "all()"));
    let merge = changes.last().expect("four were pushed");
    assert_eq!((&merge["properties"]["is_merge"][0], &merge["files"]), (&json!(true), &json!(["merge"])));
}

#[test]
#[ignore = "needs Mercurial from cargo xtask test"]
fn the_branch_is_the_folder_where_the_configuration_says_so() {
    let (hookd, shop) = repositories(&format!("{CHANGEGROUP}branchtype = dirname\n"));
    commit(&shop, "a", "one");
    shop.run("client", "hg", &["push", "--quiet"]);
    let hgrc = format!("{}branchtype = dirname\nbranch = named\n", CHANGEGROUP);
    let hgrc = hgrc.replace("HOOK", shop.path("hook").to_str().expect("it is plain"));
    shop.write("repos/server/.hg/hgrc", hgrc.replace("MASTER", &url(hookd.public())));
    commit(&shop, "b", "two");
    shop.run("client", "hg", &["push", "--quiet"]);
    assert_eq!(all(&hookd.admin().changes(), "branch"), ["server", "named"]);
}

/// `web.baseurl` and `notify.strip` count where `[hgbuildbot]` has none, and `[hookd]` counts before it.
#[test]
#[ignore = "needs Mercurial from cargo xtask test"]
fn other_sections_count_in_their_order() {
    let more = "project = tea\n[hookd]\nproject = coffee\n[web]\nbaseurl = https://web/\n[notify]\nstrip = 1000\n";
    let (hookd, shop) = repositories(&format!("{CHANGEGROUP}{more}"));
    commit(&shop, "a", "one");
    shop.run("client", "hg", &["push", "--quiet"]);
    let [change] = hookd.admin().changes().try_into().expect("one was pushed");
    assert_eq!((&change["project"], &change["repository"]), (&json!("coffee"), &json!("https://web/server")));
}

/// The hook `incoming` runs for each changeset, and reports that one.
#[test]
#[ignore = "needs Mercurial from cargo xtask test"]
fn incoming_reports_each_changeset_by_itself() {
    let (hookd, shop) = repositories(&CHANGEGROUP.replace("changegroup", "incoming"));
    commit(&shop, "a", "one");
    commit(&shop, "b", "two");
    shop.run("client", "hg", &["push", "--quiet"]);
    let mut reported = all(&hookd.admin().changes(), "revision");
    let mut pushed = nodes(&shop, "all()");
    reported.sort();
    pushed.sort();
    assert_eq!((reported, hookd.admin().deliveries().len()), (pushed, 2));
}

/// Only what was pushed, not what came after it.
#[test]
#[ignore = "needs Mercurial from cargo xtask test"]
fn what_others_push_meanwhile_is_theirs() {
    let (hookd, shop) = repositories(CHANGEGROUP);
    commit(&shop, "a", "one");
    commit(&shop, "b", "two");
    shop.run("client", "hg", &["push", "--quiet", "--config", "hooks.x=true", "--rev", "0"]);
    shop.write("repos/server/.hg/hgrc", "");
    shop.run("client", "hg", &["push", "--quiet"]);
    // The hook of the first push, late.
    let node = nodes(&shop, "0").remove(0);
    let arguments =
        ["notify", "hg", "--master", &url(hookd.public()), "--timeout", "60", "--strict", "--project", "late"];
    let mut late = shop.command("repos/server", hookd_tests::binary(), &arguments);
    let output = late.env("HG_NODE", &node).env("HG_NODE_LAST", &node).output().expect("hookd runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(all(&hookd.admin().changes(), "revision"), [node.clone(), node]);
}

#[test]
#[ignore = "needs Mercurial from cargo xtask test"]
fn says_what_is_missing() {
    let (_hookd, shop) = repositories(CHANGEGROUP);
    let run = |folder: &str, node: &str| {
        let mut command = shop.command(folder, hookd_tests::binary(), &["notify", "hg", "--strict", "--timeout", "60"]);
        if !node.is_empty() {
            command.env("HG_NODE", node);
        }
        let output = command.output().expect("hookd runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (folder, node, message) in [
        ("", "", "hookd notify: not sent: no repository of Mercurial at "),
        ("client", "", "hookd notify: not sent: nobody to send to: name a `master`"),
        ("repos/server", "", "hookd notify: not sent: no `HG_NODE`: this is for a hook of Mercurial"),
        ("repos/server", "all()", "hookd notify: not sent: `HG_NODE` is no changeset"),
    ] {
        let (code, said) = run(folder, node);
        assert!(code == Some(2) && said.starts_with(message), "{said}");
    }
}
