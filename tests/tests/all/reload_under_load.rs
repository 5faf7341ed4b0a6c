//! Reloading under load: no request is dropped, and each is served by one configuration or the other.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use hookd_tests::http::Request;
use hookd_tests::{Home, Hookd, LISTENERS, sha256_signature, until};

use crate::push;
use crate::raw::Raw;

const CONNECTIONS: usize = 8;
const RELOADS: usize = 50;

/// The minimum number of answers between two reloads.
const BETWEEN: usize = 210;

/// The configurations in turn: the secrets of `github`, and whether `acme` is served.
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

/// Requests of each kind in turn: signed with one secret, with the other, and to the dialect that is not always served.
fn request(number: usize) -> (Request, [&'static str; 2]) {
    let signature = ["202 1 change found", "400 Hash mismatch"];
    match number % 3 {
        0 => (signed("one", &format!("a{number}")), signature),
        1 => (signed("two", &format!("b{number}")), signature),
        _ => {
            let unknown = "400 The dialect specified, 'acme', wasn't whitelisted in change_hook";
            (Request::get("/change_hook/acme?author=a"), ["202 1 change found", unknown])
        }
    }
}

/// State shared by the senders and the thread that reloads.
#[derive(Default)]
struct Load {
    answered: AtomicUsize,
    is_over: AtomicBool,
}

/// Ends the load when it is dropped, also if the test fails.
struct End<'l>(&'l Load);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }
}

/// Sends requests over one connection until the load ends, and counts those that were accepted.
fn send(hookd: &Hookd, connection: usize, load: &Load) -> usize {
    let mut stream = Raw::open(hookd.public());
    let mut taken = 0;
    for number in 0.. {
        if load.is_over.load(Ordering::Relaxed) {
            break;
        }
        let (request, expected) = request(connection + number);
        stream.write(request.to_bytes(hookd.public()));
        let answer = stream.answer().unwrap_or_else(|| panic!("the connection was closed after {number} requests"));
        assert!(expected.contains(&answer.line().as_str()), "{}", answer.line());
        taken += usize::from(answer.status == 202);
        load.answered.fetch_add(1, Ordering::Relaxed);
    }
    taken
}

/// Reloads with a configuration, checks that it is active, and counts the requests that were accepted.
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
fn no_request_is_dropped_and_each_is_served_by_one_configuration() {
    let hookd = Home::serving(&tables(CONFIGURATIONS[0])).start();
    let load = Load::default();
    let started = Instant::now();
    let taken: usize = thread::scope(|scope| {
        let (hookd, load) = (&hookd, &load);
        let senders: Vec<_> =
            (0..CONNECTIONS).map(|connection| scope.spawn(move || send(hookd, connection, load))).collect();
        let end = End(load);
        let mut control = Raw::open(hookd.admin().address());
        let mut taken = 0;
        for number in 1..=RELOADS {
            let due = load.answered.load(Ordering::Relaxed) + BETWEEN;
            until("more requests are answered", || {
                assert!(!senders.iter().any(|sender| sender.is_finished()), "a sender got an unexpected answer");
                (load.answered.load(Ordering::Relaxed) >= due).then_some(())
            });
            taken += reload(hookd, &mut control, CONFIGURATIONS[number % CONFIGURATIONS.len()]);
        }
        drop(end);
        taken + senders.into_iter().map(|sender| sender.join().expect("it got its answers")).sum::<usize>()
    });
    let answered = load.answered.into_inner();
    println!("{answered} requests and {RELOADS} reloads in {:?}", started.elapsed());
    assert!(answered >= 10_000, "{answered}");

    // Everything acknowledged is stored, and nothing else.
    let kept = hookd.admin().get("/api/v2/changes?limit=1").text();
    assert!(kept.contains(&format!("\"total\":{taken}")), "{taken} were acknowledged: {kept}");
}
