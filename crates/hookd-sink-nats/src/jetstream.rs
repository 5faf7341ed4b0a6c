//! The requests of JetStream that the sink makes: <https://docs.nats.io/reference/reference-protocols/nats_api_reference>.
//!
//! They are answered by the leader of a stream, so that what was acknowledged is seen.

use std::time::Duration;

use async_nats::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::connection::{Connection, Failure};

/// The header by which JetStream tells duplicates.
pub(crate) const ID_HEADER: &str = "Nats-Msg-Id";

/// The number of the last message that the subject must have, or the message is refused.
const EXPECTED_HEADER: &str = "Nats-Expected-Last-Subject-Sequence";

/// What errors are about: `errors.json` of the server has all of them.
pub(crate) mod code {
    pub(crate) const ACCOUNT_RESOURCES: u32 = 10002;
    pub(crate) const INSUFFICIENT_RESOURCES: u32 = 10023;
    pub(crate) const MEMORY_RESOURCES: u32 = 10028;
    pub(crate) const NO_MESSAGE: u32 = 10037;
    pub(crate) const NOT_FOR_ACCOUNT: u32 = 10039;
    pub(crate) const STORAGE_RESOURCES: u32 = 10047;
    pub(crate) const MESSAGE_TOO_LARGE: u32 = 10054;
    pub(crate) const STREAM_NOT_FOUND: u32 = 10059;
    pub(crate) const WRONG_LAST_SEQUENCE: u32 = 10071;
    pub(crate) const NOT_ENABLED: u32 = 10076;
    pub(crate) const STORE_FAILED: u32 = 10077;
    pub(crate) const HEADERS_TOO_LARGE: u32 = 10097;
    pub(crate) const SEALED: u32 = 10109;
}

/// Requests over a connection, each with a time limit.
pub(crate) struct JetStream<'a> {
    pub(crate) connection: &'a Connection,
    /// What the subjects of requests begin with.
    pub(crate) prefix: &'a str,
    pub(crate) timeout: Duration,
}

/// Why a request has not done what it should.
#[derive(Debug)]
pub(crate) enum Problem {
    /// It was not answered; this is the subject that it was sent to.
    Failed(String, Failure),
    /// It was answered with an error.
    Error(ApiError),
    /// What answered was not JetStream, or one that is newer than hookd.
    Garbled(String),
}

/// An error of JetStream.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ApiError {
    /// As in HTTP.
    #[serde(default)]
    pub(crate) code: u16,
    /// What it is about.
    #[serde(default)]
    pub(crate) err_code: u32,
    #[serde(default)]
    pub(crate) description: String,
}

/// The acknowledgement of a message.
#[derive(Debug, Deserialize)]
pub(crate) struct Acknowledged {
    pub(crate) stream: String,
    pub(crate) seq: u64,
    /// It was there already.
    #[serde(default)]
    pub(crate) duplicate: bool,
}

/// What a stream is.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamInfo {
    pub(crate) config: StreamConfig,
    pub(crate) state: StreamState,
}

/// How a stream is configured.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamConfig {
    #[serde(default)]
    pub(crate) retention: String,
    #[serde(default)]
    pub(crate) storage: String,
    #[serde(default)]
    pub(crate) no_ack: bool,
    #[serde(default)]
    pub(crate) max_msgs_per_subject: i64,
}

/// What a stream has.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamState {
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
}

/// A message of a stream.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) sequence: u64,
    /// The value of [`ID_HEADER`], where it has one.
    pub(crate) id: Option<String>,
    /// When it was stored, in microseconds since 1970; for messages that were read on.
    pub(crate) at_micros: i64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer<T> {
    Error { error: ApiError },
    Done(T),
}

impl JetStream<'_> {
    /// Publishes a message, where the last message of the subject is this one, and waits until it is stored.
    pub(crate) async fn publish(
        &self,
        subject: &str,
        id: &str,
        expected_last: u64,
        payload: Vec<u8>,
    ) -> Result<Acknowledged, Problem> {
        let mut headers = HeaderMap::new();
        headers.insert(ID_HEADER, id);
        headers.insert(EXPECTED_HEADER, expected_last.to_string());
        self.ask(subject, headers, payload).await
    }

    /// The names of the streams that take messages of this subject, or of some of those of this pattern.
    pub(crate) async fn streams(&self, subject: &str) -> Result<Vec<String>, Problem> {
        #[derive(Deserialize)]
        struct Names {
            streams: Option<Vec<String>>,
        }
        let names: Names = self.call("STREAM.NAMES", &json!({ "subject": subject })).await?;
        Ok(names.streams.unwrap_or_default())
    }

    /// What a stream is and has.
    pub(crate) async fn info(&self, stream: &str) -> Result<StreamInfo, Problem> {
        self.call(&format!("STREAM.INFO.{stream}"), &json!({})).await
    }

    /// The last message of a subject; none where it has none.
    pub(crate) async fn last(&self, stream: &str, subject: &str) -> Result<Option<Stored>, Problem> {
        #[derive(Deserialize)]
        struct Got {
            message: Message,
        }
        #[derive(Deserialize)]
        struct Message {
            seq: u64,
            #[serde(default)]
            hdrs: String,
        }
        let got = self.call(&format!("STREAM.MSG.GET.{stream}"), &json!({ "last_by_subj": subject })).await;
        match got {
            Ok(Got { message }) => Ok(Some(Stored { sequence: message.seq, id: id_in(&message.hdrs), at_micros: 0 })),
            Err(Problem::Error(error)) if error.err_code == code::NO_MESSAGE => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    /// Reads the headers of the messages of a pattern from this one on: those that are there now, up to `end`.
    pub(crate) async fn read_on(
        &self,
        stream: &str,
        pattern: &str,
        from: u64,
        end: u64,
    ) -> Result<Vec<Stored>, Problem> {
        let at_inbox = |failure| Problem::Failed("the inbox".to_owned(), failure);
        let (inbox, mut messages) = self.connection.inbox().await.map_err(at_inbox)?;
        let consumer = json!({
            "stream_name": stream,
            "config": {
                "deliver_subject": inbox,
                "deliver_policy": "by_start_sequence",
                "opt_start_seq": from.max(1),
                "filter_subject": pattern,
                "ack_policy": "none",
                "replay_policy": "instant",
                "headers_only": true,
                "mem_storage": true,
            },
        });
        let created: Value = self.call(&format!("CONSUMER.CREATE.{stream}"), &consumer).await?;
        let waiting = created["num_pending"].as_u64().unwrap_or_default();
        let sent = created["delivered"]["consumer_seq"].as_u64().unwrap_or_default();
        let mut read = Vec::new();
        if waiting + sent == 0 {
            return Ok(read);
        }
        loop {
            let next = tokio::time::timeout(self.timeout, messages.next());
            let next = self.connection.unless_it_breaks(&inbox, next).await.map_err(at_inbox)?;
            let silent = || at_inbox(Failure::Unanswered("the messages of the stream did not come".to_owned()));
            let message = next.ok().flatten().ok_or_else(silent)?;
            let place = message.reply.as_deref().and_then(Place::parse);
            // Others, such as heartbeats, have none.
            let Some(place) = place else { continue };
            if place.number != read.len() as u64 + 1 {
                return Err(Problem::Garbled("messages of the stream were lost on their way".to_owned()));
            }
            let id = message.headers.as_ref().and_then(|headers| headers.get(ID_HEADER));
            let id = id.map(|id| id.as_str().to_owned());
            read.push(Stored { sequence: place.sequence, id, at_micros: place.at_micros });
            if place.pending == 0 || place.sequence >= end {
                return Ok(read);
            }
        }
    }

    async fn call<T: DeserializeOwned>(&self, name: &str, arguments: &Value) -> Result<T, Problem> {
        let payload = arguments.to_string().into_bytes();
        self.ask(&format!("{}.{name}", self.prefix), HeaderMap::new(), payload).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Vec<u8>,
    ) -> Result<T, Problem> {
        let answer = self.connection.request(subject, headers, payload, self.timeout).await;
        let answer = answer.map_err(|failure| Problem::Failed(subject.to_owned(), failure))?;
        match serde_json::from_slice(&answer.payload) {
            Ok(Answer::Done(done)) => Ok(done),
            Ok(Answer::Error { error }) => Err(Problem::Error(error)),
            Err(_) => {
                let shown: String = String::from_utf8_lossy(&answer.payload).chars().take(100).collect();
                Err(Problem::Garbled(format!("a request to `{subject}` was answered with `{shown}`")))
            }
        }
    }
}

/// Where a message stands: `$JS.ACK.STREAM.CONSUMER.DELIVERED.SEQUENCE.NUMBER.TIME.PENDING`, and with a domain and the hash of
/// an account after `ACK`, and possibly more at the end.
struct Place {
    sequence: u64,
    /// Among those that were sent, from 1.
    number: u64,
    at_micros: i64,
    pending: u64,
}

impl Place {
    fn parse(reply: &str) -> Option<Self> {
        let tokens: Vec<&str> = reply.strip_prefix("$JS.ACK.")?.split('.').collect();
        let first = if tokens.len() > 7 { 5 } else { 3 };
        let number = |at: usize| tokens.get(first + at)?.parse::<u64>().ok();
        let at_micros = i64::try_from(number(2)? / 1000).ok()?;
        Some(Self { sequence: number(0)?, number: number(1)?, at_micros, pending: number(3)? })
    }
}

/// The id in headers as the server returns them: Base64 of `NATS/1.0`, and a line for each.
fn id_in(headers: &str) -> Option<String> {
    let headers = String::from_utf8(STANDARD.decode(headers).ok()?).ok()?;
    let mut pairs = headers.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(name, _)| name.eq_ignore_ascii_case(ID_HEADER)).map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_place_of_a_message() {
        let short = Place::parse("$JS.ACK.S.C.1.17.3.1700000000123456789.2").unwrap();
        assert_eq!((short.sequence, short.number, short.at_micros, short.pending), (17, 3, 1_700_000_000_123_456, 2));
        let long = Place::parse("$JS.ACK.hub.HASH.S.C.1.17.3.1700000000123456789.0.x").unwrap();
        assert_eq!((long.sequence, long.number, long.pending), (17, 3, 0));
        for other in ["_INBOX.a", "$JS.FC.S.C", "$JS.ACK.S.C.1.x.3.4.5", "$JS.ACK.S"] {
            assert!(Place::parse(other).is_none(), "{other}");
        }
    }

    #[test]
    fn finds_the_id_among_headers() {
        let encode = |text: &str| STANDARD.encode(text);
        let headers = "NATS/1.0\r\nNats-Expected-Last-Subject-Sequence: 4\r\nNats-Msg-Id: k3y-17-1\r\n\r\n";
        assert_eq!(id_in(&encode(headers)).as_deref(), Some("k3y-17-1"));
        assert_eq!(id_in(&encode("NATS/1.0\r\n\r\n")), None);
        assert_eq!(id_in(""), None);
        assert_eq!(id_in("?"), None);
    }

    #[test]
    fn tells_an_error_from_an_acknowledgement() {
        let parse = |text: &str| serde_json::from_str::<Answer<Acknowledged>>(text);
        let refused =
            r#"{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"S","seq":0}"#;
        assert!(matches!(parse(refused), Ok(Answer::Error { error }) if error.err_code == code::STORE_FAILED));
        assert!(matches!(parse(r#"{"stream":"S","seq":4}"#), Ok(Answer::Done(done)) if !done.duplicate));
        assert!(parse("thanks").is_err());
    }
}
