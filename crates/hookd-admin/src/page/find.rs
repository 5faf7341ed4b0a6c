//! Which deliveries a page shows.

use std::collections::BTreeMap;

use hookd_core::{Arguments, Change, Refusal};
use hookd_store::{
    ChangeField, ChangeRecord, DeliveryField, DeliveryRecord, Operator, Query, Search, State, Store, StoreError,
    Waiting,
};

/// How many deliveries a page lists.
const PAGE_ROWS: usize = 50;

/// How many bytes the records of a list take; of those beyond, only the beginnings of long fields are read.
const MAX_LIST_BYTES: usize = 1 << 20;

/// How many words a search has at most; each takes a bit of memory for every delivery.
const MAX_WORDS: usize = 16;

/// What a page is to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The text to search for, not blank.
    pub(super) text: Option<String>,
    /// Any of these states; none is all.
    pub(super) states: Vec<State>,
    pub(super) dialect: Option<String>,
    pub(super) event: Option<String>,
    pub(super) repository: Option<String>,
    /// Only deliveries with a smaller number.
    pub(super) before: Option<i64>,
}

impl Asked {
    /// Parses the query string of a page. What is blank counts as not there, as the fields of a form are.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let message = |refusal: Refusal| refusal.message().to_owned();
        let arguments = Arguments::from_query(query).map_err(message)?;
        let argument = |name: &str| {
            let text = arguments.first(name).map_err(message)?.map(str::trim);
            Ok::<_, String>(text.filter(|text| !text.is_empty()).map(str::to_owned))
        };
        let mut states = Vec::new();
        for name in arguments.all("state").map_err(message)?.into_iter().filter(|name| !name.is_empty()) {
            let known = State::ALL.map(|state| format!("`{}`", state.name())).join(", ");
            let state = State::from_name(&name.to_lowercase());
            states.push(state.ok_or_else(|| format!("no such state `{name}`, expected one of {known}"))?);
        }
        states.sort_unstable();
        states.dedup();
        let before = match argument("before")? {
            Some(text) => Some(text.parse().map_err(|_| "`before` is not the number of a delivery".to_owned())?),
            None => None,
        };
        let asked = Self {
            text: argument("q")?,
            states,
            dialect: argument("dialect")?,
            event: argument("event")?,
            repository: argument("repository")?,
            before,
        };
        if asked.words().count() > MAX_WORDS {
            return Err(format!("the search has more than {MAX_WORDS} words"));
        }
        Ok(asked)
    }

    /// Whether all deliveries are asked for, or those before one.
    pub(super) fn is_all(&self) -> bool {
        *self == Self { before: self.before, ..Self::default() }
    }

    fn words(&self) -> impl Iterator<Item = &str> {
        self.text.as_deref().unwrap_or_default().split_whitespace()
    }

    fn search(&self) -> Search {
        let Self { text: _, states, dialect, event, repository, before } = self;
        Search {
            words: self.words().map(str::to_owned).collect(),
            states: states.clone(),
            dialect: dialect.clone(),
            event: event.clone(),
            repository: repository.clone(),
            before: *before,
        }
    }
}

/// Some deliveries, newest first.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub(super) rows: Vec<DeliveryRecord>,
    /// The last change of each that has any, by its number: the head.
    pub(super) heads: BTreeMap<i64, Change>,
    /// Those that are pending, by their number.
    pub(super) waiting: BTreeMap<i64, Waiting>,
    /// The `before` of the next page; `None` on the last one.
    pub(super) older: Option<i64>,
}

/// The newest deliveries that match.
pub(super) fn list(store: &dyn Store, asked: &Asked) -> Result<Listed, StoreError> {
    // One more than a page lists: it shows that there is another page.
    let most = PAGE_ROWS + 1;
    if !asked.is_all() {
        return listed(store, store.reader().search(&asked.search(), most)?);
    }
    let query = Query::default().limit(most as u64).most_bytes(MAX_LIST_BYTES);
    let query = match asked.before {
        Some(before) => query.filter(DeliveryField::Deliveryid, Operator::Lt, before),
        None => query,
    };
    listed(store, store.reader().deliveries(&query)?.rows)
}

/// A page of these deliveries, with what is shown beside them.
fn listed(store: &dyn Store, mut rows: Vec<DeliveryRecord>) -> Result<Listed, StoreError> {
    let has_more = rows.len() > PAGE_ROWS;
    rows.truncate(PAGE_ROWS);
    let older = rows.last().map(|delivery| delivery.deliveryid).filter(|_| has_more);
    let pending: Vec<i64> = rows.iter().filter(|row| row.state == State::Pending).map(|row| row.deliveryid).collect();
    let waiting =
        store.reader().waiting(&pending)?.into_iter().map(|waiting| (waiting.due.deliveryid, waiting)).collect();
    Ok(Listed { heads: heads(store, &rows)?, waiting, rows, older })
}

/// The last change of each of these deliveries, by its number.
fn heads(store: &dyn Store, deliveries: &[DeliveryRecord]) -> Result<BTreeMap<i64, Change>, StoreError> {
    let last: Vec<i64> = deliveries.iter().filter_map(|row| row.changeids.last().copied()).collect();
    if last.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = store
        .reader()
        .changes(&Query::default().filter_any(ChangeField::Changeid, Operator::Eq, last).most_bytes(MAX_LIST_BYTES))?
        .rows;
    Ok(rows.into_iter().map(|record| (record.changeid, record.change)).collect())
}

/// The changes of these numbers, which are consecutive, as those of one delivery are; oldest first.
pub(super) fn changes(store: &dyn Store, ids: &[i64]) -> Result<Vec<ChangeRecord>, StoreError> {
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return Ok(Vec::new()) };
    let query = Query::default()
        .most_bytes(MAX_LIST_BYTES)
        .filter(ChangeField::Changeid, Operator::Ge, *first)
        .filter(ChangeField::Changeid, Operator::Le, *last)
        .ascending(ChangeField::Changeid);
    Ok(store.reader().changes(&query)?.rows)
}
