//! Addresses and options that are wrong, and servers that refuse or hang.

use std::net::TcpListener;
use std::path::Path;

use hookd_core::registry;
use hookd_pollers::PollerType;
use serde_json::json;

use super::Repository;
use crate::polling::{Polling, build, problems};
use crate::server::silent;
use crate::tools::{processes, runs, text, until};

#[test]
fn all_that_is_wrong_with_the_options_is_reported() {
    let seen = problems(
        "hg",
        &json!({
            "repourl": "ssh://me:hunter2@example.org/r", "branch": "a", "branches": ["b", ""], "encoding": "utf-9",
            "revlink": "https://example.org", "hgrc": "$HOME/.hgrc",
        }),
    );
    for part in [
        "[Key(\"repourl\")]: it has a password in it, which only a repository over HTTP takes",
        "[Key(\"branch\")]: there is `branches` as well: use one of them",
        "[Key(\"branches\")]: a name has 1 to 1024 bytes",
        "[Key(\"encoding\")]: unknown encoding `utf-9`, expected one such as `utf-8` or `latin-1`",
        "[Key(\"revlink\")]: expected an address with `{revision}` in it",
        "[Key(\"hgrc\")]: expected a path without `$`",
    ] {
        assert!(seen.contains(part), "no `{part}` in {seen}");
    }
    assert!(!seen.contains("hunter2"), "{seen}");
    let both = json!({
        "repourl": "https://me:hunter2@example.org/r", "auth_credentials": {"user": "me", "password": "hunter2"},
    });
    let seen = problems("hg", &both);
    assert!(seen.contains("`repourl` has credentials in it as well") && !seen.contains("hunter2"), "{seen}");
    let poller = build("hg", &json!({"repourl": "https://me:hunter2@example.org/r"}), Path::new("/nowhere")).unwrap();
    let warnings = poller.warnings().concat();
    assert!(warnings.contains("`auth_credentials` takes them from a file") && !warnings.contains("hunter2"));
    assert_eq!(poller.repository(), "https://example.org/r");
}

#[test]
fn the_name_of_a_poller_has_what_it_follows() {
    let poller_type = registry::find::<PollerType>("hg").unwrap();
    let name = |options: serde_json::Value| (poller_type.default_name)(options.as_object().unwrap()).unwrap();
    assert_eq!(name(json!({"repourl": "https://me:pw@example.org/r"})), "https://example.org/r");
    let options = json!({"repourl": "https://example.org/r", "branches": ["a", "b"], "bookmarks": ["@"]});
    assert_eq!(name(options), "https://example.org/r_@_a_b");
}

#[tokio::test]
#[ignore = "needs hg"]
async fn a_server_that_refuses_is_an_error_and_the_clone_stays() {
    let repository = Repository::new();
    let mut polling = repository.polled(&repository.options()).await;
    // Nobody listens where nobody listens any more.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let options = json!({"repourl": format!("http://127.0.0.1:{port}/")});
    let refused = polling.reconfigured("hg", &options, &repository.work());
    let error = refused.fail().await;
    assert!(error.starts_with("`hg pull` failed with exit code ") && error.contains("refused"), "{error}");
    let options = json!({"repourl": text(repository.folder().join("nowhere"))});
    let error = polling.reconfigured("hg", &options, &repository.work()).fail().await;
    assert!(error.contains("nowhere not found"), "{error}");
    assert!(repository.work().join("repository/.hg/store/00changelog.i").exists(), "the clone is still there");
    let options = json!({"repourl": text(repository.path()), "hgbin": "no-such-hg"});
    let error = polling.reconfigured("hg", &options, &repository.folder().join("none")).fail().await;
    assert!(error.starts_with("cannot run `no-such-hg`: "), "{error}");
    repository.commit("second", &[("a", "1")]);
    assert_eq!(polling.poll().await.len(), 1);
}

#[tokio::test]
#[ignore = "needs hg"]
async fn a_server_that_hangs_holds_nothing_when_its_poll_is_abandoned() {
    let folder = tempfile::tempdir().unwrap();
    let (address, gate) = silent();
    let polling = Polling::new("hg", &json!({"repourl": format!("http://{address}/")}), folder.path());
    let task = tokio::spawn({
        let polling = polling.clone();
        async move { polling.look().await }
    });
    until("hg has come", || gate.has_met().then_some(())).await;
    let pids: Vec<u32> =
        processes().into_iter().filter(|(_, arguments)| arguments.contains(&address)).map(|(pid, _)| pid).collect();
    assert!(!pids.is_empty());
    let error = polling.fail().await;
    assert!(error.contains("another poller or hookd uses it"), "{error}");
    task.abort();
    until("hg has ended", || pids.iter().all(|pid| !runs(*pid)).then_some(())).await;
}
