//! Dialects for forges that send JSON, described instead of written: which headers a webhook has, how it is signed, and what
//! a payload becomes.
//!
//! [`JsonWebhook`] is the description. The hook that is made of it does the rest: the options [`EveryOptions`], the proof,
//! the headers that are kept, and the payload.

mod description;
mod event;
mod options;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub use self::description::Webhook;
pub use self::event::Event;
use self::options::{EveryOptions, Settings};
use crate::options::{self as tables, BuildContext, Problem};
use crate::{ApiAnswers, Hook, HookRequest, Keys, Outcome, Proof, Recognised, Refusal, View};

/// The options of a dialect for webhooks whose payload is JSON, and how it is translated.
///
/// The type is the dialect's table of options, documented on its fields. Three options come by themselves: `secret` (where
/// [`WEBHOOK`](Self::WEBHOOK) describes a proof), `codebase` and `skips`. Register it with
/// [`Dialect::json_webhook`](crate::Dialect::json_webhook). There is an example in the documentation of this crate.
///
/// A forge that needs more, such as a proof that covers more than the body, is a [`Hook`] of its own.
pub trait JsonWebhook: DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// What is known of a webhook before its payload is read.
    const WEBHOOK: Webhook;

    /// Translates an event into changes: see [`Hook::translate`]. Where it asks for calls to the forge's API, it is called
    /// again with their [answers](Event::answers).
    ///
    /// # Errors
    /// A refusal when the payload is wrong. An event that is right but of no interest is
    /// [`Event::not_built`] or [`Outcome::ignored`].
    fn translate(&self, event: &Event<'_>) -> Result<Outcome, Refusal>;

    /// What is wrong with the options together, each with the option that it is about.
    fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }

    /// What an operator should know about the options: see [`Hook::warnings`].
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The hook that is made of a description.
struct Described<W> {
    webhook: W,
    settings: Settings,
    keys: Option<Keys>,
    headers: Vec<&'static str>,
}

impl<W: JsonWebhook> Hook for Described<W> {
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        self.translate_with(request, &ApiAnswers::default())
    }

    fn translate_with(&self, request: &HookRequest, answers: &ApiAnswers) -> Result<Outcome, Refusal> {
        let text;
        let payload = match W::WEBHOOK.form_argument.filter(|_| is_form(request)) {
            None => body(request)?,
            Some(name) => {
                let argument = request.body_argument(name)?;
                text = argument.ok_or_else(|| Refusal::new(format!("argument `{name}` is missing in the form")))?;
                request.json_in(text.as_bytes())?
            }
        };
        let name = match W::WEBHOOK.event {
            None => "",
            Some(header) => {
                let name = request.nonempty_header(header);
                name.ok_or_else(|| Refusal::new(format!("header `{header}` is missing")))?
            }
        };
        self.webhook.translate(&Event { name, payload, request, answers, settings: &self.settings })
    }

    fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
        self.keys.as_ref().map_or(Ok(Proof::NotRequired), |keys| keys.require_proof(request, W::WEBHOOK.proofs))
    }

    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        W::WEBHOOK.recognise(request)
    }

    fn headers(&self) -> &[&'static str] {
        &self.headers
    }

    fn requires_proof(&self) -> bool {
        self.keys.is_some()
    }

    fn warnings(&self) -> Vec<String> {
        [self.webhook.warnings(), self.settings.skips.warnings()].concat()
    }
}

fn is_form(request: &HookRequest) -> bool {
    request.content_type() == "application/x-www-form-urlencoded"
}

/// The JSON that is the body. Its content type does not matter: what is signed is signed, and `curl -d` says that it is a form.
fn body(request: &HookRequest) -> Result<View<'_>, Refusal> {
    request.json().map_err(|refusal| match is_form(request) {
        true => Refusal::new(format!("{refusal} (the body is a form: let the forge send JSON)")),
        false => refusal,
    })
}

/// The schema of all options of a described dialect.
pub(crate) fn schema_of<W: JsonWebhook>(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = W::json_schema(generator);
    let every = EveryOptions::properties(&W::WEBHOOK, generator);
    let own = schema.ensure_object().entry("properties").or_insert_with(|| Map::new().into());
    if let Value::Object(own) = own {
        own.extend(every);
    }
    schema
}

/// What is wrong with the description itself.
pub(crate) fn flaws<W: JsonWebhook>() -> Vec<String> {
    let every = EveryOptions::properties(&W::WEBHOOK, &mut SchemaGenerator::default());
    let own = tables::names::<W>();
    let redefined = own.iter().filter(|name| every.contains_key(*name));
    let redefined = redefined.map(|name| format!("redefines the option `{name}`, which comes with its description"));
    tables::flaws::<W>().into_iter().chain(redefined).chain(W::WEBHOOK.flaws()).collect()
}

/// Makes the hook of a described dialect from its table of options, or says all that is wrong with that.
pub(crate) fn build<W: JsonWebhook>(
    mut table: Map<String, Value>,
    context: &BuildContext<'_>,
) -> Result<Box<dyn Hook>, Vec<Problem>> {
    let mut generator = SchemaGenerator::default();
    let known = tables::names_in(&schema_of::<W>(&mut generator), generator.definitions());
    let mut problems = tables::take_unknown(&mut table, &known);
    let every = EveryOptions::properties(&W::WEBHOOK, &mut generator);
    let (every, own) = table.into_iter().partition(|(name, _)| every.contains_key(name));
    let read = tables::read::<EveryOptions>(every).and_then(|every| {
        let keys = context.keys("secret", every.secret.as_ref());
        let settings = every.settings(&W::WEBHOOK);
        match (keys, settings) {
            (Ok(keys), Ok(settings)) => Ok((keys, settings)),
            (keys, settings) => Err([keys.err(), settings.err()].into_iter().flatten().flatten().collect()),
        }
    });
    let webhook = tables::read::<W>(own);
    problems.extend(webhook.iter().flat_map(W::problems));
    match (read, webhook) {
        (Ok((keys, settings)), Ok(webhook)) if problems.is_empty() => {
            Ok(Box::new(Described { webhook, settings, keys, headers: W::WEBHOOK.headers() }))
        }
        (read, webhook) => {
            problems.extend([read.err(), webhook.err()].into_iter().flatten().flatten());
            Err(problems)
        }
    }
}
