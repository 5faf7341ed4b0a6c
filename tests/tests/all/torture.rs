//! `kill -9` at random under load, again and again: every webhook answered with 202 is stored once, with all of its
//! changes; pull requests that waited for the API are completed.
//!
//! `cargo xtask torture 50` runs this test with 50 kills. To reproduce a failure, as far as the scheduler allows it, set
//! `HOOKD_TORTURE_SEED`.

mod sender;
mod stored;
mod webhook;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use hookd_tests::{Admin, GithubApi, Home, Hookd, until};

use crate::faults::check_store;
use sender::Sender;
use stored::Stored;
use webhook::{SECRET, Webhook};

const CONNECTIONS: usize = 8;

/// The number of kills, unless `HOOKD_TORTURE_ROUNDS` is set.
const ROUNDS: u64 = 20;

/// The maximum number of answers before a kill.
const MOST_ANSWERS: usize = 200;

#[test]
fn acknowledged_webhooks_survive_any_number_of_kills() {
    let rounds = setting("HOOKD_TORTURE_ROUNDS").unwrap_or(ROUNDS);
    let seed = setting("HOOKD_TORTURE_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("{rounds} kills, HOOKD_TORTURE_SEED={seed}");
    let started = Instant::now();
    let mut random = fastrand::Rng::with_seed(seed);
    let api = GithubApi::start();
    let mut senders: Vec<Sender> =
        (0..CONNECTIONS).map(|number| Sender::new(format!("s{number}"), random.fork())).collect();
    let mut kills = 0;
    let mut checked = 0;

    let mut hookd = start(&api);
    for _ in 0..rounds {
        api.set_down(random.u8(0..4) == 0);
        let home = load_and_kill(hookd, &mut senders, &mut random);
        kills += 1;
        let home = if random.u8(0..4) == 0 {
            kills += 1;
            home.start_and_kill_9_after(Duration::from_micros(random.u64(0..30_000)))
        } else {
            home
        };
        hookd = home.start();
        checked += check_fresh(hookd.admin(), &senders);
    }

    api.set_down(false);
    senders.iter_mut().for_each(|sender| sender.send_rest(hookd.public()));
    let admin = hookd.admin();
    until("pull requests that waited are completed", || {
        admin.list("/api/v2/deliveries?state=pending", "deliveries").is_empty().then_some(())
    });
    let stored = Stored::read(admin, 1);
    stored.check_all(senders.iter().flat_map(|sender| &sender.acknowledged));
    check_store(hookd.home());
    let (status, home) = hookd.terminate();
    assert_eq!(status.code(), Some(0));
    check_store(&home);
    let names = fs::read_dir(home.path()).expect("the home is there").map(|entry| entry.expect("a file").file_name());
    let kept: Vec<_> = names.filter(|name| name.to_string_lossy().contains("-damaged-")).collect();
    assert!(kept.is_empty(), "a kill looked like damage: {kept:?}");

    let sum = |figure: fn(&Sender) -> usize| senders.iter().map(figure).sum::<usize>();
    println!("requests               {:>8}", sum(|sender| sender.figures.requests));
    println!("acknowledged           {:>8}", sum(|sender| sender.acknowledged.len()));
    println!("kills                  {kills:>8}");
    println!("no answer, sent again  {:>8}", sum(|sender| sender.figures.resent));
    println!("answered, sent again   {:>8}", sum(|sender| sender.figures.again));
    println!("checked after a kill   {checked:>8}");
    println!("deliveries in the end  {:>8}", stored.deliveries());
    println!("changes in the end     {:>8}", stored.changes());
    println!("calls to the API       {:>8}", api.calls().len());
    println!("seconds                {:>8}", started.elapsed().as_secs());
    println!("every acknowledged webhook is stored once, with all of its changes");
}

fn start(api: &GithubApi) -> Hookd {
    let tables = format!(
        "[change_hook_dialects]\nbase = true\ngithub = {{ secret = {SECRET:?}, strict = true, \
         github_api_endpoint = {:?} }}",
        api.endpoint()
    );
    Home::serving(&tables).start()
}

/// Lets all senders send, and kills hookd somewhere in between.
fn load_and_kill(hookd: Hookd, senders: &mut [Sender], random: &mut fastrand::Rng) -> Home {
    let answered = AtomicUsize::new(0);
    let address: SocketAddr = hookd.public();
    let due = random.usize(0..MOST_ANSWERS);
    let jitter = Duration::from_micros(random.u64(0..5000));
    thread::scope(|scope| {
        let answered = &answered;
        let threads: Vec<_> =
            senders.iter_mut().map(|sender| scope.spawn(move || sender.send_until_killed(address, answered))).collect();
        until("enough is answered", || {
            assert!(!threads.iter().any(|thread| thread.is_finished()), "a sender got an unexpected answer");
            (answered.load(Ordering::Relaxed) >= due).then_some(())
        });
        // Waits for nothing in particular, so that the kill can happen at any point.
        thread::park_timeout(jitter);
        hookd.kill_9()
    })
}

/// Checks everything that was acknowledged before the kill; returns how many webhooks that were.
fn check_fresh(admin: Admin, senders: &[Sender]) -> usize {
    let fresh: Vec<&Webhook> = senders.iter().flat_map(Sender::fresh).collect();
    let Some(first) = fresh.iter().filter_map(|webhook| webhook.deliveryid).min() else { return 0 };
    let stored = Stored::read(admin, first);
    fresh.iter().for_each(|webhook| stored.check(webhook, false));
    fresh.len()
}

/// A number from the environment.
pub(crate) fn setting(name: &str) -> Option<u64> {
    let value = env::var(name).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number, not {value:?}")))
}
