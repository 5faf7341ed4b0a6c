//! A dialect for tests, whose steps are closures.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hookd_config::{Config, ConfigHandle, ServedDialect};
use hookd_core::{ApiAnswers, Change, Hook, HookRequest, KeptHeaders, Method, Outcome, Proof, Recognised, Refusal};

type Translate = dyn Fn(&HookRequest, &ApiAnswers) -> Result<Outcome, Refusal> + Send + Sync;

/// The name of the dialect.
pub(crate) const NAME: &str = "scripted";

/// The token that verifies a request, in the header `X-Token`. A request without that header needs no proof.
pub(crate) const TOKEN: &str = "right";

/// The hook of the dialect.
pub(crate) struct Scripted(Box<Translate>);

impl Scripted {
    /// A hook that translates as this closure does.
    pub(crate) fn new(
        translate: impl Fn(&HookRequest, &ApiAnswers) -> Result<Outcome, Refusal> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(translate))
    }

    /// The dialect with this hook, which retries API calls for this long.
    pub(crate) fn served(self, api_budget: Duration) -> Arc<ServedDialect> {
        Arc::new(ServedDialect {
            name: NAME.to_owned(),
            class: NAME,
            kept: KeptHeaders::of(&self, []).expect("it keeps no secret"),
            hook: Box::new(self),
            deduplicate: true,
            api_budget,
            auth: None,
            allow_from: None,
        })
    }
}

impl Hook for Scripted {
    fn recognise<'r>(&self, request: &'r HookRequest) -> Recognised<'r> {
        Recognised::from_headers(request, "X-Event", &["X-Id"])
    }

    fn verify(&self, request: &HookRequest) -> Result<Proof, Refusal> {
        match request.header("X-Token") {
            None => Ok(Proof::NotRequired),
            Some(TOKEN) => Ok(Proof::by_key(1)),
            Some("panic") => panic!("on purpose"),
            Some(_) => Err(Refusal::new("wrong token")),
        }
    }

    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        self.translate_with(request, &ApiAnswers::default())
    }

    fn translate_with(&self, request: &HookRequest, answers: &ApiAnswers) -> Result<Outcome, Refusal> {
        (self.0)(request, answers)
    }

    fn headers(&self) -> &[&'static str] {
        &["X-Event", "X-Id"]
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::Post]
    }
}

/// An outcome of one change with these comments.
pub(crate) fn one_change(comments: &str) -> Outcome {
    Outcome::Changes(vec![Change { comments: comments.to_owned(), ..Change::default() }])
}

/// A configuration of this text, which serves this dialect besides.
pub(crate) fn config(text: &str, dialect: Option<Arc<ServedDialect>>) -> Arc<ConfigHandle> {
    let mut config = Config::parse("hookd.toml", text, Path::new("/")).expect("the text is valid");
    config.dialects.extend(dialect.map(|dialect| (dialect.name.clone(), dialect)));
    Arc::new(ConfigHandle::new("hookd.toml".into(), config))
}
