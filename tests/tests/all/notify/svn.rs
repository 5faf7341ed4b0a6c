//! A commit to a Subversion repository. Subversion itself runs hooks with an empty environment.

use hookd_tests::{Hookd, Meddling, Proxy};
use serde_json::{Value, json};

use super::{Workshop, all, master, url};

/// A repository `server` with this hook, and a working copy of its root, `client`, with the usual folders.
fn repositories(options: &str) -> (Hookd, Workshop) {
    let hookd = master();
    let shop = with_hook(&options.replace("MASTER", &url(hookd.public())));
    (hookd, shop)
}

fn with_hook(options: &str) -> Workshop {
    let shop = Workshop::new();
    shop.run("", "svnadmin", &["create", "server"]);
    shop.hook(
        "server/hooks/post-commit",
        &format!("exec hookd notify svn \"$1\" \"$2\" \"$3\" --timeout 60 {options}"),
    );
    let server = format!("file://{}", shop.path("server").display());
    shop.run("", "svn", &["checkout", "--quiet", &server, "client"]);
    shop.run("client", "svn", &["mkdir", "--quiet", "trunk", "branches", "tags"]);
    commit(&shop, "layout");
    shop
}

/// Commits all that is in `client`, with new files; returns what the hook said.
fn commit(shop: &Workshop, message: &str) -> String {
    shop.run("client", "svn", &["add", "--quiet", "--force", "."]);
    let arguments = ["commit", "--username", "ann", "--message", message];
    let ran = shop.run("client", "svn", &arguments);
    shop.run("client", "svn", &["update", "--quiet"]);
    // It shows the output of a hook that failed, among its own.
    let said = format!("{}{}", ran.out, ran.err);
    said.lines().filter(|line| line.contains("hookd notify")).collect()
}

/// The changes after those of the layout.
fn later(hookd: &Hookd) -> Vec<Value> {
    hookd.admin().changes().into_iter().filter(|change| change["revision"] != "1").collect()
}

#[test]
#[ignore = "needs Subversion from cargo xtask test"]
fn a_commit_is_one_delivery_with_a_change_for_each_branch() {
    let more = "--project tea --category push --codebase engine --baseurl https://svn.example.org/ --strip 1000";
    let (hookd, shop) = repositories(&format!("--master MASTER {more}"));
    shop.run("client", "svn", &["copy", "--quiet", "trunk", "branches/x"]);
    shop.write("client/trunk/ä b.txt", "one");
    shop.write("client/branches/x/sub/ü", "two");
    shop.write("client/trunk-old/a", "three");
    shop.write("client/branches/README", "four");
    assert_eq!(commit(&shop, "Grün\n\nBody: ü"), "");

    let changes = later(&hookd);
    assert_eq!(all(&changes, "branch"), ["", "branches/x", "trunk"]);
    assert_eq!(changes[0]["branch"], Value::Null);
    let mut files = changes[0]["files"].as_array().expect("a list").clone();
    files.sort_by_key(ToString::to_string);
    assert_eq!(files, [json!("branches/README"), json!("trunk-old/"), json!("trunk-old/a")]);
    assert_eq!(changes[1]["files"], json!(["sub/", "sub/ü"]));
    let now = changes[2]["when_timestamp"].as_i64().expect("the date of the revision");
    assert!(now > 1_700_000_000, "{now}");
    for (field, value) in [
        ("author", json!("ann")),
        ("category", json!("push")),
        ("codebase", json!("engine")),
        ("comments", json!("Grün\n\nBody: ü")),
        ("files", json!(["ä b.txt"])),
        ("project", json!("tea")),
        ("repository", json!("https://svn.example.org/server")),
        ("revision", json!("2")),
    ] {
        assert_eq!(changes[2][field], value, "{field}");
    }
    assert_eq!(hookd.admin().deliveries().len(), 2, "one request for one commit");
}

#[test]
#[ignore = "needs Subversion from cargo xtask test"]
fn a_branch_that_is_deleted_makes_no_change() {
    let (hookd, shop) = repositories("--master MASTER");
    shop.run("client", "svn", &["copy", "--quiet", "trunk", "branches/x"]);
    commit(&shop, "a branch");
    shop.run("client", "svn", &["delete", "--quiet", "branches/x"]);
    commit(&shop, "no branch");
    let changes = later(&hookd);
    assert_eq!(
        (all(&changes, "revision"), all(&changes, "branch")),
        (vec!["2".to_owned()], vec!["branches/x".to_owned()])
    );
    assert_eq!(changes[0]["files"], json!([]), "no empty names");
}

#[test]
#[ignore = "needs Subversion from cargo xtask test"]
fn without_splitting_a_revision_is_one_change() {
    let (hookd, shop) = repositories("--master MASTER --split-file none --branch all");
    shop.write("client/trunk/a", "");
    commit(&shop, "one");
    let [change] = later(&hookd).try_into().expect("one was committed");
    assert_eq!((&change["branch"], &change["files"]), (&json!("all"), &json!(["trunk/a"])));
}

#[test]
#[ignore = "needs Subversion from cargo xtask test"]
fn a_commit_succeeds_while_hookd_is_down_and_is_sent_with_the_next() {
    let hookd = master();
    let proxy = Proxy::start(hookd.public());
    let options = format!("--master {} --strict --spool waiting", url(proxy.address()));
    let shop = with_hook(&options);
    proxy.meddle(|_| Meddling::Answer("503 Service Unavailable", "down"));
    shop.write("client/trunk/a", "");
    // Subversion shows what a hook says when it fails, hence `--strict`; the commit is done all the same.
    let said = commit(&shop, "one");
    assert!(said.contains("hookd notify: not sent to ") && said.contains("; it is kept in the spool"), "{said}");
    assert_eq!(super::names(&shop.path("server/waiting")).len(), 1);

    proxy.meddle(|_| Meddling::None);
    shop.write("client/trunk/b", "");
    assert_eq!(commit(&shop, "two"), "");
    assert_eq!(all(&later(&hookd), "revision"), ["2", "3"]);
    assert_eq!(hookd.admin().deliveries().len(), 3);
}

#[test]
#[ignore = "needs Subversion from cargo xtask test"]
fn names_are_no_options_and_no_shell_sees_them() {
    let (hookd, shop) = repositories("--master MASTER");
    let files = ["--revision", "$(touch owned)", "'; touch owned; '", "a@b"];
    for file in files {
        shop.write(&format!("client/trunk/{file}"), "");
    }
    commit(&shop, "--help\n$(touch owned)");
    let [change] = later(&hookd).try_into().expect("one was committed");
    let mut listed: Vec<&str> = change["files"].as_array().unwrap().iter().map(|file| file.as_str().unwrap()).collect();
    let mut files = files.to_vec();
    listed.sort_unstable();
    files.sort_unstable();
    assert_eq!(listed, files);
    let run = |arguments: &[&str]| {
        let output = shop.command("", hookd_tests::binary(), arguments).output().expect("hookd runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = run(&["notify", "svn", "server", "HEAD", "--master", "x"]);
    assert!(code == Some(2) && said.contains("invalid value 'HEAD' for '[REV]'"), "{said}");
    let (code, said) = run(&["notify", "svn", "nowhere", "1", "--master", "x", "--strict"]);
    assert!(code == Some(2) && said.starts_with("hookd notify: not sent: repository nowhere: "), "{said}");
    let (code, said) = run(&["notify", "svn", "server", "99", "--master", "x", "--strict", "--timeout", "60"]);
    assert!(code == Some(1) && said.contains("`svnlook info` failed"), "{said}");
}
