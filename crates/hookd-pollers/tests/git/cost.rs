//! A poll without a change costs one `git ls-remote`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hookd_pollers::{Engine, EveryPoller, PollerObserver, PollerSettings};
use hookd_store::{MemoryStore, SharedStore};
use serde_json::json;

use super::fixture::{Repo, build, options};

const REPOSITORIES: usize = 200;

#[derive(Default)]
struct Count {
    polls: AtomicUsize,
    failures: AtomicUsize,
}

impl PollerObserver for Count {
    fn polled(&self, _: &str, is_success: bool, _: usize, _: Duration) {
        self.polls.fetch_add(1, Ordering::SeqCst);
        self.failures.fetch_add(usize::from(!is_success), Ordering::SeqCst);
    }
}

async fn until(count: &Count, polls: usize) {
    while count.polls.load(Ordering::SeqCst) < polls {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
#[ignore = "needs git"]
async fn two_hundred_repositories_without_a_change_cost_what_listing_them_costs() {
    let repo = Repo::started();
    let folders = tempfile::tempdir().unwrap();
    let scripts = tempfile::tempdir().unwrap();
    // It shows how many run at once, and which commands.
    let (script, log) = (scripts.path().join("git"), scripts.path().join("log"));
    let text = format!("#!/bin/sh\necho \"$@\" >> '{}'\nexec git \"$@\"\n", log.display());
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let settings: Vec<Arc<PollerSettings>> = (0..REPOSITORIES)
        .map(|number| {
            let name = format!("p{number}");
            let options = options(&repo.url(), json!({ "branches": true, "gitbin": script.to_str().unwrap() }));
            let poller = build(options, &folders.path().join(&name)).unwrap();
            Arc::new(PollerSettings::new("git", name, poller, EveryPoller::default()).unwrap())
        })
        .collect();
    let store: SharedStore = Arc::new(MemoryStore::new());
    let count = Arc::new(Count::default());
    let engine = Engine::start(store, Arc::clone(&count) as Arc<dyn PollerObserver>).unwrap();
    engine.apply(&settings).await;
    until(&count, REPOSITORIES).await;

    std::fs::remove_file(&log).unwrap();
    let began = Instant::now();
    for settings in &settings {
        engine.poke(&settings.name);
    }
    let mut most = 0;
    while count.polls.load(Ordering::SeqCst) < 2 * REPOSITORIES {
        let polling = engine.pollers().iter().filter(|view| view.status.state.name() == "polling").count();
        most = most.max(polling);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let polls = began.elapsed();
    engine.stop().await;
    let commands = std::fs::read_to_string(&log).unwrap();
    assert_eq!(commands.lines().count(), REPOSITORIES, "one command for each");
    assert!(commands.lines().all(|command| command.contains("ls-remote")));
    assert_eq!(count.failures.load(Ordering::SeqCst), 0);
    assert!((1..=8).contains(&most), "{most} at once");

    let began = Instant::now();
    let url = repo.url();
    let lists = |_| {
        for _ in 0..REPOSITORIES / 8 {
            let script = script.to_str().unwrap();
            let listed = std::process::Command::new(script).args(["ls-remote", "--", &url, "refs/heads/*"]).output();
            assert!(listed.unwrap().status.success());
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|number| scope.spawn(move || lists(number))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
    let listings = began.elapsed();
    let ratio = polls.as_secs_f64() / listings.as_secs_f64();
    println!(
        "{REPOSITORIES} polls took {polls:.2?}, {REPOSITORIES} `git ls-remote` {listings:.2?}: {ratio:.2} times, at most {most} at once"
    );
    assert!(ratio < 3.0, "{ratio}");
}
