//! The hook: who sent a request, what kind of event it is, and who translates that in which mode.

use std::borrow::Cow;

use hookd_core::{
    ApiAnswers, BuildContext, ChangeArguments, Compat, Hook, HookOptions, HookRequest, Keys, Outcome, Problem, Proof,
    Recognised, Refusal, SignatureHash, SignatureHeader, registry,
};

use crate::class::{Event, EventClass, Handle};
use crate::endpoint::Endpoint;
use crate::options::Options;
use crate::token::Tokens;

const EVENT: &str = "X-GitHub-Event";
const DELIVERY: &str = "X-GitHub-Delivery";

const SIGNATURES: [SignatureHeader; 2] = [
    SignatureHeader { name: "X-Hub-Signature-256", hash: SignatureHash::Sha256 },
    SignatureHeader { name: "X-Hub-Signature", hash: SignatureHash::Sha1 },
];

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// The dialect at work.
pub(crate) struct GitHub {
    pub(crate) compat: Compat,
    pub(crate) options: Options,
    pub(crate) keys: Option<Keys>,
    pub(crate) class: Option<Handle>,
    pub(crate) endpoint: Endpoint,
    pub(crate) tokens: Tokens,
}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        let class = self.class.as_deref().map(registry::find::<EventClass>).transpose();
        GitHub::build(self, class.map(|class| class.map(|class| class.handle)), context)
    }
}

impl GitHub {
    /// The hook of these options with this event class, or what is wrong with the options.
    pub(crate) fn build(
        options: Options,
        class: Result<Option<Handle>, String>,
        context: &BuildContext<'_>,
    ) -> Result<Box<dyn Hook>, Vec<Problem>> {
        let mut problems = Vec::new();
        if options.strict && options.secret.is_none() {
            problems.push(Problem::with("strict", "needs a `secret` to check signatures with"));
        }
        if options.pullrequest_ref.is_empty() {
            problems.push(Problem::with("pullrequest_ref", "is empty, expected a ref such as `merge` or `head`"));
        }
        let keys = context.keys("secret", options.secret.as_ref());
        let tokens = Tokens::read(options.token.as_ref(), context);
        let class = class.map_err(|message| vec![Problem::with("class", message)]);
        let endpoint = Endpoint::parse(&options.github_api_endpoint);
        let endpoint = endpoint.map_err(|message| vec![Problem::with("github_api_endpoint", message)]);
        match (keys, tokens, class, endpoint) {
            (Ok(keys), Ok(tokens), Ok(class), Ok(endpoint)) if problems.is_empty() => {
                Ok(Box::new(GitHub { compat: context.compat, options, keys, class, endpoint, tokens }))
            }
            (keys, tokens, class, endpoint) => {
                let more = [keys.err(), tokens.err(), class.err(), endpoint.err()];
                problems.extend(more.into_iter().flatten().flatten());
                Err(problems)
            }
        }
    }

    /// What the dialect makes of an event, without a class.
    pub(crate) fn built_in(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        match (event.name, self.compat) {
            ("push", Compat::Off) => self.push(event),
            ("push", Compat::Buildbot) => self.buildbot_push(event),
            ("pull_request", Compat::Off) => self.pull_request(event),
            ("pull_request", Compat::Buildbot) => self.buildbot_pull_request(event),
            ("merge_group", Compat::Off) => self.merge_group(event),
            ("merge_group", Compat::Buildbot) => {
                Ok(Outcome::ignored("event `merge_group` makes no change with `compat = \"buildbot\"`"))
            }
            (other, _) => Ok(Outcome::ignored(format!("event `{other}` makes no change"))),
        }
    }
}

impl Hook for GitHub {
    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        Recognised::from_headers(request, EVENT, &[DELIVERY])
    }

    fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
        match &self.keys {
            None => Ok(Proof::NotRequired),
            Some(keys) if self.options.strict => keys.require_signature(request, &SIGNATURES),
            Some(keys) => keys.verify_signature(request, &SIGNATURES),
        }
    }

    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        self.translate_with(request, &ApiAnswers::default())
    }

    fn translate_with(&self, request: &HookRequest, answers: &ApiAnswers) -> Result<Outcome, Refusal> {
        let document = self.document(request)?;
        let payload = request.json_in(&document)?.reading(self.compat);
        let Some(name) = request.header(EVENT) else {
            return Err(Refusal::new(format!("header `{EVENT}` is missing")));
        };
        let arguments = ChangeArguments::new(request);
        let arguments = match self.compat {
            Compat::Off => arguments,
            Compat::Buildbot => arguments.without_project().without_codebase(),
        };
        let event = Event { name, payload, request, arguments, answers, hook: self };
        self.class.and_then(|handle| handle(&event)).unwrap_or_else(|| self.built_in(&event))
    }

    fn headers(&self) -> &'static [&'static str] {
        &[EVENT, DELIVERY, "Content-Type"]
    }

    fn requires_proof(&self) -> bool {
        self.options.strict && self.keys.is_some()
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.keys.is_some() && !self.options.strict {
            warnings.push("`secret` without `strict` accepts requests that are not signed".to_owned());
        }
        warnings.extend(self.options.warnings());
        warnings.extend(self.endpoint.warning());
        warnings.extend(self.tokens.warnings());
        warnings
    }
}

impl GitHub {
    /// The text of the payload: the body, or the argument `payload` of a form.
    fn document<'r>(&self, request: &'r HookRequest) -> Result<Cow<'r, [u8]>, Refusal> {
        match &*request.content_type_in(self.compat) {
            JSON => Ok(Cow::Borrowed(request.body())),
            FORM => {
                let payload = self.form_payload(request)?.map(Cow::Owned);
                payload.ok_or_else(|| Refusal::new("argument `payload` is missing in the form"))
            }
            _ => Err(request.unknown_content_type()),
        }
    }

    /// The argument `payload`. Where there is a secret it must come from the body, which is all that a signature covers;
    /// Buildbot takes it from the query as well.
    fn form_payload(&self, request: &HookRequest) -> Result<Option<Vec<u8>>, Refusal> {
        let payload = if self.compat == Compat::Buildbot && self.keys.is_none() {
            request.argument("payload")?.map(str::to_owned)
        } else {
            request.body_argument("payload")?
        };
        Ok(payload.map(String::into_bytes))
    }
}
