//! Reading onward: from any change to the newest, block by block.
//!
//! The places where the last reads ended are kept, with the records of a block that was not read to its end. Whoever reads
//! on from there neither searches nor decompresses again: each block is decoded once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use hookd_store::LoggedChange;
use rusqlite::Connection;

use crate::blocks::{self, ChangeDecoder, Header, Part};
use crate::error::Failure;
use crate::format::{Bookmark, Records};

/// How many changes one read gives at most.
pub(crate) const MAX_CHANGES_AT_ONCE: usize = 4096;

/// How many places are kept: more readers than that at a time search for their place again.
const MAX_PLACES: usize = 16;

/// How much memory the records of all places take at most, in bytes.
const MAX_PLACE_BYTES: usize = 8 << 20;

/// Places where reads ended, the latest last.
#[derive(Default)]
pub(crate) struct Places(Mutex<VecDeque<Place>>);

#[derive(Clone)]
struct Place {
    /// The last change that was read.
    after: i64,
    /// The block that it is in.
    block: Header,
    /// What is left of that; `None` where nothing is.
    rest: Option<(Arc<Records>, Bookmark)>,
}

impl Place {
    fn size(&self) -> usize {
        self.rest.as_ref().map_or(0, |(records, _)| records.size())
    }
}

impl Places {
    fn get(&self, after: i64) -> Option<Place> {
        // It stays, for others that have come as far.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().rfind(|place| place.after == after).cloned()
    }

    fn put(&self, place: Place) {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|other| other.after != place.after);
        places.push_back(place);
        while places.len() > MAX_PLACES || places.iter().map(Place::size).sum::<usize>() > MAX_PLACE_BYTES {
            places.pop_front();
        }
    }
}

/// Reads the changes after this one, at most so many.
pub(crate) fn read(
    connection: &Connection,
    instance: &str,
    places: &Places,
    after: i64,
    most: usize,
) -> Result<Vec<Arc<LoggedChange>>, Failure> {
    // One snapshot for all of it.
    let _snapshot = connection.unchecked_transaction()?;
    let Some(first) = blocks::first(connection)? else { return Ok(Vec::new()) };
    let known = places.get(after).filter(|place| place.block.blockid >= first.blockid);
    let Some(mut place) = known.map_or_else(|| search(connection, &first, after), |place| Ok(Some(place)))? else {
        return Ok(Vec::new());
    };
    let mut decoder = ChangeDecoder::new(instance);
    let mut changes = Vec::with_capacity(most.min(512));
    while changes.len() < most {
        let (records, bookmark) = match place.rest.take() {
            Some(rest) => rest,
            None => match blocks::next_with_changes(connection, place.block.blockid)? {
                Some((block, records)) => {
                    place.block = block;
                    let bookmark = records.changes().bookmark();
                    (Arc::new(records), bookmark)
                }
                None => break,
            },
        };
        let mut rest = records.changes_from(bookmark)?;
        let end = place.block.next(Part::Changes);
        while changes.len() < most && place.after + 1 < end {
            place.after += 1;
            changes.push(Arc::new(decoder.read(&mut rest, place.after)?));
        }
        if place.after + 1 < end {
            let bookmark = rest.bookmark();
            place.rest = Some((records, bookmark));
        }
    }
    places.put(place);
    Ok(changes)
}

/// The place after a change, or before the first that is still there.
fn search(connection: &Connection, first: &Header, after: i64) -> Result<Option<Place>, Failure> {
    let wanted = after.saturating_add(1).max(first.first(Part::Changes));
    let Some(block) = blocks::block_of(connection, Part::Changes, wanted)? else { return Ok(None) };
    if wanted >= block.next(Part::Changes) {
        return Ok(Some(Place { after: wanted - 1, block, rest: None }));
    }
    let records = blocks::records(connection, block.blockid)?;
    let mut changes = records.changes();
    for _ in block.first(Part::Changes)..wanted {
        changes.pass()?;
    }
    let bookmark = changes.bookmark();
    Ok(Some(Place { after: wanted - 1, block, rest: Some((Arc::new(records), bookmark)) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{BlockBuilder, Group};

    fn place(after: i64, bytes: usize) -> Place {
        let mut builder = BlockBuilder::new().unwrap();
        let change = hookd_core::Change { comments: "x".repeat(bytes), ..Default::default() };
        builder.changes(&Group { deliveryid: 1, received_at: 0, dialect: "base" }, &[change]);
        let records = Records::read(&builder.finish().unwrap().unwrap().records).unwrap();
        let bookmark = records.changes().bookmark();
        let block = Header::for_tests(after);
        Place { after, block, rest: Some((Arc::new(records), bookmark)) }
    }

    #[test]
    fn places_are_bounded_in_number_and_in_bytes() {
        let places = Places::default();
        (1..=40).for_each(|after| places.put(place(after, 10)));
        assert!(places.get(24).is_none() && places.get(25).is_some() && places.get(40).is_some());
        (41..=45).for_each(|after| places.put(place(after, 3 << 20)));
        assert_eq!(places.0.lock().unwrap().len(), 2);
        assert!(places.get(45).is_some());
        places.put(place(46, 9 << 20));
        assert_eq!(places.0.lock().unwrap().len(), 0, "one that is too large by itself is not kept");
    }
}
