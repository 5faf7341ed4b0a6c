//! A wire to a server, which the test cuts, or which loses what comes back.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use crate::wait::until;

/// The wire, with an address that stays while the server behind it changes.
#[derive(Clone)]
pub struct Wire {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    server: SocketAddr,
    /// New connections end at once.
    is_cut: bool,
    is_lost: fn(&[u8]) -> bool,
    is_held: fn(&[u8]) -> bool,
    /// How often something was lost.
    losses: usize,
    connections: Vec<TcpStream>,
}

impl Wire {
    /// A wire to this server.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let state =
            State { server, is_cut: false, is_lost: nothing, is_held: nothing, losses: 0, connections: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        // The thread ends with the test's process.
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let mut state = lock(&shared);
                if state.is_cut {
                    continue;
                }
                let Ok(server) = TcpStream::connect(state.server) else { continue };
                let both = [client.try_clone().expect("a socket"), server.try_clone().expect("a socket")];
                state.connections.extend(both);
                drop(state);
                pass(client, server, &shared);
            }
        });
        Self { address, state }
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Leads to another server from now on; connections to the other one stay.
    pub fn lead_to(&self, server: SocketAddr) {
        lock(&self.state).server = server;
    }

    /// Ends all connections, and each new one at once, until it is [mended](Self::mend).
    pub fn cut(&self) {
        let mut state = lock(&self.state);
        state.is_cut = true;
        for connection in state.connections.drain(..) {
            // It may have ended.
            let _ = connection.shutdown(Shutdown::Both);
        }
    }

    /// Passes everything on again.
    pub fn mend(&self) {
        let mut state = lock(&self.state);
        (state.is_cut, state.is_lost) = (false, nothing);
    }

    /// Loses what the server sends of this kind: the connection ends instead.
    pub fn lose(&self, is_lost: fn(&[u8]) -> bool) {
        lock(&self.state).is_lost = is_lost;
    }

    /// Holds back what the client sends of this kind, and all that comes after it on its connection, until it is
    /// [released](Self::release): also if the client has gone meanwhile.
    pub fn hold(&self, is_held: fn(&[u8]) -> bool) {
        lock(&self.state).is_held = is_held;
    }

    /// Passes on what was held back.
    pub fn release(&self) {
        self.hold(nothing);
    }

    /// How often something was lost.
    pub fn losses(&self) -> usize {
        lock(&self.state).losses
    }
}

fn nothing(_: &[u8]) -> bool {
    false
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Passes on what both sides send, each on a thread of its own.
fn pass(client: TcpStream, server: TcpStream, state: &Arc<Mutex<State>>) {
    let (mut requests, mut to_server) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
    let held = Arc::clone(state);
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = requests.read(&mut buffer) {
            let bytes = &buffer[..count];
            until("it is released", || (!(lock(&held).is_held)(bytes)).then_some(()));
            if to_server.write_all(bytes).is_err() {
                break;
            }
        }
        let _ = to_server.shutdown(Shutdown::Write);
    });
    let (mut answers, mut to_client, state) = (server, client, Arc::clone(state));
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = answers.read(&mut buffer) {
            let bytes = &buffer[..count];
            let mut state = lock(&state);
            if (state.is_lost)(bytes) {
                state.losses += 1;
                break;
            }
            drop(state);
            // The client may have gone while what it has sent is held back: the server is to get that.
            let _ = to_client.write_all(bytes);
        }
        let _ = to_client.shutdown(Shutdown::Both);
        let _ = answers.shutdown(Shutdown::Both);
    });
}
