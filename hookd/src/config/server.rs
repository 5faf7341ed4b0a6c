//! `[server]`: the public listener.

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{Tls, address, duration, size};
use crate::allow::Networks;

/// The name of the section.
pub(super) const NAME: &str = "server";

/// More threads than any machine has use for.
const MOST_WORKERS: u16 = 1024;

/// The public listener: it serves `/change_hook` and nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Server {
    /// Where to listen for webhooks, as `IP:PORT`. Port 0 lets the system choose one. Behind a reverse proxy, keep it
    /// on a loopback address.
    #[serde(with = "address")]
    #[schemars(with = "String")]
    pub listen: SocketAddr,

    /// The largest body that is taken; a larger one is answered with 413. GitHub's largest is 25MB.
    #[serde(with = "size")]
    #[schemars(with = "size::SizeSchema")]
    pub max_body: usize,

    /// How many bytes of bodies are held at a time, in all: of those that are being read, and of those that wait to be
    /// stored. What comes beyond them is answered with 503. Of each body the first 64KiB do not count; and one body may
    /// always come, whatever its size.
    #[serde(with = "size")]
    #[schemars(with = "size::SizeSchema")]
    pub max_buffered: usize,

    /// How many connections are open at a time. The next ones wait until one of them is closed. Those that idle are
    /// closed after five seconds, those that have sent no whole request after `request_timeout`. At the start hookd
    /// raises the limit of the system on open files as far as it may; where that is not far enough, it says so, and
    /// takes as many as it can.
    #[serde(deserialize_with = "connections")]
    #[schemars(range(min = 1))]
    pub max_connections: usize,

    /// How long a sender may take to send a whole request; a slower one is answered with 408.
    #[serde(serialize_with = "duration::serialize", deserialize_with = "some_time")]
    #[schemars(with = "duration::DurationSchema")]
    pub request_timeout: Duration,

    /// How long requests that are under way may take to finish when hookd stops.
    #[serde(with = "duration")]
    #[schemars(with = "duration::DurationSchema")]
    pub shutdown_timeout: Duration,

    /// From which addresses and networks requests may come; others are answered with 403. Without it they may come from
    /// anywhere. A dialect may have its own list instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_from: Option<Networks>,

    /// The reverse proxies whose `X-Forwarded-For` and `Forwarded` headers say where a request came from. From others
    /// the headers do not count.
    #[serde(skip_serializing_if = "Networks::is_empty")]
    pub trusted_proxies: Networks,

    /// The certificate, for TLS; without it the listener speaks plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,

    /// How many threads serve requests. Without it there is one for each core.
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
            shutdown_timeout: Duration::from_secs(30),
            allow_from: None,
            trusted_proxies: Networks::default(),
            tls: None,
            workers: None,
        }
    }
}

impl Server {
    /// How many threads serve requests: those that were asked for, or one for each core.
    pub fn worker_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        self.workers.map_or_else(cores, |workers| workers.get().into())
    }
}

fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = duration::deserialize(deserializer)?;
    if duration.is_zero() {
        Err(de::Error::custom("without any time no request would come through"))
    } else {
        Ok(duration)
    }
}

fn connections<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let count = i64::deserialize(deserializer)?;
    let wrong = || de::Error::custom(format_args!("bad number of connections `{count}`, expected 1 or more"));
    usize::try_from(count).ok().filter(|count| *count > 0).ok_or_else(wrong)
}

fn workers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NonZero<u16>>, D::Error> {
    let count = i64::deserialize(deserializer)?;
    let workers = u16::try_from(count).ok().filter(|count| *count <= MOST_WORKERS).and_then(NonZero::new);
    let wrong = || de::Error::custom(format_args!("bad number of threads `{count}`, expected 1 to {MOST_WORKERS}"));
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
    fn has_defaults_that_read_as_themselves() {
        let written = serde_json::to_value(Server::default()).unwrap();
        assert_eq!(
            written,
            json!({
                "listen": "127.0.0.1:8010", "max_body": "25MiB", "max_buffered": "256MiB", "max_connections": 16384,
                "request_timeout": "30s", "shutdown_timeout": "30s",
            })
        );
        assert_eq!(read(written).unwrap(), Server::default());
        assert!(Server::default().worker_count() > 0);
    }

    #[test]
    fn refuses_numbers_that_serve_nobody() {
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
        let error = read(json!({"request_timeout": "0s"})).unwrap_err();
        assert_eq!(error, "without any time no request would come through");
        assert!(read(json!({"shutdown_timeout": "0s"})).unwrap().shutdown_timeout.is_zero());
    }
}
