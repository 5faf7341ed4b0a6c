//! Reading for people: single records, queries and searches. Each is within one snapshot.

use hookd_core::Change;
use hookd_store::{
    ChangeField, ChangeRecord, DeliveryField, DeliveryRecord, LoggedChange, Page, Query, Record, Search, Selection,
    StoredRequest, Waiting, fold,
};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::conditions::{Column, Conditions, order};
use crate::deliveries::{self, state_code};
use crate::error::Failure;
use crate::text::{like_part, stored};
use crate::{changes, pending, requests};

/// How many changes before one its parent is looked for among.
const MAX_PARENT_DISTANCE: i64 = 10_000;

/// How many records are read at a time where each is looked at.
const PORTION: i64 = 500;

/// Runs `read` within one snapshot.
async fn in_snapshot<T>(client: &Client, read: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    // After an error the connection is closed by whoever has lent it.
    let result = read.await?;
    client.batch_execute("COMMIT").await?;
    Ok(result)
}

pub(crate) async fn delivery(client: &Client, deliveryid: i64) -> Result<Option<DeliveryRecord>, Failure> {
    let sql = format!("SELECT {} FROM hookd.deliveries WHERE deliveryid = $1", deliveries::COLUMNS);
    let row = client.query_typed_opt(&sql, &[(&deliveryid, Type::INT8)]).await?;
    row.as_ref().map(deliveries::record).transpose()
}

pub(crate) async fn request(client: &Client, deliveryid: i64) -> Result<Option<StoredRequest>, Failure> {
    let sql = "SELECT length, data FROM hookd.requests WHERE deliveryid = $1";
    let row = client.query_typed_opt(sql, &[(&deliveryid, Type::INT8)]).await?;
    row.as_ref().map(requests::unpack).transpose()
}

/// A change with its parent, if that is not too far back.
pub(crate) async fn change(client: &Client, instance: &str, changeid: i64) -> Result<Option<ChangeRecord>, Failure> {
    let sql = format!("SELECT {} FROM hookd.changes WHERE changeid = $1", changes::COLUMNS);
    let Some(row) = client.query_typed_opt(&sql, &[(&changeid, Type::INT8)]).await? else { return Ok(None) };
    let logged = changes::logged(instance, &row)?;
    let parent = parent(client, &logged).await?;
    Ok(Some(logged.into_record(parent)))
}

/// The last change before this one of the same branch, repository, project and codebase.
///
/// With the texts in the statement rather than taken from the row of the change, the database reads backwards until it meets
/// one; joined with that row, it reads and sorts all that there are.
async fn parent(client: &Client, logged: &LoggedChange) -> Result<Option<i64>, Failure> {
    let Change { branch, repository, project, codebase, .. } = &logged.change;
    let mut conditions = Conditions::default();
    let before = conditions.bind(logged.changeid, Type::INT8);
    let least = conditions.bind(logged.changeid.saturating_sub(MAX_PARENT_DISTANCE), Type::INT8);
    conditions.and(format!("changeid < {before} AND changeid >= {least}"));
    for (column, text) in [("repository", repository), ("project", project), ("codebase", codebase)] {
        let text = conditions.bind(stored(text).into_owned(), Type::TEXT);
        conditions.and(format!("{column} = {text}"));
    }
    let branch = match branch {
        Some(branch) => format!("branch = {}", conditions.bind(stored(branch).into_owned(), Type::TEXT)),
        None => "branch IS NULL".to_owned(),
    };
    conditions.and(branch);
    let sql = format!("SELECT changeid FROM hookd.changes{} ORDER BY changeid DESC LIMIT 1", conditions.clause());
    let row = client.query_typed_opt(&sql, &conditions.bound()).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// The changes after this one, ascending.
pub(crate) async fn read_on(
    client: &Client,
    instance: &str,
    after: i64,
    most: i64,
) -> Result<Vec<LoggedChange>, Failure> {
    let sql = format!("SELECT {} FROM hookd.changes WHERE changeid > $1 ORDER BY changeid LIMIT $2", changes::COLUMNS);
    let rows = client.query_typed(&sql, &[(&after, Type::INT8), (&most, Type::INT8)]).await?;
    rows.iter().map(|row| changes::logged(instance, row)).collect()
}

pub(crate) async fn deliveries(client: &Client, query: &Query<DeliveryField>) -> Result<Page<DeliveryRecord>, Failure> {
    in_snapshot(client, page(client, query, "hookd.deliveries", deliveries::COLUMNS, deliveries::record)).await
}

pub(crate) async fn changes(
    client: &Client,
    instance: &str,
    query: &Query<ChangeField>,
) -> Result<Page<ChangeRecord>, Failure> {
    let record = |row: &Row| Ok(changes::logged(instance, row)?.into_record(None));
    in_snapshot(client, page(client, query, "hookd.changes", changes::COLUMNS, record)).await
}

async fn page<F: Column, R: Record<Field = F>>(
    client: &Client,
    query: &Query<F>,
    table: &str,
    columns: &str,
    record: impl Fn(&Row) -> Result<R, Failure>,
) -> Result<Page<R>, Failure> {
    let mut conditions = Conditions::new(query);
    if conditions.are_wider {
        return selected(client, query, conditions, table, columns, record).await;
    }
    let sql = format!("SELECT {} FROM {table}{}", conditions.count(F::NUMBER), conditions.clause());
    let total: i64 = client.query_typed_one(&sql, &conditions.bound()).await?.try_get(0)?;
    let clause = conditions.clause();
    let mut selection = Selection::of_page(query);
    let mut offset = i64::try_from(query.offset).unwrap_or(i64::MAX);
    let mut left = query.limit.map_or(i64::MAX, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
    // What does not fit into memory is cut before more is read.
    let limit = conditions.bind(0_i64, Type::INT8);
    let skip = conditions.bind(0_i64, Type::INT8);
    let at = conditions.parameters.len() - 2;
    let sql = format!("SELECT {columns} FROM {table}{clause}{} LIMIT {limit} OFFSET {skip}", order(query));
    while left > 0 && offset < total {
        let portion = if query.most_bytes.is_some() { left.min(PORTION) } else { left };
        conditions.parameters[at] = (Box::new(portion), Type::INT8);
        conditions.parameters[at + 1] = (Box::new(offset), Type::INT8);
        let rows = client.query_typed(&sql, &conditions.bound()).await?;
        for row in &rows {
            selection.add(record(row)?);
        }
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        if count < portion {
            break;
        }
        offset += count;
        left -= count;
    }
    Ok(selection.into_whole_page(total.unsigned_abs()))
}

/// Reads all that the conditions let through, and decides by the query itself.
async fn selected<F: Column, R: Record<Field = F>>(
    client: &Client,
    query: &Query<F>,
    mut conditions: Conditions,
    table: &str,
    columns: &str,
    record: impl Fn(&Row) -> Result<R, Failure>,
) -> Result<Page<R>, Failure> {
    let number = F::NUMBER;
    let before = conditions.bind(i64::MAX, Type::INT8);
    conditions.and(format!("{number} < {before}"));
    let at = conditions.parameters.len() - 1;
    let clause = conditions.clause();
    let sql = format!("SELECT {columns} FROM {table}{clause} ORDER BY {number} DESC LIMIT {PORTION}");
    let mut selection = Selection::new(query);
    loop {
        let rows = client.query_typed(&sql, &conditions.bound()).await?;
        let Some(last) = rows.last() else { return Ok(selection.into_page()) };
        conditions.parameters[at] = (Box::new(last.try_get::<_, i64>(0)?), Type::INT8);
        for row in &rows {
            selection.offer(record(row)?);
        }
    }
}

/// The newest deliveries that match, newest first.
///
/// The database looks at what each delivery may be found by, and [`Search::matches`] decides.
pub(crate) async fn search(
    client: &Client,
    instance: &str,
    search: &Search,
    most: usize,
) -> Result<Vec<DeliveryRecord>, Failure> {
    if most == 0 {
        return Ok(Vec::new());
    }
    in_snapshot(client, newest(client, instance, search, most)).await
}

async fn newest(client: &Client, instance: &str, search: &Search, most: usize) -> Result<Vec<DeliveryRecord>, Failure> {
    let mut conditions = Conditions::default();
    let before = conditions.bind(search.before.unwrap_or(i64::MAX), Type::INT8);
    conditions.and(format!("deliveryid < {before}"));
    if !search.states.is_empty() {
        let codes: Vec<i16> = search.states.iter().map(|state| state_code(*state)).collect();
        let codes = conditions.bind(codes, Type::INT2_ARRAY);
        conditions.and(format!("state = ANY({codes})"));
    }
    // A repository is found by its end, but for what may stand behind it.
    let repository = search.repository.as_ref().map(|wanted| {
        let wanted = wanted.trim_end_matches('/');
        wanted.strip_suffix(".git").unwrap_or(wanted).to_owned()
    });
    for text in [&search.dialect, &search.event, &repository].into_iter().flatten() {
        let pattern = conditions.bind(like_part(&fold(text)), Type::TEXT);
        conditions.and(format!("words LIKE {pattern}"));
    }
    for word in &search.words {
        let pattern = conditions.bind(like_part(&fold(word)), Type::TEXT);
        let found = format!("words LIKE {pattern}");
        let found = match fold(word).parse::<i64>() {
            Ok(number) => {
                let number = conditions.bind(number, Type::INT8);
                format!("({found} OR deliveryid = {number})")
            }
            Err(_) => found,
        };
        conditions.and(found);
    }
    let sql = format!(
        "SELECT {} FROM hookd.deliveries{} ORDER BY deliveryid DESC LIMIT {PORTION}",
        deliveries::COLUMNS,
        conditions.clause()
    );
    let mut found = Vec::new();
    loop {
        let rows = client.query_typed(&sql, &conditions.bound()).await?;
        let records = rows.iter().map(deliveries::record).collect::<Result<Vec<_>, _>>()?;
        let Some(last) = records.last() else { return Ok(found) };
        conditions.parameters[0] = (Box::new(last.deliveryid), Type::INT8);
        let (changes, waiting) = with_what_they_have(client, instance, &records).await?;
        for record in records {
            let own: Vec<Change> = changes
                .iter()
                .filter(|change| record.changeids.contains(&change.changeid))
                .map(|change| change.change.clone())
                .collect();
            let about = waiting.iter().find(|one| one.due.deliveryid == record.deliveryid).map(|one| &one.about);
            if search.matches(&record, &own, about) {
                found.push(record);
                if found.len() == most {
                    return Ok(found);
                }
            }
        }
    }
}

/// The changes of deliveries, and what those that are pending are about.
async fn with_what_they_have(
    client: &Client,
    instance: &str,
    records: &[DeliveryRecord],
) -> Result<(Vec<LoggedChange>, Vec<Waiting>), Failure> {
    let changeids: Vec<i64> = records.iter().flat_map(|record| record.changeids.iter().copied()).collect();
    let sql = format!("SELECT {} FROM hookd.changes WHERE changeid = ANY($1)", changes::COLUMNS);
    let rows = client.query_typed(&sql, &[(&changeids, Type::INT8_ARRAY)]).await?;
    let changes = rows.iter().map(|row| changes::logged(instance, row)).collect::<Result<Vec<_>, _>>()?;
    let deliveryids: Vec<i64> = records.iter().map(|record| record.deliveryid).collect();
    Ok((changes, pending::among(client, &deliveryids).await?))
}
