//! Passwords: what checking them may cost, what the time of an answer tells, and that a file is looked at again.

use std::fs::{self, File};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hookd_tests::http::Request;
use hookd_tests::{Home, Hookd, until};

use crate::raw::Raw;

/// The cost that `htpasswd` and most libraries take by default, or more.
const COST: u32 = 10;

/// How many senders try passwords at once.
const GUESSERS: usize = 64;

/// How many places an address has in the queue of hashes.
const PLACES: u32 = 8;

fn hash(password: &str, cost: u32) -> String {
    bcrypt::hash(password, cost).expect("the cost is one that bcrypt has")
}

fn start(passwords: &str) -> Hookd {
    let home = Home::with_config(&format!(
        "change_hook_auth = ['htpasswd:htpasswd']\n{}\n[change_hook_dialects]\nbase = true\n",
        hookd_tests::LISTENERS
    ));
    home.write("htpasswd", passwords);
    home.start()
}

fn change(user: &str, password: &str) -> Request {
    let credentials = STANDARD.encode(format!("{user}:{password}"));
    Request::get("/change_hook?author=a").header("Authorization", format!("Basic {credentials}"))
}

fn status(hookd: &Hookd, user: &str, password: &str) -> u16 {
    hookd.send(&change(user, password)).status
}

/// A connection that comes from another address of this machine.
fn connect_from(source: [u8; 4], to: SocketAddr) -> Raw {
    let socket =
        socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("the system has sockets");
    let from = SocketAddr::from((IpAddr::from(source), 0));
    socket.bind(&from.into()).expect("all of 127.0.0.0/8 is this machine");
    socket.connect(&to.into()).expect("hookd listens");
    Raw::new(TcpStream::from(socket))
}

/// Tries wrong passwords from one address until `done` says so; returns how many were checked, and how many were not.
fn guess(to: SocketAddr, number: usize, done: &AtomicBool, began: &AtomicUsize) -> (usize, usize) {
    let (mut checked, mut unchecked) = (0, 0);
    let mut connection = Raw::open(to);
    while !done.load(Ordering::Relaxed) {
        let password = format!("guess {number} {}", checked + unchecked);
        let answer = connection.write(change("bea", &password).to_bytes(to)).answer();
        let Some(answer) = answer else {
            connection = Raw::open(to);
            continue;
        };
        match answer.status {
            401 => checked += 1,
            503 => {
                assert_eq!(answer.header("Retry-After"), Some("1"));
                unchecked += 1;
            }
            other => panic!("{other}: {}", answer.text()),
        }
        began.fetch_add(1, Ordering::Relaxed);
    }
    (checked, unchecked)
}

#[test]
fn a_flood_of_wrong_passwords_holds_up_neither_known_nor_new_senders() {
    let hookd = start(&format!("bea:{}\nnew:{}\n", hash("one", COST), hash("two", COST)));
    let to = hookd.public();
    let alone = Instant::now();
    assert_eq!(status(&hookd, "bea", "one"), 202);
    let alone = alone.elapsed();
    let (done, began) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (done, began) = (&done, &began);
    let (known, new, guesses) = thread::scope(|scope| {
        let guessers: Vec<_> =
            (0..GUESSERS).map(|number| scope.spawn(move || guess(to, number, done, began))).collect();
        until("the flood has begun", || (began.load(Ordering::Relaxed) > 5 * GUESSERS).then_some(()));
        let mut known = Duration::ZERO;
        for _ in 0..50 {
            let since = Instant::now();
            assert_eq!(status(&hookd, "bea", "one"), 202);
            known = known.max(since.elapsed());
        }
        let since = Instant::now();
        let answer = connect_from([127, 0, 0, 2], to).write(change("new", "two").to_bytes(to)).answer();
        let new = since.elapsed();
        assert_eq!(answer.map(|answer| answer.line()).as_deref(), Some("202 1 change found"));
        done.store(true, Ordering::Relaxed);
        let guesses: Vec<_> = guessers.into_iter().map(|one| one.join().expect("it did not panic")).collect();
        (known, new, guesses)
    });
    let (checked, unchecked) = guesses.iter().fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
    println!(
        "bcrypt cost {COST}: {alone:?} alone; under {GUESSERS} guessers (of whose guesses {checked} were checked and \
         {unchecked} were not) {known:?} at worst for known senders, {new:?} for a new one from another address"
    );
    assert!(unchecked > checked, "{unchecked} guesses were not checked, {checked} were");
    assert!(known < Duration::from_secs(1), "{known:?}");
    // All places of the address that floods, two at a time, on a machine that is busy with the flood as well.
    assert!(new < alone * PLACES + Duration::from_secs(3), "{new:?}, and alone {alone:?}");
}

#[test]
fn many_webhooks_at_once_from_a_new_sender_are_all_accepted() {
    let hookd = start(&format!("bea:{}\n", hash("one", COST)));
    let to = hookd.public();
    let request = change("bea", "one").to_bytes(to);
    let mut connections: Vec<Raw> = (0..100)
        .map(|_| {
            let mut connection = Raw::open(to);
            connection.write(&request);
            connection
        })
        .collect();
    for connection in &mut connections {
        assert_eq!(connection.answer().map(|answer| answer.line()).as_deref(), Some("202 1 change found"));
    }
}

#[test]
fn an_unknown_user_takes_as_long_as_a_known_one() {
    let hookd = start(&format!("bea:{}\n", hash("one", 8)));
    let time = |user: &str, number: usize| {
        let since = Instant::now();
        assert_eq!(status(&hookd, user, &format!("guess {number}")), 401);
        since.elapsed()
    };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..15 {
        known.push(time("bea", number));
        unknown.push(time(&format!("nobody{number}"), number));
    }
    known.sort();
    unknown.sort();
    let (known, unknown) = (known[7], unknown[7]);
    println!("median of 15: {known:?} for a known user, {unknown:?} for an unknown one");
    assert!(unknown * 2 > known && known * 2 > unknown, "{known:?} and {unknown:?}");
}

#[test]
fn bcrypt_accepts_nothing_of_more_than_72_bytes() {
    let longest = "x".repeat(72);
    let hookd = start(&format!("bea:{}\n", hash(&longest, 4)));
    assert_eq!(status(&hookd, "bea", &longest), 202);
    // bcrypt itself would take these.
    for longer in [format!("{longest}y"), format!("{longest}{longest}")] {
        assert_eq!(status(&hookd, "bea", &longer), 401);
    }
    until("the log says why", || hookd.log().iter().any(|line| line.contains("more than 72 bytes")).then_some(()));
    let lines = hookd.log().into_iter().filter(|line| line.contains("more than 72 bytes")).count();
    assert_eq!(lines, 1, "once for a file");
    assert_eq!(status(&hookd, "bea", &longest), 202);
}

#[test]
fn a_file_is_read_again_whatever_its_size_and_time_and_until_it_can_be_read() {
    let hookd = start(&format!("bea:{}\n", hash("one", 4)));
    let path = hookd.home().path().join("htpasswd");
    let is_in = |password: &str| match status(&hookd, "bea", password) {
        202 => true,
        401 => false,
        other => panic!("{other}"),
    };
    assert!(is_in("one") && !is_in("two"));
    let old = fs::metadata(&path).expect("it is there");
    hookd.home().write("htpasswd", format!("bea:{}\n", hash("two", 4)));
    let modified = old.modified().expect("Linux has it");
    File::options().write(true).open(&path).and_then(|file| file.set_modified(modified)).expect("it is ours");
    let new = fs::metadata(&path).expect("it is there");
    assert_eq!((new.len(), new.modified().ok()), (old.len(), old.modified().ok()));
    until("the new password is known", || is_in("two").then_some(()));
    assert!(!is_in("one"));

    // Neither UTF-8 nor a password file, and back again with the time that it had.
    let good = fs::read(&path).expect("it is there");
    let bad: Vec<u8> = good.iter().map(|byte| byte | 0x80).collect();
    let write = |bytes: &[u8]| {
        hookd.home().write("htpasswd", bytes);
        File::options().write(true).open(&path).and_then(|file| file.set_modified(modified)).expect("it is ours");
    };
    write(&bad);
    until("nobody is accepted", || (!is_in("two")).then_some(()));
    until("the log says so", || hookd.log().iter().any(|line| line.contains("nobody is accepted")).then_some(()));
    write(&good);
    until("the mended file is used", || is_in("two").then_some(()));
    let complaints = hookd.log().into_iter().filter(|line| line.contains("nobody is accepted")).count();
    assert_eq!(complaints, 1, "once, not with each look");
}
