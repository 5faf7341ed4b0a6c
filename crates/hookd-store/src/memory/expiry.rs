//! Expiry of a store in memory: the oldest commits go first, a few at a time.

use super::data::{Commit, Data};
use crate::{Cursor, Expired, Expiry, Timestamp};

/// How many commits one step deletes, or takes the requests of.
const STEP_COMMITS: usize = 50;

impl Data {
    pub(super) fn expire(&mut self, expiry: &Expiry) -> Expired {
        let mut expired = Expired::default();
        if let Some(before) = expiry.payloads_before {
            self.expire_requests(self.aged(before, expiry.now), &mut expired);
        }
        if let Some(before) = expiry.changes_before {
            let passed = self.passed().min(self.before_pending());
            self.expire_commits(self.aged(before, expiry.now).min(passed), &mut expired);
        }
        expired
    }

    /// How many of the first commits are older than `before`. One that is dated later than `now` is as old as the next
    /// that is not.
    fn aged(&self, before: Timestamp, now: Timestamp) -> usize {
        let is_misdated = |commit: &Commit| commit.received_at > now;
        let is_young = |commit: &Commit| !is_misdated(commit) && commit.received_at >= before;
        let young = self.commits.iter().position(is_young).unwrap_or(self.commits.len());
        let last = self.commits.iter().take(young).rposition(|commit| !is_misdated(commit));
        last.map_or(0, |last| last + 1)
    }

    /// How many of the first commits every cursor has passed.
    fn passed(&self) -> usize {
        let Some(needed) = self.cursors.values().map(Cursor::first_not_done).min() else { return self.commits.len() };
        let is_needed = |commit: &Commit| commit.changeids.last().is_some_and(|last| *last >= needed);
        self.commits.iter().position(is_needed).unwrap_or(self.commits.len())
    }

    /// How many commits come before the first pending delivery.
    fn before_pending(&self) -> usize {
        let is_pending = |commit: &Commit| commit.deliveryid.is_some_and(|id| self.pending.contains_key(&id));
        self.commits.iter().position(is_pending).unwrap_or(self.commits.len())
    }

    fn expire_requests(&mut self, commits: usize, expired: &mut Expired) {
        let deliveryids = self.commits.iter().take(commits).filter_map(|commit| commit.deliveryid);
        let has_request = |id: &i64| {
            !self.pending.contains_key(id) && self.deliveries.get(id).is_some_and(|stored| stored.request.is_some())
        };
        let mut deliveryids: Vec<i64> = deliveryids.filter(has_request).take(STEP_COMMITS + 1).collect();
        expired.has_more |= deliveryids.len() > STEP_COMMITS;
        deliveryids.truncate(STEP_COMMITS);
        for deliveryid in deliveryids {
            if let Some(stored) = self.deliveries.get_mut(&deliveryid) {
                stored.request = None;
                expired.requests += 1;
            }
        }
    }

    fn expire_commits(&mut self, commits: usize, expired: &mut Expired) {
        expired.has_more |= commits > STEP_COMMITS;
        for _ in 0..commits.min(STEP_COMMITS) {
            let Some(commit) = self.commits.pop_front() else { break };
            for changeid in commit.changeids {
                self.changes.remove(&changeid);
                expired.changes += 1;
            }
            if let Some(deliveryid) = commit.deliveryid {
                self.forget(deliveryid);
                expired.deliveries += 1;
            }
        }
        let first = self.changes.keys().next().copied().unwrap_or(i64::MAX);
        self.settlements.retain(|(_, changeid), _| *changeid >= first);
    }
}
