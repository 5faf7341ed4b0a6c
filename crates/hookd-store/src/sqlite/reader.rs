//! The readers: connections of their own, which never wait for the writer.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use rusqlite::types::Value as SqlValue;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params_from_iter};

use super::block;
use super::tables::{CHANGE_COLUMNS, DELIVERY_COLUMNS, change_of, delivery_of, key_of, place_of};
use crate::{ChangeRecord, DeliveryRecord, Due, Filter, Kind, Operator, Page, Query, StoreError, StoredRequest, Value};

/// How many idle connections are kept.
const IDLE: usize = 4;

pub(super) struct Readers {
    path: PathBuf,
    instance: String,
    idle: Mutex<Vec<Connection>>,
}

/// A table as queries see it.
struct Table {
    name: &'static str,
    id: &'static str,
    columns: &'static str,
    /// The field that a table of hashes finds: its name, and that table's.
    hashed: (&'static str, &'static str),
}

const CHANGES: Table =
    Table { name: "changes", id: "changeid", columns: CHANGE_COLUMNS, hashed: ("revision", "revisions") };

const DELIVERIES: Table =
    Table { name: "deliveries", id: "deliveryid", columns: DELIVERY_COLUMNS, hashed: ("forge_id", "forge_ids") };

impl Readers {
    pub(super) fn new(path: PathBuf, instance: String) -> Self {
        Self { path, instance, idle: Mutex::default() }
    }

    pub(super) fn changes(&self, query: &Query) -> Result<Page<ChangeRecord>, StoreError> {
        self.page(&CHANGES, query, |row| change_of(row, &self.instance))
    }

    pub(super) fn deliveries(&self, query: &Query) -> Result<Page<DeliveryRecord>, StoreError> {
        self.page(&DELIVERIES, query, delivery_of)
    }

    pub(super) fn pending(&self) -> Result<Vec<Due>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT deliveryid, dialect, received_at, attempts, next_at \
                 FROM pending JOIN deliveries USING (deliveryid) ORDER BY deliveryid",
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
            let found = connection
                .prepare_cached(
                    "SELECT data, block_offset, head_length, body_length \
                     FROM deliveries JOIN payload_blocks USING (blockid) WHERE deliveryid = ?",
                )?
                .query_row([deliveryid], |row| Ok((row.get::<_, Vec<u8>>(0)?, place_of(row, 1)?)))
                .optional()?;
            found.map(|(data, place)| block::read(&data, place)).transpose()
        })
    }

    fn page<T>(
        &self,
        table: &Table,
        query: &Query,
        record: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Page<T>, StoreError> {
        let Table { name, id, columns, .. } = table;
        let mut values = Vec::new();
        let conditions = conditions(table, &query.filters, &mut values);
        let mut order = String::new();
        for by in &query.order {
            let direction = if by.is_descending { "DESC" } else { "ASC" };
            write!(order, "{} {direction}, ", by.field.sql).expect("a String takes all");
        }
        // SQLite wants a limit before an offset; -1 is none.
        let limit = query.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let offset = i64::try_from(query.offset).unwrap_or(i64::MAX);
        let select =
            format!("SELECT {columns} FROM {name}{conditions} ORDER BY {order}{id} DESC LIMIT {limit} OFFSET {offset}");
        // Ids have no gaps, so that all of them need no counting.
        let count = if conditions.is_empty() {
            // Two selects: SQLite looks up a lone minimum or maximum, and scans for both at once.
            format!("SELECT ifnull((SELECT max({id}) FROM {name}) - (SELECT min({id}) FROM {name}) + 1, 0)")
        } else {
            format!("SELECT count(*) FROM {name}{conditions}")
        };
        self.read(|connection| {
            // One snapshot for both.
            let transaction = connection.unchecked_transaction()?;
            let rows = transaction
                .prepare_cached(&select)?
                .query_map(params_from_iter(&values), |row| record(row))?
                .collect::<Result<Vec<_>, _>>()?;
            let total: i64 =
                transaction.prepare_cached(&count)?.query_row(params_from_iter(&values), |row| row.get(0))?;
            Ok(Page { rows, total: total.unsigned_abs() })
        })
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

/// ` WHERE …` of filters, or nothing; the values to bind go to `values`.
fn conditions(table: &Table, filters: &[Filter], values: &mut Vec<SqlValue>) -> String {
    let mut conditions = Vec::new();
    for filter in filters {
        let column = filter.field.sql;
        let marks = vec!["?"; filter.values.len()].join(", ");
        if filter.operator == Operator::Eq && filter.field.name == table.hashed.0 {
            let (id, hashes) = (table.id, table.hashed.1);
            conditions.push(format!("{id} IN (SELECT {id} FROM {hashes} WHERE key IN ({marks}))"));
            values.extend(filter.values.iter().map(|value| match value {
                Value::Text(text) => SqlValue::Integer(key_of(text.as_bytes())),
                other => sql_of(other),
            }));
        }
        conditions.push(match (filter.operator, filter.field.kind) {
            (Operator::Eq, _) => format!("{column} IN ({marks})"),
            // What is null is not the value either.
            (Operator::Ne, _) => format!("({column} IS NULL OR {column} NOT IN ({marks}))"),
            (Operator::Contains, Kind::List) => {
                format!("EXISTS (SELECT 1 FROM json_each({column}) WHERE json_each.value IN ({marks}))")
            }
            (Operator::Contains, _) => {
                let any = vec![format!("instr({column}, ?) > 0"); filter.values.len()];
                format!("({})", any.join(" OR "))
            }
            (Operator::Lt, _) => format!("{column} < ?"),
            (Operator::Le, _) => format!("{column} <= ?"),
            (Operator::Gt, _) => format!("{column} > ?"),
            (Operator::Ge, _) => format!("{column} >= ?"),
        });
        values.extend(filter.values.iter().map(sql_of));
    }
    if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) }
}

fn sql_of(value: &Value) -> SqlValue {
    match value {
        Value::Integer(number) => SqlValue::Integer(*number),
        Value::Real(number) => SqlValue::Real(*number),
        Value::Text(text) => SqlValue::Text(text.clone()),
    }
}
