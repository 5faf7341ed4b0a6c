//! The options of the dialect, and the hook that they make.

use std::collections::BTreeSet;

use hookd_core::{BuildContext, Hook, HookOptions, PathStep, Problem, Skips};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::change::ChangeTemplate;
use crate::condition::Condition;
use crate::header::{HeaderName, HeaderSource};
use crate::hook::JsonHook;
use crate::proof::ProofOptions;

/// Options of the class `json`: webhooks that nobody has written a dialect for, described here.
///
/// Give the dialect a name of your choice, `[change_hook_dialects.NAME]` with `custom_class = "json"`, and have the service
/// send its JSON to `https://HOST/change_hook/NAME`. In values of the change, braces hold a place of the payload:
/// `{author.name}` is a place in the element that the change is made of (see `each`), `{.repository.url}` one in the whole
/// payload, `{branch}` also what a named group of a condition has found. `{a|b}` is the first of several that has a value,
/// `{a?}` may have none, and `{{` and `}}` are braces.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub struct Options {
    /// What proves who sent a request: `{ header = "X-Signature", scheme = "hmac-sha256", secret = { env = "NAME" } }`. The
    /// schemes are `hmac-sha256`, `hmac-sha1` and `token`, a `prefix` such as `sha256=` may stand before it. Without it,
    /// protect the URL with `change_hook_auth` or `allow_from`.
    #[serde(default)]
    pub proof: Option<ProofOptions>,

    /// The header with the service's id of a delivery, which is the same when it sends one again: `{ header = "X-Delivery" }`.
    /// Without it, a request that is sent again makes its changes again.
    #[serde(default)]
    pub delivery: Option<HeaderSource>,

    /// The header with the kind of event, which pages and metrics show: `{ header = "X-Event" }`.
    #[serde(default)]
    pub event: Option<HeaderSource>,

    /// The argument that holds the JSON, for services that send a form. Without it the body is the JSON.
    #[serde(default)]
    pub payload_argument: Option<String>,

    /// Which requests make changes: those that meet all of these conditions, such as `{ path = "action", in = ["pushed"] }` or
    /// `{ path = "ref", re = "^refs/heads/(?P<branch>.+)$" }`. The reason of the others says which one they do not meet.
    #[serde(default)]
    pub when: Vec<Condition>,

    /// The list of the payload of which each element makes a change, oldest first, such as `"commits"`. Without it, the whole
    /// payload makes one.
    #[serde(default)]
    pub each: Option<String>,

    /// What a change is made of: texts for its fields, with places of the payload in braces.
    pub change: ChangeTemplate,

    /// Regular expressions: there is no change when one of them is found in the message of the last one. None without this
    /// option.
    #[serde(default)]
    pub skips: Skips,
}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        let mut problems = Vec::new();
        for (index, condition) in self.when.iter().enumerate() {
            if let Some(message) = condition.problem() {
                let path = vec![PathStep::Key("when".to_owned()), PathStep::Index(index)];
                problems.push(Problem { path, message: message.to_owned() });
            }
        }
        let mut groups = BTreeSet::new();
        for name in self.when.iter().flat_map(Condition::group_names) {
            if !groups.insert(name) {
                problems.push(Problem::with("when", format!("two groups have the name `{name}`")));
            }
        }
        if self.each.as_ref().is_some_and(|path| path.split('.').any(str::is_empty)) {
            problems.push(Problem::with("each", "expected keys joined by dots, such as `commits`"));
        }
        let headers = [("delivery", self.delivery), ("event", self.event)];
        let mut kept: Vec<(&str, HeaderName)> =
            headers.into_iter().filter_map(|(option, source)| Some((option, source?.header))).collect();
        kept.extend(self.when.iter().filter_map(|condition| Some(("when", condition.header()?))));
        let proof = match self.proof.map(|proof| proof.build(context)).transpose() {
            Ok(proof) => proof,
            Err(wrong) => {
                problems.extend(wrong);
                None
            }
        };
        for (option, header) in &kept {
            let is_proof = proof.as_ref().is_some_and(|(proof, _)| proof.name().eq_ignore_ascii_case(header.0));
            if is_proof || !header.may_be_kept() {
                let message = format!("header `{}` carries a secret or a proof, which is not kept", header.0);
                problems.push(Problem::with(option, message));
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut names: Vec<&'static str> = kept.into_iter().map(|(_, header)| header.0).collect();
        names.push("Content-Type");
        names.sort_unstable();
        names.dedup();
        Ok(Box::new(JsonHook {
            proof,
            delivery: self.delivery.map(|source| source.header),
            event: self.event.map(|source| source.header),
            payload_argument: self.payload_argument,
            when: self.when,
            each: self.each,
            change: self.change,
            skips: self.skips,
            headers: names,
        }))
    }
}
