//! The sink itself: publishes, asks, looks.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hookd_sinks::{Attempt, Known, Sink, document};
use hookd_store::LoggedChange;
use tokio::sync::Mutex;

use crate::connection::{Connection, Failure};
use crate::jetstream::{JetStream, Problem, code};
use crate::recent::Recent;
use crate::subject::SubjectTemplate;
use crate::system::System;
use crate::verdict::{in_words, no_stream, of_asking, of_publishing};

/// Of how many subjects the last message is remembered.
const MAX_SUBJECTS: usize = 4096;

/// How often another program may publish to the subject between a question and a message, before the attempt is given up.
const MAX_CONFLICTS: usize = 5;

/// The retention of streams that keep messages whether they were consumed or not.
const KEEPS_MESSAGES: &str = "limits";

/// The number of the last message of a subject, where it is known. Locked while a message is published to it.
type Last = Arc<Mutex<Option<u64>>>;

/// A NATS system, and how changes are published there.
pub(crate) struct Nats {
    system: System,
    subject: SubjectTemplate,
    /// What the subjects of requests to JetStream begin with.
    prefix: String,
    warnings: Vec<String>,
    last: std::sync::Mutex<HashMap<String, Last>>,
    recent: Mutex<Option<Recent>>,
}

/// What a stream says about a change.
enum Found {
    /// It has the change; this is what it calls it.
    Change(String),
    /// It has not, and this is the number of the last message of the subject; 0 where there is none. Where that is not certain,
    /// it may have had the change.
    Nothing { last: u64, is_certain: bool },
    /// No stream takes the subject.
    NoStream,
}

impl Nats {
    pub(crate) fn new(system: System, subject: SubjectTemplate, prefix: String, warnings: Vec<String>) -> Self {
        Self { system, subject, prefix, warnings, last: std::sync::Mutex::default(), recent: Mutex::default() }
    }

    fn jetstream<'a>(&'a self, connection: &'a Connection) -> JetStream<'a> {
        JetStream { connection, prefix: &self.prefix, timeout: self.system.timeout }
    }

    fn last_of(&self, subject: &str) -> Last {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.len() >= MAX_SUBJECTS && !last.contains_key(subject) {
            // Those that are in use stay: two messages to one subject at a time would get into each other's way.
            last.retain(|_, last| Arc::strong_count(last) > 1);
        }
        Arc::clone(last.entry(subject.to_owned()).or_default())
    }

    /// Publishes a change, where nothing else was published to its subject since its last message was seen. So a message that
    /// is still on its way from an earlier attempt cannot be stored behind this one, however late it is.
    async fn publish(&self, change: &LoggedChange) -> Attempt {
        let subject = match self.subject.fill(change) {
            Ok(subject) => subject,
            Err(why) => return Attempt::refused(why),
        };
        let connection = match self.system.connection().await {
            Ok(connection) => connection,
            Err(attempt) => return attempt,
        };
        let jetstream = self.jetstream(&connection);
        let last = self.last_of(&subject);
        let mut last = last.lock().await;
        for _ in 0..MAX_CONFLICTS {
            // It is not known again before the acknowledgement.
            let expected = match last.take() {
                Some(sequence) => sequence,
                None => match self.find(&jetstream, &subject, change).await {
                    Ok(Found::Nothing { last, .. }) => last,
                    Ok(Found::Change(answer)) => return Attempt::delivered(answer),
                    Ok(Found::NoStream) => return Attempt::misconfigured(no_stream(&subject)),
                    Err(problem) => return of_asking(problem),
                },
            };
            match jetstream.publish(&subject, &change.hookd_id, expected, document(change)).await {
                Ok(done) if done.duplicate => return Attempt::delivered(shown(&done.stream, done.seq)),
                Ok(done) => {
                    *last = Some(done.seq);
                    return Attempt::delivered(shown(&done.stream, done.seq));
                }
                Err(Problem::Error(error)) if error.err_code == code::WRONG_LAST_SEQUENCE => {
                    // Another program has published to the subject, or an earlier attempt of this sink: the stream is asked.
                }
                Err(Problem::Failed(_, Failure::NoResponders)) => return Self::nobody(&jetstream, &subject).await,
                Err(problem) => return of_publishing(problem, &subject),
            }
        }
        Attempt::later(format!(
            "others publish to `{subject}` all the time, so that its last message is never the expected"
        ))
    }

    /// How an attempt ends that nobody has answered: a stream whose leader is being elected does not answer either.
    async fn nobody(jetstream: &JetStream<'_>, subject: &str) -> Attempt {
        match jetstream.streams(subject).await {
            Ok(streams) => match streams.first() {
                Some(stream) => Attempt::later(format!("the stream `{stream}` has no leader at the moment")),
                None => Attempt::misconfigured(no_stream(subject)),
            },
            Err(problem) => of_asking(problem),
        }
    }

    /// Asks for a change, and for the last message of its subject.
    async fn find(&self, jetstream: &JetStream<'_>, subject: &str, change: &LoggedChange) -> Result<Found, Problem> {
        let streams = jetstream.streams(subject).await?;
        let Some(stream) = streams.first() else { return Ok(Found::NoStream) };
        let last = jetstream.last(stream, subject).await?;
        if let Some(last) = last.as_ref().filter(|last| last.id.as_ref() == Some(&change.hookd_id)) {
            return Ok(Found::Change(shown(stream, last.sequence)));
        }
        let last = last.map_or(0, |last| last.sequence);
        let info = jetstream.info(stream).await?;
        if info.config.retention != KEEPS_MESSAGES {
            // Nor may such a stream be read by one more consumer.
            return Ok(Found::Nothing { last, is_certain: false });
        }
        if last != 0 {
            let mut recent = self.recent.lock().await;
            let pattern = self.subject.pattern();
            if let Some(sequence) = Recent::find(&mut recent, jetstream, stream, &info.state, &pattern, change).await? {
                return Ok(Found::Change(shown(stream, sequence)));
            }
        }
        Ok(Found::Nothing { last, is_certain: true })
    }

    async fn ask(&self, change: &LoggedChange) -> Known {
        // Where it has no subject, it has never been sent.
        let Ok(subject) = self.subject.fill(change) else { return Known::No };
        let connection = match self.system.connection().await {
            Ok(connection) => connection,
            Err(attempt) => return Known::NoAnswer(attempt.answer),
        };
        match self.find(&self.jetstream(&connection), &subject, change).await {
            Ok(Found::Change(answer)) => Known::Yes(answer),
            Ok(Found::Nothing { is_certain: false, .. }) => Known::CannotTell,
            Ok(Found::Nothing { .. } | Found::NoStream) => Known::No,
            Err(problem) => Known::NoAnswer(in_words(&problem)),
        }
    }

    /// The streams that take changes, each with what is wrong with it.
    async fn streams(&self) -> Result<Vec<String>, String> {
        let connection = self.system.connection().await.map_err(|attempt| attempt.answer)?;
        let jetstream = self.jetstream(&connection);
        let pattern = self.subject.pattern();
        let streams = jetstream.streams(&pattern).await.map_err(|problem| in_words(&problem))?;
        if streams.is_empty() {
            return Err(no_stream(&pattern));
        }
        let mut warnings = Vec::new();
        for stream in streams {
            let config = jetstream.info(&stream).await.map_err(|problem| in_words(&problem))?.config;
            if config.no_ack {
                warnings.push(format!(
                    "the stream `{stream}` acknowledges nothing (`no_ack`), so that no change counts as delivered"
                ));
            }
            if config.retention != KEEPS_MESSAGES || config.max_msgs_per_subject > 0 {
                warnings.push(format!(
                    "the stream `{stream}` removes messages (`retention = {}`, `max_msgs_per_subject = {}`): a change \
                     that it no longer has may come again after a crash",
                    config.retention, config.max_msgs_per_subject
                ));
            }
            if config.storage == "memory" {
                warnings
                    .push(format!("the stream `{stream}` is in memory: its messages are lost when the server ends"));
            }
        }
        Ok(warnings)
    }
}

/// What a message is called.
fn shown(stream: &str, sequence: u64) -> String {
    format!("message {sequence} of the stream `{stream}`")
}

impl Sink for Nats {
    fn deliver<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Attempt> {
        Box::pin(self.publish(change))
    }

    fn can_tell(&self) -> bool {
        true
    }

    fn has<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Known> {
        Box::pin(self.ask(change))
    }

    fn is_healthy(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { self.streams().await.is_ok() })
    }

    fn can_be_asked(&self) -> bool {
        true
    }

    fn destination(&self) -> String {
        format!("{} on {}", self.subject.shown(), self.system.shown())
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }

    fn look(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async {
            match self.streams().await {
                Ok(warnings) => warnings,
                Err(warning) => vec![warning],
            }
        })
    }
}
