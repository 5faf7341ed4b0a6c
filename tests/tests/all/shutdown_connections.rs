//! SIGTERM and connections: idle ones do not delay it, requests in progress are finished, and hookd waits for none longer
//! than `shutdown_timeout`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hookd_tests::http::Request;
use hookd_tests::{Home, Hookd, until};

use crate::push;
use crate::raw::Raw;

fn start(server: &str) -> Hookd {
    let config = format!(
        "[server]\nlisten = '127.0.0.1:0'\n{server}\n[admin]\nlisten = '127.0.0.1:0'\n[store]\nurl = 'sqlite:hookd.db'\n\
         [change_hook_dialects]\nbase = true\ngithub = true\n"
    );
    Home::with_config(&config).start()
}

/// Stops hookd; returns the folder that it leaves behind, and how long that took.
fn terminate(hookd: Hookd) -> (Home, Duration) {
    let since = Instant::now();
    let (status, home) = hookd.terminate();
    assert_eq!(status.code(), Some(0));
    (home, since.elapsed())
}

#[test]
fn idle_connections_do_not_delay_the_shutdown() {
    let hookd = start("shutdown_timeout = '30s'");
    let change = Request::get("/change_hook?author=a").to_bytes(hookd.public());
    let mut idle = Vec::new();
    for _ in 0..10 {
        let mut connection = Raw::open(hookd.public());
        connection.write(&change);
        assert_eq!(connection.answer().expect("hookd answers").status, 202);
        let mut admin = Raw::open(hookd.admin().address());
        admin.write(Request::get("/healthz").to_bytes(hookd.public()));
        assert_eq!(admin.answer().expect("hookd answers").status, 200);
        let (fresh, mut begun) = (Raw::open(hookd.public()), Raw::open(hookd.public()));
        begun.write(&change[..20]);
        idle.extend([connection, admin, fresh, begun]);
    }
    let (_, took) = terminate(hookd);
    println!("with {} idle connections it took {took:?}", idle.len());
    assert!(took < Duration::from_secs(5), "{took:?}");
    // They were closed without an answer.
    idle.iter_mut().for_each(Raw::closed);
}

#[test]
fn the_shutdown_waits_for_a_stuck_sender_no_longer_than_configured() {
    let hookd = start("shutdown_timeout = '1s'");
    let bytes = push::request("1").to_bytes(hookd.public());
    let mut stuck = Raw::open(hookd.public());
    stuck.write(&bytes[..bytes.len() - 10]);
    // hookd accepts the connection before it answers a later one.
    assert_eq!(hookd.send(&push::request("2")).status, 202);
    let (home, took) = terminate(hookd);
    println!("with a sender that is stuck it took {took:?}");
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(10), "{took:?}");
    stuck.closed();
    let [change] = home.start().admin().changes().try_into().expect("only one request was whole");
    assert_eq!(change["revision"], "2");
}

#[test]
fn everything_acknowledged_until_the_end_is_stored() {
    let hookd = start("");
    let address = hookd.public();
    let acknowledged = AtomicUsize::new(0);
    let home = thread::scope(|scope| {
        for sender in 0..8 {
            let acknowledged = &acknowledged;
            scope.spawn(move || {
                let mut connection = Raw::open(address);
                for number in 0.. {
                    connection.write(push::request(&format!("a{sender}b{number}")).to_bytes(address));
                    // It ends with a closed connection, never with a refusal.
                    let Some(answer) = connection.answer() else { return };
                    assert_eq!(answer.line(), "202 1 change found");
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        until("there is load", || (acknowledged.load(Ordering::Relaxed) > 200).then_some(()));
        let (home, took) = terminate(hookd);
        println!("under load it took {took:?}");
        home
    });
    let acknowledged = acknowledged.into_inner();
    let kept = home.start().admin().changes().len();
    // A request that was stored while its connection was closed is there without having been acknowledged.
    assert!((acknowledged..=acknowledged + 8).contains(&kept), "{acknowledged} were acknowledged, {kept} are there");
}
