//! Whether a store is sound: what SQLite says of its file, and what holds of hookd's own records.

use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::index::Index;
use super::{CareError, MOST, open};
use crate::block::{ChangeEntry, Entry, Place, Records, request_at, unpacked};
use crate::sqlite::log::{self, Header, Part};
use crate::sqlite::wal;
use crate::{Fault, OpenError, State, StoreError};

/// What a check came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// What is wrong, a sentence each; not all where it is much.
    pub problems: Vec<String>,
    /// How many deliveries there are.
    pub deliveries: u64,
    /// How many of them have their request still, which was unpacked.
    pub requests: u64,
}

/// What holds of the records, but for what was let go of: the query finds those for which it does not. The first column
/// says which, and takes the place of `{}` in the sentence.
const INVARIANTS: [(&str, &str); 4] = [
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
    (
        "delivery {} is waited for, and has its outcome",
        "SELECT deliveryid FROM pending JOIN outcomes USING (deliveryid)",
    ),
    (
        "delivery {} is waited for, and is not there with its request",
        "SELECT deliveryid FROM pending WHERE NOT EXISTS (SELECT 1 FROM blocks WHERE requests IS NOT NULL \
         AND deliveryid >= first_deliveryid AND deliveryid < first_deliveryid + delivery_count)",
    ),
];

/// Looks at all of the store in this file, which takes about as long as reading it.
///
/// # Errors
/// When there is none, it is of another version, or it cannot be read for another reason than damage.
pub fn check(path: &Path) -> Result<Checked, CareError> {
    let mut checked = Checked::default();
    let log = wal::log_of(path);
    match wal::damage(path) {
        Ok(damage) => checked.problems.extend(damage.map(|damage| format!("`{}`: {damage}", log.display()))),
        Err(error) => checked.problems.push(format!("`{}` cannot be read: {error}", log.display())),
    }
    let looked = open(path).map_err(CareError::from).and_then(|mut connection| {
        let transaction = connection.transaction().map_err(CareError::store(path))?;
        look(&transaction, &mut checked).map_err(CareError::store(path))
    });
    match looked {
        Err(CareError::Open(OpenError::Damaged { source, .. })) => checked.problems.push(format!("SQLite: {source}")),
        Err(CareError::Store { source: StoreError::Fault { fault: Fault::Damaged, message }, .. }) => {
            checked.problems.push(format!("SQLite: {message}"));
        }
        other => other?,
    }
    Ok(checked)
}

fn look(transaction: &Transaction<'_>, checked: &mut Checked) -> Result<(), StoreError> {
    let sound = texts(transaction, &format!("PRAGMA integrity_check({MOST})"))?;
    checked.problems.extend(sound.into_iter().filter(|line| line != "ok").map(|line| format!("SQLite: {line}")));
    for (sentence, sql) in INVARIANTS {
        let wrong = texts(transaction, &format!("{sql} LIMIT {MOST}"))?;
        checked.problems.extend(wrong.into_iter().map(|which| sentence.replace("{}", &which)));
    }
    let Some((first, last)) = log::ends(transaction)? else { return Ok(()) };
    let first_deliveryid = first.first(Part::Deliveries);
    let mut index = Index::read(transaction)?;
    for blockid in first.blockid..=last.blockid {
        // One that is missing was told above.
        let Some(header) = log::header(transaction, blockid)? else { continue };
        let looked = block(transaction, &header, first_deliveryid, &mut index, checked);
        match looked {
            Err(StoreError::Failed(why)) if checked.problems.len() < MOST => {
                checked.problems.push(format!("block {blockid}: {why}"));
            }
            Err(StoreError::Failed(_)) | Ok(()) => {}
            Err(other) => return Err(other),
        }
    }
    // What could not be read is not in the sums.
    if checked.problems.is_empty() {
        checked.problems.extend(index.problems(transaction, &first)?);
    }
    checked.problems.truncate(MOST);
    Ok(())
}

/// Looks at all that a block has. What is wrong with a record is told; what makes the rest unreadable is an error.
fn block(
    connection: &Connection,
    header: &Header,
    first_deliveryid: i64,
    index: &mut Index,
    checked: &mut Checked,
) -> Result<(), StoreError> {
    let records = log::records(connection, header.blockid)?;
    let requests: Option<Vec<u8>> =
        connection.query_row("SELECT requests FROM blocks WHERE blockid = ?", [header.blockid], |row| row.get(0))?;
    let owned = deliveries(connection, header, &records, requests.as_deref(), index, checked)?;
    let mut changes = records.changes();
    for changeid in header.first(Part::Changes)..header.next(Part::Changes) {
        let ChangeEntry { deliveryid, change, .. } = changes.read()?;
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
) -> Result<Owned, StoreError> {
    let raw = requests
        .map(unpacked)
        .transpose()
        .map_err(|error| StoreError::Failed(format!("its requests are lost: {error}")))?;
    let (mut owned, mut offset) = (Owned::new(), 0);
    let mut deliveries = records.deliveries();
    for deliveryid in header.first(Part::Deliveries)..header.next(Part::Deliveries) {
        let entry: Entry<'_> = deliveries.read()?;
        checked.deliveries += 1;
        index.delivery(deliveryid, entry.forge_id.as_deref());
        let place = Place { offset, head_length: entry.head_length, body_length: entry.body_length };
        offset += entry.head_length + entry.body_length;
        if raw.as_ref().is_some_and(|raw| raw.len() < offset) {
            checked.problems.push(format!("the request of delivery {deliveryid} is lost"));
        } else if raw.is_some() {
            checked.requests += 1;
        }
        // Heads are alike; one of each block shows whether they can be read.
        if let (0, Some(requests)) = (place.offset, requests) {
            request_at(requests, place)?;
        }
        let count = i64::try_from(entry.change_count).unwrap_or(i64::MAX);
        let ids = entry.first_changeid.map(|first| first..first.saturating_add(count)).unwrap_or_default();
        let is_within = ids.start >= header.first(Part::Changes) && ids.end <= header.next(Part::Changes);
        let is_accepted = State::of(entry.state) == State::Accepted;
        if is_accepted && (ids.is_empty() || !is_within) {
            checked.problems.push(format!("delivery {deliveryid} was accepted, and lacks changes"));
        } else if !is_accepted && !ids.is_empty() {
            checked.problems.push(format!("delivery {deliveryid} was not accepted, and has changes"));
        } else if State::of(entry.state) == State::Pending && !is_known(connection, deliveryid)? {
            checked.problems.push(format!("delivery {deliveryid} is pending, and nobody waits for it"));
        }
        if !ids.is_empty() {
            owned.push((deliveryid, ids));
        }
    }
    Ok(owned)
}

/// Whether a delivery that was pending is waited for, or has its outcome.
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
