//! Whether a store is sound: what SQLite says of its file, and what holds of hookd's own records.

use std::path::Path;

use rusqlite::{Connection, Row, Transaction};

use super::{CareError, open};
use crate::sqlite::block;
use crate::sqlite::tables::{key_of, place_of};
use crate::{Fault, OpenError};

/// How many problems of a kind are told; where there is one there are mostly more.
const MOST: usize = 10;

/// What a check came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// What is wrong, a sentence each, at most ten of a kind.
    pub problems: Vec<String>,
    /// How many deliveries there are.
    pub deliveries: u64,
    /// How many of them have their request still, which was unpacked and compared with its hash.
    pub requests: u64,
}

/// What holds of the records, but for what was let go of: the query finds those for which it does not. The first column
/// says which, and takes the place of `{}` in the sentence.
const INVARIANTS: [(&str, &str); 7] = [
    (
        "deliveries are numbered without gaps, but {}",
        "SELECT format('%d numbers have %d', max(deliveryid) - min(deliveryid) + 1, count(*)) FROM deliveries \
         HAVING max(deliveryid) - min(deliveryid) + 1 <> count(*)",
    ),
    (
        "changes are numbered without gaps, but {}",
        "SELECT format('%d numbers have %d', max(changeid) - min(changeid) + 1, count(*)) FROM changes \
         HAVING max(changeid) - min(changeid) + 1 <> count(*)",
    ),
    (
        "delivery {} was accepted, and lacks changes",
        "SELECT deliveryid FROM deliveries d WHERE state = 1 AND (change_count < 1 OR \
         (SELECT count(*) FROM changes c WHERE c.changeid >= d.first_changeid \
          AND c.changeid < d.first_changeid + d.change_count AND c.deliveryid = d.deliveryid) < \
         d.first_changeid + d.change_count - max(d.first_changeid, (SELECT min(changeid) FROM changes)))",
    ),
    (
        "delivery {} was not accepted, and has changes",
        "SELECT deliveryid FROM deliveries WHERE state <> 1 AND change_count > 0",
    ),
    (
        "change {} is not one of its delivery",
        "SELECT c.changeid FROM changes c LEFT JOIN deliveries d USING (deliveryid) \
         WHERE c.deliveryid >= (SELECT min(deliveryid) FROM deliveries) AND \
         ifnull(c.changeid NOT BETWEEN d.first_changeid AND d.first_changeid + d.change_count - 1, 1)",
    ),
    (
        "delivery {} is pending, and nobody waits for it or its request is gone",
        "SELECT d.deliveryid FROM deliveries d LEFT JOIN pending p USING (deliveryid) \
         WHERE state = 0 AND (p.deliveryid IS NULL OR d.blockid IS NULL)",
    ),
    (
        "delivery {} is waited for, and is not pending",
        "SELECT p.deliveryid FROM pending p LEFT JOIN deliveries d USING (deliveryid) WHERE d.state IS NOT 0",
    ),
];

/// Looks at all of the store in this file, which takes about as long as reading it.
///
/// # Errors
/// When there is none, it is of another version, or it cannot be read for another reason than damage.
pub fn check(path: &Path) -> Result<Checked, CareError> {
    let mut checked = Checked::default();
    let looked = open(path).map_err(CareError::from).and_then(|mut connection| {
        let transaction = connection.transaction().map_err(CareError::sqlite(path))?;
        look(&transaction, &mut checked).map_err(CareError::sqlite(path))
    });
    match looked {
        Err(CareError::Open(OpenError::Damaged { source, .. }) | CareError::Sqlite { source, .. })
            if Fault::of(&source) == Fault::Damaged =>
        {
            checked.problems.push(format!("SQLite: {source}"));
        }
        other => other?,
    }
    Ok(checked)
}

fn look(transaction: &Transaction<'_>, checked: &mut Checked) -> rusqlite::Result<()> {
    let sound = texts(transaction, &format!("PRAGMA integrity_check({MOST})"))?;
    checked.problems.extend(sound.into_iter().filter(|line| line != "ok").map(|line| format!("SQLite: {line}")));
    for (sentence, sql) in INVARIANTS {
        let wrong = texts(transaction, &format!("{sql} LIMIT {MOST}"))?;
        checked.problems.extend(wrong.into_iter().map(|which| sentence.replace("{}", &which)));
    }
    requests(transaction, checked)
}

/// Looks whether each request that is kept can be had, and is what it was.
fn requests(transaction: &Transaction<'_>, checked: &mut Checked) -> rusqlite::Result<()> {
    let mut deliveries = transaction.prepare(
        "SELECT deliveryid, body_hash, blockid, block_offset, head_length, body_length \
         FROM deliveries ORDER BY deliveryid",
    )?;
    let mut rows = deliveries.query([])?;
    // Deliveries lie in their blocks in order, so that one block at a time is enough.
    let mut unpacked: (Option<i64>, Result<Vec<u8>, String>) = (None, Ok(Vec::new()));
    let mut problems = 0;
    while let Some(row) = rows.next()? {
        checked.deliveries += 1;
        let Some(blockid) = row.get::<_, Option<i64>>(2)? else { continue };
        if unpacked.0 != Some(blockid) {
            unpacked = (Some(blockid), unpack(transaction, blockid));
        }
        match unpacked.1.as_deref().map_err(Clone::clone).and_then(|raw| is_whole(row, raw)) {
            Ok(()) => checked.requests += 1,
            Err(why) if problems < MOST => {
                problems += 1;
                checked.problems.push(format!("the request of delivery {} is lost: {why}", row.get::<_, i64>(0)?));
            }
            Err(_) => {}
        }
    }
    Ok(())
}

fn unpack(connection: &Connection, blockid: i64) -> Result<Vec<u8>, String> {
    let data: Vec<u8> = connection
        .prepare_cached("SELECT data FROM payload_blocks WHERE blockid = ?")
        .and_then(|mut select| select.query_row([blockid], |row| row.get(0)))
        .map_err(|error| format!("block {blockid}: {error}"))?;
    block::unpack(&data).map_err(|error| format!("block {blockid}: {error}"))
}

fn is_whole(row: &Row<'_>, raw: &[u8]) -> Result<(), String> {
    let place = place_of(row, 3).map_err(|error| error.to_string())?;
    let request = block::request_at(raw, place).map_err(|error| error.to_string())?;
    let hash: i64 = row.get(1).map_err(|error| error.to_string())?;
    if key_of(&request.body) == hash { Ok(()) } else { Err("its body is not the one that was received".to_owned()) }
}

/// The first column of all rows.
fn texts(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| match row.get_ref(0)? {
        rusqlite::types::ValueRef::Integer(number) => Ok(number.to_string()),
        text => Ok(String::from_utf8_lossy(text.as_bytes_or_null()?.unwrap_or_default()).into_owned()),
    })?;
    rows.collect()
}
