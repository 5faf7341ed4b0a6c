//! The copy itself.

use xxhash_rust::xxh3::Xxh3;

use super::{
    Commits, CopyError, Digest, Entry, Examined, Export, Facts, Found, Import, Mark, Piece, Place, Progress, Step,
    Watch, examine,
};
use crate::{Settlement, StoreError};

/// How many entries of the log are one piece at most.
const MAX_PIECE_ENTRIES: usize = 500;

/// How many bytes they take at most, but for the last of them.
const MAX_PIECE_BYTES: usize = 4 << 20;

/// A store that was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// What is in both.
    pub digest: Digest,
    /// Whether an earlier copy was continued.
    pub was_continued: bool,
}

/// Carries everything from one store to another, then reads both and compares. It begins in an empty store, or continues
/// where an earlier copy of the same source was interrupted.
///
/// # Errors
/// See [`CopyError`].
pub fn copy(source: &mut dyn Export, to: &mut dyn Import, watch: Watch<'_>) -> Result<Copied, CopyError> {
    let facts = source.facts().map_err(CopyError::Source)?;
    let state = state(source, &facts).map_err(CopyError::Source)?;
    let (mark, was_continued) = match to.found().map_err(CopyError::Destination)? {
        Found::Empty => {
            let place = Place {
                step: Step::Log,
                deliveryid: facts.first_deliveryid - 1,
                changeid: facts.first_changeid - 1,
                name: String::new(),
                settled: 0,
            };
            let mark = Mark { instance: facts.instance.clone(), state, place };
            to.begin(&facts, &mark).map_err(CopyError::Destination)?;
            (mark, false)
        }
        Found::Unfinished(mark) if mark.instance != facts.instance => return Err(CopyError::OtherSource),
        Found::Unfinished(mark) if mark.state != state => return Err(CopyError::SourceChanged),
        Found::Unfinished(mark) => (mark, true),
        Found::Store { instance } if instance == facts.instance => return Err(CopyError::Same),
        Found::Store { .. } => return Err(CopyError::NotEmpty),
    };
    let mut carriage = Carriage { source, to, watch, facts, mark };
    carriage.log()?;
    carriage.settlements()?;
    carriage.positions()?;
    carriage.cursors()?;
    let digest = carriage.compare()?;
    to.complete().map_err(CopyError::Destination)?;
    Ok(Copied { digest, was_continued })
}

/// What becomes another with each write to a store that a copy would have to take note of.
fn state(source: &mut dyn Export, facts: &Facts) -> Result<String, StoreError> {
    let Facts { first_deliveryid, next_deliveryid, first_changeid, next_changeid, .. } = facts;
    let mut numbers = vec![*first_deliveryid, *next_deliveryid, *first_changeid, *next_changeid];
    numbers.extend([facts.cursor_version.cast_signed(), facts.requests_expired_to]);
    let mut hash = Xxh3::new();
    let mut after = 0;
    loop {
        let pending = source.pending_after(after)?;
        let Some(last) = pending.last() else { break };
        after = last.deliveryid;
        let attempt = pending.iter().flat_map(|due| [due.deliveryid, i64::from(due.attempts), due.next_at.as_micros()]);
        numbers.extend(attempt);
    }
    for poller in source.pollers()? {
        hash.update(poller.as_bytes());
        numbers.extend(source.positions(&poller)?.map(|positions| positions.version.cast_signed()));
    }
    numbers.iter().for_each(|number| hash.update(&number.to_le_bytes()));
    Ok(format!("{:032x}", hash.digest128()))
}

struct Carriage<'c, 'w> {
    source: &'c mut dyn Export,
    to: &'c mut dyn Import,
    watch: &'c mut (dyn FnMut(Progress) -> bool + 'w),
    facts: Facts,
    mark: Mark,
}

impl Carriage<'_, '_> {
    /// Stores a piece, after which the copy has come to this place.
    fn write(&mut self, piece: &Piece<'_>, place: Place) -> Result<(), CopyError> {
        let after = Mark { place, ..self.mark.clone() };
        self.to.write(piece, &self.mark, &after).map_err(CopyError::Destination)?;
        self.mark = after;
        Ok(())
    }

    fn report(&mut self, step: &'static str, done: i64, total: Option<i64>) -> Result<(), CopyError> {
        let total = total.map(i64::unsigned_abs);
        let goes_on = (self.watch)(Progress { step, done: done.unsigned_abs(), total });
        if goes_on { Ok(()) } else { Err(CopyError::Interrupted) }
    }

    fn log(&mut self) -> Result<(), CopyError> {
        if self.mark.place.step > Step::Log {
            return Ok(());
        }
        let damaged = |error| match error {
            StoreError::Failed(why) => CopyError::Damaged(why),
            error => CopyError::Source(error),
        };
        let Facts { first_deliveryid, next_deliveryid, first_changeid, next_changeid, .. } = self.facts;
        let total = next_deliveryid - first_deliveryid + next_changeid - first_changeid;
        let mut commits = Commits::after(&self.facts, self.mark.place.deliveryid, self.mark.place.changeid);
        let (mut entries, mut bytes): (Vec<Entry>, usize) = (Vec::new(), 0);
        loop {
            let entry = commits.next(self.source).map_err(damaged)?;
            let is_over = entry.is_none();
            if let Some(entry) = entry {
                bytes += entry.size();
                entries.push(entry);
            }
            if !is_over && entries.len() < MAX_PIECE_ENTRIES && bytes < MAX_PIECE_BYTES {
                continue;
            }
            let (deliveryid, changeid) = commits.place();
            let step = if is_over { Step::Settlements } else { Step::Log };
            let place = Place { step, deliveryid, changeid, ..self.mark.place.clone() };
            let requests_expired_to = self.facts.requests_expired_to;
            self.write(&Piece::Log { entries: &entries, requests_expired_to }, place)?;
            (entries, bytes) = (Vec::new(), 0);
            let done = deliveryid - first_deliveryid + changeid - first_changeid + 2;
            self.report("copying the log", done, Some(total))?;
            if is_over {
                return Ok(());
            }
        }
    }

    fn settlements(&mut self) -> Result<(), CopyError> {
        if self.mark.place.step > Step::Settlements {
            return Ok(());
        }
        for cursor in self.source.cursors().map_err(CopyError::Source)? {
            // Cursors come by their names.
            if cursor.name < self.mark.place.name {
                continue;
            }
            let is_begun = cursor.name == self.mark.place.name;
            let mut after = if is_begun { self.mark.place.settled } else { 0 };
            loop {
                let some: Vec<Settlement> =
                    self.source.settlements_after(&cursor.name, after).map_err(CopyError::Source)?;
                let Some(last) = some.last() else { break };
                after = last.changeid;
                let place = Place { name: cursor.name.clone(), settled: after, ..self.mark.place.clone() };
                self.write(&Piece::Settlements(&cursor.name, &some), place)?;
                self.report("copying the settlements", after, Some(self.facts.next_changeid))?;
            }
        }
        let place = Place { step: Step::Positions, name: String::new(), settled: 0, ..self.mark.place.clone() };
        self.write(&Piece::Settlements("", &[]), place)
    }

    fn positions(&mut self) -> Result<(), CopyError> {
        if self.mark.place.step > Step::Positions {
            return Ok(());
        }
        for poller in self.source.pollers().map_err(CopyError::Source)? {
            if poller <= self.mark.place.name {
                continue;
            }
            let Some(positions) = self.source.positions(&poller).map_err(CopyError::Source)? else { continue };
            let place = Place { name: poller.clone(), ..self.mark.place.clone() };
            self.write(&Piece::Positions(&poller, &positions), place)?;
            self.report("copying the positions", 0, None)?;
        }
        let place = Place { step: Step::Cursors, name: String::new(), ..self.mark.place.clone() };
        self.write(&Piece::Settlements("", &[]), place)
    }

    fn cursors(&mut self) -> Result<(), CopyError> {
        if self.mark.place.step > Step::Cursors {
            return Ok(());
        }
        let cursors = self.source.cursors().map_err(CopyError::Source)?;
        let place = Place { step: Step::Comparison, ..self.mark.place.clone() };
        self.write(&Piece::Cursors(&cursors), place)
    }

    /// Reads both stores, and finds that they are the same.
    fn compare(&mut self) -> Result<Digest, CopyError> {
        let read = |examined: Result<Option<Examined>, StoreError>, failed: fn(StoreError) -> CopyError| {
            examined.map_err(failed)?.ok_or(CopyError::Interrupted)
        };
        let source = read(examine(self.source, self.watch), CopyError::Source)?;
        let mut export = self.to.export().map_err(CopyError::Destination)?;
        let copied = read(examine(export.as_mut(), self.watch), CopyError::Destination)?;
        if let Some(part) = source.digest.difference(&copied.digest) {
            return Err(CopyError::Differs { part });
        }
        // They are of both then.
        match copied.problems.into_iter().next() {
            Some(problem) => Err(CopyError::Damaged(problem)),
            None => Ok(copied.digest),
        }
    }
}
