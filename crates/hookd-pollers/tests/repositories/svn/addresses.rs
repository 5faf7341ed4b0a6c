//! Addresses and options that are wrong, and servers that refuse or hang.

use std::net::TcpListener;

use serde_json::json;

use super::Repository;
use crate::polling::{Polling, problems};
use crate::server::silent;
use crate::tools::{processes, runs, until, with};

#[test]
fn all_that_is_wrong_with_the_options_is_reported() {
    let options = json!({
        "repourl": "https://me:hunter2@example.org/r", "split_file": {"trnk": "x"}, "histmax": 0, "revlinktmpl": "%d",
    });
    let problems = |options| problems("svn", &options);
    let seen = problems(options);
    assert!(seen.contains("unknown key `trnk`, expected one of `branches`, `projects`, `trunk`"), "{seen}");
    let seen = problems(json!({
        "repourl": "https://me:hunter2@example.org/r", "histmax": 0, "revlinktmpl": "%d", "svnpasswd": "hunter2",
        "cachepath": "svn.cache", "extra_args": ["--trust-server-cert"],
    }));
    for part in [
        "[Key(\"repourl\")]: it has credentials in it: put them into `svnuser` and `svnpasswd`",
        "[Key(\"histmax\")]: expected at least 1",
        "[Key(\"revlinktmpl\")]: expected one `%s`",
        "[Key(\"svnpasswd\")]: a password needs its user, in `svnuser`",
        "[Key(\"cachepath\")]: hookd keeps the revision in its store: leave this option out",
        "[Key(\"extra_args\")]: `svn` gets no other arguments: see `svnuser`",
    ] {
        assert!(seen.contains(part), "no `{part}` in {seen}");
    }
    assert!(!seen.contains("hunter2"), "{seen}");
    let seen = problems(json!({"repourl": "svn+ssh://-oProxyCommand=touch%20x/r"}));
    assert!(seen.contains("begins with `-`"), "{seen}");
    let seen = problems(json!({"repourl": "https://example.org", "trust_server_cert": ["all"]}));
    assert!(seen.contains("`unknown-ca`"), "{seen}");
    assert!(problems(json!({})).contains("option `repourl` is missing"));
}

#[tokio::test]
#[ignore = "needs svn"]
async fn a_server_that_refuses_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens where nobody listens any more.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = json!({"repourl": format!("svn://127.0.0.1:{port}/r")});
    let error = Polling::new("svn", &options, folder.path()).fail().await;
    assert!(error.starts_with("`svn info` failed with exit code 1: "), "{error}");
    assert!(error.contains(&format!("svn://127.0.0.1:{port}/r")), "{error}");
    let options = with(&options, "svnbin", "no-such-svn");
    let error = Polling::new("svn", &options, folder.path()).fail().await;
    assert!(error.starts_with("cannot run `no-such-svn`: "), "{error}");
    let repository = Repository::new();
    let options = json!({"repourl": format!("{}/nowhere", repository.url())});
    let error = Polling::new("svn", &options, folder.path()).fail().await;
    assert!(error.contains("non-existent in revision 1"), "{error}");
}

#[tokio::test]
#[ignore = "needs svn"]
async fn a_server_that_hangs_holds_nothing_when_its_poll_is_abandoned() {
    let folder = tempfile::tempdir().unwrap();
    let (address, gate) = silent();
    let polling = Polling::new("svn", &json!({"repourl": format!("svn://{address}/r")}), folder.path());
    let task = tokio::spawn({
        let polling = polling.clone();
        async move { polling.look().await }
    });
    until("svn has come", || gate.has_met().then_some(())).await;
    let pids: Vec<u32> =
        processes().into_iter().filter(|(_, arguments)| arguments.contains(&address)).map(|(pid, _)| pid).collect();
    assert!(!pids.is_empty());
    // Another poll of it would use the same folder.
    let error = polling.fail().await;
    assert!(error.contains("another poller or hookd uses it"), "{error}");
    task.abort();
    until("svn has ended", || pids.iter().all(|pid| !runs(*pid)).then_some(())).await;
}
