//! Reading, on connections of our own, which never wait for the writer: for the store, or for another process than the one that
//! writes.

mod pages;
mod ranges;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use hookd_store::{
    Browse, ChangeField, ChangeRecord, Cursor, DeliveryField, DeliveryRecord, Due, LoggedChange, Page, Positions,
    Query, Search, Settlement, SettlementKind, StoreError, StoredRequest, Timestamp, Waiting,
};
use rusqlite::{Connection, OpenFlags, Row};

use crate::blocks::{self, ChangeDecoder, Part};
use crate::error::Failure;
use crate::fresh::Fresh;
use crate::index::{RecentKeys, recent};
use crate::onward::{self, Places};
use crate::packer::Numbers;
use crate::texts::OpenSegment;
use crate::{OpenError, cursors, maintenance, parent, positions, schema, search, settlements};

/// How many idle connections are kept.
const MAX_IDLE_CONNECTIONS: usize = 4;

/// How long a reader waits for a lock that another process holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

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

    /// Held during a snapshot, so that a checkpoint that must wait for all of them gets its turn.
    pub(crate) fn brief(&self) -> RwLockReadGuard<'_, ()> {
        self.gate.read().unwrap_or_else(PoisonError::into_inner)
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
