//! What a build has: dialects, and whatever else is plugged in under a name.
//!
//! A crate submits a constant descriptor to `inventory`; the configuration chooses among them by name. A crate that
//! nothing refers to registers nothing, so the binary names each with `use x as _;`. Reads are sorted by name.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::options::{self, BuildContext, Problem};
use crate::{Compat, Hook, JsonWebhook, Setup, json_webhook};

/// What is registered under a name.
pub trait Named: inventory::Collect {
    /// What it is, for messages: `dialect`.
    const KIND: &'static str;

    /// The name by which a configuration chooses it.
    fn name(&self) -> &'static str;

    /// What is wrong with the descriptor itself, as sentences without their subject, for its author: hookd does not start with
    /// one of these.
    fn flaws(&self) -> Vec<String> {
        Vec::new()
    }
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
        let kind = T::KIND;
        match all.as_slice() {
            [] => format!("this build has no {kind} `{name}`, nor any other"),
            all => {
                let mut names: Vec<_> = all.iter().map(|entry| entry.name()).collect();
                names.dedup();
                format!("this build has no {kind} `{name}`, only {}", listed(names.into_iter()))
            }
        }
    })
}

/// What to add to a message of [`find`] for whoever has written what is missing.
pub const HINT: &str = " (a crate of your own is in the build when its program names it: `use hookd_example as _;`)";

/// `` `a`, `b` ``
fn listed(names: impl Iterator<Item = &'static str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Names that are registered more than once, which no configuration could tell apart.
pub fn duplicates<T: Named>() -> Vec<&'static str> {
    let mut names: Vec<_> =
        all::<T>().windows(2).filter(|two| two[0].name() == two[1].name()).map(|two| two[0].name()).collect();
    names.dedup();
    names
}

/// A kind of thing that is plugged in, so that all of them can be looked at: submitted by [`plug!`](crate::plug).
pub struct Kind(fn() -> Vec<String>);

inventory::collect!(Kind);

impl Kind {
    /// The kind of `T`.
    pub const fn of<T: Named>() -> Self {
        Self(flaws_of::<T>)
    }
}

fn flaws_of<T: Named>() -> Vec<String> {
    let kind = T::KIND;
    let twice = duplicates::<T>().into_iter().map(|name| format!("this build has more than one {kind} `{name}`"));
    let of_one = |entry: &'static T| {
        entry.flaws().into_iter().map(move |flaw| format!("{kind} `{}` of this build {flaw}", entry.name()))
    };
    twice.chain(all::<T>().into_iter().flat_map(of_one)).collect()
}

/// A sentence for each thing that is wrong with what is registered in this build, of all kinds.
pub fn flaws() -> Vec<String> {
    let mut all: Vec<String> = inventory::iter::<Kind>.into_iter().flat_map(|kind| (kind.0)()).collect();
    all.sort();
    all.dedup();
    all
}

/// Makes a type that is [`Named`] one that crates can submit with `inventory::submit!`. Two of one name are then refused when
/// hookd starts, and so is what has [flaws](Named::flaws).
///
/// ```
/// use hookd_core::registry::Named;
///
/// struct Greeting {
///     name: &'static str,
/// }
///
/// impl Named for Greeting {
///     const KIND: &'static str = "greeting";
///
///     fn name(&self) -> &'static str {
///         self.name
///     }
/// }
///
/// hookd_core::plug!(Greeting);
/// ```
#[macro_export]
macro_rules! plug {
    ($plugged:ty) => {
        $crate::inventory::collect!($plugged);
        $crate::inventory::submit! { $crate::registry::Kind::of::<$plugged>() }
    };
}

type Build = fn(Map<String, Value>, &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>>;

/// The descriptor of a dialect: submit one constant with `inventory::submit!`.
#[non_exhaustive]
pub struct Dialect {
    /// The name, which is also the path: `/change_hook/NAME`.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// The JSON Schema of its options, from their type and its documentation.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Whether it has the mode `compat = "buildbot"`.
    pub has_compat: bool,
    /// How a webhook is set up at the forge, if there is a forge.
    pub setup: Option<Setup>,
    build: Build,
    flaws: fn() -> Vec<String>,
}

plug!(Dialect);

impl Named for Dialect {
    const KIND: &'static str = "dialect";

    fn name(&self) -> &'static str {
        self.name
    }

    fn flaws(&self) -> Vec<String> {
        let mut flaws = (self.flaws)();
        if !is_plain(self.name) {
            let how = "a name has lower-case letters, digits and `_`, and begins with a letter";
            flaws.push(format!("is misnamed: {how}, since it is part of a URL"));
        }
        flaws
    }
}

impl Dialect {
    /// The descriptor of a dialect with options of the type `O`.
    pub const fn new<O: HookOptions>(name: &'static str, summary: &'static str) -> Self {
        let flaws = options::flaws::<O>;
        Self { name, summary, schema: schema_of::<O>, has_compat: false, setup: None, build: build::<O>, flaws }
    }

    /// The same, with how a webhook is set up at the forge, which the manual and `hookd dialects` show.
    #[must_use]
    pub const fn with_setup(mut self, setup: Setup) -> Self {
        self.setup = Some(setup);
        self
    }

    /// The descriptor of a dialect for a webhook that `W` describes.
    pub const fn json_webhook<W: JsonWebhook>(name: &'static str, summary: &'static str) -> Self {
        let (schema, build) = (json_webhook::schema_of::<W>, json_webhook::build::<W>);
        Self { name, summary, schema, has_compat: false, setup: None, build, flaws: json_webhook::flaws::<W> }
    }

    /// The same with the mode `compat = "buildbot"`, in which its changes are exactly those of Buildbot's hook of this name.
    /// Without it, that option is refused.
    #[must_use]
    pub const fn with_compat(self) -> Self {
        Self { has_compat: true, ..self }
    }

    /// Makes the hook from its table of options.
    ///
    /// # Errors
    /// All that is wrong with them. The mode `compat` where the dialect has no such mode.
    pub fn build(&self, table: Map<String, Value>, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        let built = (self.build)(table, context);
        if context.compat == Compat::Off || self.has_compat {
            return built;
        }
        let having = listed(all::<Self>().iter().filter(|class| class.has_compat).map(|class| class.name));
        let having = if having.is_empty() { String::new() } else { format!("; those that have it: {having}") };
        let message = format!("the class `{}` has no such mode, so leave it out{having}", self.name);
        let mut problems = vec![Problem::with("compat", message)];
        problems.extend(built.err().into_iter().flatten());
        Err(problems)
    }
}

/// Whether a name can stand in a URL and in a table of options as it is.
fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
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
