//! What people look for among deliveries, and when a delivery matches.
//!
//! A search is more than a [`Query`](crate::Query): it asks a delivery and its changes together, whatever the case of
//! letters. [`Search::matches`] is the law; a store finds the same with an index.

use hookd_core::{Change, Subject};

use crate::{DeliveryRecord, Due, State};

/// From this many characters on the beginning of a revision or of a forge's id is found; with fewer only the whole.
pub const MIN_BEGINNING_CHARS: usize = 4;

/// Which deliveries to look for. All that is given must match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Each of them must be found, whatever the case of its letters: as a part of the dialect, event or reason of the
    /// delivery, or of the repository, branch, author, project, category or codebase of any of its changes; as the
    /// beginning of the forge's id or of a change's revision ([`MIN_BEGINNING_CHARS`]); or as the number of the delivery.
    pub words: Vec<String>,
    /// Any of these states; none given is any.
    pub states: Vec<State>,
    /// This dialect, whatever the case of letters.
    pub dialect: Option<String>,
    /// This event, in the same way.
    pub event: Option<String>,
    /// With a change of this repository, in the same way: its whole address, or what follows a `/` or `:` in it, such as
    /// `octo/tea`. A `.git` or `/` at the end does not count.
    pub repository: Option<String>,
    /// Only deliveries with a smaller number.
    pub before: Option<i64>,
}

/// A pending delivery as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Its next attempt.
    pub due: Due,
    /// What it is about.
    pub about: Subject,
}

/// A text as it is compared: in lower case.
pub fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// Whether a repository is the one that somebody means, both [folded](fold); see [`Search::repository`].
pub fn is_repository(repository: &str, wanted: &str) -> bool {
    let bare = |text| -> &str {
        let text = str::trim_end_matches(text, '/');
        text.strip_suffix(".git").unwrap_or(text)
    };
    match bare(repository).strip_suffix(bare(wanted)) {
        Some(before) => before.is_empty() || before.ends_with(['/', ':']) || bare(wanted).starts_with(['/', ':']),
        None => false,
    }
}

/// Whether an id is found by this word, both [folded](fold).
fn is_id(id: &str, word: &str) -> bool {
    id == word || (word.chars().count() >= MIN_BEGINNING_CHARS && id.starts_with(word))
}

impl Search {
    /// Whether a delivery matches, with all of its changes, and with what it is about while it is pending. `before` is not
    /// looked at.
    pub fn matches(&self, delivery: &DeliveryRecord, changes: &[Change], about: Option<&Subject>) -> bool {
        let is_same = |text: &str, wanted: &str| fold(text) == fold(wanted);
        let Self { words, states, dialect, event, repository, before: _ } = self;
        (states.is_empty() || states.contains(&delivery.state))
            && dialect.as_ref().is_none_or(|wanted| is_same(&delivery.dialect, wanted))
            && event.as_ref().is_none_or(|wanted| delivery.event.as_ref().is_some_and(|event| is_same(event, wanted)))
            && repository.as_ref().is_none_or(|wanted| {
                let mut repositories = changes.iter().map(|change| &change.repository);
                let about = about.map(|about| &about.repository);
                repositories.by_ref().chain(about).any(|one| is_repository(&fold(one), &fold(wanted)))
            })
            && words.iter().all(|word| has_word(delivery, changes, about, &fold(word)))
    }
}

fn has_word(delivery: &DeliveryRecord, changes: &[Change], about: Option<&Subject>, word: &str) -> bool {
    let has = |text: &str| fold(text).contains(word);
    let may_have = |text: &Option<String>| text.as_deref().is_some_and(has);
    let may_be_id = |id: &Option<String>| id.as_deref().is_some_and(|id| is_id(&fold(id), word));
    let DeliveryRecord { deliveryid, dialect, forge_id, event, reason, .. } = delivery;
    has(dialect)
        || may_have(event)
        || may_have(reason)
        || may_be_id(forge_id)
        || word.parse() == Ok(*deliveryid)
        || about.is_some_and(|about| has(&about.repository) || may_have(&about.branch) || may_be_id(&about.revision))
        || changes.iter().any(|change| {
            let Change { author, branch, category, codebase, project, repository, revision, .. } = change;
            [author, codebase, project, repository].into_iter().any(|text| has(text))
                || may_have(branch)
                || may_have(category)
                || may_be_id(revision)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_found_by_its_address_and_by_the_end_of_it() {
        let tea = "https://github.com/octo/tea";
        for wanted in [tea, "octo/tea", "tea", "/octo/tea", "https://github.com/octo/tea.git", "octo/tea/"] {
            assert!(is_repository(tea, wanted), "{wanted}");
            assert!(is_repository("https://github.com/octo/tea.git", wanted), "{wanted}");
        }
        assert!(is_repository("git@example.org:octo/tea.git", "octo/tea"));
        for other in ["ea", "octo", "o/tea", "octo/tea-pot", "https://github.com/octo/te"] {
            assert!(!is_repository(tea, other), "{other}");
        }
        assert!(!is_repository("", "tea") && !is_repository("https://github.com/octo/tea-pot", "octo/tea"));
    }
}
