//! Sinks, changes, and servers with a stream.

use std::net::SocketAddr;
use std::path::Path;

use hookd_core::{Change, Secret, SecretSource, registry};
use hookd_sink_nats as _;
use hookd_sinks::{Attempt, Known, Sink, SinkContext, SinkType, Verdict};
use hookd_store::{LoggedChange, Timestamp, hookd_id};
use hookd_tests::Nats;
use serde_json::{Value, json};

pub(crate) const STREAM: &str = "CHANGES";

/// A server with a stream that takes what begins with `hookd.`.
pub(crate) fn server(stream: Value) -> Nats {
    let server = Nats::start();
    server.add_stream(STREAM, &["hookd.>"], stream);
    server
}

/// Secrets are written into the options.
struct Texts;

impl SecretSource for Texts {
    fn read(&self, secret: &Secret) -> Result<Vec<u8>, String> {
        match secret {
            Secret::Text(text) => Ok(text.clone().into_bytes()),
            _ => Err("there is none".to_owned()),
        }
    }
}

/// A sink with these options beside `subject`, or what is wrong with them.
pub(crate) fn try_build(folder: &Path, options: Value) -> Result<Box<dyn Sink>, Vec<String>> {
    let mut table = json!({"subject": "hookd.{branch}"});
    table.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    let context = SinkContext { name: "under-test", folder, secrets: &Texts };
    let kind = registry::find::<SinkType>("nats").expect("it is registered");
    let built = (kind.build)(table.as_object().unwrap().clone(), &context);
    built.map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

pub(crate) fn build(options: Value) -> Box<dyn Sink> {
    try_build(Path::new("/"), options).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// A sink that delivers there.
pub(crate) fn sink(address: SocketAddr) -> Box<dyn Sink> {
    build(json!({"url": format!("nats://{address}")}))
}

/// A change of a store, received now.
pub(crate) fn change(changeid: i64, branch: &str) -> LoggedChange {
    let received_at = Timestamp::now();
    LoggedChange {
        changeid,
        deliveryid: changeid,
        received_at,
        dialect: "base".into(),
        hookd_id: hookd_id("k3y", changeid, received_at),
        change: Change {
            author: "Ann".to_owned(),
            branch: Some(branch.to_owned()),
            repository: "https://git.example.org/tea".to_owned(),
            revision: Some(format!("{changeid:040x}")),
            ..Change::default()
        },
    }
}

/// Delivers a change, which must arrive.
pub(crate) async fn deliver(sink: &dyn Sink, change: &LoggedChange) {
    let attempt = sink.deliver(change).await;
    assert_eq!((&attempt.verdict, attempt.may_have_arrived), (&Verdict::Delivered, false), "{attempt:?}");
}

/// Checks how an attempt ended, with these words among its answer.
pub(crate) fn expect(attempt: &Attempt, verdict: Verdict, words: &str) {
    assert_eq!(attempt.verdict, verdict, "{attempt:?}");
    assert!(attempt.answer.contains(words), "{attempt:?} lacks `{words}`");
}

pub(crate) const LATER: Verdict = Verdict::Later { after: None, blames_change: false };

pub(crate) async fn has(sink: &dyn Sink, change: &LoggedChange) -> bool {
    match sink.has(change).await {
        Known::Yes(_) => true,
        Known::No => false,
        other => panic!("{other:?}"),
    }
}

/// The subject to which the tests publish to see what JetStream remembers.
pub(crate) const PROBE: &str = "hookd.x.probe";

/// The ids of the messages of the stream, but for those of the tests.
pub(crate) fn ids(server: &Nats) -> Vec<String> {
    let messages = server.messages(STREAM).into_iter().filter(|message| message.subject != PROBE);
    messages.map(|message| message.id).collect()
}

/// Whether these bytes of a server acknowledge a message.
pub(crate) fn acknowledges(bytes: &[u8]) -> bool {
    let has = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    has(b"\"seq\":") && !has(b"io.nats.jetstream.api")
}
