//! The [`Sink`] trait: what the delivery engine asks of a place to which changes go, and how one is plugged in.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hookd_core::registry::Named;
use hookd_core::{Problem, SecretSource, options, plug};
use hookd_store::LoggedChange;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Attempt, Known, Verdict};

/// A place to which changes go: made from its options once per configuration, then asked for each change.
///
/// A sink delivers and decides nothing else: order, pauses between attempts, what becomes of a change that is refused, and
/// where to continue after a restart are the engine's business. An attempt must end by itself, within a time limit of the
/// sink's own. Dropping the future of an attempt abandons it.
pub trait Sink: Send + Sync {
    /// Delivers one change.
    fn deliver<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Attempt>;

    /// How many changes the sink takes at a time. Where that is more than one, it has its own
    /// [`deliver_many`](Self::deliver_many).
    fn batch_size(&self) -> usize {
        1
    }

    /// Delivers changes in their order, up to the first that does not arrive: several at a time, for sinks to which each
    /// call costs more than a change. Returns how each attempt ended, for as many of the changes as were tried.
    ///
    /// A change behind one that has failed may have arrived only where its attempt says so.
    fn deliver_many<'a>(&'a self, changes: &'a [Arc<LoggedChange>]) -> BoxFuture<'a, Vec<Attempt>> {
        Box::pin(async move {
            let mut attempts = Vec::with_capacity(changes.len());
            for change in changes {
                let attempt = self.deliver(change).await;
                let has_arrived = attempt.verdict == Verdict::Delivered;
                attempts.push(attempt);
                if !has_arrived {
                    break;
                }
            }
            attempts
        })
    }

    /// Whether [`has`](Self::has) can be answered, as this sink is configured. Where it cannot, fewer changes are sent
    /// before the store has noted them, since a crash repeats them.
    fn can_tell(&self) -> bool {
        false
    }

    /// Whether the other side has this change already, by its `hookd_id`. Asked after an attempt of which it is not known
    /// whether the change has arrived, and after a restart.
    fn has<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Known> {
        let _ = change;
        Box::pin(async { Known::CannotTell })
    }

    /// Whether the other side works, apart from the change that keeps failing. Where it does, and an attempt
    /// [blames the change](crate::Verdict::Later), the change becomes a dead letter after some attempts.
    fn is_healthy(&self) -> BoxFuture<'_, bool> {
        Box::pin(async { false })
    }

    /// Whether the other side can be asked at all: where not, [`is_healthy`](Self::is_healthy) says nothing.
    fn can_be_asked(&self) -> bool {
        false
    }

    /// Makes durable what was delivered so far. Called before the engine commits its progress.
    fn flush(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    /// Opens files again, after `SIGHUP`.
    fn reopen(&self) {}

    /// Where changes go, for people: an address without credentials, a path, a command.
    fn destination(&self) -> String;

    /// The result of a change on the other side, such as the builds that it started, one line each; for `hookd why`.
    fn follow<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Result<Vec<String>, String>> {
        let _ = change;
        Box::pin(async { Ok(Vec::new()) })
    }

    /// What an operator should know about the options, one sentence each: shown by `hookd check` and at start.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// The same, of the other side, which is asked for it: what keeps changes from arriving there, or from being kept. Asked
    /// at start and by `hookd check`.
    fn look(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async { Vec::new() })
    }
}

/// What a sink is made with, besides its options.
pub struct SinkContext<'a> {
    /// The name of the sink.
    pub name: &'a str,
    /// Relative paths start here: the folder of the configuration file.
    pub folder: &'a Path,
    /// Where secrets come from.
    pub secrets: &'a dyn SecretSource,
}

impl SinkContext<'_> {
    /// A path of the configuration, which starts at the folder of its file unless it is absolute.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }
}

/// Makes a sink from a table of options, or reports all that is wrong with it.
pub type BuildSink = fn(Map<String, Value>, &SinkContext<'_>) -> Result<Box<dyn Sink>, Vec<Problem>>;

/// The descriptor of a type of sink: submit one constant with `inventory::submit!`.
#[non_exhaustive]
pub struct SinkType {
    /// The name: `type = "NAME"`.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// The JSON Schema of its options, from their type and its documentation.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Makes the sink from its table of options.
    pub build: BuildSink,
    flaws: fn() -> Vec<String>,
}

plug!(SinkType);

impl Named for SinkType {
    const KIND: &'static str = "sink type";

    fn name(&self) -> &'static str {
        self.name
    }

    fn flaws(&self) -> Vec<String> {
        (self.flaws)()
    }
}

impl SinkType {
    /// The descriptor of a type of sink with options of the type `O`.
    pub const fn new<O: SinkOptions>(name: &'static str, summary: &'static str) -> Self {
        Self { name, summary, schema: schema_of::<O>, build: build::<O>, flaws: options::flaws::<O> }
    }
}

/// The options of a type of sink: a struct whose field documentation is the manual, and how a sink is made from it.
pub trait SinkOptions: DeserializeOwned + JsonSchema {
    /// Makes the sink. Opens no connection and no file: `hookd check` calls it too.
    ///
    /// # Errors
    /// What does not go together, each with the option that it is about.
    fn build(self, context: &SinkContext<'_>) -> Result<Box<dyn Sink>, Vec<Problem>>;
}

fn schema_of<O: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    O::json_schema(generator)
}

fn build<O: SinkOptions>(table: Map<String, Value>, context: &SinkContext<'_>) -> Result<Box<dyn Sink>, Vec<Problem>> {
    options::read::<O>(table)?.build(context)
}
