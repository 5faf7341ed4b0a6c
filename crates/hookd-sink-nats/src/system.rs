//! The servers of a NATS system, and the connection to one of them that all attempts share.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_nats::{ConnectError, ConnectErrorKind, ConnectOptions};
use hookd_sinks::{Attempt, Verdict, tls};
use tokio::sync::Mutex;

use crate::connection::Connection;
use crate::credentials::Credentials;
use crate::servers::{Server, Servers};

/// The longest that connecting to a server may take.
const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What servers say where the time of credentials is over.
const EXPIRED: &str = "expired";

/// A NATS system.
pub(crate) struct System {
    servers: Servers,
    credentials: Option<Credentials>,
    tls: rustls::ClientConfig,
    /// Whether TLS is used whatever the URLs say.
    requires_tls: bool,
    /// How long an attempt may take.
    pub(crate) timeout: Duration,
    current: Mutex<Option<Arc<Connection>>>,
}

impl System {
    pub(crate) fn new(
        servers: Servers,
        credentials: Option<Credentials>,
        tls: rustls::ClientConfig,
        requires_tls: bool,
        timeout: Duration,
    ) -> Self {
        Self { servers, credentials, tls, requires_tls, timeout, current: Mutex::default() }
    }

    /// For people.
    pub(crate) fn shown(&self) -> String {
        self.servers.to_string()
    }

    /// The connection: the one that there is, or a new one to the first server that can be reached.
    ///
    /// # Errors
    /// How an attempt ends that has none.
    pub(crate) async fn connection(&self) -> Result<Arc<Connection>, Attempt> {
        // Whoever comes meanwhile waits for the same connection.
        let mut current = self.current.lock().await;
        if let Some(connection) = current.as_ref().filter(|connection| !connection.is_broken()) {
            return Ok(Arc::clone(connection));
        }
        *current = None;
        let mut failed: Vec<Attempt> = Vec::new();
        for server in &self.servers.0 {
            match self.connect(server).await {
                Ok(connection) => {
                    let connection = Arc::new(connection);
                    *current = Some(Arc::clone(&connection));
                    return Ok(connection);
                }
                Err(attempt) => failed.push(attempt),
            }
        }
        // A server that cannot be reached may be one that would take hookd.
        let passes = failed.iter().any(|attempt| matches!(attempt.verdict, Verdict::Later { .. }));
        let words: Vec<_> = failed.into_iter().map(|attempt| attempt.answer).collect();
        let words = words.join("; ");
        Err(if passes { Attempt::later(words) } else { Attempt::misconfigured(words) })
    }

    async fn connect(&self, server: &Server) -> Result<Connection, Attempt> {
        let limit = (self.timeout / 2).min(MAX_CONNECT_TIMEOUT);
        let mut options = ConnectOptions::new()
            .connection_timeout(limit)
            .require_tls(self.requires_tls || server.wants_tls())
            .tls_client_config(self.tls.clone());
        if let Some(credentials) = &self.credentials {
            options = credentials.add_to(options);
        }
        let opened = tokio::time::timeout(limit, Connection::open(options, &server.address, server.authority()));
        match opened.await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.failed(&error, server, limit)),
            Err(_) => Err(Attempt::later(too_slow(server, limit))),
        }
    }

    fn failed(&self, error: &ConnectError, server: &Server, limit: Duration) -> Attempt {
        let to = server.authority();
        if let Some(words) = tls::words(error, &to, "tls", true) {
            return Attempt::later(words);
        }
        let cause = innermost(error);
        match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                Attempt::misconfigured(self.unauthorized(&to, &error.to_string()))
            }
            ConnectErrorKind::Dns => {
                Attempt::later(format!("the name `{}` could not be resolved: {cause}", server.host()))
            }
            ConnectErrorKind::TimedOut => Attempt::later(too_slow(server, limit)),
            _ => match find_io(error) {
                Some(io::ErrorKind::ConnectionRefused) => {
                    Attempt::later(format!("`{to}` refused the connection: is it running?"))
                }
                _ if cause.to_lowercase().contains(EXPIRED) => Attempt::misconfigured(self.unauthorized(&to, &cause)),
                _ => Attempt::later(format!("no connection to `{to}`: {cause}")),
            },
        }
    }

    fn unauthorized(&self, to: &str, cause: &str) -> String {
        match &self.credentials {
            Some(credentials) => {
                let options = credentials.options();
                format!("`{to}` does not accept the credentials ({cause}): check {options}")
            }
            None => format!(
                "`{to}` wants credentials ({cause}): set `credentials`, `user` and `password`, `token` or `nkey`"
            ),
        }
    }
}

fn too_slow(server: &Server, limit: Duration) -> String {
    let limit = hookd_core::duration::format(limit);
    format!("`{}` did not take the connection within {limit}", server.authority())
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn find_io(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        next = error.source();
    }
    None
}
