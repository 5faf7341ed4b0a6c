//! A server that answers, hangs or refuses, as a test wants it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// What holds up each connection until it is opened.
#[derive(Default)]
pub(crate) struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    has_met: AtomicBool,
}

impl Gate {
    fn pass(&self) {
        self.has_met.store(true, Ordering::SeqCst);
        let is_open = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(is_open, |is_open| !*is_open).unwrap());
    }

    pub(crate) fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    /// Whether somebody has come.
    pub(crate) fn has_met(&self) -> bool {
        self.has_met.load(Ordering::SeqCst)
    }
}

/// Serves each connection on a thread, after the gate; it ends with the test.
fn serve(gate: Arc<Gate>, each: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let each = Arc::new(each);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (gate, each) = (Arc::clone(&gate), Arc::clone(&each));
            std::thread::spawn(move || {
                gate.pass();
                each(stream);
            });
        }
    });
    port
}

/// `svnserve` for the repositories of a folder. Returns the URL of the folder.
pub(crate) fn svnserve(folder: &Path, gate: Arc<Gate>) -> String {
    let folder: PathBuf = folder.to_owned();
    let port = serve(gate, move |stream| {
        let (input, output) = (OwnedFd::from(stream.try_clone().unwrap()), OwnedFd::from(stream));
        let mut command = Command::new("svnserve");
        command.args(["--inetd", "--root"]).arg(&folder);
        let mut child =
            command.stdin(Stdio::from(input)).stdout(Stdio::from(output)).stderr(Stdio::null()).spawn().unwrap();
        // Our ends of the connection are closed with it.
        drop(command);
        child.wait().unwrap();
    });
    format!("svn://127.0.0.1:{port}")
}

/// A proxy before an HTTP server that asks for a user and a password; `None`: it asks for nothing. Returns its address.
pub(crate) fn with_password(target: u16, authorization: Option<&'static str>, gate: Arc<Gate>) -> String {
    let port = serve(gate, move |mut stream| {
        let mut head = Vec::new();
        let mut piece = [0; 4096];
        while !head.windows(4).any(|four| four == b"\r\n\r\n") {
            match stream.read(&mut piece) {
                Ok(length @ 1..) => head.extend_from_slice(&piece[..length]),
                _ => return,
            }
        }
        let text = String::from_utf8_lossy(&head).to_lowercase();
        let is_known = authorization.is_none_or(|authorization| {
            text.contains(&format!("authorization: basic {}\r\n", authorization.to_lowercase()))
        });
        if !is_known {
            let answer = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"hg\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes());
            return;
        }
        let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)) else { return };
        server.write_all(&head).unwrap();
        let (mut from, mut to) = (stream.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        });
        let _ = std::io::copy(&mut server, &mut stream);
        let _ = stream.shutdown(Shutdown::Both);
    });
    format!("127.0.0.1:{port}")
}

/// A server that takes connections and never answers.
pub(crate) fn silent() -> (String, Arc<Gate>) {
    let gate = Arc::new(Gate::default());
    let port = serve(Arc::clone(&gate), |_| {});
    (format!("127.0.0.1:{port}"), gate)
}
