//! Servers that ask for a password.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use serde_json::json;

use super::Repository;
use crate::polling::{Polling, shown};
use crate::server::{Gate, with_password};
use crate::tools::{processes, until};

/// `hg serve`, which ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(repository: &Repository) -> (Server, u16) {
    let mut command = Command::new("hg");
    command.env("HGRCPATH", "/dev/null").env("PYTHONUNBUFFERED", "1").arg("-R").arg(repository.path());
    command.args(["serve", "--address", "127.0.0.1", "--port", "0", "--accesslog", "/dev/null"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let port = line.rsplit(':').next().and_then(|rest| rest.trim().trim_end_matches(')').parse().ok());
    (Server(child), port.unwrap_or_else(|| panic!("no port in `{line}`")))
}

#[tokio::test]
#[ignore = "needs hg"]
async fn a_password_is_nowhere_to_be_seen() {
    let repository = Repository::new();
    let (_server, port) = serve(&repository);
    let gate = Arc::new(Gate::default());
    // `me:hunter2 "$x`
    let address = with_password(port, Some("bWU6aHVudGVyMiAiJHg="), Arc::clone(&gate));
    let options = json!({
        "repourl": format!("http://{address}/"), "auth_credentials": {"user": "me", "password": "hunter2 \"$x"},
    });
    let mut polling = Polling::new("hg", &options, &repository.work());
    let this = polling.clone();
    let task = tokio::spawn(async move { this.look().await });
    until("hg has come", || gate.has_met().then_some(())).await;
    let shown_processes = processes();
    let ours: Vec<_> = shown_processes.iter().filter(|(_, arguments)| arguments.contains(&address)).collect();
    assert!(!ours.is_empty(), "hg does not run");
    for (pid, _) in ours {
        let environment = String::from_utf8_lossy(&fs::read(format!("/proc/{pid}/environ")).unwrap()).into_owned();
        assert!(!environment.contains("hunter2") && !environment.contains("CARGO"), "{environment}");
    }
    assert!(!shown_processes.iter().any(|(_, arguments)| arguments.contains("hunter2")));
    gate.open();
    let polled = task.await.unwrap().unwrap();
    assert_eq!(polled.error, None);
    polling.take(polled);
    let mode = fs::metadata(repository.work().join("hgrc")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    repository.commit("second", &[("a", "1")]);
    let polled = polling.look().await.unwrap();
    assert!(!format!("{polled:?}").contains("hunter2"));
    assert_eq!(shown(&polled.changes), ["default second: a"]);
    assert_eq!(polled.changes[0].repository, format!("http://{address}/"));
    // In the address it is as good, but for a warning.
    let options = json!({"repourl": format!("http://me:hunter2%20%22%24x@{address}/")});
    let mut other = Polling::new("hg", &options, &repository.folder().join("other"));
    assert_eq!(other.poll().await, []);
    repository.commit("third", &[("a", "2")]);
    let changes = other.poll().await;
    assert_eq!(changes[0].repository, format!("http://{address}/"));
}

#[tokio::test]
#[ignore = "needs hg"]
async fn a_wrong_or_missing_password_is_an_error_at_once() {
    let repository = Repository::new();
    let (_server, port) = serve(&repository);
    let gate = Arc::new(Gate::default());
    gate.open();
    let address = with_password(port, Some("bWU6aHVudGVyMg=="), gate);
    let mut options = json!({"repourl": format!("http://{address}/")});
    let error = Polling::new("hg", &options, &repository.work()).fail().await;
    assert!(
        error.starts_with("`hg pull` failed with exit code 255: ") && error.contains("http authorization required"),
        "{error}"
    );
    options["auth_credentials"] = json!({"user": "me", "password": "wrong-secret"});
    let error = Polling::new("hg", &options, &repository.folder().join("wrong")).fail().await;
    assert!(error.contains("authorization failed") && !error.contains("wrong-secret"), "{error}");
    options["auth_credentials"] = json!({"user": "me", "password": "hunter2"});
    Polling::new("hg", &options, &repository.folder().join("right")).look().await.unwrap();
}
