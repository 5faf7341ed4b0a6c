//! Dead letters of a sink: listed, and grouped by equal reason.

use std::cmp::Reverse;
use std::collections::HashMap;

use hookd_store::{Page, Settlement, SettlementKind, Store, StoreError};

/// How many settlements are read at a time.
const READ_SIZE: usize = 1000;

/// How many groups there are at most; dead letters of further reasons are only counted.
const MAX_GROUPS: usize = 1000;

/// Dead letters with the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// The reason: the last answer, or why the change was given up.
    pub(crate) reason: String,
    /// How many there are.
    pub(crate) count: u64,
    /// The first of these changes.
    pub(crate) first: i64,
    /// The last of them.
    pub(crate) last: i64,
}

/// All dead letters of a sink, by their reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Groups {
    /// The largest group first.
    pub(crate) groups: Vec<Group>,
    /// How many dead letters have a reason beyond the first [`MAX_GROUPS`].
    pub(crate) others: u64,
}

/// Calls `visit` with each settlement of a kind at a sink, ascending, until it returns `false`.
pub(crate) fn visit(
    store: &dyn Store,
    sink: &str,
    kind: SettlementKind,
    mut visit: impl FnMut(Settlement) -> bool,
) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let settlements = store.reader().settlements(sink, kind, after, READ_SIZE)?;
        let Some(last) = settlements.last() else { return Ok(()) };
        after = last.changeid;
        for settlement in settlements {
            if !visit(settlement) {
                return Ok(());
            }
        }
    }
}

/// Some of the dead letters, ascending.
pub(crate) fn list(
    store: &dyn Store,
    sink: &str,
    limit: usize,
    mut offset: u64,
) -> Result<Page<Settlement>, StoreError> {
    let total = store.reader().settlement_count(sink, SettlementKind::Dead)?;
    let mut rows = Vec::new();
    if limit > 0 && offset < total {
        visit(store, sink, SettlementKind::Dead, |settlement| {
            if offset > 0 {
                offset -= 1;
            } else {
                rows.push(settlement);
            }
            rows.len() < limit
        })?;
    }
    Ok(Page { rows, total, cut: std::collections::BTreeSet::new() })
}

/// All dead letters, by their reasons.
pub(crate) fn groups(store: &dyn Store, sink: &str) -> Result<Groups, StoreError> {
    let mut found: HashMap<String, Group> = HashMap::new();
    let mut others = 0;
    visit(store, sink, SettlementKind::Dead, |Settlement { changeid, answer, .. }| {
        if let Some(group) = found.get_mut(&answer) {
            group.count += 1;
            group.last = changeid;
        } else if found.len() < MAX_GROUPS {
            let group = Group { reason: answer.clone(), count: 1, first: changeid, last: changeid };
            found.insert(answer, group);
        } else {
            others += 1;
        }
        true
    })?;
    let mut groups: Vec<Group> = found.into_values().collect();
    groups.sort_by_key(|group| (Reverse(group.count), group.first));
    Ok(Groups { groups, others })
}
