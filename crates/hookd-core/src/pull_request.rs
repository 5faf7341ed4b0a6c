//! What pull requests of several forges have in common.

use crate::{Refusal, View};

/// What happened to a pull request, as far as it decides whether it is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullRequestEvent {
    /// It is new.
    Opened,
    /// It was closed, and is open again.
    Reopened,
    /// It got other commits.
    NewCommits,
    /// It is to be merged into another branch.
    NewTarget,
    /// Anything else: a title, a label, a review, a draft that is ready.
    Other,
}

impl PullRequestEvent {
    /// Whether there is something to build that was not built: the one rule for all forges, as far as they say what
    /// happened. Buildbot's own rules are in the modes for it.
    pub fn is_built(self) -> bool {
        self.stage().is_some()
    }

    /// The stage of a pull request in which it is built after this, in the terms of Buildbot's Bitbucket hooks.
    pub fn stage(self) -> Option<PullRequestStage> {
        match self {
            PullRequestEvent::Opened | PullRequestEvent::Reopened => Some(PullRequestStage::Created),
            PullRequestEvent::NewCommits | PullRequestEvent::NewTarget => Some(PullRequestStage::Updated),
            PullRequestEvent::Other => None,
        }
    }
}

/// What happened to a pull request, in the terms of Buildbot's Bitbucket hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PullRequestStage {
    /// It was opened.
    Created,
    /// It got new commits, or another target.
    Updated,
    /// It was merged.
    Fulfilled,
    /// It was declined or deleted.
    Rejected,
}

impl PullRequestStage {
    /// The category of its change.
    pub fn category(self) -> &'static str {
        match self {
            PullRequestStage::Created => "pull-created",
            PullRequestStage::Updated => "pull-updated",
            PullRequestStage::Fulfilled => "pull-fulfilled",
            PullRequestStage::Rejected => "pull-rejected",
        }
    }

    /// Whether it may still be merged.
    pub fn is_open(self) -> bool {
        matches!(self, PullRequestStage::Created | PullRequestStage::Updated)
    }
}

/// The comments of a change of `pull`: `heading`, then its `title` and `description`, where it has them, each on a line
/// of its own.
///
/// # Errors
/// As [`View::maybe`].
pub fn pull_request_comments(heading: &str, pull: &View<'_>) -> Result<String, Refusal> {
    let mut comments = heading.to_owned();
    for path in ["title", "description"] {
        if let Some(text) = pull.maybe_nonempty(path)? {
            comments.push('\n');
            comments.push_str(text);
        }
    }
    Ok(comments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_rule_for_what_is_built() {
        for (event, category) in [
            (PullRequestEvent::Opened, Some("pull-created")),
            (PullRequestEvent::Reopened, Some("pull-created")),
            (PullRequestEvent::NewCommits, Some("pull-updated")),
            (PullRequestEvent::NewTarget, Some("pull-updated")),
            (PullRequestEvent::Other, None),
        ] {
            assert_eq!(event.stage().map(PullRequestStage::category), category, "{event:?}");
            assert_eq!(event.is_built(), category.is_some(), "{event:?}");
        }
    }

    #[test]
    fn comments_are_what_is_there() {
        for (pull, expected) in [
            (r#"{"title": "Add milk", "description": "After the tea."}"#, "#7\nAdd milk\nAfter the tea."),
            (r#"{"title": "Add milk", "description": ""}"#, "#7\nAdd milk"),
            (r#"{"title": 5, "description": ["After"]}"#, "#7"),
            ("{}", "#7"),
        ] {
            assert_eq!(View::read(pull.as_bytes(), |pull| pull_request_comments("#7", &pull)).unwrap(), expected);
        }
    }
}
