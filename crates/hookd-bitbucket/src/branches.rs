//! Which commit of a push is on which branch.
//!
//! The service names a branch with the newest commit of it alone, and mostly lists the oldest commit first.

use std::collections::{HashMap, HashSet};

use hookd_core::{Change, Json, Outcome, Refusal, Skips, View};

/// Puts the oldest commit first, as far as the parents show which that is.
pub(crate) fn sort(commits: &mut [View<'_>]) {
    let parents: HashSet<&str> = commits.iter().flat_map(parents_of).collect();
    let is_parent = |commit: Option<&View<'_>>| commit.and_then(node_of).map(|node| parents.contains(node));
    if is_parent(commits.first()) == Some(false) && is_parent(commits.last()) == Some(true) {
        commits.reverse();
    }
}

/// The branch of each commit. One that names none is on the branch of the commit that follows on it: the one whose parent it
/// is, else the next one that has a branch, else the last.
pub(crate) fn of<'p>(commits: &[View<'p>]) -> Result<Vec<Option<&'p str>>, Refusal> {
    let mut branches = commits.iter().map(own_branch).collect::<Result<Vec<_>, _>>()?;
    let index_of: HashMap<&str, usize> =
        commits.iter().enumerate().filter_map(|(index, commit)| Some((node_of(commit)?, index))).collect();
    // From children to parents. One that has a branch is not visited again.
    let mut waiting: Vec<usize> = (0..commits.len()).rev().filter(|index| branches[*index].is_some()).collect();
    while let Some(index) = waiting.pop() {
        for parent in parents_of(&commits[index]).filter_map(|node| index_of.get(node).copied()) {
            if branches[parent].is_none() {
                branches[parent] = branches[index];
                waiting.push(parent);
            }
        }
    }
    let mut next = branches.iter().rev().find_map(|branch| *branch);
    for branch in branches.iter_mut().rev() {
        next = branch.or(next);
        *branch = next;
    }
    Ok(branches)
}

/// The branch that a commit itself names.
fn own_branch<'p>(commit: &View<'p>) -> Result<Option<&'p str>, Refusal> {
    let first = || match commit.get("branches") {
        Some(Json::List([Json::Text(branch), ..])) => Some(*branch),
        _ => None,
    };
    Ok(commit.maybe_nonempty("branch")?.or_else(first))
}

/// Removes the changes of branches whose last one asks for it, and returns the outcome where none are left for that.
pub(crate) fn skip(changes: &mut Vec<Change>, skips: &Skips) -> Option<Outcome> {
    if skips.is_empty() {
        return None;
    }
    let mut heads: HashMap<Option<String>, Option<Outcome>> = HashMap::new();
    for change in changes.iter().rev() {
        heads.entry(change.branch.clone()).or_insert_with(|| skips.outcome(&change.comments));
    }
    changes.retain(|change| heads[&change.branch].is_none());
    if changes.is_empty() { heads.into_values().flatten().next() } else { None }
}

/// The short hash by which commits name their parents.
fn node_of<'p>(commit: &View<'p>) -> Option<&'p str> {
    text(commit.get("node")?)
}

fn parents_of<'p>(commit: &View<'p>) -> impl Iterator<Item = &'p str> + use<'p> {
    let parents = match commit.get("parents") {
        Some(Json::List(parents)) => *parents,
        _ => &[],
    };
    parents.iter().filter_map(text)
}

fn text<'p>(json: &'p Json<'p>) -> Option<&'p str> {
    if let Json::Text(text) = json { Some(text) } else { None }
}
