//! The [`Poller`] trait: what the engine asks of a repository, and how a type of poller is plugged in.

use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use hookd_core::registry::Named;
use hookd_core::{Change, Problem, Secret, SecretSource, options, plug};
use hookd_store::{Positions, SharedStore, Timestamp};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// A repository that is polled: made from its options once per configuration.
///
/// A poller compares and decides nothing else: when to poll, what becomes of changes, and where to continue after a restart
/// are the engine's business. It keeps no state but what it can make anew, such as a clone in its
/// [folder](PollerContext::folder).
pub trait Poller: Send + Sync {
    /// Finds the changes since these positions. Dropping the future abandons the poll, with all processes that it started.
    ///
    /// # Errors
    /// Why the repository could not be read. Nothing moves then.
    fn poll<'a>(&'a self, poll: Poll<'a>) -> BoxFuture<'a, Result<Polled, PollError>>;

    /// What is polled, for people: an address without credentials.
    fn repository(&self) -> String;

    /// What an operator should know about the options, one sentence each: shown by `hookd check` and at start.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether it waits for webhooks to bring this change, and would report it if none did in time. A webhook that comes
    /// even later is then not taken for a second change.
    fn awaits(&self, _change: &Change) -> bool {
        false
    }

    /// Whether it polls when hookd starts, whatever its option says.
    fn polls_at_launch(&self) -> bool {
        false
    }
}

/// One poll, as its poller sees it.
#[derive(Clone, Copy)]
pub struct Poll<'a> {
    /// How far the repository has been read; `None` if it was never polled, so that this poll sets the baseline.
    pub positions: Option<&'a Positions>,
    /// The log, for pollers that look at what webhooks brought.
    pub store: &'a SharedStore,
    /// When the poll begins.
    pub now: Timestamp,
}

/// The result of a poll.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Polled {
    /// The changes that are new, oldest first. The engine fills in project, category and codebase where they are empty.
    pub changes: Vec<Change>,
    /// The new position of each key that moves, as in [`PositionMove::set`](hookd_store::PositionMove::set): exactly what
    /// the changes stand for.
    pub set: Vec<(String, Option<String>)>,
    /// What was left out of the changes, as a sentence: the reason of the delivery.
    pub note: Option<String>,
    /// What could not be read, such as one branch of many, as a sentence. The rest counts, and the poll as failed.
    pub error: Option<String>,
    /// Whether there is more, so that the next poll follows at once.
    pub has_more: bool,
    /// When the poller has something to look at again, if that is before its next poll is due.
    pub again_at: Option<Timestamp>,
}

impl Polled {
    /// Has the next poll follow at this moment, unless one is due before.
    pub fn wake_at(&mut self, at: Timestamp) {
        self.again_at = Some(self.again_at.map_or(at, |other| other.min(at)));
    }
}

/// Why a repository could not be read. It has no credentials in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PollError(pub String);

/// What a poller is made with, besides its options.
pub struct PollerContext<'a> {
    /// The name of the poller.
    pub name: &'a str,
    /// A folder of the poller's own, which it makes when it needs it. Nothing in it is needed: it may be deleted while hookd
    /// does not run.
    pub folder: &'a Path,
    /// Relative paths of the configuration start here: the folder of its file.
    pub config_folder: &'a Path,
    /// Where secrets come from.
    pub secrets: &'a dyn SecretSource,
}

impl PollerContext<'_> {
    /// A path of the configuration, which starts at the folder of its file unless it is absolute.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.config_folder.join(path)
    }

    /// A program of the configuration: one with a slash in its name is a path, others are looked for in `PATH`.
    pub fn program(&self, program: &Path) -> PathBuf {
        if program.as_os_str().as_encoded_bytes().contains(&b'/') { self.path(program) } else { program.to_owned() }
    }

    /// A secret that is one line of text, such as a password.
    ///
    /// # Errors
    /// Why it could not be read; also when it is empty or no line of text.
    pub fn text(&self, secret: &Secret) -> Result<String, String> {
        let text = String::from_utf8(self.secrets.read(secret)?).map_err(|_| "the secret is not UTF-8".to_owned())?;
        if text.is_empty() {
            Err("the secret is empty".to_owned())
        } else if text.chars().any(char::is_control) {
            Err("the secret has a control character, such as the end of a line".to_owned())
        } else {
            Ok(text)
        }
    }
}

/// Makes a poller from a table of options, or reports all that is wrong with it.
pub type BuildPoller = fn(Map<String, Value>, &PollerContext<'_>) -> Result<Box<dyn Poller>, Vec<Problem>>;

/// The descriptor of a type of poller: submit one constant with `inventory::submit!`.
#[non_exhaustive]
pub struct PollerType {
    /// The name: `type = "NAME"`. It is also the dialect of the deliveries that its polls make.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// The JSON Schema of its options, from their type and its documentation.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// The name of a poller that has none of its own: what it polls. `None` where its options do not say.
    pub default_name: fn(&Map<String, Value>) -> Option<String>,
    /// Makes the poller from its table of options.
    pub build: BuildPoller,
    flaws: fn() -> Vec<String>,
}

plug!(PollerType);

impl Named for PollerType {
    const KIND: &'static str = "poller type";

    fn name(&self) -> &'static str {
        self.name
    }

    fn flaws(&self) -> Vec<String> {
        (self.flaws)()
    }
}

impl PollerType {
    /// The descriptor of a type of poller with options of the type `O`.
    pub const fn new<O: PollerOptions>(name: &'static str, summary: &'static str) -> Self {
        Self {
            name,
            summary,
            schema: schema_of::<O>,
            default_name: O::default_name,
            build: build::<O>,
            flaws: options::flaws::<O>,
        }
    }
}

/// The options of a type of poller: a struct whose field documentation is the manual, and how a poller is made from it.
pub trait PollerOptions: DeserializeOwned + JsonSchema {
    /// The name of a poller that has none of its own, from its options as they stand in the file; as Buildbot's, that is
    /// `repourl`, without credentials.
    fn default_name(options: &Map<String, Value>) -> Option<String> {
        options.get("repourl").and_then(Value::as_str).map(str::to_owned)
    }

    /// Makes the poller. Starts no process and makes no folder: `hookd check` calls it too.
    ///
    /// # Errors
    /// What does not go together, each with the option that it is about.
    fn build(self, context: &PollerContext<'_>) -> Result<Box<dyn Poller>, Vec<Problem>>;
}

fn schema_of<O: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    O::json_schema(generator)
}

fn build<O: PollerOptions>(
    table: Map<String, Value>,
    context: &PollerContext<'_>,
) -> Result<Box<dyn Poller>, Vec<Problem>> {
    options::read::<O>(table)?.build(context)
}
