//! `[change_hook_dialects]`: the whitelist of what is served under `/change_hook/`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hookd_core::{BuildContext, CodebaseFunction, Compat, Dialect, Hook, Problem, options, registry};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::{document, duration};
use super::reader::{Reader, a_value, steps, take_unknown};
use super::report::Finding;
use super::schema::{self, ClassOptions};
use super::secrets::Secrets;
use super::suggestion;

/// The name of the section.
pub(crate) const NAME: &str = "change_hook_dialects";

/// What the section is for.
pub(crate) const ABOUT: &str = "The whitelist of dialects: one that is not named here does not exist. `true` or a table \
    of options enables a dialect, `false` disables it. The key is the name in the URL, `/change_hook/NAME`.";

/// The dialects that are served, by the name in their URL.
pub type Dialects = BTreeMap<String, Arc<ServedDialect>>;

/// A dialect that is served.
pub struct ServedDialect {
    /// The name in its URL: `/change_hook/NAME`.
    pub name: String,
    /// The class that serves it, which is the name itself unless `custom_class` says otherwise.
    pub class: &'static str,
    /// What does the work.
    pub hook: Box<dyn Hook>,
    /// Whether a delivery that is sent again is answered as the first time and stored once.
    pub deduplicate: bool,
    /// How long calls to the forge's API may be tried for one delivery.
    pub api_budget: Duration,
}

impl fmt::Debug for ServedDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, class, hook: _, deduplicate, api_budget: _ } = self;
        f.debug_struct("ServedDialect")
            .field("name", name)
            .field("class", class)
            .field("deduplicate", deduplicate)
            .finish_non_exhaustive()
    }
}

/// The options that every dialect takes, beside those of its class.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct EveryDialect {
    /// `"buildbot"` makes the changes exactly Buildbot's, omissions included. Without it, what Buildbot drops or gets
    /// wrong is put right.
    compat: Option<Compat>,

    /// Whether a delivery that the forge sends again (the same delivery id and body) is answered as the first time and
    /// stored once.
    #[serde(default = "yes")]
    deduplicate: bool,

    /// The class that serves this dialect, if it is not the one of the same name: `acme = { custom_class = "base" }`
    /// serves `/change_hook/acme` with `base`.
    custom_class: Option<String>,

    /// How long calls to the forge's API are tried again, counted from when the delivery came. What could not be had
    /// by then is marked on the change.
    #[serde(default = "ten_minutes", with = "duration")]
    #[schemars(with = "duration::DurationSchema")]
    api_budget: Duration,
}

fn ten_minutes() -> Duration {
    Duration::from_secs(600)
}

fn yes() -> bool {
    true
}

impl Default for EveryDialect {
    fn default() -> Self {
        Self { compat: None, deduplicate: yes(), custom_class: None, api_budget: ten_minutes() }
    }
}

/// Reads the section; relative paths of secrets start in `folder`.
pub(super) fn read(reader: &mut Reader<'_>, folder: &Path) -> Dialects {
    refuse_duplicates(reader);
    let document = reader.document();
    let mut dialects = Dialects::new();
    let table = match document.value(NAME) {
        None => &DeTable::new(),
        Some(DeValue::Table(table)) => table,
        Some(other) => {
            let message = format!("section `{NAME}` is {}, expected a table", a_value(other));
            reader.problem(document.at_key(&steps(&[NAME]), message));
            return dialects;
        }
    };
    let mut is_any_asked_for = false;
    for (name, value) in table {
        let name = name.get_ref().as_ref();
        let options = match value.get_ref() {
            DeValue::Boolean(false) => continue,
            DeValue::Boolean(true) => &DeTable::new(),
            DeValue::Table(table) => table,
            other => {
                let message = format!(
                    "dialect `{name}` is {}, expected `true` or a table of options to enable it, `false` to disable it",
                    a_value(other)
                );
                reader.problem(document.at_value(&steps(&[NAME, name]), message));
                continue;
            }
        };
        is_any_asked_for = true;
        if let Some(dialect) = read_one(reader, name, options, folder) {
            dialects.insert(name.to_owned(), Arc::new(dialect));
        }
    }
    if table.iter().next().is_none() || !is_any_asked_for {
        let message = format!("no dialect is enabled, so every webhook will be refused: name one in section `{NAME}`");
        reader.warning(document.at_key(&steps(&[NAME]), message));
    }
    dialects
}

fn read_one(reader: &mut Reader<'_>, name: &str, options: &DeTable<'_>, folder: &Path) -> Option<ServedDialect> {
    let document = reader.document();
    let context = format!("dialect `{name}`");
    let base = [NAME, name];
    let (mut options, unlike_json) = document::json_object(options);
    let mut problems = Vec::new();
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        let message = "the name is part of a URL and may have letters, digits and `_` only".to_owned();
        problems.push(Problem { path: Vec::new(), message });
    }
    let every = take_every(&mut options, &mut problems);
    let class = every.custom_class.as_deref().unwrap_or(name);
    let class = match registry::find::<Dialect>(class) {
        Ok(class) => Some(class),
        Err(message) => {
            let message = message + &suggestion::of(class, registry::all::<Dialect>().iter().map(|class| class.name));
            let at_class = every.custom_class.as_ref().map(|_| Problem::with("custom_class", message.clone()));
            problems.push(at_class.unwrap_or(Problem { path: Vec::new(), message }));
            None
        }
    };
    let mut hook = None;
    let mut closing = Vec::new();
    if let Some(class) = class {
        let known = ClassOptions::of(class);
        if known.is_closed() {
            let mut names = known.names();
            closing.clone_from(&names);
            names.extend(options::names::<EveryDialect>());
            names.sort();
            problems.extend(take_unknown(&mut options, &names));
        }
        let context = BuildContext { dialect: name, compat: every.compat.unwrap_or_default(), secrets: &Secrets { folder } };
        match (class.build)(options, &context) {
            Ok(built) => hook = Some((class.name, built)),
            Err(wrong) if wrong.is_empty() => {
                let message = format!("class `{}` refuses its options and does not say why", class.name);
                problems.push(Problem { path: Vec::new(), message });
            }
            Err(wrong) => problems.extend(wrong),
        }
    }
    let is_well = problems.is_empty() && unlike_json.is_empty();
    reader.problems_of(&context, &base, unlike_json, problems);
    let (class, hook) = hook.filter(|_| is_well)?;
    let mut warnings: Vec<String> = hook.warnings().into_iter().map(|warning| format!("{context}: {warning}")).collect();
    if !hook.is_closed() {
        warnings.push(format!("{context} is open to anyone who can reach it: {}", how_to_close(&closing)));
    }
    for warning in warnings {
        reader.warning(document.at_key(&steps(&base), warning));
    }
    Some(ServedDialect {
        name: name.to_owned(),
        class,
        hook,
        deduplicate: every.deduplicate,
        api_budget: every.api_budget,
    })
}

/// Takes the options of every dialect out of a table, so that those of the class remain.
fn take_every(options: &mut Map<String, Value>, problems: &mut Vec<Problem>) -> EveryDialect {
    let mut own = Map::new();
    for name in options::names::<EveryDialect>() {
        if let Some((name, value)) = options.remove_entry(&name) {
            own.insert(name, value);
        }
    }
    let custom_class = own.get("custom_class").and_then(Value::as_str).map(str::to_owned);
    options::read(own).unwrap_or_else(|wrong| {
        problems.extend(wrong);
        // The class is still good to find more problems.
        EveryDialect { custom_class, ..EveryDialect::default() }
    })
}

/// What closes a dialect with these options, in Buildbot's words for them.
fn how_to_close(options: &[String]) -> &'static str {
    let has = |name: &str| options.iter().any(|option| option == name);
    match (has("secret"), has("strict")) {
        (true, true) => "`secret` with `strict = true` closes it",
        (true, false) => "`secret` closes it",
        _ => "nothing in it proves the sender, so see that only trusted ones reach it",
    }
}

/// Refuses a build that has two of a name, which no configuration could tell apart, or whose options hide each other.
fn refuse_duplicates(reader: &mut Reader<'_>) {
    let mut messages = Vec::new();
    for name in registry::duplicates::<Dialect>() {
        messages.push(format!("this build has more than one dialect `{name}`"));
    }
    for name in registry::duplicates::<CodebaseFunction>() {
        messages.push(format!("this build has more than one codebase function `{name}`"));
    }
    let every = options::names::<EveryDialect>();
    for class in registry::all::<Dialect>() {
        for option in schema::ClassOptions::of(class).names().iter().filter(|option| every.contains(option)) {
            messages.push(format!("dialect `{}` of this build has an option `{option}`, which every dialect has", class.name));
        }
    }
    for message in messages {
        reader.problem(Finding::of_file(reader.document().name(), message));
    }
}
