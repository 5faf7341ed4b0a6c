//! A store in memory, for tests of what stands on a store.
//!
//! It passes the contract suite, but nothing survives the process. [`MemoryStore::fail_with`] injects faults that no
//! real store produces on demand.

mod data;
mod expiry;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::{
    Browse, ChangeField, ChangeRecord, Completion, Cursor, CursorMove, DeliveryField, DeliveryRecord, Due, Expired,
    Expiry, Log, LoggedChange, Moved, NewDelivery, Page, PositionMove, Positions, Query, Receipt, Reply, Search,
    Selection, Settlement, SettlementKind, Store, StoreError, StoredRequest, Waiting, check_read_limits, is_same_line,
};
use data::Data;

/// A store in memory. Each write is a transaction of its own and takes place immediately.
pub struct MemoryStore {
    data: Arc<Mutex<Data>>,
    tail: watch::Sender<i64>,
    is_closed: AtomicBool,
    fault: Mutex<Option<StoreError>>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::of_data(Arc::new(Mutex::new(Data::new())))
    }

    /// The same store after a restart: closes this one and returns one with the same data and no fault.
    #[must_use]
    pub fn reopen(&self) -> Self {
        use crate::Log as _;

        self.close();
        Self::of_data(Arc::clone(&self.data))
    }

    fn of_data(data: Arc<Mutex<Data>>) -> Self {
        let newest = lock(&data).newest_changeid();
        let tail = watch::Sender::new(newest);
        Self { data, tail, is_closed: AtomicBool::new(false), fault: Mutex::default() }
    }

    /// Makes every write fail with this error until [`recover`](Self::recover). Reads still work.
    pub fn fail_with(&self, error: StoreError) {
        *lock(&self.fault) = Some(error);
    }

    /// Ends the fault of [`fail_with`](Self::fail_with).
    pub fn recover(&self) {
        *lock(&self.fault) = None;
    }

    fn write<T>(&self, write: impl FnOnce(&mut Data) -> Result<T, StoreError>) -> Reply<T> {
        let mut data = lock(&self.data);
        // Checked under the lock, so that nothing is written after `close` has returned.
        if self.is_closed.load(Ordering::Relaxed) {
            return Reply::failed(StoreError::Closed);
        }
        if let Some(error) = lock(&self.fault).clone() {
            return Reply::failed(error);
        }
        let result = write(&mut data);
        // Still under the lock: the tail never runs ahead of the log, and never back.
        let newest = data.newest_changeid();
        self.tail.send_if_modified(|tail| std::mem::replace(tail, newest) != newest);
        Reply::ready(result)
    }

    fn read<T>(&self, read: impl FnOnce(&Data) -> T) -> T {
        read(&lock(&self.data))
    }
}

impl Log for MemoryStore {
    fn append(&self, delivery: NewDelivery) -> Reply<Receipt> {
        self.write(|data| delivery.validate().and_then(|()| data.append(delivery)))
    }

    fn complete(&self, completion: Completion) -> Reply<bool> {
        self.write(|data| completion.validate().map(|()| data.complete(completion)))
    }

    fn postpone(&self, due: Due) -> Reply<()> {
        self.write(|data| {
            data.postpone(&due);
            Ok(())
        })
    }

    fn expire(&self, expiry: Expiry) -> Reply<Expired> {
        self.write(|data| Ok(data.expire(&expiry)))
    }

    fn move_cursors(&self, moves: Vec<CursorMove>) -> Reply<Vec<Moved>> {
        self.write(|data| data.move_cursors(moves))
    }

    fn move_positions(&self, positions: PositionMove) -> Reply<()> {
        self.write(|data| positions.validate().and_then(|()| data.move_positions(positions, false)))
    }

    fn positions(&self, poller: &str) -> Result<Option<Positions>, StoreError> {
        Ok(self.read(|data| data.positions.get(poller).cloned()))
    }

    fn pollers(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.read(|data| data.positions.keys().cloned().collect()))
    }

    fn cursors(&self) -> Result<Vec<Cursor>, StoreError> {
        Ok(self.read(|data| data.cursors.values().cloned().collect()))
    }

    fn pending(&self) -> Result<Vec<Due>, StoreError> {
        Ok(self.read(|data| data.pending.values().map(|waiting| waiting.due.clone()).collect()))
    }

    fn pending_after(&self, after: i64, most: usize) -> Result<Vec<Due>, StoreError> {
        let first = after.saturating_add(1);
        Ok(self.read(|data| data.pending.range(first..).take(most).map(|(_, waiting)| waiting.due.clone()).collect()))
    }

    fn pending_count(&self) -> Result<usize, StoreError> {
        Ok(self.read(|data| data.pending.len()))
    }

    fn read_on(&self, after: i64, most: usize) -> Result<Vec<Arc<LoggedChange>>, StoreError> {
        let first = after.saturating_add(1);
        Ok(self
            .read(|data| data.changes.range(first..).take(most).map(|(_, change)| Arc::new(change.clone())).collect()))
    }

    fn tail(&self) -> watch::Receiver<i64> {
        self.tail.subscribe()
    }

    fn queued(&self) -> usize {
        0
    }

    /// The bytes of the bodies that are kept.
    fn size(&self) -> u64 {
        let bodies = |data: &Data| data.deliveries.values().map(|stored| stored.body_bytes()).sum();
        self.read(bodies)
    }

    fn probe(&self) -> Reply<()> {
        self.write(|_| Ok(()))
    }

    fn close(&self) {
        let _writes_are_over = lock(&self.data);
        self.is_closed.store(true, Ordering::Relaxed);
    }
}

impl Store for MemoryStore {
    fn reader(&self) -> &dyn Browse {
        self
    }
}

impl Browse for MemoryStore {
    fn delivery(&self, deliveryid: i64) -> Result<Option<DeliveryRecord>, StoreError> {
        Ok(self.read(|data| data.deliveries.get(&deliveryid).map(|stored| stored.record.clone())))
    }

    fn change(&self, changeid: i64) -> Result<Option<ChangeRecord>, StoreError> {
        Ok(self.read(|data| {
            let logged = data.changes.get(&changeid)?;
            let before = data.changes.range(..changeid).rev();
            let parent =
                before.map(|(_, earlier)| earlier).find(|earlier| is_same_line(&earlier.change, &logged.change));
            Some(logged.clone().into_record(parent.map(|parent| parent.changeid)))
        }))
    }

    fn request(&self, deliveryid: i64) -> Result<Option<StoredRequest>, StoreError> {
        Ok(self.read(|data| data.deliveries.get(&deliveryid).and_then(|stored| stored.request.clone())))
    }

    fn deliveries(&self, query: &Query<DeliveryField>) -> Result<Page<DeliveryRecord>, StoreError> {
        let mut selection = Selection::new(query);
        self.read(|data| {
            data.deliveries.values().try_for_each(|stored| {
                selection.offer(stored.record.clone());
                check_read_limits()
            })
        })?;
        Ok(selection.into_page())
    }

    fn changes(&self, query: &Query<ChangeField>) -> Result<Page<ChangeRecord>, StoreError> {
        let mut selection = Selection::new(query);
        self.read(|data| {
            data.changes.values().try_for_each(|logged| {
                selection.offer(logged.clone().into_record(None));
                check_read_limits()
            })
        })?;
        Ok(selection.into_page())
    }

    fn search(&self, search: &Search, most: usize) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.read(|data| {
            let mut found = Vec::new();
            for (deliveryid, stored) in data.deliveries.range(..search.before.unwrap_or(i64::MAX)).rev() {
                check_read_limits()?;
                let logged = stored.record.changeids.iter().filter_map(|changeid| data.changes.get(changeid));
                let changes: Vec<_> = logged.map(|logged| logged.change.clone()).collect();
                let about = data.pending.get(deliveryid).map(|waiting| &waiting.about);
                if found.len() == most {
                    break;
                }
                if search.matches(&stored.record, &changes, about) {
                    found.push(stored.record.clone());
                }
            }
            Ok(found)
        })
    }

    fn waiting(&self, deliveryids: &[i64]) -> Result<Vec<Waiting>, StoreError> {
        let mut wanted = deliveryids.to_vec();
        wanted.sort_unstable();
        Ok(self.read(|data| wanted.iter().filter_map(|deliveryid| data.pending.get(deliveryid).cloned()).collect()))
    }

    fn settlements_of(&self, changeid: i64) -> Result<Vec<(String, Settlement)>, StoreError> {
        Ok(self.read(|data| {
            let all = data.settlements.iter().filter(|((_, settled), _)| *settled == changeid);
            all.map(|((cursor, _), settlement)| (cursor.clone(), settlement.clone())).collect()
        }))
    }

    fn settlements(
        &self,
        cursor: &str,
        kind: SettlementKind,
        after: i64,
        most: usize,
    ) -> Result<Vec<Settlement>, StoreError> {
        Ok(self.read(|data| {
            let behind = data.settlements.range((cursor.to_owned(), after.saturating_add(1))..);
            let own = behind.take_while(|((name, _), _)| name == cursor).map(|(_, settlement)| settlement);
            own.filter(|settlement| settlement.kind == kind).take(most).cloned().collect()
        }))
    }

    fn settlement_count(&self, cursor: &str, kind: SettlementKind) -> Result<u64, StoreError> {
        Ok(self.settlements(cursor, kind, 0, usize::MAX)?.len() as u64)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewState, Origin, Timestamp};

    fn delivery() -> NewDelivery {
        NewDelivery {
            received_at: Timestamp::now(),
            dialect: "base".to_owned(),
            event: None,
            forge_id: None,
            deduplicate: true,
            origin: Origin::NONE,
            replay: None,
            positions: None,
            note: None,
            request: None,
            state: NewState::Accepted(vec![hookd_core::Change::default()]),
        }
    }

    #[test]
    fn stores_nothing_while_a_fault_is_injected() {
        let store = MemoryStore::new();
        let fault = StoreError::Unavailable { cause: "disk full".to_owned(), remedy: "free space".to_owned() };
        store.fail_with(fault.clone());
        assert_eq!(store.append(delivery()).wait(), Err(fault.clone()));
        assert_eq!(store.probe().wait(), Err(fault));
        assert_eq!((store.reader().delivery(1), *store.tail().borrow()), (Ok(None), 0));
        store.recover();
        assert_eq!(store.append(delivery()).wait().map(|receipt| receipt.deliveryid), Ok(1));
        assert_eq!(*store.tail().borrow(), 1);
    }

    #[test]
    fn reopening_closes_the_old_store() {
        let store = MemoryStore::new();
        store.append(delivery()).wait().unwrap();
        let again = store.reopen();
        assert_eq!(store.append(delivery()).wait(), Err(StoreError::Closed));
        assert_eq!(again.append(delivery()).wait().map(|receipt| receipt.deliveryid), Ok(2));
    }
}
