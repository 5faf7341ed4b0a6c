//! One dialect of `[change_hook_dialects]`: `true`, or its table of options.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hookd_core::registry::Named as _;
use hookd_core::{BuildContext, Compat, Dialect, Hook, KeptHeaders, Pollers, Problem, duration};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use toml::de::DeTable;

use super::change_hook_auth::{self, Auth};
use super::class_options::{self, ClassOptions};
use super::names;
use crate::access::{Checkers, Networks};
use crate::reading::document;
use crate::reading::guarded::guarded;
use crate::reading::reader::{Reader, steps};
use crate::reading::secrets::Secrets;

/// A dialect that is served.
pub struct ServedDialect {
    /// The name in its URL: `/change_hook/NAME`.
    pub name: String,
    /// The class that serves it: `custom_class`, or the class of the same name.
    pub class: &'static str,
    /// Verifies and translates its requests.
    pub hook: Box<dyn Hook>,
    /// The headers of a request that are kept, and that translating it sees.
    pub kept: KeptHeaders,
    /// Whether a redelivery is answered with the first receipt and not stored again.
    pub deduplicate: bool,
    /// How long calls to the forge's API are retried for one delivery.
    pub api_budget: Duration,
    /// Checks credentials; `None` if no password is needed.
    pub auth: Option<Arc<Checkers>>,
    /// The addresses that requests may come from; `None` for any.
    pub allow_from: Option<Networks>,
}

impl fmt::Debug for ServedDialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The hook contains secrets.
        let Self { name, class, hook: _, kept, deduplicate, api_budget, auth, allow_from } = self;
        f.debug_struct("ServedDialect")
            .field("name", name)
            .field("class", class)
            .field("kept", kept)
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
    /// wrong is put right. Refused by classes that Buildbot does not have.
    compat: Option<Compat>,

    /// Whether a redelivery (the same delivery id and body) is answered with the first receipt and not stored again.
    deduplicate: bool,

    /// The class that serves this dialect, if its name is another one: `acme = { custom_class = "base" }` serves
    /// `/change_hook/acme` with `base`.
    custom_class: Option<String>,

    /// How long calls to the forge's API are retried, counted from when the delivery was received. Data that could not
    /// be fetched by then is marked as missing on the change.
    #[serde(with = "duration")]
    #[schemars(with = "duration::DurationSchema")]
    api_budget: Duration,

    /// HTTP Basic authentication for this dialect, instead of the list at the top of the file.
    change_hook_auth: Option<Auth>,

    /// The addresses and networks that requests for this dialect may come from, instead of the list of `[server]`.
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

/// Defaults inherited from the rest of the file.
pub(crate) struct DialectDefaults<'a> {
    /// The folder in which relative paths start.
    pub(crate) folder: &'a Path,
    /// Checks credentials.
    pub(crate) auth: Option<Arc<Checkers>>,
    /// The addresses that requests may come from.
    pub(crate) allow_from: Option<Networks>,
    /// The pollers, which dialects may trigger.
    pub(crate) pollers: Arc<dyn Pollers>,
}

/// Reads an enabled dialect; `None` if it has problems.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    name: &str,
    options: &DeTable<'_>,
    defaults: &DialectDefaults<'_>,
) -> Option<ServedDialect> {
    let context = format!("dialect `{name}`");
    let base = steps(&[names::DIALECTS, name]);
    let (mut options, unsupported) = document::json_object(options);
    let mut problems = Vec::new();
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        problems
            .push(without_path("the name is part of a URL and may contain only letters, digits and `_`".to_owned()));
    }
    let class = class(name, options.get("custom_class"), &mut problems);
    // Without them, the defaults are good enough to find the other problems.
    let every = class_options::take_common::<EveryDialect>(&mut options, &mut problems).unwrap_or_default();
    let secrets = Secrets::new(defaults.folder);
    let built = class.and_then(|class| {
        let mut context = BuildContext::new(name, every.compat.unwrap_or_default(), &secrets);
        context.pollers = Arc::clone(&defaults.pollers);
        problems.extend(ClassOptions::new(class).take_unknown::<EveryDialect>(&mut options));
        let built = guarded(Dialect::KIND, class.name, || Built::new(class, options, &context, &secrets));
        built.map(|built| (class, built)).map_err(|wrong| problems.extend(wrong)).ok()
    });
    let auth = match every.change_hook_auth.as_ref().map(|auth| auth.checkers(defaults.folder)) {
        None => defaults.auth.clone(),
        Some(Ok(checkers)) => {
            change_hook_auth::warn(reader, &base, &checkers);
            Some(checkers)
        }
        Some(Err(wrong)) => {
            problems.extend(wrong);
            None
        }
    };
    let is_valid = problems.is_empty() && unsupported.is_empty();
    let class_options = class.map(ClassOptions::new);
    let may_hold_secret = |option: &str| {
        names::may_hold_secret(option) || class_options.as_ref().is_some_and(|options| options.is_secret(option))
    };
    reader.report(&context, &base, &may_hold_secret, unsupported, problems);
    let (class, Built { hook, kept, requires_proof, warnings }) = built.filter(|_| is_valid)?;

    let found = warnings.into_iter().chain(secrets.into_warnings());
    let mut warnings: Vec<String> = found.map(|warning| format!("{context}: {warning}")).collect();
    let EveryDialect { deduplicate, api_budget, allow_from, .. } = every;
    let allow_from = allow_from.or_else(|| defaults.allow_from.clone());
    let keeps_out = allow_from.as_ref().is_some_and(|allowed| !allowed.is_everybody());
    if !requires_proof && !keeps_out && auth.as_ref().is_none_or(|auth| auth.is_open()) {
        let but = if allow_from.is_some() { ", since `allow_from` contains every address" } else { "" };
        warnings.push(format!("{context} is open to anyone who can reach it{but}: {}", how_to_close(class)));
    }
    if allow_from.as_ref().is_some_and(Networks::is_empty) {
        warnings.push(format!("{context}: `allow_from` is empty, so that every request is refused"));
    }
    if auth.as_ref().is_some_and(|auth| auth.accepts_nobody()) {
        warnings
            .push(format!("{context}: the files of `change_hook_auth` name no user, so that every request is refused"));
    }
    for warning in warnings {
        reader.warning(reader.document().at_key(&base, warning));
    }
    let name = name.to_owned();
    Some(ServedDialect { name, class: class.name, hook, kept, deduplicate, api_budget, auth, allow_from })
}

/// The class that serves a dialect of this name.
fn class(name: &str, custom_class: Option<&Value>, problems: &mut Vec<Problem>) -> Option<&'static Dialect> {
    let wanted = match custom_class {
        None => name,
        // Any other kind of value is reported with the other options.
        Some(custom_class) => custom_class.as_str()?,
    };
    let found = class_options::find::<Dialect>(wanted);
    let problem = |message| match custom_class {
        None => without_path(message),
        Some(_) => Problem::with("custom_class", message),
    };
    found.map_err(|message| problems.push(problem(message))).ok()
}

/// A hook, with what it says about itself.
struct Built {
    hook: Box<dyn Hook>,
    kept: KeptHeaders,
    requires_proof: bool,
    warnings: Vec<String>,
}

impl Built {
    /// Builds the hook of a class from the remaining options, for which it reads these secrets.
    fn new(
        class: &Dialect,
        options: Map<String, Value>,
        context: &BuildContext<'_>,
        secrets: &Secrets<'_>,
    ) -> Result<Self, Vec<Problem>> {
        let hook = class.build(options, context).map_err(|wrong| match wrong.as_slice() {
            [] => vec![without_path(format!("class `{}` rejects its options without saying why", class.name))],
            _ => wrong,
        })?;
        let kept = KeptHeaders::of(&*hook, secrets.values()).map_err(|secret| {
            let would_keep = |name| {
                without_path(format!(
                    "class `{}` would keep the header `{name}` of each request, which carries a secret or a proof: its \
                     `headers()` must not name it",
                    class.name
                ))
            };
            secret.into_iter().map(would_keep).collect::<Vec<_>>()
        })?;
        Ok(Self { kept, requires_proof: hook.requires_proof(), warnings: hook.warnings(), hook })
    }
}

fn without_path(message: String) -> Problem {
    Problem::of_all(message)
}

/// Which options make a dialect of this class verify its senders.
fn how_to_close(class: &Dialect) -> &'static str {
    let options = ClassOptions::new(class).names();
    let has = |name: &str| options.iter().any(|option| option == name);
    match (has("secret"), has("strict")) {
        (true, true) => "`secret` with `strict = true` closes it",
        (true, false) => "`secret` closes it",
        _ => "it cannot verify the sender, so make sure that only trusted clients can reach it",
    }
}
