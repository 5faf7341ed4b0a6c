//! Searching: the indexes give candidates, and each of these is looked at.
//!
//! A search collects for each of its conditions the numbers of all deliveries that meet it, a bit for each, and keeps those
//! that meet all. So it takes as long whatever is asked for, some milliseconds for each hundred thousand deliveries, and
//! then as long as it takes to decompress the blocks of what was found.

use std::ops::RangeInclusive;

use hookd_core::{Change, Subject};
use hookd_store::{
    DeliveryRecord, LoggedChange, MIN_BEGINNING_CHARS, Search, State, Waiting, check_read_limits, fold, is_repository,
};
use rusqlite::{Connection, Row, params_from_iter};

use crate::blocks::{self, Part};
use crate::error::Failure;
use crate::format::{ChangeText, DeliveryText};
use crate::index::{KeyKind, keys_of_beginning, runs};
use crate::reader::{Reader, due, due_from_row};
use crate::texts::{self, Bitmap, Condition, Test, stored};

impl Reader {
    /// The newest deliveries that match.
    pub(crate) fn newest_matching(
        &self,
        connection: &Connection,
        search: &Search,
        most: usize,
    ) -> Result<Vec<DeliveryRecord>, Failure> {
        let Some((first, last)) = blocks::ends(connection)? else { return Ok(Vec::new()) };
        let before = search.before.unwrap_or(i64::MAX).min(last.next(Part::Deliveries));
        let ids = first.first(Part::Deliveries)..=before.saturating_sub(1);
        let Some(candidates) = self.matching(connection, search, ids)? else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for deliveryid in candidates.descending() {
            if found.len() == most {
                break;
            }
            check_read_limits().map_err(Failure::GivenUp)?;
            found.extend(self.checked(connection, search, deliveryid)?);
        }
        Ok(found)
    }

    /// The deliveries that may match, of those with these numbers; `None` where there is no condition at all.
    fn matching(
        &self,
        connection: &Connection,
        search: &Search,
        ids: RangeInclusive<i64>,
    ) -> Result<Option<Bitmap>, Failure> {
        let Search { words, states, dialect, event, repository, before: _ } = search;
        let none = || Bitmap::new(ids.clone());
        // Words come first: what is known of them is found beside the texts.
        let mut conditions: Vec<_> = words.iter().map(|word| of_word(fold(word), none())).collect();
        let narrower = [(dialect, DeliveryText::Dialect), (event, DeliveryText::Event)];
        for (wanted, text) in narrower {
            let wanted = wanted.as_ref().map(|wanted| Test::Is(fold(wanted)));
            let in_deliveries: &[DeliveryText] = match text {
                DeliveryText::Dialect => &[DeliveryText::Dialect],
                _ => &[DeliveryText::Event],
            };
            conditions.extend(wanted.map(|test| Condition::of_deliveries(test, in_deliveries, &[], none())));
        }
        let states_place = (!states.is_empty()).then_some(conditions.len());
        conditions.extend(states_place.map(|_| Condition::of_states(states.clone(), none())));
        let repository = repository.as_ref().map(|wanted| fold(wanted));
        let repository_place = repository.as_ref().map(|_| conditions.len());
        conditions.extend(repository.clone().map(|wanted| {
            Condition::of_deliveries(Test::IsRepository(wanted), &[], &[ChangeText::Repository], none())
        }));
        if conditions.is_empty() {
            let mut all = none();
            all.set_all(ids);
            return Ok(Some(all));
        }
        // Before the segments are read: what is completed in between is found twice, and not never.
        each_waiting(connection, |waiting| {
            let (id, about) = (waiting.due.deliveryid, &waiting.about);
            for (word, condition) in words.iter().zip(&mut conditions) {
                if may_be_about(about, &fold(word)) {
                    condition.found().set(id);
                }
            }
            if let Some((place, wanted)) = repository_place.zip(repository.as_ref())
                && is_repository(&fold(&about.repository), wanted)
            {
                conditions[place].found().set(id);
            }
            if let Some(place) = states_place.filter(|_| states.contains(&State::Pending)) {
                conditions[place].found().set(id);
            }
        })?;
        for (word, condition) in words.iter().zip(&mut conditions) {
            self.by_id(connection, word, condition.found())?;
        }
        self.collect(connection, &mut conditions)?;
        Ok(all(conditions))
    }

    /// Takes note of what all segments of the text index have for each of these conditions.
    pub(crate) fn collect(&self, connection: &Connection, conditions: &mut [Condition]) -> Result<(), Failure> {
        // The open one first: what is written of it in between was looked through.
        let (bounds, open, columns) = self.indexes.open_segment.copy();
        texts::collect(conditions, &bounds, &open, || Ok(columns))?;
        let mut after = i64::MIN;
        loop {
            let segment = {
                let _brief = self.brief();
                stored::next(connection, after)?
            };
            let Some(segment) = segment else { return Ok(()) };
            after = segment.bounds.first_blockid;
            // What was written of the open one before it was full.
            if after == bounds.first_blockid {
                continue;
            }
            texts::collect(conditions, &segment.bounds, &segment.texts()?, || segment.columns())?;
            check_read_limits().map_err(Failure::GivenUp)?;
        }
    }

    /// Adds the deliveries that a word leads to by their own id, the forge's, or a revision.
    fn by_id(&self, connection: &Connection, word: &str, found: &mut Bitmap) -> Result<(), Failure> {
        found.set_all(word.parse::<i64>());
        let Some(keys) = keys_of_beginning(word).filter(|_| word.chars().count() >= MIN_BEGINNING_CHARS) else {
            return Ok(());
        };
        for kind in [KeyKind::ForgeId, KeyKind::Revision] {
            let mut numbers = self.numbers_of(connection, kind, &keys)?;
            match kind.part() {
                Part::Deliveries => found.set_all(numbers),
                Part::Changes => {
                    numbers.sort_unstable();
                    let _brief = self.brief();
                    let _snapshot = connection.unchecked_transaction()?;
                    found.set_all(blocks::owners(connection, &numbers)?);
                }
            }
        }
        Ok(())
    }

    /// The numbers that these keys lead to, and those of some other keys.
    pub(crate) fn numbers_of(
        &self,
        connection: &Connection,
        kind: KeyKind,
        keys: &RangeInclusive<u64>,
    ) -> Result<Vec<i64>, Failure> {
        // As everywhere: the recent ones first. What becomes a run in between is found twice, and not never.
        let mut numbers = self.indexes.recent_keys.find_all(kind, keys);
        let _brief = self.brief();
        let _snapshot = connection.unchecked_transaction()?;
        for run in runs::of_kind(connection, kind)? {
            numbers.extend(run.find_all(connection, keys)?);
        }
        Ok(numbers)
    }

    /// A candidate, if it matches.
    fn checked(
        &self,
        connection: &Connection,
        search: &Search,
        deliveryid: i64,
    ) -> Result<Option<DeliveryRecord>, Failure> {
        let _brief = self.brief();
        let _snapshot = connection.unchecked_transaction()?;
        let found =
            blocks::entry(connection, deliveryid, |_, entry, _| blocks::delivery(connection, deliveryid, entry))?;
        let Some(delivery) = found.transpose()? else { return Ok(None) };
        let mut changes: Vec<Change> = Vec::new();
        if let (Some(first), Some(last)) = (delivery.changeids.first(), delivery.changeids.last()) {
            blocks::each_change(connection, &self.instance, &(*first..=*last), |LoggedChange { change, .. }| {
                changes.push(change);
                Ok(())
            })?;
        }
        let about = match delivery.state {
            State::Pending => waiting_one(connection, deliveryid)?.map(|waiting| waiting.about),
            _ => None,
        };
        Ok(Some(delivery).filter(|delivery| search.matches(delivery, &changes, about.as_ref())))
    }
}

/// Those of these deliveries that are pending.
pub(crate) fn waiting(connection: &Connection, deliveryids: &[i64]) -> Result<Vec<Waiting>, Failure> {
    let places = vec!["?"; deliveryids.len()].join(", ");
    let mut select = connection.prepare(&format!(
        "SELECT {}, repository, branch, revision FROM pending WHERE deliveryid IN ({places}) ORDER BY deliveryid",
        due!()
    ))?;
    let rows = select.query_map(params_from_iter(deliveryids), waiting_from_row)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// What meets all of these conditions; `None` where there are none.
pub(crate) fn all(conditions: Vec<Condition>) -> Option<Bitmap> {
    conditions.into_iter().map(Condition::into_found).reduce(|mut kept, found| {
        kept.keep(&found);
        kept
    })
}

fn of_word(word: String, found: Bitmap) -> Condition {
    Condition::of_deliveries(Test::Has(word), &DeliveryText::ALL, &ChangeText::ALL, found)
}

fn may_be_about(about: &Subject, word: &str) -> bool {
    let texts = [Some(&about.repository), about.branch.as_ref(), about.revision.as_ref()];
    texts.into_iter().flatten().any(|text| fold(text).contains(word))
}

fn waiting_from_row(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    let about = Subject { repository: row.get(6)?, branch: row.get(7)?, revision: row.get(8)? };
    Ok(Waiting { due: due_from_row(row)?, about })
}

fn each_waiting(connection: &Connection, mut read: impl FnMut(&Waiting)) -> Result<(), Failure> {
    let mut select =
        connection.prepare_cached(concat!("SELECT ", due!(), ", repository, branch, revision FROM pending"))?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        read(&waiting_from_row(row)?);
        check_read_limits().map_err(Failure::GivenUp)?;
    }
    Ok(())
}

/// A delivery that is pending, if it is.
pub(crate) fn waiting_one(connection: &Connection, deliveryid: i64) -> Result<Option<Waiting>, Failure> {
    let mut select = connection.prepare_cached(concat!(
        "SELECT ",
        due!(),
        ", repository, branch, revision FROM pending WHERE deliveryid = ?"
    ))?;
    let mut rows = select.query([deliveryid])?;
    Ok(rows.next()?.map(waiting_from_row).transpose()?)
}
