//! The connection to PostgreSQL is cut in the middle of a commit: 202 means stored, and a redelivery is known.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use hookd_tests::Postgres;
use hookd_tests::postgres::USER;

use super::{delivered, home, revisions};
use crate::faults::numbered;

/// Where a commit is cut.
const PASS: usize = 0;
/// The server never gets it.
const BEFORE: usize = 1;
/// The server gets it, and its answer is lost.
const AFTER: usize = 2;

/// A proxy that cuts the connection at the next commit, once a test asks it to.
struct Cutter {
    address: SocketAddr,
    next: Arc<AtomicUsize>,
    cuts: Arc<AtomicUsize>,
}

impl Cutter {
    fn start(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let (next, cuts) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (shared, counted) = (Arc::clone(&next), Arc::clone(&cuts));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = UnixStream::connect(&socket) else { continue };
                let (next, cuts) = (Arc::clone(&shared), Arc::clone(&counted));
                thread::spawn(move || pass(client, server, &next, &cuts));
            }
        });
        Self { address, next, cuts }
    }
}

fn pass(mut client: TcpStream, mut server: UnixStream, next: &AtomicUsize, cuts: &AtomicUsize) {
    let (mut back, mut answers) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
    thread::spawn(move || {
        // It ends when either side does.
        let _ = std::io::copy(&mut answers, &mut back);
        let _ = back.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count) = client.read(&mut buffer) {
        let bytes = &buffer[..count];
        let is_commit = bytes.windows(8).any(|part| part == b"; COMMIT");
        let cut = if is_commit { next.swap(PASS, Ordering::SeqCst) } else { PASS };
        if cut == AFTER {
            // The answer is lost: nothing goes back any more.
            let _ = client.shutdown(Shutdown::Both);
        }
        if count == 0 || cut == BEFORE || server.write_all(bytes).is_err() || cut == AFTER {
            cuts.fetch_add(usize::from(cut != PASS), Ordering::SeqCst);
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    // As when a network is cut: what the server has got it still does.
    let _ = server.shutdown(Shutdown::Write);
}

#[test]
#[ignore = "needs PostgreSQL from cargo xtask test"]
fn a_commit_that_is_cut_off_is_acknowledged_only_if_it_took_place() {
    const ROUNDS: usize = 30;
    let server = Postgres::start();
    let cutter = Cutter::start(server.socket());
    let hookd = home(&format!("postgresql://{USER}@{}/{}", cutter.address, server.new_database())).start();
    for number in 1..=ROUNDS {
        cutter.next.store(if number % 2 == 0 { BEFORE } else { AFTER }, Ordering::SeqCst);
        let answer = hookd.send(&numbered(number, 0));
        assert!([202, 503].contains(&answer.status), "{}", answer.line());
        let is_stored = revisions(&hookd).contains(&number.to_string());
        assert!(is_stored || answer.status == 503, "round {number}: acknowledged and not stored");
        // Whatever the answer was, it is stored once when it has come again.
        assert_eq!(hookd.send(&numbered(number, 0)).line(), "202 1 change found");
    }
    assert!(cutter.cuts.load(Ordering::SeqCst) >= ROUNDS / 2, "the proxy has cut nothing");
    let expected: Vec<String> = (1..=ROUNDS).map(|number| number.to_string()).collect();
    assert_eq!(revisions(&hookd), expected);
    assert_eq!(delivered(&hookd, ROUNDS), expected);
}
