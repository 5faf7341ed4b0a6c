//! The log in the order of its commits, from deliveries and changes that are read each for themselves.
//!
//! A delivery that was accepted at once comes with its changes. The changes of one that was pending come by themselves, as
//! soon as they may: after the delivery and after all changes before them.

use std::collections::VecDeque;

use super::{CopiedDelivery, Export, Facts};
use crate::{LoggedChange, State, StoreError};

/// What one commit brought to the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A delivery, as it is now, with the changes that it had when it was received.
    Delivery(Box<CopiedDelivery>, Vec<LoggedChange>),
    /// Changes of an earlier delivery, which may have expired; at least one.
    Changes(Vec<LoggedChange>),
}

impl Entry {
    /// About how many bytes of memory it takes.
    pub fn size(&self) -> usize {
        let size = |changes: &[LoggedChange]| -> usize {
            changes.iter().map(|one| 512 + hookd_core::ChangeList::bytes(std::slice::from_ref(&one.change))).sum()
        };
        match self {
            Self::Delivery(delivery, changes) => {
                512 + delivery.request.as_ref().map_or(0, |request| request.body.len()) + size(changes)
            }
            Self::Changes(changes) => size(changes),
        }
    }
}

/// Reads the log of a store.
pub struct Commits {
    deliveries: VecDeque<CopiedDelivery>,
    changes: VecDeque<LoggedChange>,
    /// The numbers that come next, and those after the last ones.
    deliveryid: i64,
    changeid: i64,
    next_deliveryid: i64,
    next_changeid: i64,
}

impl Commits {
    /// Those after these numbers.
    pub fn after(facts: &Facts, deliveryid: i64, changeid: i64) -> Self {
        Self {
            deliveries: VecDeque::new(),
            changes: VecDeque::new(),
            deliveryid: deliveryid + 1,
            changeid: changeid + 1,
            next_deliveryid: facts.next_deliveryid,
            next_changeid: facts.next_changeid,
        }
    }

    /// The last delivery and the last change that were read.
    pub fn place(&self) -> (i64, i64) {
        (self.deliveryid - 1, self.changeid - 1)
    }

    /// The next one; `None` when there is no more.
    ///
    /// # Errors
    /// When the store cannot be read, or its log has a gap.
    pub fn next(&mut self, store: &mut dyn Export) -> Result<Option<Entry>, StoreError> {
        self.fill(store)?;
        let owner = self.changes.front().map(|change| change.deliveryid);
        let next = self.deliveries.front().map(|delivery| delivery.record.deliveryid);
        if let Some(owner) = owner
            && next.is_none_or(|next| owner < next)
        {
            return self.take_changes(store, owner).map(Entry::Changes).map(Some);
        }
        let Some(delivery) = self.deliveries.pop_front() else { return Ok(None) };
        self.deliveryid += 1;
        let deliveryid = delivery.record.deliveryid;
        let is_accepted = delivery.record.state == State::Accepted && !delivery.was_pending;
        let changes = if is_accepted { self.take_changes(store, deliveryid)? } else { Vec::new() };
        if is_accepted && !changes.iter().map(|change| change.changeid).eq(delivery.record.changeids.iter().copied()) {
            return Err(StoreError::Failed(format!("delivery {deliveryid} was accepted, and lacks changes")));
        }
        Ok(Some(Entry::Delivery(Box::new(delivery), changes)))
    }

    /// The next changes, as far as they are of this delivery.
    fn take_changes(&mut self, store: &mut dyn Export, deliveryid: i64) -> Result<Vec<LoggedChange>, StoreError> {
        let mut taken = Vec::new();
        loop {
            self.fill(store)?;
            if self.changes.front().is_none_or(|change| change.deliveryid != deliveryid) {
                return Ok(taken);
            }
            self.changeid += 1;
            taken.extend(self.changes.pop_front());
        }
    }

    /// Reads on where nothing is left.
    fn fill(&mut self, store: &mut dyn Export) -> Result<(), StoreError> {
        if self.deliveries.is_empty() && self.deliveryid < self.next_deliveryid {
            self.deliveries = store.deliveries_after(self.deliveryid - 1)?.into();
            let found = self.deliveries.iter().map(|delivery| delivery.record.deliveryid);
            without_gap("delivery", found, self.deliveryid, self.next_deliveryid)?;
        }
        if self.changes.is_empty() && self.changeid < self.next_changeid {
            self.changes = store.changes_after(self.changeid - 1)?.into();
            let found = self.changes.iter().map(|change| change.changeid);
            without_gap("change", found, self.changeid, self.next_changeid)?;
        }
        Ok(())
    }
}

/// Whether numbers go on from `first`, below `end`.
fn without_gap(what: &str, found: impl Iterator<Item = i64>, first: i64, end: i64) -> Result<(), StoreError> {
    let mut expected = first;
    for number in found {
        if number != expected || number >= end {
            return Err(StoreError::Failed(format!("{what} {number} stands where {expected} is expected")));
        }
        expected += 1;
    }
    if expected == first {
        return Err(StoreError::Failed(format!("{what} {first} is missing")));
    }
    Ok(())
}
