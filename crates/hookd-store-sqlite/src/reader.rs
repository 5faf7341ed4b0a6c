//! Reading, on connections of our own, which never wait for the writer.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};

use super::log::{self, Part};
use super::runs;
use crate::keys::{Kind, Tail, key_of, line_of};
use crate::select::{Record, Selection};
use crate::{ChangeRecord, DeliveryRecord, Due, Filter, Operator, Page, Query, StoreError, StoredRequest, Value};

/// How many idle connections are kept.
const IDLE: usize = 4;

pub(super) struct Readers {
    path: PathBuf,
    instance: String,
    tail: Arc<Tail>,
    idle: Mutex<Vec<Connection>>,
}

/// Records that lie in the log by their number.
trait Logged: Record {
    const PART: Part;
    /// The fields that are the number.
    const IDS: &'static [&'static str];
    /// The field that keys lead to.
    const KEYED: (&'static str, Kind);

    /// Reads those with these numbers, in their order.
    fn each(connection: &Connection, ids: &RangeInclusive<i64>, read: impl FnMut(Self)) -> Result<(), StoreError>
    where
        Self: Sized;
}

impl Logged for ChangeRecord {
    const PART: Part = Part::Changes;
    const IDS: &'static [&'static str] = &["changeid", "sourcestampid"];
    const KEYED: (&'static str, Kind) = ("revision", Kind::Revision);

    fn each(connection: &Connection, ids: &RangeInclusive<i64>, read: impl FnMut(Self)) -> Result<(), StoreError> {
        log::each_change(connection, ids, read)
    }
}

impl Logged for DeliveryRecord {
    const PART: Part = Part::Deliveries;
    const IDS: &'static [&'static str] = &["deliveryid"];
    const KEYED: (&'static str, Kind) = ("forge_id", Kind::ForgeId);

    fn each(connection: &Connection, ids: &RangeInclusive<i64>, read: impl FnMut(Self)) -> Result<(), StoreError> {
        log::each_delivery(connection, ids, read)
    }
}

impl Readers {
    pub(super) fn new(path: PathBuf, instance: String, tail: Arc<Tail>) -> Self {
        Self { path, instance, tail, idle: Mutex::default() }
    }

    pub(super) fn changes(&self, query: &Query) -> Result<Page<ChangeRecord>, StoreError> {
        self.read(|connection| {
            let mut page: Page<ChangeRecord> = self.page(connection, query)?;
            for row in &mut page.rows {
                row.hookd_id = format!("{}-{}-{:x}", self.instance, row.changeid, row.received_at);
                row.parent_changeid = self.parent(connection, row)?;
            }
            Ok(page)
        })
    }

    pub(super) fn deliveries(&self, query: &Query) -> Result<Page<DeliveryRecord>, StoreError> {
        self.read(|connection| self.page(connection, query))
    }

    pub(super) fn pending(&self) -> Result<Vec<Due>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT deliveryid, dialect, received_at, attempts, next_at FROM pending ORDER BY deliveryid",
            )?;
            let rows = statement.query_map([], |row| {
                Ok(Due {
                    deliveryid: row.get(0)?,
                    dialect: row.get(1)?,
                    received_at: row.get(2)?,
                    attempts: row.get(3)?,
                    next_at: row.get(4)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    pub(super) fn request(&self, deliveryid: i64) -> Result<Option<StoredRequest>, StoreError> {
        self.read(|connection| {
            let found = log::entry(connection, deliveryid, |blockid, _, place| (blockid, place))?;
            found.map_or(Ok(None), |(blockid, place)| log::request(connection, blockid, place))
        })
    }

    fn page<R: Logged>(&self, connection: &Connection, query: &Query) -> Result<Page<R>, StoreError> {
        // Before the snapshot: what becomes a run in between is found twice, and not never.
        let keyed = self.keyed::<R>(&query.filters);
        // One snapshot for all of it.
        let _snapshot = connection.unchecked_transaction()?;
        let Some((first, last)) = log::ends(connection)? else { return Ok(Page { rows: Vec::new(), total: 0 }) };
        let ids = narrowed::<R>(first.first(R::PART)..=last.next(R::PART) - 1, &query.filters);
        if let Some((keys, mut found)) = keyed {
            for key in keys {
                for run in runs::of_kind(connection, R::KEYED.1)? {
                    found.extend(run.find(connection, key)?);
                }
            }
            let mut selection = Selection::new(query);
            for id in found.into_iter().filter(|id| ids.contains(id)) {
                R::each(connection, &(id..=id), |record| selection.offer(record))?;
            }
            return Ok(Page { total: selection.total, rows: selection.rows() });
        }
        if let Some(page) = dense(connection, query, &ids)? {
            return Ok(page);
        }
        let mut selection = Selection::new(query);
        R::each(connection, &ids, |record| selection.offer(record))?;
        Ok(Page { total: selection.total, rows: selection.rows() })
    }

    /// The keys that filters ask for, and what of them is in the tail; `None` where no filter can be answered by keys.
    fn keyed<R: Logged>(&self, filters: &[Filter]) -> Option<(Vec<u64>, BTreeSet<i64>)> {
        let (name, kind) = R::KEYED;
        let filter = filters.iter().find(|filter| filter.field.name == name && filter.operator == Operator::Eq)?;
        let text = |value: &Value| match value {
            Value::Text(text) => Some(key_of(text)),
            Value::Integer(_) | Value::Real(_) => None,
        };
        let keys: Vec<u64> = filter.values.iter().filter_map(text).collect();
        let found = keys.iter().flat_map(|key| self.tail.find(kind, *key)).collect();
        Some((keys, found))
    }

    /// The last change before this one of the same branch, repository, project and codebase.
    fn parent(&self, connection: &Connection, record: &ChangeRecord) -> Result<Option<i64>, StoreError> {
        let key = line_of(&record.change);
        let youngest = |ids: Vec<i64>| ids.into_iter().filter(|id| *id < record.changeid).max();
        let mut parent = youngest(self.tail.find(Kind::Line, key));
        if parent.is_none() {
            for run in runs::of_kind(connection, Kind::Line)? {
                parent = youngest(run.find(connection, key)?);
                if parent.is_some() {
                    break;
                }
            }
        }
        let first_kept = log::ends(connection)?.map(|(first, _)| first.first(Part::Changes));
        Ok(parent.filter(|parent| first_kept.is_some_and(|first| *parent >= first)))
    }

    /// Closes the connections that nobody uses.
    pub(super) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Lends a connection. One that has failed is not used again.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open()?,
        };
        let result = read(&connection)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
        Ok(result)
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(2))?;
        Ok(connection)
    }
}

/// What filters of the number leave of these numbers.
fn narrowed<R: Logged>(ids: RangeInclusive<i64>, filters: &[Filter]) -> RangeInclusive<i64> {
    let (mut first, mut last) = ids.into_inner();
    for filter in filters.iter().filter(|filter| R::IDS.contains(&filter.field.name)) {
        let ids = || filter.values.iter().map(|value| if let Value::Integer(id) = value { *id } else { i64::MIN });
        let (Some(least), Some(greatest)) = (ids().min(), ids().max()) else { continue };
        match filter.operator {
            Operator::Eq => (first, last) = (first.max(least), last.min(greatest)),
            Operator::Gt => first = first.max(least.saturating_add(1)),
            Operator::Ge => first = first.max(least),
            Operator::Lt => last = last.min(greatest.saturating_sub(1)),
            Operator::Le => last = last.min(greatest),
            Operator::Ne | Operator::Contains => {}
        }
    }
    first..=last
}

/// The page of a query that asks for all in a range of numbers, in their order: it is counted, not searched. `None` where
/// it asks for more.
fn dense<R: Logged>(
    connection: &Connection,
    query: &Query,
    ids: &RangeInclusive<i64>,
) -> Result<Option<Page<R>>, StoreError> {
    let is_range = |filter: &Filter| {
        R::IDS.contains(&filter.field.name)
            && (matches!(filter.operator, Operator::Gt | Operator::Ge | Operator::Lt | Operator::Le)
                || (filter.operator == Operator::Eq && filter.values.len() == 1))
    };
    let is_descending = match query.order.as_slice() {
        [] => true,
        [by, ..] if R::IDS.contains(&by.field.name) => by.is_descending,
        _ => return Ok(None),
    };
    if !query.filters.iter().all(is_range) {
        return Ok(None);
    }
    let (first, last) = (*ids.start(), *ids.end());
    let total = u64::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(0);
    let offset = query.offset.min(total);
    let length = query.limit.unwrap_or(u64::MAX).min(total - offset);
    let [offset, length] = [offset, length].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    let wanted = if is_descending {
        last - offset - length + 1..=last - offset
    } else {
        first + offset..=first + offset + length - 1
    };
    let mut rows = Vec::new();
    R::each(connection, &wanted, |record| rows.push(record))?;
    if is_descending {
        rows.reverse();
    }
    Ok(Some(Page { rows, total }))
}
