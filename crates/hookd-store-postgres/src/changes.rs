//! The rows of changes.

use std::sync::Arc;

use hookd_core::{Change, Properties};
use hookd_store::{LoggedChange, Timestamp, hookd_id};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::deliveries::optional;
use crate::error::Failure;
use crate::text::{read, stored, stored_option};

/// The columns that [`logged`] reads, in their order.
pub(crate) const COLUMNS: &str = "changeid, deliveryid, received_at, dialect, author, branch, category, codebase, comments, \
    committer, files, project, properties, repository, revision, revlink, src, when_timestamp";

/// How many bytes of texts one statement takes, about: a message to the server has a limit, and memory as well.
const MAX_STATEMENT_BYTES: usize = 8 << 20;

/// A change of a batch.
#[derive(Clone, Copy)]
pub(crate) struct NewRow<'b> {
    pub(crate) changeid: i64,
    pub(crate) deliveryid: i64,
    pub(crate) received_at: Timestamp,
    pub(crate) dialect: &'b str,
    pub(crate) change: &'b Change,
}

impl NewRow<'_> {
    fn size(&self) -> usize {
        let Change { author, comments, files, repository, .. } = self.change;
        let files: usize = files.iter().map(|file| file.len() + 4).sum();
        512 + author.len() + comments.len() + repository.len() + files
    }
}

/// Inserts changes, in as many statements as it takes.
pub(crate) async fn insert(client: &Client, mut rows: &[NewRow<'_>]) -> Result<(), Failure> {
    while !rows.is_empty() {
        let mut bytes = 0;
        let fits = rows.iter().take_while(|row| {
            bytes += row.size();
            bytes <= MAX_STATEMENT_BYTES
        });
        let (some, rest) = rows.split_at(fits.count().max(1));
        insert_some(client, some).await?;
        rows = rest;
    }
    Ok(())
}

async fn insert_some(client: &Client, rows: &[NewRow<'_>]) -> Result<(), Failure> {
    macro_rules! column {
        (|$row:ident| $value:expr) => {
            rows.iter().map(|$row| $value).collect::<Vec<_>>()
        };
    }
    let json = |error: serde_json::Error| Failure::Damaged(format!("a change cannot be written: {error}"));
    let changeid = column!(|row| row.changeid);
    let deliveryid = column!(|row| row.deliveryid);
    let received_at = column!(|row| row.received_at.as_micros());
    let dialect = column!(|row| stored(row.dialect));
    let author = column!(|row| stored(&row.change.author));
    let branch = column!(|row| stored_option(row.change.branch.as_deref()));
    let category = column!(|row| stored_option(row.change.category.as_deref()));
    let codebase = column!(|row| stored(&row.change.codebase));
    let comments = column!(|row| stored(&row.change.comments));
    let committer = column!(|row| stored_option(row.change.committer.as_deref()));
    // JSON escapes what the database does not take.
    let files = rows.iter().map(|row| serde_json::to_string(&row.change.files));
    let files = files.collect::<Result<Vec<_>, _>>().map_err(json)?;
    let project = column!(|row| stored(&row.change.project));
    let properties = rows.iter().map(|row| serde_json::to_string(&row.change.properties));
    let properties = properties.collect::<Result<Vec<_>, _>>().map_err(json)?;
    let repository = column!(|row| stored(&row.change.repository));
    let revision = column!(|row| stored_option(row.change.revision.as_deref()));
    let revlink = column!(|row| stored_option(row.change.revlink.as_deref()));
    let src = column!(|row| stored_option(row.change.src.as_deref()));
    let when_timestamp = column!(|row| row.change.when_timestamp.unwrap_or(row.received_at.as_seconds()));
    client
        .execute_typed(
            "INSERT INTO hookd.changes (changeid, deliveryid, received_at, dialect, author, branch, category, codebase, \
             comments, committer, files, project, properties, repository, revision, revlink, src, when_timestamp) \
             SELECT * FROM unnest($1::int8[], $2::int8[], $3::int8[], $4::text[], $5::text[], $6::text[], $7::text[], \
             $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], \
             $16::text[], $17::text[], $18::int8[])",
            &[
                (&changeid, Type::INT8_ARRAY),
                (&deliveryid, Type::INT8_ARRAY),
                (&received_at, Type::INT8_ARRAY),
                (&dialect, Type::TEXT_ARRAY),
                (&author, Type::TEXT_ARRAY),
                (&branch, Type::TEXT_ARRAY),
                (&category, Type::TEXT_ARRAY),
                (&codebase, Type::TEXT_ARRAY),
                (&comments, Type::TEXT_ARRAY),
                (&committer, Type::TEXT_ARRAY),
                (&files, Type::TEXT_ARRAY),
                (&project, Type::TEXT_ARRAY),
                (&properties, Type::TEXT_ARRAY),
                (&repository, Type::TEXT_ARRAY),
                (&revision, Type::TEXT_ARRAY),
                (&revlink, Type::TEXT_ARRAY),
                (&src, Type::TEXT_ARRAY),
                (&when_timestamp, Type::INT8_ARRAY),
            ],
        )
        .await?;
    Ok(())
}

/// A change from its row of [`COLUMNS`].
pub(crate) fn logged(instance: &str, row: &Row) -> Result<LoggedChange, Failure> {
    let json = |error: serde_json::Error| Failure::Damaged(format!("a change cannot be read: {error}"));
    let text = |column: usize| -> Result<String, Failure> { Ok(read(row.try_get(column)?)) };
    let changeid = row.try_get(0)?;
    let received_at = Timestamp::from_micros(row.try_get(2)?);
    let dialect: Arc<str> = text(3)?.into();
    let files: String = row.try_get(10)?;
    let properties: String = row.try_get(12)?;
    let properties: Properties = serde_json::from_str(&properties).map_err(json)?;
    Ok(LoggedChange {
        changeid,
        deliveryid: row.try_get(1)?,
        received_at,
        dialect,
        hookd_id: hookd_id(instance, changeid, received_at),
        change: Change {
            author: text(4)?,
            branch: optional(row, 5)?,
            category: optional(row, 6)?,
            codebase: text(7)?,
            comments: text(8)?,
            committer: optional(row, 9)?,
            files: serde_json::from_str(&files).map_err(json)?,
            project: text(11)?,
            properties,
            repository: text(13)?,
            revision: optional(row, 14)?,
            revlink: optional(row, 15)?,
            src: optional(row, 16)?,
            when_timestamp: Some(row.try_get(17)?),
        },
    })
}
