//! `[server]`: the public listener.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::time::Duration;

use hookd_core::duration;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::names;
use super::restart::changed;
use super::tls::Tls;
use crate::access::Networks;
use crate::reading::reader::{Reader, steps};
use crate::values::{address, size};

/// The most threads, more than any machine has use for.
const MAX_WORKERS: u16 = 1024;

/// The public listener: it serves `/change_hook` and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Server {
    /// Where to listen for webhooks, as `IP:PORT`. Port 0 lets the system choose one. Behind a reverse proxy, keep it
    /// on a loopback address.
    #[serde(with = "address")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,

    /// The largest body that is accepted; a larger one is answered with 413. GitHub's largest is 25MB.
    #[serde(with = "size")]
    #[schemars(with = "size::SizeSchema")]
    pub max_body: usize,

    /// The most memory for bodies at a time, in all: those that are being read, and those that wait to be stored, with the
    /// changes that they became; and for request heads that are not complete and larger than 4KiB. Where it is used up, the one that has taken the longest
    /// to arrive is answered with 503. One body is always accepted, whatever its size, and so are its changes.
    #[serde(with = "size")]
    #[schemars(with = "size::SizeSchema")]
    pub max_buffered: usize,

    /// The most connections that are served at a time. When another wants in, the one that has been idle the longest is
    /// closed; if none is idle, it waits until one is. Connections that have not sent the whole head of a request are
    /// closed after `request_timeout`. At the start hookd raises
    /// the system's limit on open files as far as it is allowed to; if that is not enough, it logs a warning and accepts
    /// as many connections as the limit permits.
    #[serde(deserialize_with = "connections")]
    #[schemars(range(min = 1))]
    pub max_connections: usize,

    /// How long a sender may take to send a whole request; a slower one is answered with 408.
    #[serde(serialize_with = "duration::serialize", deserialize_with = "nonzero")]
    #[schemars(with = "duration::DurationSchema")]
    pub request_timeout: Duration,

    /// How long a connection is kept open without a request, also by `[admin]`. Load balancers and proxies keep theirs
    /// for a minute or so and expect the server to keep them longer: if it closes one while a request is on its way, the
    /// forge gets a 502 and does not send that webhook again. While connections are scarce, see `max_connections`, it
    /// may be less.
    #[serde(serialize_with = "duration::serialize", deserialize_with = "nonzero")]
    #[schemars(with = "duration::DurationSchema")]
    pub keep_alive: Duration,

    /// How long requests in progress may take to finish when hookd stops.
    #[serde(with = "duration")]
    #[schemars(with = "duration::DurationSchema")]
    pub shutdown_timeout: Duration,

    /// The addresses and networks that requests may come from; others are answered with 403. Without it they may come
    /// from anywhere. A dialect may have its own list instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_from: Option<Networks>,

    /// The reverse proxies whose `X-Forwarded-For` and `Forwarded` headers say where a request came from. From all other
    /// senders these headers are ignored; one of a trusted proxy that cannot be read is refused.
    #[serde(skip_serializing_if = "Networks::is_empty")]
    pub trusted_proxies: Networks,

    /// The certificate for TLS. Without it the listener speaks plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,

    /// The number of threads that serve requests. Without it there is one for each core.
    #[serde(deserialize_with = "workers", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<u16>", range(min = 1, max = 1024))]
    pub workers: Option<NonZero<u16>>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8010)),
            max_body: 25 << 20,
            max_buffered: 256 << 20,
            max_connections: 16_384,
            request_timeout: Duration::from_secs(30),
            keep_alive: Duration::from_secs(75),
            shutdown_timeout: Duration::from_secs(30),
            allow_from: None,
            trusted_proxies: Networks::default(),
            tls: None,
            workers: None,
        }
    }
}

impl Server {
    /// The number of threads that serve requests: `workers`, or one for each core.
    pub fn worker_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        self.workers.map_or_else(cores, |workers| workers.get().into())
    }

    /// The options that differ in `new` and take effect after a restart only.
    pub(crate) fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let Self {
            listen,
            max_body: _,
            max_buffered: _,
            max_connections,
            request_timeout,
            keep_alive,
            shutdown_timeout,
            allow_from: _,
            trusted_proxies: _,
            tls,
            workers,
        } = self;
        changed([
            ("server.listen", *listen != new.listen),
            ("server.tls", *tls != new.tls),
            ("server.workers", *workers != new.workers),
            ("server.max_connections", *max_connections != new.max_connections),
            // The listener keeps the time for headers that it started with; for bodies the new one applies at once.
            ("server.request_timeout (for headers)", *request_timeout != new.request_timeout),
            ("server.keep_alive", *keep_alive != new.keep_alive),
            ("server.shutdown_timeout", *shutdown_timeout != new.shutdown_timeout),
        ])
    }
}

/// Warns of what is valid and can hardly be meant.
pub(crate) fn check(reader: &mut Reader<'_>, server: &Server) {
    let place = |option: &str| steps(&[names::SERVER, option]);
    if server.trusted_proxies.is_everybody() {
        let message = "section `server`: `trusted_proxies` contains every address, so that anyone can claim to be anyone: name \
            the proxies alone";
        reader.warning(reader.document().at_value(&place("trusted_proxies"), message));
    }
}

fn nonzero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = duration::deserialize(deserializer)?;
    if duration.is_zero() { Err(de::Error::custom("must be longer than 0s")) } else { Ok(duration) }
}

fn connections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let count = i64::deserialize(deserializer)?;
    let wrong = || de::Error::custom(format_args!("bad number of connections `{count}`, expected 1 or more"));
    usize::try_from(count).ok().filter(|count| *count > 0).ok_or_else(wrong)
}

fn workers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NonZero<u16>>, D::Error> {
    let count = i64::deserialize(deserializer)?;
    let workers = u16::try_from(count).ok().filter(|count| *count <= MAX_WORKERS).and_then(NonZero::new);
    let wrong = || de::Error::custom(format_args!("bad number of threads `{count}`, expected 1 to {MAX_WORKERS}"));
    workers.map(Some).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(options: serde_json::Value) -> Result<Server, String> {
        serde_json::from_value(options).map_err(|error| error.to_string())
    }

    #[test]
    fn reads_its_own_defaults() {
        let written = serde_json::to_value(Server::default()).unwrap();
        assert_eq!(
            written,
            json!({
                "listen": "127.0.0.1:8010", "max_body": "25MiB", "max_buffered": "256MiB", "max_connections": 16384,
                "request_timeout": "30s", "keep_alive": "75s", "shutdown_timeout": "30s",
            })
        );
        assert_eq!(read(written).unwrap(), Server::default());
        assert!(Server::default().worker_count() > 0);
    }

    #[test]
    fn rejects_numbers_out_of_range() {
        assert_eq!(read(json!({"workers": 4})).unwrap().worker_count(), 4);
        for wrong in [0, -1, 1025, 70_000] {
            assert_eq!(
                read(json!({"workers": wrong})).unwrap_err(),
                format!("bad number of threads `{wrong}`, expected 1 to 1024")
            );
        }
        for wrong in [0, -1] {
            assert_eq!(
                read(json!({"max_connections": wrong})).unwrap_err(),
                format!("bad number of connections `{wrong}`, expected 1 or more")
            );
        }
        for option in ["request_timeout", "keep_alive"] {
            assert_eq!(read(json!({option: "0s"})).unwrap_err(), "must be longer than 0s");
        }
        assert!(read(json!({"shutdown_timeout": "0s"})).unwrap().shutdown_timeout.is_zero());
    }

    #[test]
    fn knows_which_options_need_a_restart() {
        let old = Server::default();
        assert_eq!(old.needs_restart(&old), [""; 0]);
        let live = json!({"max_body": 7, "max_buffered": 8, "allow_from": ["::1"], "trusted_proxies": ["::1"]});
        assert_eq!(old.needs_restart(&read(live).unwrap()), [""; 0]);
        let fixed = json!({
            "listen": "127.0.0.1:9", "tls": {"certificate": "a", "key": "b"}, "workers": 2, "max_connections": 3,
            "request_timeout": "1s", "keep_alive": "1s", "shutdown_timeout": "1s",
        });
        let names = [
            "server.listen",
            "server.tls",
            "server.workers",
            "server.max_connections",
            "server.request_timeout (for headers)",
            "server.keep_alive",
            "server.shutdown_timeout",
        ];
        assert_eq!(old.needs_restart(&read(fixed).unwrap()), names);
    }
}
