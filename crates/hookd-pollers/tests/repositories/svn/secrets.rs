//! Servers that ask for a password.

use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Repository;
use crate::polling::Polling;
use crate::server::{Gate, svnserve};
use crate::tools::{processes, until, with};

const PASSWORD: &str = "hunter2 ' \" $x %20";

fn protect(repository: &Repository) {
    let conf = repository.path().join("conf");
    fs::write(conf.join("svnserve.conf"), "[general]\nanon-access = none\nauth-access = read\npassword-db = passwd\n")
        .unwrap();
    fs::write(conf.join("passwd"), format!("[users]\nme = {PASSWORD}\n")).unwrap();
}

fn options(address: &str) -> Value {
    json!({"repourl": format!("{address}/repository"), "svnuser": "me", "svnpasswd": PASSWORD})
}

#[tokio::test]
#[ignore = "needs svn"]
async fn a_password_is_nowhere_to_be_seen() {
    let repository = Repository::new();
    protect(&repository);
    let gate = Arc::new(Gate::default());
    let address = svnserve(repository.folder(), Arc::clone(&gate));
    let work = repository.folder().join("work");
    let mut polling = Polling::new("svn", &options(&address), &work);

    // While it runs, everybody can see its arguments.
    let this = polling.clone();
    let task = tokio::spawn(async move { this.look().await });
    until("svn has come", || gate.has_met().then_some(())).await;
    let shown = processes();
    let ours: Vec<_> = shown.iter().filter(|(_, arguments)| arguments.contains(&address)).collect();
    assert!(!ours.is_empty(), "svn does not run");
    for (pid, arguments) in ours {
        assert!(arguments.contains("--password-from-stdin"), "{arguments}");
        let environment = String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/environ")).unwrap()).into_owned();
        assert!(!environment.contains("hunter2") && !environment.contains("CARGO"), "{environment}");
    }
    assert!(!shown.iter().any(|(_, arguments)| arguments.contains("hunter2")));
    gate.open();
    let polled = task.await.unwrap().unwrap();
    polling.take(polled);

    repository.commit("second", &[("trunk/a", Some("1"))]);
    let polled = polling.look().await.unwrap();
    assert_eq!(polled.changes.len(), 1);
    assert!(!format!("{polled:?}").contains("hunter2"));
    let mut folders = vec![work];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read(&path).unwrap();
                assert!(!String::from_utf8_lossy(&text).contains("hunter2"), "{}", path.display());
            }
        }
    }
}

#[tokio::test]
#[ignore = "needs svn"]
async fn a_wrong_or_missing_password_is_an_error_at_once_and_the_next_poll_works() {
    let repository = Repository::new();
    protect(&repository);
    let gate = Arc::new(Gate::default());
    gate.open();
    let options = options(&svnserve(repository.folder(), gate));
    let polling = Polling::new("svn", &options, &repository.folder().join("work"));
    let polled = polling.look().await.unwrap();
    assert_eq!(polled.changes, []);

    let wrong = with(&options, "svnpasswd", "wrong-secret");
    let error = Polling::new("svn", &wrong, &repository.folder().join("wrong")).fail().await;
    assert!(error.starts_with("`svn info` failed with exit code 1: "), "{error}");
    assert!(!error.contains("wrong-secret") && error.contains("E170001"), "{error}");

    let none = json!({"repourl": options["repourl"]});
    let error = Polling::new("svn", &none, &repository.folder().join("none")).fail().await;
    assert!(error.starts_with("`svn info` failed with exit code 1: ") && error.contains("svn: E"), "{error}");
}
