//! Reads all of a store: makes its digest, and finds what is wrong with its records.

use std::collections::BTreeMap;

use super::digest::Digester;
use super::{Commits, CopiedDelivery, Digest, Entry, Export, Facts, Progress, Watch};
use crate::{Cursor, LoggedChange, State, StoreError};

/// How many problems are reported; where there is one there are mostly more.
const MAX_PROBLEMS: usize = 50;

/// How many entries are read between two reports.
const REPORT_ENTRIES: u64 = 64;

/// What was found in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// Of all records that could be read.
    pub digest: Digest,
    /// What is wrong, a sentence each; not all where it is much.
    pub problems: Vec<String>,
}

struct Examination {
    facts: Facts,
    digester: Digester,
    problems: Vec<String>,
    /// The changes that are still to come of deliveries that were pending.
    awaited: BTreeMap<i64, Vec<i64>>,
    pending: u64,
}

/// Reads all of a store; `None` if whoever watches stops it. Checked are: that numbers have no gaps, that each delivery has
/// its changes and each change its delivery, that each request can be read, that identities are those that the key makes,
/// that each pending delivery has its next attempt, and that cursors and settlements are about changes that exist.
///
/// # Errors
/// When the store cannot be read for another reason than damage.
pub fn examine(store: &mut dyn Export, watch: Watch<'_>) -> Result<Option<Examined>, StoreError> {
    let mut examination = Examination {
        facts: store.facts()?,
        digester: Digester::new(),
        problems: Vec::new(),
        awaited: BTreeMap::new(),
        pending: 0,
    };
    examination.digester.facts(&examination.facts);
    match examination.log(store, watch) {
        Ok(true) => {}
        Ok(false) => return Ok(None),
        // What is damaged cannot be read beyond.
        Err(StoreError::Failed(why)) => {
            examination.problems.push(why);
            return Ok(Some(examination.finish()));
        }
        Err(error) => return Err(error),
    }
    if !examination.beside(store, watch)? {
        return Ok(None);
    }
    Ok(Some(examination.finish()))
}

impl Examination {
    fn finish(self) -> Examined {
        Examined { digest: self.digester.finish(), problems: self.problems }
    }

    fn problem(&mut self, problem: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }

    /// Reads the log; `false` if it is stopped.
    fn log(&mut self, store: &mut dyn Export, watch: Watch<'_>) -> Result<bool, StoreError> {
        let Facts { first_deliveryid, next_deliveryid, first_changeid, next_changeid, .. } = self.facts;
        let total = Some((next_deliveryid - first_deliveryid + next_changeid - first_changeid).unsigned_abs());
        let mut commits = Commits::after(&self.facts, first_deliveryid - 1, first_changeid - 1);
        let mut read = 0;
        while let Some(entry) = commits.next(store)? {
            match entry {
                Entry::Delivery(delivery, changes) => {
                    self.delivery(&delivery);
                    changes.iter().for_each(|change| self.change(change));
                }
                Entry::Changes(changes) => {
                    self.late(&changes);
                    changes.iter().for_each(|change| self.change(change));
                }
            }
            read += 1;
            if read % REPORT_ENTRIES == 0 {
                let (deliveryid, changeid) = commits.place();
                let done = (deliveryid - first_deliveryid + changeid - first_changeid + 2).unsigned_abs();
                if !watch(Progress { step: "reading the log", done, total }) {
                    return Ok(false);
                }
            }
        }
        let lacking: Vec<i64> = self.awaited.keys().copied().collect();
        for deliveryid in lacking {
            self.problem(format!("delivery {deliveryid} was accepted after its calls, and lacks changes"));
        }
        Ok(true)
    }

    fn delivery(&mut self, delivery: &CopiedDelivery) {
        self.digester.delivery(delivery);
        let record = &delivery.record;
        let deliveryid = record.deliveryid;
        let range = self.facts.first_changeid..self.facts.next_changeid;
        if record.state == State::Accepted {
            if record.changeids.is_empty() || !record.changeids.iter().all(|changeid| range.contains(changeid)) {
                self.problem(format!("delivery {deliveryid} was accepted, and lacks changes"));
            } else if delivery.was_pending {
                self.awaited.insert(deliveryid, record.changeids.clone());
            }
        } else if !record.changeids.is_empty() {
            self.problem(format!("delivery {deliveryid} was not accepted, and has changes"));
        }
        if record.state == State::Pending {
            self.pending += 1;
            if delivery.waiting.is_none() {
                self.problem(format!(
                    "delivery {deliveryid} is pending, and has neither its outcome nor a next attempt"
                ));
            }
            if record.size > 0 && delivery.request.is_none() {
                self.problem(format!("delivery {deliveryid} is pending, and its request is lost"));
            }
        }
        if let Some(request) = &delivery.request
            && request.body.len() as u64 != record.size
        {
            self.problem(format!("the request of delivery {deliveryid} has another size than it says"));
        }
        // That of a replay comes from who asked for it, and no request tells it once that has expired.
        let is_known = record.replay_of.is_none() && (delivery.request.is_some() || record.polled_by().is_some());
        if let Some(identity) = delivery.identity.filter(|_| is_known)
            && self.facts.identity_key.identity(&delivery.as_received(Vec::new())) != Some(identity)
        {
            self.problem(format!("delivery {deliveryid} would not be found if it were sent again"));
        }
    }

    /// Changes that came after their delivery.
    fn late(&mut self, changes: &[LoggedChange]) {
        let Some(first) = changes.first() else { return };
        if first.deliveryid < self.facts.first_deliveryid {
            return;
        }
        let expected = self.awaited.remove(&first.deliveryid).unwrap_or_default();
        if !expected.iter().copied().eq(changes.iter().map(|change| change.changeid)) {
            self.problem(format!("change {} is not one of its delivery {}", first.changeid, first.deliveryid));
        }
    }

    fn change(&mut self, change: &LoggedChange) {
        self.digester.change(change);
    }

    /// Reads all that is beside the log; `false` if it is stopped.
    fn beside(&mut self, store: &mut dyn Export, watch: Watch<'_>) -> Result<bool, StoreError> {
        let (mut pending, mut after) = (0, 0);
        while let Some(last) = {
            let some = store.pending_after(after)?;
            pending += some.len() as u64;
            some.last().map(|due| due.deliveryid)
        } {
            after = last;
        }
        if pending != self.pending {
            self.problem(format!("{} deliveries are pending, and {pending} of them have a next attempt", self.pending));
        }
        let Facts { first_changeid, next_changeid, cursor_version, .. } = self.facts;
        for cursor in store.cursors()? {
            self.digester.cursor(&cursor);
            let Cursor { name, version, position, done, .. } = &cursor;
            if *position >= next_changeid || done.iter().any(|changeid| *changeid >= next_changeid) {
                self.problem(format!("cursor {name} is beyond the newest change"));
            }
            if *version > cursor_version {
                self.problem(format!("cursor {name} has a version that was never given"));
            }
            let (mut after, mut done) = (0, 0);
            loop {
                let settlements = store.settlements_after(name, after)?;
                let Some(last) = settlements.last() else { break };
                after = last.changeid;
                done += settlements.len() as u64;
                for settlement in &settlements {
                    self.digester.settlement(name, settlement);
                    let changeid = settlement.changeid;
                    if !(first_changeid..next_changeid).contains(&changeid) {
                        self.problem(format!("cursor {name} has settled change {changeid}, which is not there"));
                    }
                }
                if !watch(Progress { step: "reading the settlements", done, total: None }) {
                    return Ok(false);
                }
            }
        }
        for poller in store.pollers()? {
            match store.positions(&poller)? {
                Some(positions) => self.digester.positions(&poller, &positions),
                None => self.problem(format!("poller {poller} has no positions")),
            }
        }
        Ok(true)
    }
}
