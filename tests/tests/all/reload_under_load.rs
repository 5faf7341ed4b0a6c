//! A configuration that changes under load: no request is dropped, and each is judged by one configuration or the other.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use hookd_tests::http::Request;
use hookd_tests::{Home, Hookd, LISTENERS, sha256_signature, until};

use crate::push;
use crate::raw::Raw;

const CONNECTIONS: usize = 8;
const REQUESTS: usize = 1_300;
const RELOADS: usize = 50;

/// The secrets of `github`, and whether `acme` is served, one after the other.
const CONFIGURATIONS: [(&[&str], bool); 4] =
    [(&["one"], true), (&["two", "one"], false), (&["two"], true), (&["one", "two"], false)];

fn tables((secrets, has_acme): (&[&str], bool)) -> String {
    let acme = if has_acme { "{ custom_class = 'base' }" } else { "false" };
    format!("[change_hook_dialects]\ngithub = {{ secret = {secrets:?}, strict = true }}\nacme = {acme}\n")
}

fn signed(secret: &str, revision: &str) -> Request {
    let request = push::request(revision);
    let signature = sha256_signature(secret, &request.body);
    request.header("X-Hub-Signature-256", signature)
}

/// A request of each kind in turn: signed with the one secret, with the other, and to the dialect that comes and goes.
fn request(number: usize) -> (Request, [&'static str; 2]) {
    let signature = ["202 1 change found", "400 Hash mismatch"];
    match number % 3 {
        0 => (signed("one", &number.to_string()), signature),
        1 => (signed("two", &number.to_string()), signature),
        _ => {
            let unknown = "400 The dialect specified, 'acme', wasn't whitelisted in change_hook";
            (Request::get("/change_hook/acme?author=a"), ["202 1 change found", unknown])
        }
    }
}

/// Sends all requests of a connection over that one connection, and counts those that were taken.
fn send_all(hookd: &Hookd, connection: usize, answered: &AtomicUsize) -> usize {
    let mut stream = Raw::open(hookd.public());
    let mut taken = 0;
    for number in 0..REQUESTS {
        let (request, expected) = request(connection * REQUESTS + number);
        stream.write(request.to_bytes(hookd.public()));
        let answer = stream.answer().unwrap_or_else(|| panic!("the connection was closed after {number} requests"));
        assert!(expected.contains(&answer.line().as_str()), "{}", answer.line());
        taken += usize::from(answer.status == 202);
        answered.fetch_add(1, Ordering::Relaxed);
    }
    taken
}

/// Puts a configuration in force, and looks whether it is.
fn reload(hookd: &Hookd, control: &mut Raw, configuration: (&[&str], bool)) -> usize {
    hookd.home().write("hookd.toml", format!("{LISTENERS}\n{}", tables(configuration)));
    control.write(Request::post("/api/v2/reload").to_bytes(hookd.admin().address()));
    assert_eq!(control.answer().expect("the connection stays").status, 200);
    let mut taken = 0;
    for secret in ["one", "two"] {
        let answer = hookd.send(&signed(secret, "control"));
        assert_eq!(answer.status == 202, configuration.0.contains(&secret), "{secret}: {}", answer.line());
        taken += usize::from(answer.status == 202);
    }
    let answer = hookd.send(&Request::get("/change_hook/acme?author=a"));
    assert_eq!(answer.status == 202, configuration.1, "{}", answer.line());
    taken + usize::from(answer.status == 202)
}

#[test]
fn no_request_is_dropped_and_each_is_judged_by_one_configuration() {
    let hookd = Home::serving(&tables(CONFIGURATIONS[0])).start();
    let answered = AtomicUsize::new(0);
    let started = Instant::now();
    let taken: usize = thread::scope(|scope| {
        let (hookd, answered) = (&hookd, &answered);
        let senders: Vec<_> = (0..CONNECTIONS)
            .map(|connection| scope.spawn(move || send_all(hookd, connection, answered)))
            .collect();
        let mut control = Raw::open(hookd.admin().address());
        let mut taken = 0;
        for number in 1..=RELOADS {
            // Spread over the whole of it.
            let due = number * CONNECTIONS * REQUESTS / (RELOADS + 1);
            until("more requests are answered", || (answered.load(Ordering::Relaxed) >= due).then_some(()));
            taken += reload(hookd, &mut control, CONFIGURATIONS[number % CONFIGURATIONS.len()]);
        }
        assert!(answered.load(Ordering::Relaxed) < CONNECTIONS * REQUESTS, "all reloads were under load");
        taken + senders.into_iter().map(|sender| sender.join().expect("it got its answers")).sum::<usize>()
    });
    println!("{} requests and {RELOADS} reloads in {:?}", CONNECTIONS * REQUESTS, started.elapsed());
    assert_eq!(answered.into_inner(), CONNECTIONS * REQUESTS);

    // What was acknowledged is there, and nothing else is.
    let kept = hookd.admin().get("/api/v2/changes?limit=1").text();
    assert!(kept.contains(&format!("\"total\":{taken}")), "{taken} were acknowledged: {kept}");
}
