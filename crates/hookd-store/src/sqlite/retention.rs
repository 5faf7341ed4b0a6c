//! Letting go of what is no longer kept, in steps that hold up nobody.
//!
//! The newest delivery and change always stay, since the next numbers follow from theirs. What is pending keeps its
//! request, however old it is.

use rusqlite::{Connection, OptionalExtension};

use super::tables::{head_key_of, key_of};
use crate::{Expiry, StoreError};

/// How many rows one step looks at: some milliseconds of work.
const STEP: i64 = 500;

/// The fact that says which delivery is the last whose request is gone.
const EXPIRED_TO: &str = "payloads_expired_to";

/// Takes one step; gives how many rows went. Zero means that there is nothing left to do for now.
pub(super) fn step(connection: &Connection, expiry: &Expiry) -> Result<u64, StoreError> {
    let mut gone = 0;
    if let Some(before) = expiry.payloads_before {
        gone += payloads(connection, before)?;
    }
    if let Some(before) = expiry.changes_before {
        gone += changes(connection, before)?;
        gone += deliveries(connection, before)?;
    }
    Ok(gone)
}

fn payloads(connection: &Connection, before: i64) -> Result<u64, StoreError> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT CAST(value AS INTEGER) FROM facts WHERE name = ?")?
        .query_row([EXPIRED_TO], |row| row.get(0))
        .optional()?;
    let expired = connection
        .prepare_cached(
            "SELECT deliveryid, forge_id, blockid FROM deliveries \
             WHERE deliveryid > ? AND received_at < ? ORDER BY deliveryid LIMIT ?",
        )?
        .query_map((last.unwrap_or(0), before, STEP), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<Vec<(i64, Option<String>, Option<i64>)>, _>>()?;
    let Some((to, _, _)) = expired.last() else { return Ok(0) };
    for (deliveryid, forge_id, _) in &expired {
        if let Some(forge_id) = forge_id {
            connection
                .prepare_cached("DELETE FROM forge_ids WHERE key = ? AND deliveryid = ?")?
                .execute((key_of(forge_id.as_bytes()), deliveryid))?;
        }
        connection
            .prepare_cached("UPDATE deliveries SET blockid = NULL WHERE deliveryid = ? AND state <> 0")?
            .execute([deliveryid])?;
    }
    // A block goes when all of it has expired: when the next delivery that stays has a later one.
    let first_kept: Option<i64> = connection
        .prepare_cached("SELECT blockid FROM deliveries WHERE deliveryid > ? ORDER BY deliveryid LIMIT 1")?
        .query_row([to], |row| row.get(0))
        .optional()?
        .flatten();
    let first_kept = first_kept.or_else(|| expired.iter().filter_map(|(_, _, blockid)| *blockid).max());
    connection
        .prepare_cached(
            "DELETE FROM payload_blocks WHERE blockid < ? \
             AND blockid NOT IN (SELECT blockid FROM deliveries JOIN pending USING (deliveryid))",
        )?
        .execute([first_kept])?;
    connection.prepare_cached("INSERT OR REPLACE INTO facts VALUES (?, ?)")?.execute((EXPIRED_TO, to.to_string()))?;
    Ok(expired.len() as u64)
}

fn changes(connection: &Connection, before: i64) -> Result<u64, StoreError> {
    let expired = connection
        .prepare_cached(
            "SELECT changeid, revision, branch, repository, project, codebase FROM changes \
             WHERE changeid < (SELECT max(changeid) FROM changes) ORDER BY changeid LIMIT ?",
        )?
        .query_map([STEP], |row| {
            let revision: Option<String> = row.get(1)?;
            let (branch, repository): (Option<String>, String) = (row.get(2)?, row.get(3)?);
            let (project, codebase): (String, String) = (row.get(4)?, row.get(5)?);
            let head = head_key_of(branch.as_deref(), &repository, &project, &codebase);
            Ok((row.get(0)?, revision, head))
        })?
        .collect::<Result<Vec<(i64, Option<String>, i64)>, _>>()?;
    let mut gone = 0;
    for (changeid, revision, head) in expired {
        let is_gone = connection
            .prepare_cached("DELETE FROM changes WHERE changeid = ? AND received_at < ?")?
            .execute((changeid, before))?;
        if is_gone == 0 {
            break;
        }
        gone += 1;
        connection.prepare_cached("DELETE FROM heads WHERE key = ? AND changeid = ?")?.execute((head, changeid))?;
        if let Some(revision) = revision {
            connection
                .prepare_cached("DELETE FROM revisions WHERE key = ? AND changeid = ?")?
                .execute((key_of(revision.as_bytes()), changeid))?;
        }
    }
    Ok(gone)
}

/// Those before the first that is pending, so that their numbers have no gaps.
fn deliveries(connection: &Connection, before: i64) -> Result<u64, StoreError> {
    let expired = connection
        .prepare_cached(
            "SELECT deliveryid, forge_id FROM deliveries WHERE received_at < ?1 \
             AND deliveryid < (SELECT max(deliveryid) FROM deliveries) \
             AND deliveryid < ifnull((SELECT min(deliveryid) FROM pending), 9223372036854775807) \
             AND deliveryid < (SELECT min(deliveryid) FROM deliveries) + ?2 ORDER BY deliveryid",
        )?
        .query_map((before, STEP), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(i64, Option<String>)>, _>>()?;
    for (deliveryid, forge_id) in &expired {
        if let Some(forge_id) = forge_id {
            connection
                .prepare_cached("DELETE FROM forge_ids WHERE key = ? AND deliveryid = ?")?
                .execute((key_of(forge_id.as_bytes()), deliveryid))?;
        }
        connection.prepare_cached("DELETE FROM deliveries WHERE deliveryid = ?")?.execute([deliveryid])?;
    }
    Ok(expired.len() as u64)
}
