//! A push to a git repository: fields, files, environments, names, settings.

use std::fs;

use hookd_tests::{Home, LISTENERS};
use serde_json::json;

use super::{Workshop, all, git_hook, heads, master, url};

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_push_is_one_delivery_with_a_change_for_each_commit() {
    let (hookd, shop) = (master(), Workshop::new());
    // Nothing in the environment, not even `GIT_DIR`.
    let hook = git_hook(hookd.public(), "--project tea --codebase engine --baseurl https://x/ --strip 1000");
    shop.git_repositories(&hook.replace("exec hookd", "exec env -i LANG=C hookd"));
    shop.write("client/a.txt", "one\n");
    let first = shop.commit("Grün\n\nBody: ü\n");
    shop.write("client/ö/ü.txt", "two\n");
    let second = shop.commit("second");
    let pushed = shop.git("client", &["push", "origin", "main"]);
    assert!(!pushed.err.contains("hookd"), "a hook that succeeds is silent: {}", pushed.err);

    let changes = hookd.admin().changes();
    assert_eq!(all(&changes, "revision"), [first.clone(), second]);
    let [delivery] = hookd.admin().deliveries().try_into().expect("one request for one push");
    let id = delivery["forge_id"].as_str().expect("the hook gives it an id");
    assert!(id.starts_with("git-") && id.len() == 36, "{id}");
    for (field, value) in [
        ("author", json!("Jan Ärzte <jan@example.org>")),
        ("committer", json!("Eva <eva@example.org>")),
        ("branch", json!("main")),
        ("category", json!(null)),
        ("codebase", json!("engine")),
        ("comments", json!("Grün\n\nBody: ü")),
        ("files", json!(["a.txt"])),
        ("project", json!("tea")),
        ("properties", json!({"is_merge": [false, "Change"]})),
        ("repository", json!("https://x/server")),
        ("revision", json!(first)),
        ("when_timestamp", json!(1_700_000_007)),
    ] {
        assert_eq!(changes[0][field], value, "{field}");
    }
    assert_eq!(changes[1]["files"], json!(["ö/ü.txt"]));
}

/// A hundred commits with merges, renames, copies, types that change, names and messages that are no ASCII: compared with
/// what git itself says of each commit.
#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_hundred_commits_arrive_in_order_with_their_files() {
    let (hookd, shop) = (master(), Workshop::new());
    shop.git_repositories(&git_hook(hookd.public(), ""));
    shop.commit_file("start");
    shop.git("client", &["push", "--quiet", "origin", "main"]);
    for n in 0..20 {
        shop.commit_file(&format!("Datei {n} ü"));
        shop.git("client", &["mv", &format!("Datei {n} ü"), &format!("renamed {n} ß")]);
        shop.commit(&format!("rename {n}: →"));
        shop.git("client", &["checkout", "--quiet", "-b", &format!("side-{n}"), "HEAD~2"]);
        shop.commit_file(&format!("side/{n}"));
        let merge = ["merge", "--quiet", "--no-ff", "--message", "merge", &format!("side-{n}")];
        shop.git("client", &["checkout", "--quiet", "main"]);
        shop.git("client", &merge);
        let file = shop.path(&format!("client/renamed {n} ß"));
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("start", &file).unwrap();
        shop.commit("it is a link now");
    }
    shop.git("client", &["push", "--quiet", "origin", "main"]);

    let changes = hookd.admin().changes();
    assert_eq!((changes.len(), hookd.admin().deliveries().len()), (101, 2));
    let order = shop.git("client", &["log", "--topo-order", "--reverse", "--format=%H", "main"]).out;
    assert_eq!(all(&changes, "revision"), order.lines().collect::<Vec<_>>());
    let mut merges = 0;
    for change in &changes[1..] {
        let revision = change["revision"].as_str().unwrap();
        let diff = ["diff", "--name-only", "--no-renames", "-z", &format!("{revision}^1"), revision];
        let files = shop.git("client", &diff).out;
        let expected: Vec<&str> = files.split_terminator('\0').collect();
        assert_eq!(change["files"], json!(expected), "{change}");
        let is_merge = change["comments"] == "merge";
        assert_eq!(change["properties"]["is_merge"][0], is_merge);
        merges += u32::from(is_merge);
    }
    assert_eq!(merges, 20);
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn works_with_hashes_of_sha_256() {
    let (hookd, shop) = (master(), Workshop::new());
    for arguments in [&["--bare", "server"][..], &["client"]] {
        let init = ["init", "--quiet", "--object-format=sha256", "--initial-branch=main"];
        shop.git("", &[&init, arguments].concat());
    }
    shop.hook("server/hooks/post-receive", &git_hook(hookd.public(), ""));
    shop.commit_file("a");
    shop.git("client", &["push", "--quiet", "../server", "main"]);
    let revision = shop.commit_file("b");
    shop.git("client", &["push", "--quiet", "../server", "main"]);
    let changes = hookd.admin().changes();
    assert_eq!((changes.len(), &changes[1]["revision"], revision.len()), (2, &json!(revision), 64));
    assert_eq!(changes[1]["files"], json!(["b"]));
}

/// In `pre-receive` the objects are in quarantine, `GIT_DIR` is relative, and refs are still as they were.
#[test]
#[ignore = "needs git from cargo xtask test"]
fn works_in_the_quarantine_of_pre_receive() {
    let (hookd, shop) = (master(), Workshop::new());
    shop.git_repositories("exit 0");
    let hook = git_hook(hookd.public(), "").replace("exec ", "");
    let hook = format!("test -n \"$GIT_QUARANTINE_PATH\" && test \"$GIT_DIR\" = . || exit 1\n{hook}");
    shop.hook("server/hooks/pre-receive", &hook);
    let first = shop.commit_file("a");
    shop.git("client", &["push", "--quiet", "origin", "main"]);
    let second = shop.commit_file("b");
    shop.git("client", &["push", "--quiet", "origin", "main", "main:other"]);
    let main = |revision: &str| ("main".to_owned(), revision.to_owned());
    // `other` is new, and has one commit that no ref had before.
    assert_eq!(heads(&hookd), [main(&first), main(&second), ("other".to_owned(), second.clone())]);
}

/// Names that a shell, or an option parser, would take for something else.
#[test]
#[ignore = "needs git from cargo xtask test"]
fn hostile_names_are_names() {
    let (hookd, shop) = (master(), Workshop::new());
    shop.git_repositories(&git_hook(hookd.public(), ""));
    let files = ["--output=x", "$(touch owned)", "a\nb", "tab\t\"quote\"", "'; touch owned; '", ":(top)x"];
    for file in files {
        shop.write(&format!("client/{file}"), "");
    }
    let revision = shop.commit("--amend\n$(touch owned)");
    let branches = ["--upload-pack=touch${IFS}owned", "-x", "$(touch${IFS}owned)", "';touch${IFS}owned;'", "ü|b"];
    for branch in branches {
        shop.git("client", &["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")]);
    }
    let expected: Vec<_> = branches.iter().map(|&branch| (branch.to_owned(), revision.clone())).collect();
    assert_eq!(heads(&hookd), expected);
    let changes = hookd.admin().changes();
    let mut listed: Vec<&str> = changes[0]["files"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
    let mut files = files.to_vec();
    listed.sort_unstable();
    files.sort_unstable();
    assert_eq!(listed, files);
    assert!(!shop.path("server/owned").exists());
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn bytes_that_are_no_utf_8_are_replaced() {
    let (hookd, shop) = (master(), Workshop::new());
    shop.git_repositories(&git_hook(hookd.public(), ""));
    shop.commit_file("a");
    let tree = shop.revision("HEAD^{tree}");
    let beginning = format!("tree {tree}\nauthor J");
    let object =
        [beginning.as_bytes(), b"\xe4n <j@x> 1700000000 +0000\ncommitter J <j@x> 1700000000 +0000\n\nGr\xfcn\n"];
    shop.write("client/.git/object", object.concat());
    let hash = ["hash-object", "-t", "commit", "-w", "--literally", ".git/object"];
    let revision = shop.git("client", &hash).out.trim().to_owned();
    shop.git("client", &["push", "--quiet", "origin", &format!("{revision}:refs/heads/latin")]);
    let changes = hookd.admin().changes();
    assert_eq!(changes[0]["author"], "J\u{fffd}n <j@x>");
    assert_eq!(changes[0]["comments"], "Gr\u{fffd}n");
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn options_come_from_git_config_and_those_of_the_command_line_win() {
    let config =
        format!("change_hook_auth = [\"memory:ann:s3cret\"]\n{LISTENERS}\n[change_hook_dialects]\nbase = true\n");
    let hookd = Home::with_config(&config).start();
    let shop = Workshop::new();
    shop.git_repositories("exec hookd notify git --category fast");
    let master = url(hookd.public());
    for (name, value) in [
        ("master", master.strip_prefix("http://").unwrap()),
        ("user", "ann"),
        ("passwd", "wrong-hunter2"),
        ("category", "slow"),
        ("project", "tea"),
        ("repository", "https://git.example.org/tea"),
        ("timeout", "60"),
        ("somethingElse", "of another program"),
    ] {
        shop.git("server", &["config", &format!("hookd.{name}"), value]);
    }
    shop.commit_file("a");
    let pushed = shop.git("client", &["push", "--quiet", "origin", "main"]);
    assert!(pushed.err.contains("refused it: 401 Unauthorized") && !pushed.err.contains("hunter2"), "{}", pushed.err);
    assert!(hookd.admin().changes().is_empty());

    shop.git("server", &["config", "hookd.passwd", "s3cret"]);
    let revision = shop.commit_file("b");
    shop.git("client", &["push", "--quiet", "origin", "main"]);
    let [change] = hookd.admin().changes().try_into().expect("the push before was refused");
    assert_eq!((&change["category"], &change["project"]), (&json!("fast"), &json!("tea")));
    assert_eq!((&change["repository"], &change["revision"]), (&json!("https://git.example.org/tea"), &json!(revision)));

    // Or from a file.
    shop.git("server", &["config", "--unset", "hookd.passwd"]);
    shop.git("server", &["config", "hookd.passwordFile", "password"]);
    shop.write("server/password", "s3cret\n");
    shop.commit_file("c");
    let pushed = shop.git("client", &["push", "--quiet", "origin", "main"]);
    assert_eq!((hookd.admin().changes().len(), pushed.err.as_str()), (2, ""));
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn sends_to_every_master() {
    let (one, two, shop) = (master(), master(), Workshop::new());
    shop.git_repositories(&git_hook(one.public(), &format!("--master {} --verbose", url(two.public()))));
    shop.commit_file("a");
    let pushed = shop.git("client", &["push", "--quiet", "origin", "main"]);
    assert_eq!(heads(&one), heads(&two));
    assert_eq!(heads(&one).len(), 1);
    let lines = pushed.err.lines().filter(|line| line.contains("hookd notify: 1 change sent to http://")).count();
    assert_eq!(lines, 2, "{}", pushed.err);
}

#[test]
#[ignore = "needs git from cargo xtask test"]
fn a_dry_run_prints_the_changes_and_sends_nothing() {
    let (hookd, shop) = (master(), Workshop::new());
    shop.git_repositories(&git_hook(hookd.public(), "--dry-run"));
    let revision = shop.commit_file("a");
    let pushed = shop.git("client", &["push", "--quiet", "origin", "main"]);
    let line = pushed.err.lines().find_map(|line| line.strip_prefix("remote: [")).expect("the changes are printed");
    assert!(line.contains(&revision), "{line}");
    assert!(hookd.admin().deliveries().is_empty());
}
