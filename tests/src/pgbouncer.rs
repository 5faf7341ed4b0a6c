//! pgbouncer in front of a [`Postgres`]: each transaction gets another of a few sessions.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::postgres::{Janitor, Postgres, USER, give_away, live_on, unprivileged_program};
use crate::wait::until;

/// The port, which is part of the name of the socket.
const PORT: u16 = 6432;

/// How many sessions all clients share: more than one, so that each transaction of a client may get another.
const SESSIONS: usize = 3;

/// A pooler. It is killed when it is dropped.
pub struct Pgbouncer {
    folder: TempDir,
    process: Child,
    _janitor: Janitor,
}

impl Pgbouncer {
    /// Starts one that pools by transactions, for all databases of a cluster.
    ///
    /// # Panics
    /// When pgbouncer is not installed; `cargo xtask test` installs it.
    pub fn start(server: &Postgres) -> Self {
        let folder = tempfile::Builder::new().prefix("hookd-pgb-").tempdir().expect("a folder for the pooler");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        let (host, port, place) = (server.host(), server.port(), folder.path().display());
        // Each client gets the session that was idle for longest, and so mostly not the one that it had before.
        let settings = format!(
            "[databases]\n* = host={host} port={port} user={USER}\n[pgbouncer]\nlisten_addr =\nlisten_port = {PORT}\n\
             unix_socket_dir = {place}\nauth_type = any\npool_mode = transaction\ndefault_pool_size = {SESSIONS}\n\
             server_round_robin = 1\nmax_client_conn = 200\n"
        );
        let file = folder.path().join("pgbouncer.ini");
        fs::write(&file, settings).expect("the folder is writable");
        give_away(folder.path());
        let mut command = unprivileged_program(Path::new("/usr/sbin/pgbouncer"));
        command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (sender, started) = std::sync::mpsc::channel();
        live_on(move || drop(sender.send(command.spawn().expect("pgbouncer starts"))));
        let process = started.recv().expect("pgbouncer starts");
        let socket = folder.path().join(format!(".s.PGSQL.{PORT}"));
        until("pgbouncer listens", || UnixStream::connect(&socket).ok());
        Self { _janitor: Janitor::of(folder.path()), folder, process }
    }

    /// The folder of its socket, as the host of a connection.
    pub fn host(&self) -> String {
        self.folder.path().display().to_string()
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        PORT
    }

    /// The URL of a database, for `[store]`.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://{USER}@:{PORT}/{database}?host={}", self.host())
    }
}

impl Drop for Pgbouncer {
    fn drop(&mut self) {
        // If it has already ended there is nothing to kill.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
