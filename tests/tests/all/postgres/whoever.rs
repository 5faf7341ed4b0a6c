//! Two hookds, a database and a real Buildbot master under load, of which any is killed, stopped or restarted.

use std::array;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use hookd_tests::{Buildbot, Home, Hookd, Postgres, http, until};
use serde_json::json;

use super::revisions;
use super::several::home;
use crate::faults::numbered;
use crate::sinks::master;
use crate::torture::setting;

const SENDERS: usize = 4;

/// The number of rounds, unless `HOOKD_TORTURE_ROUNDS` is set.
const ROUNDS: u64 = 8;

/// Longer than a lease.
const LONG: Duration = Duration::from_secs(12);

/// Where the two hookds listen.
#[derive(Clone)]
struct Addresses(Arc<Mutex<[SocketAddr; 2]>>);

impl Addresses {
    fn lock(&self) -> MutexGuard<'_, [SocketAddr; 2]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Pair {
    running: [Option<Hookd>; 2],
    addresses: Addresses,
}

impl Pair {
    fn start(home: impl Fn() -> Home) -> Self {
        let running = [home().start(), home().start()];
        let addresses = Addresses(Arc::new(Mutex::new(array::from_fn(|index| running[index].public()))));
        Self { running: running.map(Some), addresses }
    }

    fn get(&self, index: usize) -> &Hookd {
        self.running[index].as_ref().expect("it runs")
    }

    fn kill(&mut self, index: usize) -> Home {
        self.running[index].take().expect("it runs").kill_9()
    }

    fn start_again(&mut self, index: usize, home: Home) {
        let hookd = home.start();
        self.addresses.lock()[index] = hookd.public();
        self.running[index] = Some(hookd);
    }
}

/// Sends pushes until the end, each until it is acknowledged: to either, as a forge behind a load balancer does.
struct Sender {
    addresses: Addresses,
    random: fastrand::Rng,
}

impl Sender {
    fn send(&mut self, first: usize, answered: &AtomicUsize, is_over: &AtomicBool) -> Vec<usize> {
        let mut acknowledged = Vec::new();
        for number in (first..).step_by(SENDERS) {
            while !self.is_acknowledged(number) {
                thread::park_timeout(Duration::from_millis(20));
            }
            acknowledged.push(number);
            answered.fetch_add(1, Ordering::Relaxed);
            if is_over.load(Ordering::Relaxed) {
                break;
            }
            // The master takes fewer than hookd does.
            thread::park_timeout(Duration::from_millis(10));
        }
        acknowledged
    }

    fn is_acknowledged(&mut self, number: usize) -> bool {
        let address = self.addresses.lock()[self.random.usize(0..2)];
        http::send(address, &numbered(number, 0)).is_ok_and(|answer| answer.status == 202)
    }
}

/// Everything acknowledged is stored once, and the master has each change once, in the order of the log.
///
/// With `HOOKD_TORTURE_ROUNDS=200` it takes about half an hour.
#[test]
#[ignore = "needs PostgreSQL and Buildbot from cargo xtask test"]
fn a_master_has_each_acknowledged_change_exactly_once_whoever_is_killed() {
    let rounds = setting("HOOKD_TORTURE_ROUNDS").unwrap_or(ROUNDS);
    let seed = setting("HOOKD_TORTURE_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("{rounds} rounds, HOOKD_TORTURE_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut server = Postgres::start();
    let port = master::port();
    let buildbot = Buildbot::start(&master::peer(port, json!({})));
    let url = server.url(&server.new_database());
    let sink = format!("type = \"buildbot\"\nurl = \"http://127.0.0.1:{port}/change_hook/base\"");
    let mut pair = Pair::start(|| home(&url, "true", &sink));
    let (is_over, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut counts = [0; 4];
    let acknowledged: Vec<usize> = thread::scope(|scope| {
        let (is_over, answered) = (&is_over, &answered);
        let senders: [_; SENDERS] = array::from_fn(|index| {
            let mut sender = Sender { addresses: pair.addresses.clone(), random: random.fork() };
            scope.spawn(move || sender.send(index + 1, answered, is_over))
        });
        for round in 0..rounds {
            let due = answered.load(Ordering::Relaxed) + random.usize(5..40);
            until("some more are acknowledged", || (answered.load(Ordering::Relaxed) >= due).then_some(()));
            let what = usize::try_from(round % 4).expect("below four");
            let one = random.usize(0..2);
            match what {
                0 => {
                    let home = pair.kill(one);
                    pair.start_again(one, home);
                }
                1 => restart(&mut server, random.bool()),
                2 => stop_for_a_while(pair.get(one), if random.bool() { LONG } else { LONG / 20 }),
                _ => {
                    let homes = [pair.kill(0), pair.kill(1)];
                    restart(&mut server, true);
                    homes.into_iter().enumerate().for_each(|(index, home)| pair.start_again(index, home));
                }
            }
            counts[what] += 1;
        }
        is_over.store(true, Ordering::Relaxed);
        senders.into_iter().flat_map(|sender| sender.join().expect("the sender has sent")).collect()
    });
    let hookd = pair.get(0);
    let stored = revisions(hookd);
    assert_eq!(stored.len(), acknowledged.len(), "nothing is stored twice");
    let acknowledged: BTreeSet<String> = acknowledged.iter().map(usize::to_string).collect();
    assert_eq!(stored.iter().cloned().collect::<BTreeSet<_>>(), acknowledged);
    until("the sink has delivered everything", || {
        let sink = hookd.admin().list("/api/v2/sinks/s", "sinks").remove(0);
        (sink["position"] == stored.len()).then_some(())
    });
    assert_eq!(master::revisions(&buildbot), stored, "each once, in order");
    let [killed, restarted, stopped, all] = counts;
    println!(
        "acknowledged and with the master {}; one killed {killed}, PostgreSQL restarted {restarted}, one stopped {stopped}, \
         all killed {all}",
        stored.len()
    );
}

fn restart(server: &mut Postgres, at_once: bool) {
    if at_once {
        server.kill()
    } else {
        server.stop()
    }
    server.start_again();
}

fn stop_for_a_while(hookd: &Hookd, time: Duration) {
    hookd.signal("STOP");
    let begun = Instant::now();
    until("it was stopped for a while", || (begun.elapsed() >= time).then_some(()));
    hookd.signal("CONT");
}
