//! Pull requests. As with buildbot-gitea, the change is of the base, into which its source step merges `head_sha`.

use hookd_core::{Change, Event, Json, Outcome, Refusal};

use crate::{Options, add_properties, base, user};

/// Properties, and where in the pull request they are.
const PROPERTIES: [(&str, &str); 14] = [
    ("base_branch", "base.ref"),
    ("base_sha", "base.sha"),
    ("base_repo_id", "base.repo_id"),
    ("base_repository", "base.repo.clone_url"),
    ("base_git_ssh_url", "base.repo.ssh_url"),
    ("head_branch", "head.ref"),
    ("head_sha", "head.sha"),
    ("head_repo_id", "head.repo_id"),
    ("head_repository", "head.repo.clone_url"),
    ("head_git_ssh_url", "head.repo.ssh_url"),
    ("head_owner", "head.repo.owner.username"),
    ("head_reponame", "head.repo.name"),
    ("pr_id", "id"),
    ("pr_number", "number"),
];

impl Options {
    /// The change of a pull request that has something new to build.
    pub(crate) fn pull_request(&self, event: &Event<'_>) -> Result<Outcome, Refusal> {
        let action = event.payload.text("action")?;
        let has_new_target = action == "edited" && event.payload.get("changes.ref").is_some();
        if !has_new_target && !matches!(action, "opened" | "reopened" | "synchronized") {
            return Ok(Outcome::ignored(format!("pull request action \"{action}\" is not built")));
        }
        let pull = event.payload.at("pull_request")?;
        if pull.get("merged") == Some(&Json::Bool(true)) {
            return Ok(Outcome::ignored("the pull request is merged"));
        }
        if self.only_mergeable_pull_request && pull.get("mergeable") != Some(&Json::Bool(true)) {
            return Ok(Outcome::ignored("the pull request is not mergeable"));
        }
        pull.text("head.sha")?;
        let [title, body] = ["title", "body"].map(|text| pull.shown_or_empty(text));
        let mut change = Change {
            author: user(&pull, "user")?,
            branch: Some(pull.text("base.ref")?.to_owned()),
            comments: format!("PR#{}: {}\n\n{}", pull.count("number")?, title?, body?),
            revision: Some(pull.text("base.sha")?.to_owned()),
            revlink: pull.maybe("html_url")?.map(str::to_owned),
            when_timestamp: pull.maybe_date("updated_at")?,
            ..base(event)?
        };
        add_properties(&mut change, &pull, &PROPERTIES)?;
        Ok(event.changes_or(vec![change], "there is nothing to build"))
    }
}
