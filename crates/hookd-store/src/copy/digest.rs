//! A digest of all that a store has: two stores with the same one have the same, whatever their engines.

use std::fmt;

use xxhash_rust::xxh3::Xxh3;

use super::{CopiedDelivery, Facts};
use crate::{
    ApiCalls, Cursor, DeliveryRecord, Due, LoggedChange, Origin, Positions, RequestHead, Settlement, StoredRequest,
    Waiting,
};

/// A part of what a store has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its name, its key, and the numbers that come next.
    Facts,
    /// Deliveries, with the attempts of those that are pending.
    Deliveries,
    /// Requests, byte for byte.
    Requests,
    /// Changes.
    Changes,
    /// How changes ended at the readers of the log.
    Settlements,
    /// How far these have come.
    Cursors,
    /// The positions of pollers.
    Positions,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 7] = [
        Self::Facts,
        Self::Deliveries,
        Self::Requests,
        Self::Changes,
        Self::Settlements,
        Self::Cursors,
        Self::Positions,
    ];
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Facts => "facts",
            Self::Deliveries => "deliveries",
            Self::Requests => "requests",
            Self::Changes => "changes",
            Self::Settlements => "settlements",
            Self::Cursors => "cursors",
            Self::Positions => "positions",
        })
    }
}

/// The digest of a part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PartDigest {
    /// How many records there are.
    pub count: u64,
    /// A hash over all of them, in their order.
    pub hash: u128,
}

/// The digest of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digest([PartDigest; Part::ALL.len()]);

impl Digest {
    /// That of a part.
    pub fn of(&self, part: Part) -> PartDigest {
        self.0[part as usize]
    }

    /// The first part in which two stores differ.
    pub fn difference(&self, other: &Self) -> Option<Part> {
        Part::ALL.into_iter().find(|part| self.of(*part) != other.of(*part))
    }
}

/// Makes a digest of records as they come.
pub(super) struct Digester([(u64, Xxh3); Part::ALL.len()]);

impl Digester {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| (0, Xxh3::new())))
    }

    pub(super) fn finish(&self) -> Digest {
        Digest(std::array::from_fn(|part| PartDigest { count: self.0[part].0, hash: self.0[part].1.digest128() }))
    }

    fn record(&mut self, part: Part) -> Record<'_> {
        let (count, hash) = &mut self.0[part as usize];
        *count += 1;
        Record(hash)
    }

    pub(super) fn facts(&mut self, facts: &Facts) {
        let Facts {
            instance,
            identity_key,
            first_deliveryid,
            next_deliveryid,
            first_changeid,
            next_changeid,
            cursor_version,
            // Stores know it for more or fewer deliveries.
            requests_expired_to: _,
        } = facts;
        let mut record = self.record(Part::Facts);
        record.text(instance).bytes(identity_key.as_bytes());
        record.numbers(&[*first_deliveryid, *next_deliveryid, *first_changeid, *next_changeid]);
        record.number(cursor_version.cast_signed());
    }

    pub(super) fn delivery(&mut self, delivery: &CopiedDelivery) {
        let CopiedDelivery { record, was_pending, reported_changes, identity, request, waiting } = delivery;
        let DeliveryRecord {
            deliveryid,
            received_at,
            dialect,
            forge_id,
            event,
            origin: Origin { peer, user, proof },
            replay_of,
            api_calls,
            state,
            reason,
            changeids,
            size,
        } = record;
        let mut hashed = self.record(Part::Deliveries);
        hashed.numbers(&[*deliveryid, received_at.as_micros(), i64::from(*was_pending), size.cast_signed()]);
        hashed.length(*reported_changes).text(dialect).text(state.name());
        for text in [forge_id, event, peer, user, reason] {
            hashed.optional(text.as_deref());
        }
        hashed.text(&format!("{proof:?} {replay_of:?}")).numbers(changeids);
        match api_calls {
            Some(ApiCalls { made, failed, last_error }) => {
                hashed.numbers(&[i64::from(*made), i64::from(*failed)]).optional(last_error.as_deref());
            }
            None => {
                hashed.length(usize::MAX);
            }
        }
        hashed.bytes(&identity.map_or(Vec::new(), |identity| identity.to_u128().to_le_bytes().to_vec()));
        if let Some(Waiting { due, about }) = waiting {
            let Due { deliveryid: _, dialect: _, received_at: _, attempts, next_at, error } = due;
            hashed.numbers(&[i64::from(*attempts), next_at.as_micros()]).optional(error.as_deref());
            hashed.text(&about.repository).optional(about.branch.as_deref()).optional(about.revision.as_deref());
        }
        if let Some(StoredRequest { head: RequestHead { method, path, query, headers }, body }) = request {
            let mut hashed = self.record(Part::Requests);
            hashed.number(*deliveryid).text(method.name()).text(path).text(query).length(headers.len());
            for (name, value) in headers {
                hashed.text(name).text(value);
            }
            hashed.bytes(body);
        }
    }

    pub(super) fn change(&mut self, change: &LoggedChange) {
        let LoggedChange { changeid, deliveryid, received_at, dialect, hookd_id, change } = change;
        let hookd_core::Change {
            author,
            branch,
            category,
            codebase,
            comments,
            committer,
            files,
            project,
            properties,
            repository,
            revision,
            revlink,
            src,
            when_timestamp,
        } = change;
        let mut hashed = self.record(Part::Changes);
        hashed.numbers(&[*changeid, *deliveryid, received_at.as_micros(), when_timestamp.unwrap_or(i64::MIN)]);
        for text in [dialect.as_ref(), hookd_id, author, codebase, comments, project, repository] {
            hashed.text(text);
        }
        for text in [branch, category, committer, revision, revlink, src] {
            hashed.optional(text.as_deref());
        }
        hashed.length(files.len());
        for file in files {
            hashed.text(file);
        }
        // By name, since their order is the store's.
        let mut sorted: Vec<_> = properties.iter().map(|(name, value)| (name, value.to_string())).collect();
        sorted.sort_unstable();
        hashed.length(sorted.len());
        for (name, value) in sorted {
            hashed.text(name).text(&value);
        }
    }

    pub(super) fn cursor(&mut self, cursor: &Cursor) {
        let Cursor { name, version, position, done, state } = cursor;
        self.record(Part::Cursors).text(name).numbers(&[version.cast_signed(), *position]).numbers(done).bytes(state);
    }

    pub(super) fn settlement(&mut self, cursor: &str, settlement: &Settlement) {
        let Settlement { changeid, settled_at, kind, attempts, answer } = settlement;
        let mut hashed = self.record(Part::Settlements);
        hashed.text(cursor).numbers(&[*changeid, settled_at.as_micros(), i64::from(*attempts)]);
        hashed.text(kind.name()).text(answer);
    }

    pub(super) fn positions(&mut self, poller: &str, positions: &Positions) {
        let Positions { version, polled_at, changed_at, at } = positions;
        let changed_at = changed_at.map_or(i64::MIN, crate::Timestamp::as_micros);
        let mut hashed = self.record(Part::Positions);
        hashed.text(poller).numbers(&[version.cast_signed(), polled_at.as_micros(), changed_at]).length(at.len());
        for (key, position) in at {
            hashed.text(key).text(position);
        }
    }
}

/// A record that is being hashed: each field with its length, so that none can pass for a part of the next.
struct Record<'h>(&'h mut Xxh3);

impl Record<'_> {
    fn number(&mut self, number: i64) -> &mut Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    fn numbers(&mut self, numbers: &[i64]) -> &mut Self {
        self.length(numbers.len());
        numbers.iter().for_each(|number| self.0.update(&number.to_le_bytes()));
        self
    }

    fn length(&mut self, length: usize) -> &mut Self {
        self.0.update(&(length as u64).to_le_bytes());
        self
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.length(bytes.len());
        self.0.update(bytes);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    fn optional(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.length(1).text(text),
            None => self.length(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use hookd_core::{Change, Properties};
    use serde_json::json;

    use super::*;
    use crate::Timestamp;

    /// Digests are written down and compared with those of another day and another build.
    #[test]
    fn the_digest_of_a_change_is_the_same_in_every_build() {
        let own = vec![("number".to_owned(), json!(7)), ("event".to_owned(), json!({"list": [1, null]}))];
        let change = LoggedChange {
            changeid: 17,
            deliveryid: 9,
            received_at: Timestamp::from_micros(1_700_000_000_250_000),
            dialect: "github".into(),
            hookd_id: "k3y-17-60a24181e4000".to_owned(),
            change: Change {
                author: "Ann <ann@example.org>".to_owned(),
                branch: Some("main".to_owned()),
                category: Some("push".to_owned()),
                codebase: "tea".to_owned(),
                comments: "Boil water".to_owned(),
                committer: Some("Bob".to_owned()),
                files: vec!["kettle.c".to_owned(), "ü.txt".to_owned()],
                project: "kitchen".to_owned(),
                properties: Properties::from_layers(None, own),
                repository: "https://example.org/tea".to_owned(),
                revision: Some("c0ffee".to_owned()),
                revlink: Some("https://example.org/tea/c0ffee".to_owned()),
                src: Some("git".to_owned()),
                when_timestamp: Some(1_699_999_999),
            },
        };
        let hash = |changes: &[&LoggedChange]| {
            let mut digester = Digester::new();
            changes.iter().for_each(|change| digester.change(change));
            format!("{:032x}", digester.finish().of(Part::Changes).hash)
        };
        assert_eq!(hash(&[&change]), "4761236949fd8fa64a0a20a586528444");
        let bare = LoggedChange { change: Change::default(), ..change.clone() };
        assert_eq!(hash(&[&bare, &change]), "2818136f189ba43c1a915f36582ed385");
    }
}
