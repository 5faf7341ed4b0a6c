//! What a build has: dialects, and whatever else is plugged in under a name.
//!
//! A crate submits a constant descriptor to `inventory`; the configuration chooses among them by name. A crate that
//! nothing refers to registers nothing, so the binary names each with `use x as _;`. Reads are sorted by name.

use std::fmt::Write as _;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::options::{self, BuildContext, Problem};
use crate::{Hook, JsonWebhook, Setup, json_webhook};

/// What is registered under a name.
pub trait Named: inventory::Collect {
    /// What it is, for messages: `dialect`.
    const KIND: &'static str;

    /// The name by which a configuration chooses it.
    fn name(&self) -> &'static str;
}

/// All that are registered, sorted by name.
pub fn all<T: Named>() -> Vec<&'static T> {
    let mut all: Vec<&T> = inventory::iter::<T>.into_iter().collect();
    all.sort_by_key(|entry| entry.name());
    all
}

/// The one of this name.
///
/// # Errors
/// A message that names those that there are.
pub fn find<T: Named>(name: &str) -> Result<&'static T, String> {
    let all = all::<T>();
    all.iter().copied().find(|entry| entry.name() == name).ok_or_else(|| {
        let mut message = format!("this build has no {} `{name}`", T::KIND);
        match all.as_slice() {
            [] => message.push_str(", nor any other"),
            all => {
                message.push_str(", only ");
                for (index, entry) in all.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(message, "{comma}`{}`", entry.name()).expect("a String takes all");
                }
            }
        }
        message
    })
}

/// Names that are registered more than once, which no configuration could tell apart.
pub fn duplicates<T: Named>() -> Vec<&'static str> {
    let mut names: Vec<_> =
        all::<T>().windows(2).filter(|two| two[0].name() == two[1].name()).map(|two| two[0].name()).collect();
    names.dedup();
    names
}

/// Makes a hook from a table of options, or says all that is wrong with it.
pub type Build = fn(Map<String, Value>, &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>>;

/// The descriptor of a dialect: submit one constant with `inventory::submit!`.
pub struct Dialect {
    /// The name, which is also the path: `/change_hook/NAME`.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// The JSON Schema of its options, from their type and its documentation.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Makes the hook from its table of options.
    pub build: Build,
    /// How a webhook is set up at the forge, if there is a forge.
    pub setup: Option<Setup>,
}

inventory::collect!(Dialect);

impl Named for Dialect {
    const KIND: &'static str = "dialect";

    fn name(&self) -> &'static str {
        self.name
    }
}

impl Dialect {
    /// The descriptor of a dialect with options of the type `O`.
    pub const fn new<O: HookOptions>(name: &'static str, summary: &'static str) -> Self {
        Self { name, summary, schema: schema_of::<O>, build: build::<O>, setup: None }
    }

    /// The same, with how a webhook is set up at the forge, which the manual and `hookd dialects` show.
    #[must_use]
    pub const fn with_setup(mut self, setup: Setup) -> Self {
        self.setup = Some(setup);
        self
    }

    /// The descriptor of a dialect for a webhook that `W` describes.
    pub const fn json_webhook<W: JsonWebhook>(name: &'static str, summary: &'static str) -> Self {
        Self { name, summary, schema: json_webhook::schema_of::<W>, build: json_webhook::build::<W>, setup: None }
    }
}

/// The options of a dialect: a struct whose field documentation is the manual, and how a hook is made of it.
///
/// Derive `Deserialize` and `JsonSchema`, with `#[serde(default)]` where an option may be left out. Unknown options
/// are found by `hookd-core`, and all problems reported together, each at its place.
pub trait HookOptions: DeserializeOwned + JsonSchema {
    /// Makes the hook.
    ///
    /// # Errors
    /// What does not go together, each with the option that it is about.
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>>;
}

fn schema_of<O: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    O::json_schema(generator)
}

fn build<O: HookOptions>(table: Map<String, Value>, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
    options::read::<O>(table)?.build(context)
}
