//! `kill -9` of hookd at random under load, again and again: every acknowledged change arrives, in order.

use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use hookd_tests::http::Connection;
use hookd_tests::{Home, Hookd, Receiver, Reply, until};

use super::{change, stored, tables, webhook_sink};
use crate::torture::setting;

/// How many senders there are; each has a branch of its own.
const SENDERS: usize = 4;

/// How many changes are acknowledged before a kill, at most.
const MOST_ANSWERS: usize = 80;

/// The most that a crash leaves in doubt: what is sent before the store has noted it, and what is under way.
const MOST_REPEATED: usize = 128 + 4;

/// What senders have sent, beyond all lives of hookd.
pub(super) struct Load {
    random: fastrand::Rng,
    senders: Vec<Sender>,
}

struct Sender {
    branch: String,
    next: usize,
    acknowledged: Vec<String>,
}

impl Load {
    /// Senders whose randomness is that of `HOOKD_TORTURE_SEED`, or new.
    pub(super) fn new() -> Self {
        let seed = setting("HOOKD_TORTURE_SEED").unwrap_or_else(|| fastrand::u64(..));
        println!("HOOKD_TORTURE_SEED={seed}");
        let sender = |number| Sender { branch: format!("b{number}"), next: 0, acknowledged: Vec::new() };
        Self { random: fastrand::Rng::with_seed(seed), senders: (0..SENDERS).map(sender).collect() }
    }

    /// A random number below `limit`.
    pub(super) fn random(&mut self, limit: u64) -> u64 {
        self.random.u64(0..limit)
    }

    /// Lets all senders send until hookd is killed, somewhere in between.
    pub(super) fn send_and_kill(&mut self, hookd: Hookd) -> Home {
        let due = self.random.usize(0..MOST_ANSWERS);
        let jitter = Duration::from_micros(self.random.u64(0..5000));
        let (address, answered) = (hookd.public(), AtomicUsize::new(0));
        thread::scope(|scope| {
            let answered = &answered;
            for sender in &mut self.senders {
                scope.spawn(move || sender.send_until_killed(address, answered));
            }
            until("enough is answered", || (answered.load(Ordering::Relaxed) >= due).then_some(()));
            // Waits for nothing in particular, so that the kill can happen at any point.
            thread::park_timeout(jitter);
            hookd.kill_9()
        })
    }

    /// Sends so many changes to a hookd that is not killed.
    pub(super) fn send(&mut self, hookd: &Hookd, count: usize) {
        let mut connection = Connection::new(hookd.public());
        for number in 0..count {
            assert!(self.senders[number % SENDERS].send(&mut connection), "hookd answers while it is not killed");
        }
    }

    /// How many changes were acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        self.senders.iter().map(|sender| sender.acknowledged.len()).sum()
    }

    /// Checks that hookd has stored all that it acknowledged.
    pub(super) fn check(&self, hookd: &Hookd) {
        let changes = hookd.admin().changes();
        let stored: HashSet<&str> = changes.iter().filter_map(|change| change["revision"].as_str()).collect();
        for revision in self.senders.iter().flat_map(|sender| &sender.acknowledged) {
            assert!(stored.contains(revision.as_str()), "{revision} was acknowledged and is not stored");
        }
    }
}

impl Sender {
    fn send_until_killed(&mut self, address: SocketAddr, answered: &AtomicUsize) {
        let mut connection = Connection::new(address);
        while self.send(&mut connection) {
            answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Sends the next change; returns whether it was acknowledged.
    fn send(&mut self, connection: &mut Connection) -> bool {
        self.next += 1;
        let revision = format!("{}-{}", self.branch, self.next);
        let Ok(answer) = connection.send_once(&change(&self.branch, &revision)) else { return false };
        assert_eq!(answer.line(), "202 1 change found");
        self.acknowledged.push(revision);
        true
    }
}

/// Checks that what arrived is what is stored, once and in its order: that of the log, or of each branch.
pub(super) fn check_arrived(arrived: &[(String, String)], stored: &[(String, String)], order: &str) {
    let ids = |changes: &[(String, String)]| changes.iter().map(|(id, _)| id.clone()).collect::<BTreeSet<_>>();
    let (here, there) = (ids(stored), ids(arrived));
    assert_eq!(here.difference(&there).collect::<Vec<_>>(), [""; 0], "stored, and have not arrived");
    assert_eq!(there.difference(&here).collect::<Vec<_>>(), [""; 0], "arrived, and are not stored");
    assert_eq!(arrived.len(), stored.len(), "changes arrived more than once");
    let branches: BTreeSet<&str> = stored.iter().map(|(_, branch)| branch.as_str()).collect();
    for branch in branches.into_iter().map(Some).chain((order == "all").then_some(None)) {
        let of_branch = |changes: &[(String, String)]| -> Vec<String> {
            let changes = changes.iter().filter(|(_, other)| branch.is_none_or(|branch| branch == other));
            changes.map(|(id, _)| id.clone()).collect()
        };
        let mut pairs = of_branch(arrived).into_iter().zip(of_branch(stored));
        let wrong = pairs.find(|(arrived, stored)| arrived != stored);
        assert_eq!(wrong, None, "the first one that arrived out of order, and the one that was due; {branch:?}");
    }
}

fn every_acknowledged_change_arrives_in_order(order: &str, kills: usize) {
    let receiver = Receiver::start();
    // One in a hundred is taken without an answer, one in a hundred is answered with 503.
    let mut random = fastrand::Rng::new();
    receiver.answer(move |_| match random.u8(0..100) {
        0 => Reply::TakeAndClose,
        1 => Reply::Status(503),
        _ => Reply::Status(204),
    });
    let more = format!("order = {order:?}\n");
    let mut load = Load::new();
    let mut hookd = Home::serving(&tables(&webhook_sink(&receiver.url(), &more))).start();
    for _ in 0..kills {
        hookd = load.send_and_kill(hookd).start();
    }
    load.send(&hookd, 20);
    load.check(&hookd);
    let stored = stored(&hookd);
    super::wait_for_position(&hookd, stored.len());
    let taken: Vec<_> =
        receiver.taken().iter().map(|event| (event.id.clone(), event.field("branch").to_owned())).collect();
    check_arrived(&taken, &stored, order);
    let unanswered = receiver.seen().iter().filter(|(_, reply)| *reply != Reply::Status(204)).count();
    let repeated = receiver.count() - taken.len();
    assert!(repeated <= kills * MOST_REPEATED + unanswered, "{repeated} were repeated");
    println!("acknowledged {}, stored {}, sent {}, kills {kills}", load.acknowledged(), stored.len(), receiver.count());
}

#[test]
fn every_acknowledged_change_arrives_in_the_order_of_the_log() {
    every_acknowledged_change_arrives_in_order("all", 12);
}

#[test]
fn every_acknowledged_change_arrives_in_the_order_of_its_branch() {
    every_acknowledged_change_arrives_in_order("branch", 12);
}
