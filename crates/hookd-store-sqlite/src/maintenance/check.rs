//! Checks that a store is sound: SQLite's own check of the file, and the invariants of hookd's records.

use std::path::Path;
use std::time::Duration;

use hookd_store::State;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::index::Index;
use super::{MAX_PROBLEMS, MaintenanceError, open};
use crate::blocks::{self, Header, Part};
use crate::error::Failure;
use crate::format::{Records, request_at, unpack};
use crate::settlements::runs;
use crate::wal::Damage;
use crate::{Fault, OpenError, paths, wal};

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// What is wrong, a sentence each; not all where it is much.
    pub problems: Vec<String>,
    /// How many deliveries there are.
    pub deliveries: u64,
    /// How many of them have their request still, which was decompressed.
    pub requests: u64,
}

/// How often the WAL is examined again that seems to be damaged, since a hookd at work may be writing just there.
const WAL_EXAMINATIONS: usize = 4;

/// The time between two of them.
const WAL_PAUSE: Duration = Duration::from_millis(20);

/// The invariants of the records, but for what has expired: each query finds violations. Its first column says which record,
/// and takes the place of `{}` in the sentence.
const INVARIANTS: [(&str, &str); 6] = [
    (
        "block {} does not begin where the one before it ends",
        "SELECT b.blockid FROM blocks b LEFT JOIN blocks a ON a.blockid = b.blockid - 1 \
         WHERE b.blockid > (SELECT min(blockid) FROM blocks) AND (a.blockid IS NULL \
         OR b.first_deliveryid <> a.first_deliveryid + a.delivery_count \
         OR b.first_changeid <> a.first_changeid + a.change_count)",
    ),
    (
        "delivery {} was accepted after its calls, and lacks changes",
        "SELECT deliveryid FROM outcomes WHERE state = 1 AND (change_count < 1 OR first_changeid IS NULL \
         OR first_changeid + change_count > (SELECT max(first_changeid + change_count) FROM blocks))",
    ),
    ("delivery {} is pending, and has its outcome", "SELECT deliveryid FROM pending JOIN outcomes USING (deliveryid)"),
    (
        "delivery {} is pending, and is not in the log",
        "SELECT deliveryid FROM pending WHERE NOT EXISTS (SELECT 1 FROM blocks WHERE deliveryid >= first_deliveryid AND deliveryid < first_deliveryid + delivery_count)",
    ),
    (
        "block {} has requests, and does not say how many",
        "SELECT blockid FROM blocks WHERE (requests IS NULL) <> (request_count = 0)",
    ),
    (
        "cursor {} is beyond the newest change",
        "SELECT name FROM cursors WHERE position >= (SELECT ifnull(max(first_changeid + change_count), 1) FROM blocks)",
    ),
];

/// Looks at all of the store in this file, which takes about as long as reading it.
///
/// # Errors
/// When there is none, it is of another version, or it cannot be read for another reason than damage.
pub fn check(path: &Path) -> Result<Checked, MaintenanceError> {
    let mut checked = Checked::default();
    let wal = paths::wal(path);
    match lasting_damage(path) {
        Ok(damage) => checked.problems.extend(damage.map(|damage| format!("`{}`: {damage}", wal.display()))),
        Err(error) => checked.problems.push(format!("`{}` cannot be read: {error}", wal.display())),
    }
    let looked = open(path).map_err(MaintenanceError::from).and_then(|mut connection| {
        let transaction = connection.transaction().map_err(MaintenanceError::store(path))?;
        match look(&transaction, &mut checked) {
            Err(Failure::Sqlite { fault: Fault::Damaged, message }) => {
                checked.problems.push(format!("SQLite: {message}"));
                Ok(())
            }
            looked => looked.map_err(MaintenanceError::store(path)),
        }
    });
    match looked {
        Err(MaintenanceError::Open(OpenError::Damaged { source, .. })) => {
            checked.problems.push(format!("SQLite: {source}"));
        }
        other => other?,
    }
    Ok(checked)
}

/// What is damaged in the WAL each time it is examined.
fn lasting_damage(path: &Path) -> std::io::Result<Option<Damage>> {
    let mut found = wal::damage(path)?;
    for _ in 1..WAL_EXAMINATIONS {
        if found.is_none() {
            break;
        }
        std::thread::sleep(WAL_PAUSE);
        let again = wal::damage(path)?;
        found = found.filter(|damage| again.is_some_and(|again| again.is_at(*damage)));
    }
    Ok(found)
}

fn look(transaction: &Transaction<'_>, checked: &mut Checked) -> Result<(), Failure> {
    let sound = texts(transaction, &format!("PRAGMA integrity_check({MAX_PROBLEMS})"))?;
    checked.problems.extend(sound.into_iter().filter(|line| line != "ok").map(|line| format!("SQLite: {line}")));
    for (sentence, sql) in INVARIANTS {
        let wrong = texts(transaction, &format!("{sql} LIMIT {MAX_PROBLEMS}"))?;
        checked.problems.extend(wrong.into_iter().map(|which| sentence.replace("{}", &which)));
    }
    checked.problems.extend(runs::problems(transaction, MAX_PROBLEMS)?);
    let Some((first, last)) = blocks::ends(transaction)? else { return Ok(()) };
    let first_deliveryid = first.first(Part::Deliveries);
    let mut index = Index::read(transaction)?;
    for blockid in first.blockid..=last.blockid {
        // One that is missing was reported above.
        let Some(header) = blocks::header(transaction, blockid)? else { continue };
        let looked = block(transaction, &header, first_deliveryid, &mut index, checked);
        match looked {
            Err(Failure::Damaged(why)) if checked.problems.len() < MAX_PROBLEMS => {
                checked.problems.push(format!("block {blockid}: {why}"));
            }
            Err(Failure::Damaged(_)) | Ok(()) => {}
            Err(other) => return Err(other),
        }
    }
    // What could not be read is not in the sums.
    if checked.problems.is_empty() {
        checked.problems.extend(index.problems(transaction, &first)?);
    }
    checked.problems.truncate(MAX_PROBLEMS);
    Ok(())
}

/// Looks at all that a block has. What is wrong with a record is reported; what makes the rest unreadable is an error.
fn block(
    connection: &Connection,
    header: &Header,
    first_deliveryid: i64,
    index: &mut Index,
    checked: &mut Checked,
) -> Result<(), Failure> {
    let records = blocks::records(connection, header.blockid)?;
    let requests: Option<Vec<u8>> =
        connection.query_row("SELECT requests FROM blocks WHERE blockid = ?", [header.blockid], |row| row.get(0))?;
    let owned = deliveries(connection, header, &records, requests.as_deref(), index, checked)?;
    let mut changes = records.changes();
    for changeid in header.first(Part::Changes)..header.next(Part::Changes) {
        let (group, change) = changes.read()?;
        let deliveryid = group.deliveryid;
        index.change(changeid, &change);
        let is_owned = match owned
            .get(owned.partition_point(|(_, ids)| ids.end <= changeid))
            .filter(|(_, ids)| ids.contains(&changeid))
        {
            Some((owner, _)) => *owner == deliveryid,
            None => deliveryid < first_deliveryid || is_of_outcome(connection, deliveryid, changeid)?,
        };
        if !is_owned {
            checked.problems.push(format!("change {changeid} is not one of its delivery {deliveryid}"));
        }
    }
    Ok(())
}

/// The deliveries of a block that have changes in it, with the numbers of those; in order.
type Owned = Vec<(i64, std::ops::Range<i64>)>;

fn deliveries(
    connection: &Connection,
    header: &Header,
    records: &Records,
    requests: Option<&[u8]>,
    index: &mut Index,
    checked: &mut Checked,
) -> Result<Owned, Failure> {
    let raw = requests
        .map(unpack)
        .transpose()
        .map_err(|error| Failure::Damaged(format!("its requests are lost: {error}")))?;
    let (mut owned, mut offset) = (Owned::new(), 0);
    let mut deliveries = records.deliveries();
    for deliveryid in header.first(Part::Deliveries)..header.next(Part::Deliveries) {
        let entry = deliveries.read()?;
        checked.deliveries += 1;
        index.delivery(deliveryid, &entry);
        let place = entry.place(offset);
        offset = place.end();
        if entry.head_length > 0
            && let Some((raw, requests)) = raw.as_ref().zip(requests)
        {
            if raw.len() < offset {
                checked.problems.push(format!("the request of delivery {deliveryid} is lost"));
            } else {
                checked.requests += 1;
            }
            // Heads are alike; one of each block shows whether they can be read.
            if place.offset == 0 {
                request_at(requests, place)?;
            }
        } else if entry.head_length > 0 && is_pending(connection, deliveryid)? {
            checked.problems.push(format!("delivery {deliveryid} is pending, and its request is lost"));
        }
        let ids = entry.changeids();
        let is_within = ids.start >= header.first(Part::Changes) && ids.end <= header.next(Part::Changes);
        let is_accepted = entry.state == State::Accepted;
        if is_accepted && (ids.is_empty() || !is_within) {
            checked.problems.push(format!("delivery {deliveryid} was accepted, and lacks changes"));
        } else if !is_accepted && !ids.is_empty() {
            checked.problems.push(format!("delivery {deliveryid} was not accepted, and has changes"));
        } else if entry.state == State::Pending && !is_known(connection, deliveryid)? {
            checked
                .problems
                .push(format!("delivery {deliveryid} is pending, and has neither its outcome nor a next attempt"));
        }
        if !ids.is_empty() {
            owned.push((deliveryid, ids));
        }
    }
    Ok(owned)
}

/// Whether a delivery is pending.
fn is_pending(connection: &Connection, deliveryid: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM pending WHERE deliveryid = ?)")?
        .query_row([deliveryid], |row| row.get(0))
}

/// Whether a delivery that was pending still is, or has its outcome.
fn is_known(connection: &Connection, deliveryid: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM pending WHERE deliveryid = ?1) \
             OR EXISTS (SELECT 1 FROM outcomes WHERE deliveryid = ?1)",
        )?
        .query_row([deliveryid], |row| row.get(0))
}

fn is_of_outcome(connection: &Connection, deliveryid: i64, changeid: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT 1 FROM outcomes WHERE deliveryid = ?1 \
             AND ?2 BETWEEN first_changeid AND first_changeid + change_count - 1",
        )?
        .query_row([deliveryid, changeid], |_| Ok(()))
        .optional()
        .map(|found| found.is_some())
}

/// The first column of all rows.
fn texts(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| match row.get_ref(0)? {
        ValueRef::Integer(number) => Ok(number.to_string()),
        text => Ok(String::from_utf8_lossy(text.as_bytes_or_null()?.unwrap_or_default()).into_owned()),
    })?;
    rows.collect()
}
