//! The forge's part in the tests of a dialect.

use hookd_core::{ApiAnswer, Compat, Dialect, HookRequest, registry};
use serde_json::{Map, Value};

use crate::source::Source;
use crate::{Options, Scheme, Subject, patched};

/// Both modes.
pub const BOTH: [Compat; 2] = [Compat::Off, Compat::Buildbot];

/// The secret that the tests of the contract sign with.
pub(crate) const SECRET: &str = "It's a Secret to Everybody";

/// A forge as the tests of its dialect play it: which events it has, and how it sends them.
#[derive(Clone, Copy)]
pub struct Forge {
    pub(crate) dialect: &'static str,
    source: Source,
    pub(crate) api: fn(&str) -> ApiAnswer,
    pub(crate) pollers: &'static [&'static str],
    options: &'static [&'static str],
    pub(crate) schemes: &'static [Scheme],
    proof_options: &'static str,
    needed_options: &'static str,
    secret_option: &'static str,
}

impl Forge {
    /// The forge of the dialect registered as `dialect`. Its events need not be the forge's: names of shapes that the
    /// tests tell apart. `fixture` has a payload for each, and `send` makes the request that brings a body.
    pub const fn new(
        dialect: &'static str,
        events: &'static [&'static str],
        fixture: fn(&str) -> Value,
        send: fn(&str, &[u8]) -> HookRequest,
    ) -> Self {
        Self::from_source(dialect, Source::Made { events, fixture, send })
    }

    /// The forge of the dialect registered as `dialect`, which sends what a hookd has received: `fixtures` are texts as `hookd
    /// deliveries export` prints them, each with a name that the tests call its event by.
    ///
    /// ```
    /// # use hookd_testkit::Forge;
    /// # const PUSH: &str = "{}";
    /// # const TAG: &str = "{}";
    /// // Instead of `PUSH`: include_str!("fixtures/push.json")
    /// const FORGE: Forge = Forge::exported("example", &[("push", PUSH), ("tag", TAG)]);
    /// ```
    pub const fn exported(dialect: &'static str, fixtures: &'static [(&'static str, &'static str)]) -> Self {
        Self::from_source(dialect, Source::Exported(fixtures))
    }

    const fn from_source(dialect: &'static str, source: Source) -> Self {
        Self {
            dialect,
            source,
            api: no_api,
            pollers: &[],
            options: &[],
            schemes: &[],
            proof_options: "{}",
            needed_options: "{}",
            secret_option: "secret",
        }
    }

    /// With an API that gives these answers, by URL. Without it, a call fails the test.
    #[must_use]
    pub const fn with_api(mut self, api: fn(&str) -> ApiAnswer) -> Self {
        self.api = api;
        self
    }

    /// With pollers of these names, which can be made to poll: see [`Subject::polled`].
    #[must_use]
    pub const fn with_pollers(mut self, names: &'static [&'static str]) -> Self {
        self.pollers = names;
        self
    }

    /// With options, as JSON texts, under which the dialect reads other parts of a payload: the contract suite runs
    /// without options, and with each of these.
    #[must_use]
    pub const fn with_options(mut self, options: &'static [&'static str]) -> Self {
        self.options = options;
        self
    }

    /// Which signs its requests in one of these ways, the strongest last, for dialects with the option `secret`.
    #[must_use]
    pub const fn signed(mut self, schemes: &'static [Scheme]) -> Self {
        self.schemes = schemes;
        self
    }

    /// For dialects that require a proof only with more options than `secret`: these, as a JSON text.
    #[must_use]
    pub const fn with_proof_options(mut self, options: &'static str) -> Self {
        self.proof_options = options;
        self
    }

    /// For dialects that cannot be without options: these, as a JSON text, which go along with all others.
    #[must_use]
    pub const fn with_needed_options(mut self, options: &'static str) -> Self {
        self.needed_options = options;
        self
    }

    /// For dialects whose secret is not the option `secret`, but lies at this path of the [options for a
    /// proof](Self::with_proof_options), such as `proof.secret`.
    #[must_use]
    pub const fn with_secret_at(mut self, path: &'static str) -> Self {
        self.secret_option = path;
        self
    }

    /// The hook with these [options](Options): a text in TOML, or `json!`.
    ///
    /// # Panics
    /// When something is wrong with the options, or the dialect is not registered.
    #[track_caller]
    pub fn hook(&self, compat: Compat, options: impl Options) -> Subject {
        let built = Subject::build(self, compat, options);
        built.unwrap_or_else(|problems| panic!("the options are not valid: {}", problems.join("; ")))
    }

    /// What is wrong with these options: nothing, or a line for each problem.
    #[track_caller]
    pub fn problems(&self, options: impl Options) -> Vec<String> {
        Subject::build(self, Compat::Off, options).err().unwrap_or_default()
    }

    /// The payload of an event, with a [patch](patched).
    pub fn payload(&self, event: &str, patch: Value) -> Value {
        patched(self.source.payload(event), patch)
    }

    /// The request for an event, with a [patch](patched) of its payload. With an empty one, what was [exported](Forge::exported)
    /// is as it was received, byte for byte.
    #[track_caller]
    pub fn request(&self, event: &str, patch: Value) -> HookRequest {
        let is_empty = patch.as_object().is_some_and(Map::is_empty);
        match self.source.received(event) {
            Some(request) if is_empty => request,
            _ => self.send(event, &self.payload(event, patch)),
        }
    }

    /// The same, with the proof that a forge adds to it that was configured with `key`, in the strongest of its ways.
    ///
    /// # Panics
    /// When the forge signs nothing: see [`Forge::signed`].
    #[track_caller]
    pub fn signed_request(&self, event: &str, patch: Value, key: &str) -> HookRequest {
        let scheme = self.schemes.last().expect("the forge of the test signs nothing (`Forge::signed`)");
        scheme.sign(key, self.request(event, patch))
    }

    /// The request for an event with this payload.
    pub fn send(&self, event: &str, payload: &Value) -> HookRequest {
        self.send_bytes(event, payload.to_string().as_bytes())
    }

    /// The request for an event with a payload of these bytes.
    pub fn send_bytes(&self, event: &str, payload: &[u8]) -> HookRequest {
        self.source.request(event, payload)
    }

    /// The names of its events.
    pub(crate) fn events(&self) -> Vec<&'static str> {
        self.source.events()
    }

    /// What its fixture says that the request for an event becomes, if it says so.
    #[track_caller]
    pub(crate) fn expected(&self, event: &str) -> Option<Vec<Value>> {
        self.source.expected(event)
    }

    /// The descriptor of the dialect.
    pub(crate) fn descriptor(&self) -> &'static Dialect {
        registry::find::<Dialect>(self.dialect).unwrap_or_else(|message| panic!("{message}"))
    }

    /// The schemas of the options, by name.
    pub(crate) fn schema_of_options(&self) -> Map<String, Value> {
        let schema = (self.descriptor().schema)(&mut Default::default()).to_value();
        schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// The schemas of what is in the tables of options, by the name of the type and of the member.
    pub(crate) fn schema_of_tables(&self) -> Vec<(String, Map<String, Value>)> {
        let mut generator = Default::default();
        drop((self.descriptor().schema)(&mut generator));
        let tables = generator.definitions().iter();
        tables.filter_map(|(name, table)| Some((name.clone(), table.get("properties")?.as_object()?.clone()))).collect()
    }

    /// What the API answers to a call of this URL.
    pub(crate) fn answer(&self, url: &str) -> ApiAnswer {
        (self.api)(url)
    }

    /// The modes that the dialect has: both, if it is registered [with](Dialect::with_compat) the one that is Buildbot's.
    pub(crate) fn modes(&self) -> &'static [Compat] {
        if self.descriptor().has_compat { &BOTH } else { &BOTH[..1] }
    }

    /// Hooks for the contract: all modes, without options and with each of [`Forge::with_options`].
    pub(crate) fn hooks(&self) -> Vec<Subject> {
        let options = || ["{}"].iter().chain(self.options);
        self.modes().iter().flat_map(|mode| options().map(|options| self.hook(*mode, parsed(options)))).collect()
    }

    /// The hook that requires a proof made with `secret`, which may be one or several.
    pub(crate) fn closed_hook(&self, compat: Compat, secret: Value) -> Subject {
        self.hook(compat, self.closed_options(secret))
    }

    /// Options that require a proof made with `secret`.
    pub(crate) fn closed_options(&self, secret: Value) -> Value {
        let mut options = parsed(self.proof_options);
        *self.secret_option.split('.').fold(&mut options, |options, key| &mut options[key]) = secret;
        options
    }

    /// These options, with those that the dialect cannot be without.
    #[track_caller]
    pub(crate) fn with_needed(&self, options: impl Options) -> Map<String, Value> {
        let mut all = parsed(self.needed_options).into_table();
        all.extend(options.into_table());
        all
    }

    /// Where the secret is, as messages name it.
    pub(crate) fn secret_option(&self) -> &'static str {
        self.secret_option
    }
}

fn parsed(options: &str) -> Value {
    serde_json::from_str(options).unwrap_or_else(|error| panic!("{options} is not JSON: {error}"))
}

fn no_api(url: &str) -> ApiAnswer {
    panic!("the dialect asks an API, but the forge of the test has none (`Forge::with_api`): {url}")
}
