//! The data of a store in memory, and what each write does to it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use hookd_core::{Change, Subject};

use crate::{
    Completion, Cursor, CursorMove, DeliveryRecord, Due, Identity, IdentityKey, KeptChanges, LoggedChange, Moved,
    NewDelivery, NewState, PositionMove, Positions, Receipt, Settlement, StoreError, StoredRequest, Timestamp, Waiting,
    hookd_id, shortened,
};

/// The log and its cursors.
pub(super) struct Data {
    /// The store's own name, part of the ids of its changes.
    instance: String,
    /// The commits that have not expired, oldest first.
    pub(super) commits: VecDeque<Commit>,
    pub(super) deliveries: BTreeMap<i64, StoredDelivery>,
    pub(super) changes: BTreeMap<i64, LoggedChange>,
    pub(super) pending: BTreeMap<i64, Waiting>,
    pub(super) cursors: BTreeMap<String, Cursor>,
    /// How changes ended at the readers of the log, by cursor and change.
    pub(super) settlements: BTreeMap<(String, i64), Settlement>,
    /// The positions of each poller.
    pub(super) positions: BTreeMap<String, Positions>,
    identity_key: IdentityKey,
    /// The last delivery of each identity that was accepted or pending when it was received.
    by_identity: HashMap<Identity, i64>,
    newest_deliveryid: i64,
    newest_changeid: i64,
    newest_version: u64,
}

/// One transaction of the log: a delivery with its changes, or the changes of a completion.
pub(super) struct Commit {
    /// When the delivery was received.
    pub(super) received_at: Timestamp,
    /// The delivery, unless this is a completion.
    pub(super) deliveryid: Option<i64>,
    pub(super) changeids: Vec<i64>,
}

/// A delivery with its receipt.
pub(super) struct StoredDelivery {
    pub(super) record: DeliveryRecord,
    /// `None` if there was none, or it has expired.
    pub(super) request: Option<StoredRequest>,
    identity: Option<Identity>,
    receipt: Receipt,
}

impl StoredDelivery {
    /// The bytes of the body that is kept.
    pub(super) fn body_bytes(&self) -> u64 {
        self.request.as_ref().map_or(0, |request| request.body.len() as u64)
    }
}

impl Data {
    pub(super) fn new() -> Self {
        Self {
            instance: format!("{:016x}", RandomState::new().hash_one(())),
            commits: VecDeque::new(),
            deliveries: BTreeMap::new(),
            changes: BTreeMap::new(),
            pending: BTreeMap::new(),
            cursors: BTreeMap::new(),
            settlements: BTreeMap::new(),
            positions: BTreeMap::new(),
            identity_key: random_key(),
            by_identity: HashMap::new(),
            newest_deliveryid: 0,
            newest_changeid: 0,
            newest_version: 0,
        }
    }

    pub(super) fn newest_changeid(&self) -> i64 {
        self.newest_changeid
    }

    fn kept_changes(&self) -> KeptChanges {
        let first = self.changes.keys().next().copied().unwrap_or(self.newest_changeid + 1);
        KeptChanges { first, newest: self.newest_changeid }
    }

    pub(super) fn append(&mut self, delivery: NewDelivery) -> Result<Receipt, StoreError> {
        let identity = self.identity_key.identity(&delivery);
        if let Some(receipt) = identity.filter(|_| delivery.deduplicate).and_then(|it| self.earlier_receipt(it)) {
            return Ok(Receipt { is_duplicate: true, ..receipt });
        }
        let reason = delivery.reason().map(str::to_owned);
        let NewDelivery {
            received_at,
            dialect,
            event,
            forge_id,
            deduplicate: _,
            origin,
            replay,
            positions,
            request,
            state,
            note: _,
        } = delivery;
        if let Some(positions) = positions {
            self.move_positions(positions, !state.changes().is_empty())?;
        }
        self.newest_deliveryid += 1;
        let deliveryid = self.newest_deliveryid;
        let receipt = Receipt {
            deliveryid,
            state: state.state(),
            reported_changes: state.reported_changes(),
            reason,
            is_duplicate: false,
        };
        let changeids = self.log(deliveryid, received_at, &dialect, state.changes());
        self.commits.push_back(Commit { received_at, deliveryid: Some(deliveryid), changeids: changeids.clone() });
        if let NewState::Pending { about, .. } = &state {
            let dialect = dialect.clone();
            let due = Due { deliveryid, dialect, received_at, attempts: 0, next_at: received_at, error: None };
            self.pending.insert(deliveryid, Waiting { due, about: cut_subject(about) });
        }
        if let Some(identity) = identity.filter(|_| receipt.state.may_have_changes()) {
            self.by_identity.insert(identity, deliveryid);
        }
        let record = DeliveryRecord {
            deliveryid,
            received_at,
            dialect,
            forge_id,
            event,
            origin,
            replay_of: replay.map(|replay| replay.of),
            api_calls: None,
            state: receipt.state,
            reason: receipt.reason.clone(),
            changeids,
            size: request.as_ref().map_or(0, |request| request.body.len() as u64),
        };
        let stored = StoredDelivery { record, request, identity, receipt: receipt.clone() };
        self.deliveries.insert(deliveryid, stored);
        Ok(receipt)
    }

    pub(super) fn move_positions(&mut self, moved: PositionMove, has_changes: bool) -> Result<(), StoreError> {
        let before = self.positions.get(&moved.poller);
        let version = moved.decide(before.map_or(0, |before| before.version))?;
        if moved.forgets {
            self.positions.remove(&moved.poller);
            return Ok(());
        }
        let mut at = before.map(|before| before.at.clone()).unwrap_or_default();
        for (key, position) in moved.set {
            match position {
                Some(position) => at.insert(key, position),
                None => at.remove(&key),
            };
        }
        let changed_at = before.and_then(|before| before.changed_at);
        let changed_at = if has_changes { Some(moved.polled_at) } else { changed_at };
        self.positions.insert(moved.poller, Positions { version, polled_at: moved.polled_at, changed_at, at });
        Ok(())
    }

    /// The receipt of the earlier delivery of an identity, unless that one produced no change.
    fn earlier_receipt(&self, identity: Identity) -> Option<Receipt> {
        let stored = self.deliveries.get(self.by_identity.get(&identity)?)?;
        stored.record.state.may_have_changes().then(|| stored.receipt.clone())
    }

    /// Adds changes to the log and returns their numbers.
    fn log(&mut self, deliveryid: i64, received_at: Timestamp, dialect: &str, changes: &[Change]) -> Vec<i64> {
        let dialect: Arc<str> = dialect.into();
        let mut changeids = Vec::with_capacity(changes.len());
        for change in changes {
            self.newest_changeid += 1;
            let changeid = self.newest_changeid;
            let mut change = change.clone();
            change.when_timestamp.get_or_insert(received_at.as_seconds());
            let hookd_id = hookd_id(&self.instance, changeid, received_at);
            let dialect = Arc::clone(&dialect);
            self.changes
                .insert(changeid, LoggedChange { changeid, deliveryid, received_at, dialect, hookd_id, change });
            changeids.push(changeid);
        }
        changeids
    }

    pub(super) fn complete(&mut self, completion: Completion) -> bool {
        let Some(Waiting { due, .. }) = self.pending.remove(&completion.deliveryid) else { return false };
        let changeids = self.log(due.deliveryid, due.received_at, &due.dialect, completion.state.changes());
        self.commits.push_back(Commit { received_at: due.received_at, deliveryid: None, changeids: changeids.clone() });
        if let Some(stored) = self.deliveries.get_mut(&due.deliveryid) {
            stored.record.state = completion.state.state();
            stored.record.reason = completion.reason().map(str::to_owned);
            stored.record.changeids = changeids;
            stored.record.api_calls = Some(completion.api_calls);
        }
        true
    }

    pub(super) fn postpone(&mut self, due: &Due) {
        if let Some(Waiting { due: pending, .. }) = self.pending.get_mut(&due.deliveryid) {
            let error = due.error.as_deref().map(|error| shortened(error).to_owned());
            (pending.attempts, pending.next_at, pending.error) = (due.attempts, due.next_at, error);
        }
    }

    pub(super) fn move_cursors(&mut self, moves: Vec<CursorMove>) -> Result<Vec<Moved>, StoreError> {
        let kept = self.kept_changes();
        // On a copy, so that an invalid move leaves all of them where they are.
        let (mut cursors, mut version) = (self.cursors.clone(), self.newest_version);
        let mut settlements = self.settlements.clone();
        let mut results = Vec::with_capacity(moves.len());
        for mut cursor_move in moves {
            version += 1;
            let moved = cursor_move.decide(cursors.get(&cursor_move.name), kept, version)?;
            match moved {
                Moved::To(version) => {
                    let name = cursor_move.name.clone();
                    for settlement in std::mem::take(&mut cursor_move.settlements) {
                        settlements.insert((name.clone(), settlement.changeid), settlement);
                    }
                    cursors.extend(cursor_move.cursor(version).map(|cursor| (name, cursor)));
                }
                Moved::Removed => {
                    cursors.remove(&cursor_move.name);
                    settlements.retain(|(cursor, _), _| *cursor != cursor_move.name);
                }
                Moved::Conflict(_) => {}
            }
            results.push(moved);
        }
        (self.cursors, self.settlements, self.newest_version) = (cursors, settlements, version);
        Ok(results)
    }

    /// Removes a delivery that has expired.
    pub(super) fn forget(&mut self, deliveryid: i64) {
        let Some(stored) = self.deliveries.remove(&deliveryid) else { return };
        let Some(identity) = stored.identity else { return };
        if self.by_identity.get(&identity) == Some(&deliveryid) {
            self.by_identity.remove(&identity);
        }
    }
}

/// What is stored of what a delivery is about.
fn cut_subject(about: &Subject) -> Subject {
    let cut = |text: &String| shortened(text).to_owned();
    let Subject { repository, branch, revision } = about;
    Subject { repository: cut(repository), branch: branch.as_ref().map(cut), revision: revision.as_ref().map(cut) }
}

/// As random as the keys of hash maps.
fn random_key() -> IdentityKey {
    let mut secret = [0; IdentityKey::BYTES];
    let random = RandomState::new();
    for (number, part) in secret.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        *part = random.hash_one(number).to_le_bytes();
    }
    IdentityKey::new(secret)
}
