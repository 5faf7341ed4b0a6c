//! A real nginx in front of hookd.

use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::peers::peer;
use crate::wait::until;

/// A running nginx, which listens on a socket in a folder of its own.
pub struct Nginx {
    process: Child,
    socket: PathBuf,
    folder: tempfile::TempDir,
}

impl Nginx {
    /// One that passes everything on to this address.
    ///
    /// # Panics
    /// When nginx is not there, or does not start.
    pub fn in_front_of(address: SocketAddr) -> Self {
        Self::with_location(&format!("location / {{ proxy_pass http://{address}; }}"))
    }

    /// One with this `location`.
    ///
    /// # Panics
    /// As [`in_front_of`](Self::in_front_of).
    pub fn with_location(location: &str) -> Self {
        Self::with_upstream("", location)
    }

    /// One with this `upstream` before the server, and this `location`.
    ///
    /// # Panics
    /// As [`in_front_of`](Self::in_front_of).
    pub fn with_upstream(upstream: &str, location: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("hookd-nginx-").tempdir().expect("a folder for the test");
        let socket = folder.path().join("socket");
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {}/{name};\n", folder.path().display()))
            .concat();
        let config = format!(
            "daemon off; pid {folder}/pid; error_log {folder}/error.log; user root; events {{ }}\n\
             http {{ access_log off; client_max_body_size 25m; {paths} {upstream} server {{ listen unix:{socket}; {location} }} }}\n",
            folder = folder.path().display(),
            socket = socket.display(),
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config).expect("the folder takes files");
        let error_log = folder.path().join("error.log");
        let mut command = Command::new(peer("nginx/usr/sbin/nginx"));
        command.arg("-p").arg(folder.path()).arg("-e").arg(&error_log).arg("-c").arg(&file).stdout(Stdio::null());
        let process = command.spawn().expect("it is a program");
        until("nginx listens", || UnixStream::connect(&socket).ok());
        Self { process, socket, folder }
    }

    /// The answer to these bytes.
    ///
    /// # Panics
    /// When nginx does not listen.
    pub fn answer_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(&self.socket).expect("nginx listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("the system has timeouts");
        // It may answer before it has read everything.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    /// The answer to these bytes, as text.
    ///
    /// # Panics
    /// As [`answer_bytes`](Self::answer_bytes).
    pub fn answer(&self, bytes: &[u8]) -> String {
        String::from_utf8_lossy(&self.answer_bytes(bytes)).into_owned()
    }

    /// What it has logged.
    pub fn errors(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}
