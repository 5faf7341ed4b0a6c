//! One dialect of `[change_hook_dialects]`: `true`, or its table of options.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hookd_core::{BuildContext, Compat, Dialect, Hook, Problem, options, registry};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use toml::de::DeTable;

use super::reader::{Reader, steps, take_unknown};
use super::schema::ClassOptions;
use super::secrets::{Secrets, without_value};
use super::{Auth, dialects, document, duration, suggestion};
use crate::allow::Networks;
use crate::auth::Checkers;

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
    /// Who may call; `None` asks for no password.
    pub auth: Option<Arc<Checkers>>,
    /// From where requests may come; `None` is from anywhere.
    pub allow_from: Option<Networks>,
}

impl fmt::Debug for ServedDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The hook holds secrets.
        let Self { name, class, hook: _, deduplicate, api_budget, auth, allow_from } = self;
        f.debug_struct("ServedDialect")
            .field("name", name)
            .field("class", class)
            .field("deduplicate", deduplicate)
            .field("api_budget", api_budget)
            .field("auth", auth)
            .field("allow_from", allow_from)
            .finish_non_exhaustive()
    }
}

/// The options that every dialect takes, beside those of its class.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub struct EveryDialect {
    /// `"buildbot"` makes the changes exactly Buildbot's, omissions included. Without it, what Buildbot drops or gets
    /// wrong is put right.
    compat: Option<Compat>,

    /// Whether a delivery that the forge sends again (the same delivery id and body) is answered as the first time and
    /// stored once.
    deduplicate: bool,

    /// The class that serves this dialect, if it is not the one of the same name: `acme = { custom_class = "base" }`
    /// serves `/change_hook/acme` with `base`.
    custom_class: Option<String>,

    /// How long calls to the forge's API are tried again, counted from when the delivery came. What could not be had
    /// by then is marked on the change.
    #[serde(with = "duration")]
    #[schemars(with = "duration::DurationSchema")]
    api_budget: Duration,

    /// Who may call this dialect, instead of the list at the top of the file.
    change_hook_auth: Option<Auth>,

    /// From which addresses and networks requests for this dialect may come, instead of the list of `[server]`.
    allow_from: Option<Networks>,
}

impl Default for EveryDialect {
    fn default() -> Self {
        Self {
            compat: None,
            deduplicate: true,
            custom_class: None,
            api_budget: Duration::from_secs(600),
            change_hook_auth: None,
            allow_from: None,
        }
    }
}

/// What holds for a dialect that says nothing else, and where its files are.
pub(super) struct Around<'a> {
    /// Relative paths start here.
    pub(super) folder: &'a Path,
    /// Who may call.
    pub(super) auth: Option<Arc<Checkers>>,
    /// From where.
    pub(super) allow_from: Option<Networks>,
}

/// Reads a dialect that is enabled; `None` where it has problems.
pub(super) fn read(
    reader: &mut Reader<'_>,
    name: &str,
    options: &DeTable<'_>,
    around: &Around<'_>,
) -> Option<ServedDialect> {
    let context = format!("dialect `{name}`");
    let base = [dialects::NAME, name];
    let (mut options, unlike_json) = document::json_object(options);
    let mut problems = Vec::new();
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        problems.push(on_the_whole("the name is part of a URL and may have letters, digits and `_` only".to_owned()));
    }
    let class = class(name, options.get("custom_class"), &mut problems);
    let every = take_every(&mut options, &mut problems);
    let built = class.and_then(|class| {
        let secrets = Secrets { folder: around.folder };
        let context = BuildContext::new(name, every.compat.unwrap_or_default(), &secrets);
        let hook = build(class, options, &context, &mut problems)?;
        Some((class, hook))
    });
    let auth = match every.change_hook_auth.as_ref().map(|auth| auth.checkers(around.folder)) {
        None => around.auth.clone(),
        Some(Ok(checkers)) => Some(checkers),
        Some(Err(wrong)) => {
            problems.extend(wrong);
            None
        }
    };
    let is_well = problems.is_empty() && unlike_json.is_empty();
    reader.problems_of(&context, &base, unlike_json, problems);
    let (class, hook) = built.filter(|_| is_well)?;

    let mut warnings: Vec<String> = hook.warnings().iter().map(|warning| format!("{context}: {warning}")).collect();
    let EveryDialect { deduplicate, api_budget, allow_from, .. } = every;
    let allow_from = allow_from.or_else(|| around.allow_from.clone());
    if !hook.requires_proof() && allow_from.is_none() && auth.as_ref().is_none_or(|auth| auth.is_open()) {
        warnings.push(format!("{context} is open to anyone who can reach it: {}", how_to_close(class)));
    }
    for warning in warnings {
        reader.warning(reader.document().at_key(&steps(&base), warning));
    }
    Some(ServedDialect { name: name.to_owned(), class: class.name, hook, deduplicate, api_budget, auth, allow_from })
}

/// The class that serves a dialect of this name.
fn class(name: &str, custom_class: Option<&Value>, problems: &mut Vec<Problem>) -> Option<&'static Dialect> {
    let wanted = match custom_class {
        None => name,
        // What is no string is reported with the other options.
        Some(custom_class) => custom_class.as_str()?,
    };
    match registry::find::<Dialect>(wanted) {
        Ok(class) => Some(class),
        Err(message) => {
            let message = message + &suggestion::of(wanted, registry::all::<Dialect>().iter().map(|class| class.name));
            problems.push(match custom_class {
                None => on_the_whole(message),
                Some(_) => Problem::with("custom_class", message),
            });
            None
        }
    }
}

/// Takes the options of every dialect out of a table, so that those of the class remain.
fn take_every(options: &mut Map<String, Value>, problems: &mut Vec<Problem>) -> EveryDialect {
    let own = options::names::<EveryDialect>().iter().filter_map(|name| options.remove_entry(name)).collect();
    options::read(own).unwrap_or_else(|wrong| {
        problems.extend(wrong);
        // Good enough to find what else is wrong.
        EveryDialect::default()
    })
}

/// Makes the hook of a class from the options that are left for it.
fn build(
    class: &Dialect,
    mut options: Map<String, Value>,
    context: &BuildContext<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Box<dyn Hook>> {
    let known = ClassOptions::of(class);
    if known.is_closed() {
        let mut names = known.names();
        names.extend(options::names::<EveryDialect>());
        names.sort();
        problems.extend(take_unknown(&mut options, &names));
    }
    let wrong = match (class.build)(options, context) {
        Ok(hook) => return Some(hook),
        Err(wrong) => wrong,
    };
    if wrong.is_empty() {
        problems.push(on_the_whole(format!("class `{}` refuses its options and does not say why", class.name)));
    }
    problems.extend(wrong.into_iter().map(|problem| match problem.path.first() {
        Some(option) if known.is_secret(option) => Problem { message: without_value(&problem.message), ..problem },
        _ => problem,
    }));
    None
}

fn on_the_whole(message: String) -> Problem {
    Problem { path: Vec::new(), message }
}

/// What closes a dialect of this class, in Buildbot's words for it.
fn how_to_close(class: &Dialect) -> &'static str {
    let options = ClassOptions::of(class).names();
    let has = |name: &str| options.iter().any(|option| option == name);
    match (has("secret"), has("strict")) {
        (true, true) => "`secret` with `strict = true` closes it",
        (true, false) => "`secret` closes it",
        _ => "nothing in it proves the sender, so see that only trusted ones reach it",
    }
}
