//! A dialect for a forge that signs JSON, as somebody else would write it.

use hookd_core::{
    Change, Dialect, Event, JsonWebhook, Outcome, Problem, ProofHeader, Refusal, View, Webhook, inventory,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// Options of the dialect `kettle`.
#[derive(Deserialize, JsonSchema)]
#[serde(default)]
struct Kettle {
    /// The branches whose pushes make changes; those of all without this option.
    branches: Vec<String>,
    /// The category of the changes of a push. It must not be `release`.
    category: String,
}

impl Default for Kettle {
    fn default() -> Self {
        Self { branches: Vec::new(), category: "push".to_owned() }
    }
}

impl JsonWebhook for Kettle {
    const WEBHOOK: Webhook = Webhook::new()
        .event("X-Kettle-Event")
        .delivery("X-Kettle-Delivery")
        .proofs(&[
            ProofHeader::token("X-Kettle-Token"),
            ProofHeader::hmac_sha256("X-Kettle-Signature"),
            ProofHeader::hmac_sha256("X-Hub-Signature-256").with_prefix("sha256="),
        ])
        .form_argument("payload")
        .reads(&["X-Kettle-Instance"])
        .skips(&[r"\[skip ci\]"]);

    fn translate(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        match event.name {
            "push" => self.push(event),
            _ => Ok(event.not_built()),
        }
    }

    fn problems(&self) -> Vec<Problem> {
        let is_release = self.category == "release";
        is_release.then(|| Problem::with("category", "is for releases")).into_iter().collect()
    }

    fn warnings(&self) -> Vec<String> {
        let has_empty = self.branches.iter().any(String::is_empty);
        has_empty.then(|| "`branches`: no branch has an empty name".to_owned()).into_iter().collect()
    }
}

impl Kettle {
    fn push(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let push = event.payload;
        let Some(branch) = push.git_ref("ref")? else { return Ok(Outcome::ignored("not a branch")) };
        if !self.branches.is_empty() && !self.branches.iter().any(|built| built == branch.name) {
            return Ok(Outcome::ignored(format!("{branch} is not built")));
        }
        let mut base = Change {
            branch: Some(branch.name.to_owned()),
            category: Some(self.category.clone()),
            src: Some("git".to_owned()),
            ..event.change(push.text("repository.url")?)?
        };
        if let Some(instance) = event.request.header("X-Kettle-Instance") {
            base.properties.insert("instance".to_owned(), instance.into());
        }
        let commits = push.list("commits")?;
        let changes = push.collect_changes(commits.iter().map(|commit| change(commit, &base)))?;
        Ok(event.changes_or(changes, "the push has no commits"))
    }
}

fn change(commit: &View<'_>, base: &Change) -> Result<Change, Refusal> {
    Ok(Change {
        author: commit.person("author.name", "author.email")?.unwrap_or_default(),
        comments: commit.maybe("message")?.unwrap_or_default().to_owned(),
        revision: Some(commit.text("id")?.to_owned()),
        ..base.clone()
    })
}

inventory::submit! { Dialect::json_webhook::<Kettle>("kettle", "A forge of the tests.") }
