//! Where the database is, who connects to it, and how the connection is protected.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::config::SslMode;

/// How long one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long data that was sent may remain without an answer of the other machine, before the connection counts as lost.
const UNANSWERED_TIMEOUT: Duration = Duration::from_secs(10);

/// The database and how to reach it.
#[derive(Clone, PartialEq, Eq)]
pub struct Options {
    /// A name, an address, or the folder of a Unix socket (which begins with `/`).
    pub host: String,
    /// The port; also part of the name of a socket.
    pub port: u16,
    /// The role to log in as.
    pub user: String,
    /// The password, if the server asks for one.
    pub password: Option<Vec<u8>>,
    /// The database.
    pub database: String,
    /// How the connection is protected.
    pub protection: Protection,
    /// The file with the certificates of the authorities that may have signed the server's, in PEM; `None`: those that
    /// the system trusts.
    pub root_certificates: Option<PathBuf>,
    /// How long this hookd may write without saying again that it is alive: the time that another one has to wait after it
    /// was killed.
    pub lease: Duration,
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Not at all.
    Plain,
    /// Encrypted; nobody checks whose certificate it is.
    Encrypted,
    /// Encrypted, with a certificate of a known authority for the name of the host.
    Verified,
}

impl Options {
    /// How long this hookd may write without saying again that it is alive, unless said otherwise.
    pub const LEASE: Duration = Duration::from_secs(10);

    /// The protection that a host needs if nobody says otherwise: none where nobody else can listen.
    pub fn default_protection(host: &str) -> Protection {
        let is_loopback = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if host.starts_with('/') || host == "localhost" || is_loopback {
            Protection::Plain
        } else {
            Protection::Verified
        }
    }

    /// The database as messages name it, without the password.
    pub fn place(&self) -> String {
        let Self { host, port, database, .. } = self;
        if host.starts_with('/') {
            format!("database `{database}` at `{host}/.s.PGSQL.{port}`")
        } else {
            format!("database `{database}` at {host}:{port}")
        }
    }

    pub(crate) fn client_config(&self) -> tokio_postgres::Config {
        let Self { host, port, user, password, database, protection, .. } = self;
        let mut config = tokio_postgres::Config::new();
        config
            .host(host)
            .port(*port)
            .user(user)
            .dbname(database)
            .application_name("hookd")
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(UNANSWERED_TIMEOUT)
            .ssl_mode(match protection {
                Protection::Plain => SslMode::Disable,
                Protection::Encrypted | Protection::Verified => SslMode::Require,
            });
        if let Some(password) = password {
            config.password(password);
        }
        config
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Options({}, user `{}`, {:?})", self.place(), self.user, self.protection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_need_a_certificate() {
        for host in ["/run/postgresql", "localhost", "127.0.0.1", "::1", "[::1]"] {
            assert_eq!(Options::default_protection(host), Protection::Plain, "{host}");
        }
        for host in ["db.example.org", "10.0.0.7", "localhost.example.org"] {
            assert_eq!(Options::default_protection(host), Protection::Verified, "{host}");
        }
    }
}
