//! Checks that a store is sound: SQLite's own check of the file, and the invariants of hookd's records.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::Duration;

use hookd_store::State;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Params, Transaction};

use super::index::Index;
use super::{MAX_PROBLEMS, MaintenanceError, Progress, Watch, open};
use crate::blocks::{self, BlockRow, Header, Part};
use crate::error::Failure;
use crate::format::{Records, request_at, unpack};
use crate::settlements::runs;
use crate::texts::stored;
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

/// The invariants of what is beside the log, but for what has expired: each query finds violations, given the number of the
/// next change. Its first column says which record, and takes the place of `{}` in the sentence.
const INVARIANTS: [(&str, &str); 4] = [
    (
        "delivery {} was accepted after its calls, and lacks changes",
        "SELECT deliveryid FROM outcomes WHERE state = 1 AND (change_count < 1 OR first_changeid IS NULL \
         OR first_changeid + change_count > ?1)",
    ),
    (
        "delivery {} is pending, and has its outcome",
        "SELECT deliveryid FROM pending JOIN outcomes USING (deliveryid) WHERE ?1",
    ),
    (
        "the text index has a gap before block {}",
        "SELECT b.first_blockid FROM text_segments a JOIN text_segments b ON b.first_blockid = \
         (SELECT min(first_blockid) FROM text_segments WHERE first_blockid > a.first_blockid) \
         WHERE ?1 AND (a.next_blockid <> b.first_blockid OR a.first_deliveryid + a.delivery_count <> b.first_deliveryid \
         OR a.first_changeid + a.change_count <> b.first_changeid)",
    ),
    ("cursor {} is beyond the newest change", "SELECT name FROM cursors WHERE position >= ?1"),
];

/// Looks at all of the store in this file, which takes about as long as reading it.
///
/// # Errors
/// When there is none, it is of another version, or it cannot be read for another reason than damage.
pub fn check(path: &Path) -> Result<Checked, MaintenanceError> {
    check_watched(path, &Watch::default())
}

/// As [`check`], watched.
///
/// # Errors
/// As [`check`]; also when the watch stops it.
pub fn check_watched(path: &Path, watch: &Watch) -> Result<Checked, MaintenanceError> {
    let mut checked = Checked::default();
    let wal = paths::wal(path);
    match lasting_damage(path) {
        Ok(damage) => checked.problems.extend(damage.map(|damage| format!("`{}`: {damage}", wal.display()))),
        Err(error) => checked.problems.push(format!("`{}` cannot be read: {error}", wal.display())),
    }
    let (own, mut connection) = match open(path).and_then(|own| Ok((own, open(path)?))) {
        Ok(both) => both,
        Err(OpenError::Damaged { source, .. }) => {
            checked.problems.push(format!("SQLite: {source}"));
            return Ok(checked);
        }
        Err(error) => return Err(error.into()),
    };
    let interrupt = own.get_interrupt_handle();
    // Both read the whole file, in the same order: what one has read from the disk the other finds in memory.
    let (sound, looked) = thread::scope(|scope| {
        let own = scope.spawn(move || texts(&own, &format!("PRAGMA integrity_check({MAX_PROBLEMS})"), []));
        let looked = look(&mut connection, watch, &mut checked);
        let progress = || Progress { step: "waiting for SQLite's own check", done: 0, total: None };
        (watch.wait(own, &interrupt, progress), looked)
    });
    if watch.is_stopped() {
        return Err(MaintenanceError::Interrupted);
    }
    let sound = match sound.map_err(Failure::from) {
        Ok(lines) => lines.into_iter().filter(|line| line != "ok").collect(),
        Err(Failure::Sqlite { fault: Fault::Damaged, message }) => vec![message],
        Err(other) => return Err(MaintenanceError::store(path)(other)),
    };
    let mut problems: Vec<String> = sound.into_iter().map(|line| format!("SQLite: {line}")).collect();
    match looked {
        Ok(()) => {}
        Err(Failure::Sqlite { fault: Fault::Damaged, message }) => {
            let problem = format!("SQLite: {message}");
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
        Err(other) => return Err(MaintenanceError::store(path)(other)),
    }
    problems.append(&mut checked.problems);
    problems.truncate(MAX_PROBLEMS);
    Ok(Checked { problems, ..checked })
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

/// Looks at the records of the log and at what is beside it, in one pass over the file.
fn look(connection: &mut Connection, watch: &Watch, checked: &mut Checked) -> Result<(), Failure> {
    let transaction = connection.transaction()?;
    let ends = blocks::ends(&transaction)?;
    let next_changeid = ends.map_or(1, |(_, last)| last.next(Part::Changes));
    for (sentence, sql) in INVARIANTS {
        let wrong = texts(&transaction, &format!("{sql} LIMIT {MAX_PROBLEMS}"), [next_changeid])?;
        checked.problems.extend(wrong.into_iter().map(|which| sentence.replace("{}", &which)));
    }
    checked.problems.extend(runs::problems(&transaction, MAX_PROBLEMS)?);
    let mut pending = pending(&transaction)?;
    if let Some((first, last)) = ends {
        let mut index = Index::read(&transaction)?;
        each_block(&transaction, watch, (&first, &last), checked, |row, checked| {
            let here = pending.range(row.header.first(Part::Deliveries)..row.header.next(Part::Deliveries));
            for id in here.copied().collect::<Vec<_>>() {
                pending.remove(&id);
            }
            block(&transaction, &row, first.first(Part::Deliveries), &mut index, checked)
        })?;
        // What could not be read is not in the sums.
        if checked.problems.is_empty() && pending.is_empty() && !watch.is_stopped() {
            checked.problems.extend(index.problems(&transaction, &first)?);
        }
    }
    segments(&transaction, watch, checked)?;
    let lost = pending.iter().map(|id| format!("delivery {id} is pending, and is not in the log"));
    checked.problems.extend(lost.take(MAX_PROBLEMS));
    Ok(())
}

/// Reads the blocks one after the other, from the first to the last, until the watch stops that.
fn each_block(
    transaction: &Transaction<'_>,
    watch: &Watch,
    (first, last): (&Header, &Header),
    checked: &mut Checked,
    mut look: impl FnMut(BlockRow<'_>, &mut Checked) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut before: Option<Header> = None;
    let total = Some((last.blockid - first.blockid + 1).unsigned_abs());
    blocks::each_row(transaction, |row| {
        let BlockRow { header, request_count, requests, .. } = row;
        let blockid = header.blockid;
        let done = (blockid - first.blockid).unsigned_abs();
        if !watch.goes_on(Progress { step: "reading the log", done, total }) {
            return Ok(false);
        }
        let mut problems = Vec::new();
        if before.is_some_and(|before| !header.follows(&before)) {
            problems.push(format!("block {blockid} does not begin where the one before it ends"));
        }
        before = Some(header);
        if requests.is_none() != (request_count == 0) {
            problems.push(format!("block {blockid} has requests, and does not say how many"));
        }
        match look(row, checked) {
            Err(Failure::Damaged(why)) => problems.push(format!("block {blockid}: {why}")),
            looked => looked?,
        }
        if checked.problems.len() < MAX_PROBLEMS {
            checked.problems.append(&mut problems);
        }
        Ok(true)
    })
}

/// The deliveries that are pending.
fn pending(connection: &Connection) -> rusqlite::Result<BTreeSet<i64>> {
    connection.prepare("SELECT deliveryid FROM pending")?.query_map([], |row| row.get(0))?.collect()
}

/// Looks at all of the text index, until the watch stops that.
fn segments(connection: &Connection, watch: &Watch, checked: &mut Checked) -> Result<(), Failure> {
    let mut after = i64::MIN;
    let mut done = 0;
    while let Some(segment) = stored::next(connection, after)? {
        if !watch.goes_on(Progress { step: "reading the text index", done, total: None }) {
            break;
        }
        done += 1;
        after = segment.bounds.first_blockid;
        let read = segment.texts().and_then(|_| segment.columns());
        match read {
            Err(Failure::Damaged(why)) if checked.problems.len() < MAX_PROBLEMS => checked.problems.push(why),
            Err(Failure::Damaged(_)) | Ok(_) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

/// Looks at all that a block has. What is wrong with a record is reported; what makes the rest unreadable is an error.
fn block(
    connection: &Connection,
    row: &BlockRow<'_>,
    first_deliveryid: i64,
    index: &mut Index,
    checked: &mut Checked,
) -> Result<(), Failure> {
    let header = &row.header;
    let records = Records::read(row.records)?;
    let owned = deliveries(connection, header, &records, row.requests, index, checked)?;
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
                request_at(requests, place, entry.forge_id)?;
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
fn texts(connection: &Connection, sql: &str, parameters: impl Params) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map(parameters, |row| match row.get_ref(0)? {
        ValueRef::Integer(number) => Ok(number.to_string()),
        text => Ok(String::from_utf8_lossy(text.as_bytes_or_null()?.unwrap_or_default()).into_owned()),
    })?;
    rows.collect()
}
