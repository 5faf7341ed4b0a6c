//! Reading, on connections of our own, which never wait for the writer: for the store, or for another process than the one that
//! writes.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use hookd_store::{
    Browse, ChangeField, ChangeRecord, Cursor, DeliveryField, DeliveryRecord, Due, Field, Filter, LoggedChange,
    Operator, Page, Positions, Query, Record, Search, Selection, Settlement, SettlementKind, StoreError, StoredRequest,
    Timestamp, Value, Waiting, check_read_limits,
};
use rusqlite::{Connection, OpenFlags, Row};

use crate::blocks::{self, ChangeDecoder, Part};
use crate::error::Failure;
use crate::format::{ChangeText, DeliveryText};
use crate::fresh::Fresh;
use crate::index::{KeyKind, RecentKeys, beginning_key, key_of_id, keys_of_beginning, recent, runs};
use crate::onward::{self, Places};
use crate::packer::Numbers;
use crate::texts::{Bitmap, Condition, OpenSegment, Test};
use crate::{OpenError, cursors, maintenance, parent, positions, schema, search, settlements};

/// How many idle connections are kept.
const MAX_IDLE_CONNECTIONS: usize = 4;

/// How long a reader waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// How many records a search reads in its first snapshot.
const FIRST_SNAPSHOT_RECORDS: i64 = 256;

/// About how long a snapshot of a search lasts.
const SNAPSHOT_TIME: Duration = Duration::from_millis(100);

/// How many records that nobody asked for are read rather than looking for the next one.
const MAX_GAP_RECORDS: i64 = 16;

/// Reads a store: what the log reads onward from, and what people look into.
pub struct Reader {
    path: PathBuf,
    pub(crate) instance: String,
    pub(crate) indexes: Indexes,
    places: Places,
    gate: Arc<RwLock<()>>,
    idle: Mutex<Vec<Connection>>,
}

/// What is in memory for readers.
#[derive(Clone)]
pub(crate) struct Indexes {
    pub(crate) recent_keys: Arc<RecentKeys>,
    pub(crate) open_segment: Arc<OpenSegment>,
    pub(crate) fresh: Arc<Fresh>,
}

/// The columns that make a [`Due`].
macro_rules! due {
    () => {
        "deliveryid, dialect, received_at, attempts, next_at, error"
    };
}
pub(crate) use due;

/// A pending delivery from these columns.
pub(crate) fn due_from_row(row: &Row<'_>) -> rusqlite::Result<Due> {
    Ok(Due {
        deliveryid: row.get(0)?,
        dialect: row.get(1)?,
        received_at: Timestamp::from_micros(row.get(2)?),
        attempts: row.get(3)?,
        next_at: Timestamp::from_micros(row.get(4)?),
        error: row.get(5)?,
    })
}

/// The pending deliveries after this one, at most so many.
pub(crate) fn pending_after(connection: &Connection, after: i64, most: usize) -> Result<Vec<Due>, Failure> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        due!(),
        " FROM pending WHERE deliveryid > ? ORDER BY deliveryid LIMIT ?"
    ))?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let rows = statement.query_map((after, most), due_from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Records that lie in blocks by their number.
trait BlockRecord: Record {
    const PART: Part;
    /// The field that the index leads from.
    const INDEXED: (Self::Field, KeyKind);

    /// The condition of the text index for a filter that asks for such a text, if it has one for it.
    fn condition(field: Self::Field, test: Test, found: Bitmap) -> Option<Condition>;

    /// The condition for a test of what the index leads from, of those records that have no key which is their beginning.
    fn keyless(test: Test, found: Bitmap) -> Condition;

    /// Reads those with these numbers, in their order.
    fn each(
        connection: &Connection,
        instance: &str,
        ids: &RangeInclusive<i64>,
        read: impl FnMut(Self) -> Result<(), Failure>,
    ) -> Result<(), Failure>
    where
        Self: Sized;
}

impl BlockRecord for LoggedChange {
    const PART: Part = Part::Changes;
    const INDEXED: (ChangeField, KeyKind) = (ChangeField::Revision, KeyKind::Revision);

    fn condition(field: ChangeField, test: Test, found: Bitmap) -> Option<Condition> {
        let texts: &[ChangeText] = match field {
            ChangeField::Repository => &[ChangeText::Repository],
            ChangeField::Branch => &[ChangeText::Branch],
            ChangeField::Author => &[ChangeText::Author],
            ChangeField::Project => &[ChangeText::Project],
            ChangeField::Category => &[ChangeText::Category],
            ChangeField::Codebase => &[ChangeText::Codebase],
            _ => return None,
        };
        Some(Condition::of_changes(test, texts, found))
    }

    fn keyless(test: Test, found: Bitmap) -> Condition {
        Condition::of_changes(test, &[ChangeText::Revision], found)
    }

    fn each(
        connection: &Connection,
        instance: &str,
        ids: &RangeInclusive<i64>,
        read: impl FnMut(Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        blocks::each_change(connection, instance, ids, read)
    }
}

impl BlockRecord for DeliveryRecord {
    const PART: Part = Part::Deliveries;
    const INDEXED: (DeliveryField, KeyKind) = (DeliveryField::ForgeId, KeyKind::ForgeId);

    fn condition(field: DeliveryField, test: Test, found: Bitmap) -> Option<Condition> {
        let texts: &[DeliveryText] = match field {
            DeliveryField::Dialect => &[DeliveryText::Dialect],
            DeliveryField::Event => &[DeliveryText::Event],
            DeliveryField::Reason => &[DeliveryText::Reason],
            _ => return None,
        };
        Some(Condition::of_deliveries(test, texts, &[], found))
    }

    fn keyless(test: Test, found: Bitmap) -> Condition {
        Condition::of_deliveries(test, &[DeliveryText::ForgeId], &[], found)
    }

    fn each(
        connection: &Connection,
        _: &str,
        ids: &RangeInclusive<i64>,
        read: impl FnMut(Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        blocks::each_delivery(connection, ids, read)
    }
}

impl Reader {
    /// Opens a store of this build's version, whether a hookd is at work on it or not, without its lock.
    ///
    /// What is stored after that is seen as well, but by its number only: searches, and filters of texts, find what was there
    /// when it was opened.
    ///
    /// # Errors
    /// See [`OpenError`]; also when there is no store.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let connection = maintenance::open(path)?;
        let sqlite = |source| OpenError::sqlite(path, source);
        let broken = |failure: Failure| OpenError::Broken { path: path.to_owned(), source: failure.into() };
        let instance = schema::instance(&connection).map_err(sqlite)?;
        let next = Numbers::read(&connection).map_err(sqlite)?;
        let open_segment = Arc::new(OpenSegment::read(&connection, next).map_err(broken)?);
        let recent_keys = Arc::new(RecentKeys::default());
        recent::read(&connection, &recent_keys).map_err(broken)?;
        let fresh = Arc::new(Fresh::new(instance.clone()));
        let indexes = Indexes { recent_keys, open_segment, fresh };
        Ok(Self::new(path.to_owned(), instance, indexes, Arc::<RwLock<()>>::default()))
    }

    pub(crate) fn new(path: PathBuf, instance: String, indexes: Indexes, gate: Arc<RwLock<()>>) -> Self {
        Self { path, instance, indexes, places: Places::default(), gate, idle: Mutex::default() }
    }

    pub(crate) fn read_on(&self, after: i64, most: usize) -> Result<Vec<Arc<LoggedChange>>, StoreError> {
        if let Some(changes) = self.read_on_from_memory(after, most) {
            return Ok(changes);
        }
        self.read(|connection| onward::read(connection, &self.instance, &self.places, after, most))
    }

    pub(crate) fn read_on_from_memory(&self, after: i64, most: usize) -> Option<Vec<Arc<LoggedChange>>> {
        self.indexes.fresh.read_on(after, most)
    }

    pub(crate) fn cursors(&self) -> Result<Vec<Cursor>, StoreError> {
        self.read(cursors::all)
    }

    pub(crate) fn positions(&self, poller: &str) -> Result<Option<Positions>, StoreError> {
        self.read(|connection| {
            // One snapshot for both tables.
            let transaction = connection.unchecked_transaction()?;
            positions::get(&transaction, poller)
        })
    }

    pub(crate) fn pollers(&self) -> Result<Vec<String>, StoreError> {
        self.read(|connection| Ok(positions::pollers(connection)?))
    }

    pub(crate) fn pending_count(&self) -> Result<usize, StoreError> {
        self.read(|connection| {
            Ok(connection
                .prepare_cached("SELECT count(*) FROM pending")?
                .query_row([], |row| row.get::<_, usize>(0))?)
        })
    }

    pub(crate) fn pending_after(&self, after: i64, most: usize) -> Result<Vec<Due>, StoreError> {
        self.read(|connection| pending_after(connection, after, most))
    }

    fn page<R: BlockRecord>(&self, connection: &Connection, query: &Query<R::Field>) -> Result<Page<R>, Failure> {
        // Before what is read: what becomes a run in between is found twice, and not never.
        let indexed = self.indexed::<R>(&query.filters);
        let Some((first, last)) = blocks::ends(connection)? else {
            return Ok(Page { rows: Vec::new(), total: 0, cut: BTreeSet::new() });
        };
        let ids = narrowed(first.first(R::PART)..=last.next(R::PART) - 1, &query.filters);
        let mut selection = Selection::new(query);
        if let Some((keys, mut found)) = indexed {
            {
                let _brief = self.brief();
                let _snapshot = connection.unchecked_transaction()?;
                for key in keys {
                    for run in runs::of_kind(connection, R::INDEXED.1)? {
                        found.extend(run.find(connection, key)?);
                    }
                }
            }
            for id in found.into_iter().filter(|id| ids.contains(id)) {
                self.scan(connection, id..=id, |record| selection.offer(record))?;
            }
        } else if let Some((wanted, total)) = dense(query, &ids) {
            let mut selection = Selection::of_page(query);
            self.scan(connection, wanted, |record| selection.add(record))?;
            let mut page = selection.into_whole_page(total);
            if is_descending(query) {
                page.rows.reverse();
            }
            return Ok(page);
        } else if let Some(numbers) = numbers(&query.filters) {
            for range in ranges(numbers.into_iter().filter(|id| ids.contains(id))) {
                self.scan(connection, range, |record| selection.offer(record))?;
            }
        } else if let Some(candidates) = self.candidates::<R>(connection, &query.filters, &ids)? {
            for range in ranges(candidates.ascending()) {
                self.scan(connection, range, |record| selection.offer(record))?;
            }
        } else {
            self.scan(connection, ids, |record| selection.offer(record))?;
        }
        Ok(selection.into_page())
    }

    /// Those that the text index has for the filters that it has texts for; `None` where there is no such filter.
    fn candidates<R: BlockRecord>(
        &self,
        connection: &Connection,
        filters: &[Filter<R::Field>],
        ids: &RangeInclusive<i64>,
    ) -> Result<Option<Bitmap>, Failure> {
        let texts = |filter: &Filter<R::Field>| -> Option<Vec<String>> {
            let text = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
            filter.values.iter().map(text).collect()
        };
        let condition = |filter: &Filter<R::Field>| {
            let test = match filter.operator {
                // The index has no records without a text.
                Operator::Eq if filter.includes_missing() => return None,
                Operator::Eq => Test::IsExactly(texts(filter)?),
                Operator::Contains => Test::HasExactly(texts(filter)?),
                Operator::StartsWith => Test::BeginsExactly(texts(filter)?),
                _ => return None,
            };
            R::condition(filter.field, test, Bitmap::new(ids.clone()))
        };
        let mut conditions: Vec<_> = filters.iter().filter_map(condition).collect();
        for filter in filters.iter().filter(|filter| filter.field == R::INDEXED.0) {
            conditions.extend(self.beginning::<R>(connection, filter, ids)?);
        }
        if conditions.is_empty() {
            return Ok(None);
        }
        self.collect(connection, &mut conditions)?;
        Ok(search::all(conditions))
    }

    /// The condition for a filter that asks for beginnings of what the keys lead from; `None` where they have not all of them.
    fn beginning<R: BlockRecord>(
        &self,
        connection: &Connection,
        filter: &Filter<R::Field>,
        ids: &RangeInclusive<i64>,
    ) -> Result<Option<Condition>, Failure> {
        let text = |value: &Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
        let beginnings: Option<Vec<String>> = filter.values.iter().map(text).collect();
        // Without a letter or digit of an id it says nothing about its key.
        let is_long = |beginning: &String| beginning.chars().any(|c| c != '-');
        let Some(beginnings) =
            beginnings.filter(|all| filter.operator == Operator::StartsWith && all.iter().all(is_long))
        else {
            return Ok(None);
        };
        let mut found = Bitmap::new(ids.clone());
        for keys in beginnings.iter().filter_map(|beginning| keys_of_beginning(beginning)) {
            found.set_all(self.numbers_of(connection, R::INDEXED.1, &keys)?);
        }
        Ok(Some(R::keyless(Test::BeginsExactly(beginnings), found)))
    }

    /// Reads the records with these numbers, in their order, in snapshots that are short: as long as there is one, the WAL
    /// cannot begin from the start again.
    fn scan<R: BlockRecord>(
        &self,
        connection: &Connection,
        ids: RangeInclusive<i64>,
        mut read: impl FnMut(R),
    ) -> Result<(), Failure> {
        let (mut next, last) = ids.into_inner();
        let mut length = FIRST_SNAPSHOT_RECORDS;
        while next <= last {
            let end = last.min(next.saturating_add(length - 1));
            let _brief = self.brief();
            let began = Instant::now();
            let snapshot = connection.unchecked_transaction()?;
            R::each(connection, &self.instance, &(next..=end), |record| {
                read(record);
                check_read_limits().map_err(Failure::GivenUp)
            })?;
            drop(snapshot);
            let took = began.elapsed();
            if took < SNAPSHOT_TIME / 4 {
                length = length.saturating_mul(2);
            } else if took > SNAPSHOT_TIME {
                length = (length / 2).max(1);
            }
            next = end.saturating_add(1);
        }
        Ok(())
    }

    /// Held during a snapshot, so that a checkpoint that must wait for all of them gets its turn.
    pub(crate) fn brief(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The keys that filters ask for, and what the recent ones lead to; `None` where the index answers no filter.
    fn indexed<R: BlockRecord>(&self, filters: &[Filter<R::Field>]) -> Option<(Vec<u64>, BTreeSet<i64>)> {
        let (field, kind) = R::INDEXED;
        let text = |value: &'_ Value| if let Value::Text(text) = value { Some(text.clone()) } else { None };
        let keys = |filter: &Filter<R::Field>| -> Option<Vec<u64>> {
            let texts = filter.values.iter().filter_map(text);
            match filter.operator {
                Operator::Eq if filter.includes_missing() => None,
                Operator::Eq => Some(texts.map(|text| key_of_id(&text)).collect()),
                // A beginning that is as long as a key is the same key for all that begin so.
                Operator::StartsWith => texts.map(|text| beginning_key(&text).map(|_| key_of_id(&text))).collect(),
                _ => None,
            }
        };
        let keys = filters.iter().filter(|filter| filter.field == field).find_map(keys)?;
        let found = keys.iter().flat_map(|key| self.indexes.recent_keys.find(kind, *key)).collect();
        Some((keys, found))
    }

    /// Closes the connections that nobody uses.
    pub(crate) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Lends a connection. One that has failed is not used again.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Failure>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.connect().map_err(Failure::from)?,
        };
        let result = read(&connection)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MAX_IDLE_CONNECTIONS {
            idle.push(connection);
        }
        Ok(result)
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(connection)
    }
}

impl Browse for Reader {
    fn delivery(&self, deliveryid: i64) -> Result<Option<DeliveryRecord>, StoreError> {
        self.read(|connection| {
            // One snapshot for all of it.
            let _snapshot = connection.unchecked_transaction()?;
            blocks::entry(connection, deliveryid, |_, entry, _| blocks::delivery(connection, deliveryid, entry))?
                .transpose()
        })
    }

    fn change(&self, changeid: i64) -> Result<Option<ChangeRecord>, StoreError> {
        self.read(|connection| {
            let _snapshot = connection.unchecked_transaction()?;
            let Some(block) = blocks::block_of(connection, Part::Changes, changeid)? else { return Ok(None) };
            let first = block.first(Part::Changes);
            if changeid >= block.next(Part::Changes) {
                return Ok(None);
            }
            let records = blocks::records(connection, block.blockid)?;
            let mut changes = records.changes();
            for _ in first..changeid {
                changes.pass()?;
            }
            let logged = ChangeDecoder::new(&self.instance).read(&mut changes, changeid)?;
            let parent = parent::find(connection, &self.indexes.open_segment, block, changeid, &logged.change)?;
            Ok(Some(logged.into_record(parent)))
        })
    }

    fn request(&self, deliveryid: i64) -> Result<Option<StoredRequest>, StoreError> {
        self.read(|connection| {
            let found = blocks::entry(connection, deliveryid, |blockid, entry, place| {
                (blockid, place, entry.forge_id.map(str::to_owned))
            })?;
            found.map_or(Ok(None), |(blockid, place, forge_id)| {
                blocks::request(connection, blockid, place, forge_id.as_deref())
            })
        })
    }

    fn settlements_of(&self, changeid: i64) -> Result<Vec<(String, Settlement)>, StoreError> {
        self.read(|connection| settlements::of_change(connection, changeid))
    }

    fn settlements(
        &self,
        cursor: &str,
        kind: SettlementKind,
        after: i64,
        most: usize,
    ) -> Result<Vec<Settlement>, StoreError> {
        self.read(|connection| settlements::of_kind(connection, cursor, kind, after, most))
    }

    fn settlement_count(&self, cursor: &str, kind: SettlementKind) -> Result<u64, StoreError> {
        self.read(|connection| settlements::count(connection, cursor, kind))
    }

    fn deliveries(&self, query: &Query<DeliveryField>) -> Result<Page<DeliveryRecord>, StoreError> {
        self.read(|connection| self.page(connection, query))
    }

    fn changes(&self, query: &Query<ChangeField>) -> Result<Page<ChangeRecord>, StoreError> {
        let page: Page<LoggedChange> = self.read(|connection| self.page(connection, query))?;
        let rows = page.rows.into_iter().map(|change| change.into_record(None)).collect();
        Ok(Page { rows, total: page.total, cut: page.cut })
    }

    fn search(&self, search: &Search, most: usize) -> Result<Vec<DeliveryRecord>, StoreError> {
        self.read(|connection| self.newest_matching(connection, search, most))
    }

    fn waiting(&self, deliveryids: &[i64]) -> Result<Vec<Waiting>, StoreError> {
        self.read(|connection| search::waiting(connection, deliveryids))
    }
}

/// What filters of the number leave of these numbers.
fn narrowed<F: Field>(ids: RangeInclusive<i64>, filters: &[Filter<F>]) -> RangeInclusive<i64> {
    let (mut first, mut last) = ids.into_inner();
    for filter in filters {
        let Some((least, greatest)) = ends(filter) else { continue };
        match filter.operator {
            Operator::Eq => (first, last) = (first.max(least), last.min(greatest)),
            Operator::Gt => first = first.max(greatest.saturating_add(1)),
            Operator::Ge => first = first.max(greatest),
            Operator::Lt => last = last.min(least.saturating_sub(1)),
            Operator::Le => last = last.min(least),
            Operator::Ne | Operator::Contains | Operator::StartsWith => {}
        }
    }
    first..=last
}

/// The numbers that a filter asks for one by one; `None` where no filter does.
fn numbers<F: Field>(filters: &[Filter<F>]) -> Option<BTreeSet<i64>> {
    let filter = filters.iter().find(|filter| filter.operator == Operator::Eq && ends(filter).is_some())?;
    let number = |value: &Value| if let Value::Integer(id) = value { Some(*id) } else { None };
    Some(filter.values.iter().filter_map(number).collect())
}

/// Few ranges that include these numbers, which ascend: neighbours are mostly in one block.
fn ranges(numbers: impl Iterator<Item = i64>) -> Vec<RangeInclusive<i64>> {
    let mut ranges: Vec<RangeInclusive<i64>> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some(last) if number - *last.end() <= MAX_GAP_RECORDS => *last = *last.start()..=number,
            _ => ranges.push(number..=number),
        }
    }
    ranges
}

/// The least and the greatest value of a filter of the number; `None` for other filters.
fn ends<F: Field>(filter: &Filter<F>) -> Option<(i64, i64)> {
    let integer = |value: &Value| if let Value::Integer(id) = value { Some(*id) } else { None };
    let ids: Vec<i64> = filter.values.iter().map(integer).collect::<Option<_>>()?;
    filter.field.is_number().then_some(())?;
    Some((*ids.iter().min()?, *ids.iter().max()?))
}

/// The numbers of the page of a query that asks for all in a range of numbers, in their order, and how many match in all:
/// they are counted, not searched. `None` where the query asks for more.
fn dense<F: Field>(query: &Query<F>, ids: &RangeInclusive<i64>) -> Option<(RangeInclusive<i64>, u64)> {
    let is_range = |filter: &Filter<F>| {
        ends(filter).is_some()
            && (matches!(filter.operator, Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le)
                || (filter.operator == Operator::Eq && filter.values.len() == 1))
    };
    if !query.filters.iter().all(is_range) || query.order.first().is_some_and(|by| !by.field.is_number()) {
        return None;
    }
    let (first, last) = (*ids.start(), *ids.end());
    let total = u64::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(0);
    let offset = query.offset.min(total);
    let length = query.limit.unwrap_or(u64::MAX).min(total - offset);
    let [offset, length] = [offset, length].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    let wanted = if is_descending(query) {
        last - offset - length + 1..=last - offset
    } else {
        first + offset..=first + offset + length - 1
    };
    Some((wanted, total))
}

fn is_descending<F>(query: &Query<F>) -> bool {
    query.order.first().is_none_or(|by| by.is_descending)
}
