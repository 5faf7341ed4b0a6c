//! Rows and fields: how records lie in the tables.

use hookd_core::Change;
use rusqlite::Row;

use crate::{ChangeRecord, DeliveryRecord, Field, Kind, State};

use super::block::Place;

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, sql: name, kind }
}

/// The fields of changes in the REST API.
pub static CHANGE_FIELDS: [Field; 21] = [
    field("author", Kind::Text),
    field("branch", Kind::Text),
    field("category", Kind::Text),
    field("changeid", Kind::Integer),
    field("codebase", Kind::Text),
    field("comments", Kind::Text),
    field("committer", Kind::Text),
    field("deliveryid", Kind::Integer),
    Field { name: "files", sql: "files", kind: Kind::List },
    field("hookd_id", Kind::Opaque),
    field("parent_changeids", Kind::Opaque),
    field("project", Kind::Text),
    field("properties", Kind::Opaque),
    field("repository", Kind::Text),
    field("revision", Kind::Text),
    field("revlink", Kind::Text),
    field("sourcestamp", Kind::Opaque),
    Field { name: "sourcestampid", sql: "changeid", kind: Kind::Integer },
    field("src", Kind::Text),
    field("when_timestamp", Kind::Integer),
    Field { name: "received_at", sql: "received_at / 1e6", kind: Kind::Real },
];

/// The fields of deliveries in the REST API.
pub static DELIVERY_FIELDS: [Field; 9] = [
    field("changeids", Kind::Opaque),
    field("deliveryid", Kind::Integer),
    field("dialect", Kind::Text),
    field("event", Kind::Text),
    field("forge_id", Kind::Text),
    field("reason", Kind::Text),
    Field { name: "received_at", sql: "received_at / 1e6", kind: Kind::Real },
    Field { name: "size", sql: "body_length", kind: Kind::Integer },
    field("state", Kind::State),
];

pub(super) const CHANGE_COLUMNS: &str = "changeid, deliveryid, received_at, parent_changeid, author, branch, category, \
     codebase, comments, committer, files, project, properties, repository, revision, revlink, src, when_timestamp";

pub(super) const DELIVERY_COLUMNS: &str =
    "deliveryid, received_at, dialect, forge_id, event, state, reason, first_changeid, change_count, body_length";

pub(super) fn change_of(row: &Row<'_>, instance: &str) -> rusqlite::Result<ChangeRecord> {
    let changeid: i64 = row.get(0)?;
    let received_at: i64 = row.get(2)?;
    let json = |index: usize| -> rusqlite::Result<String> { row.get(index) };
    let broken = |index: usize, error: serde_json::Error| {
        rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, Box::new(error))
    };
    Ok(ChangeRecord {
        changeid,
        deliveryid: row.get(1)?,
        received_at,
        parent_changeid: row.get(3)?,
        // The time makes it unique also after a backup was restored, when numbers are given out again.
        hookd_id: format!("{instance}-{changeid}-{received_at:x}"),
        change: Change {
            author: row.get(4)?,
            branch: row.get(5)?,
            category: row.get(6)?,
            codebase: row.get(7)?,
            comments: row.get(8)?,
            committer: row.get(9)?,
            files: serde_json::from_str(&json(10)?).map_err(|error| broken(10, error))?,
            project: row.get(11)?,
            properties: serde_json::from_str(&json(12)?).map_err(|error| broken(12, error))?,
            repository: row.get(13)?,
            revision: row.get(14)?,
            revlink: row.get(15)?,
            src: row.get(16)?,
            when_timestamp: Some(row.get(17)?),
        },
    })
}

pub(super) fn delivery_of(row: &Row<'_>) -> rusqlite::Result<DeliveryRecord> {
    let received_at: i64 = row.get(1)?;
    let first: Option<i64> = row.get(7)?;
    let count: i64 = row.get(8)?;
    #[expect(clippy::cast_precision_loss, reason = "microseconds of this age fit in a double")]
    let seconds = received_at as f64 / 1e6;
    Ok(DeliveryRecord {
        deliveryid: row.get(0)?,
        received_at: seconds,
        dialect: row.get(2)?,
        forge_id: row.get(3)?,
        event: row.get(4)?,
        state: state_of(row.get(5)?),
        reason: row.get(6)?,
        changeids: first.map_or_else(Vec::new, |first| (first..first + count).collect()),
        size: row.get(9)?,
    })
}

/// The state of this number; an unknown one, which only a newer schema could have, reads as refused.
pub(super) fn state_of(code: i64) -> State {
    State::ALL.into_iter().find(|state| state.code() == code).unwrap_or(State::Refused)
}

/// Reads `block_offset, head_length, body_length` from the column `first` on.
pub(super) fn place_of(row: &Row<'_>, first: usize) -> rusqlite::Result<Place> {
    Ok(Place { offset: row.get(first)?, head_length: row.get(first + 1)?, body_length: row.get(first + 2)? })
}

/// The key of a text in the tables of hashes; the bits of xxh3 as the signed number that SQLite has.
pub(super) fn key_of(text: &[u8]) -> i64 {
    xxhash_rust::xxh3::xxh3_64(text).cast_signed()
}

/// The key of what a change's parent has in common with it.
pub(super) fn head_key(change: &Change) -> i64 {
    head_key_of(change.branch.as_deref(), &change.repository, &change.project, &change.codebase)
}

/// The same, of its parts.
pub(super) fn head_key_of(branch: Option<&str>, repository: &str, project: &str, codebase: &str) -> i64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    hash.update(&[u8::from(branch.is_some())]);
    for text in [branch.unwrap_or_default(), repository, project, codebase] {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.digest().cast_signed()
}
