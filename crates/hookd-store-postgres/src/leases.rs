//! What this hookd is a candidate for, and what it leads: its leases in the database, renewed within the writer's transactions.
//!
//! Whoever writes has locked the head, so that of several hookds one at a time looks at the leases and takes those that are
//! free. Times are those of the server; this process counts from before its commit was sent, so that a lead ends here
//! before it can begin elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hookd_store::{Lead, Leadership, Part};
use tokio::sync::{Notify, watch};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::error::Failure;
use crate::replica::Replica;
use crate::text::{read, stored};

/// What this process is a candidate for.
pub(crate) struct Leases {
    length: Duration,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    candidacies: BTreeMap<String, Candidacy>,
    /// What this process is no longer a candidate for, and may still hold.
    given_up: Vec<String>,
}

struct Candidacy {
    lead: watch::Sender<Option<Lead>>,
    /// How many there are: one that is stopped may overlap with the next.
    candidates: usize,
}

/// One candidate; it withdraws when this is dropped.
struct Candidate {
    leases: Arc<Leases>,
    name: String,
}

/// What is asked of the database.
pub(crate) struct Wanted {
    names: Vec<String>,
    given_up: Vec<String>,
}

/// The leases that were taken or renewed: their epochs, and how often they were asked for.
pub(crate) struct Held(Vec<(String, u64, u64)>);

/// What was seen of the leases that this process is a candidate for.
pub(crate) struct Seen {
    /// Whether one of those that this hookd does not hold could be taken now.
    pub(crate) is_any_free: bool,
    /// How often those that it holds were asked for.
    asked: Vec<(String, u64)>,
}

impl Leases {
    pub(crate) fn new(length: Duration) -> Self {
        Self { length, state: Mutex::default(), changed: Notify::new() }
    }

    /// How long a lease lasts that is not renewed.
    pub(crate) fn length(&self) -> Duration {
        self.length
    }

    /// Becomes a candidate for a part.
    pub(crate) fn campaign(self: &Arc<Self>, part: &Part) -> Leadership {
        let name = part.to_string();
        let mut state = self.state();
        let candidacy = state
            .candidacies
            .entry(name.clone())
            .or_insert_with(|| Candidacy { lead: watch::Sender::new(None), candidates: 0 });
        candidacy.candidates += 1;
        let lead = candidacy.lead.subscribe();
        state.given_up.retain(|given_up| *given_up != name);
        drop(state);
        self.changed.notify_one();
        Leadership::new(lead, Candidate { leases: Arc::clone(self), name })
    }

    /// Waits until a candidate comes or goes.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What to ask the database for.
    pub(crate) fn wanted(&self) -> Wanted {
        let state = self.state();
        Wanted { names: state.candidacies.keys().cloned().collect(), given_up: state.given_up.clone() }
    }

    /// The names of all parts that this process is a candidate for.
    pub(crate) fn names(&self) -> Vec<String> {
        self.state().candidacies.keys().cloned().collect()
    }

    /// Shows what was asked for.
    pub(crate) fn seen(&self, seen: &Seen) {
        let state = self.state();
        for (name, asked) in &seen.asked {
            let Some(candidacy) = state.candidacies.get(name) else { continue };
            candidacy.lead.send_if_modified(|lead| match lead {
                Some(lead) => std::mem::replace(&mut lead.asked, *asked) != *asked,
                None => false,
            });
        }
    }

    /// What was asked for was committed by a transaction that was sent at this moment.
    pub(crate) fn renewed(&self, wanted: &Wanted, Held(held): Held, sent: Instant) {
        let mut state = self.state();
        state.given_up.retain(|name| !wanted.given_up.contains(name));
        for name in &wanted.names {
            let Some(candidacy) = state.candidacies.get(name) else { continue };
            let held = held.iter().find(|(held, ..)| held == name);
            let lead =
                held.map(|(_, epoch, asked)| Lead { epoch: *epoch, until: Some(sent + self.length), asked: *asked });
            candidacy.lead.send_if_modified(|shown| std::mem::replace(shown, lead) != lead);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        let mut state = self.leases.state();
        let Some(candidacy) = state.candidacies.get_mut(&self.name) else { return };
        candidacy.candidates -= 1;
        if candidacy.candidates == 0 {
            state.candidacies.remove(&self.name);
            state.given_up.push(self.name.clone());
            drop(state);
            self.leases.changed.notify_one();
        }
    }
}

/// Takes those of the wanted leases that are free, renews those that this hookd holds, and frees what it has given up.
pub(crate) async fn renew(
    client: &Client,
    replica: &Replica,
    wanted: &Wanted,
    length: Duration,
) -> Result<Held, Failure> {
    let escaped = |names: &[String]| names.iter().map(|name| stored(name).into_owned()).collect::<Vec<_>>();
    if !wanted.given_up.is_empty() {
        client
            .execute_typed(
                "UPDATE hookd.leases SET held_until = '-infinity' WHERE replica = $1 AND name = ANY($2)",
                &[(&replica.id, Type::INT8), (&escaped(&wanted.given_up), Type::TEXT_ARRAY)],
            )
            .await?;
    }
    if wanted.names.is_empty() {
        return Ok(Held(Vec::new()));
    }
    let milliseconds = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    let rows = client
        .query_typed(
            "INSERT INTO hookd.leases AS lease (name, replica, epoch, held_until) \
             SELECT name, $1, 1, clock_timestamp() + $3 * interval '1 millisecond' FROM unnest($2) AS name \
             ON CONFLICT (name) DO UPDATE SET replica = $1, held_until = excluded.held_until, \
             epoch = CASE WHEN lease.replica = $1 THEN lease.epoch ELSE lease.epoch + 1 END \
             WHERE lease.replica = $1 OR lease.held_until < clock_timestamp() \
             RETURNING name, epoch, asked",
            &[(&replica.id, Type::INT8), (&escaped(&wanted.names), Type::TEXT_ARRAY), (&milliseconds, Type::INT8)],
        )
        .await?;
    let count = |row: &Row, column: usize| Ok::<_, Failure>(row.try_get::<_, i64>(column)?.cast_unsigned());
    let held = rows.iter().map(|row| Ok((read(row.try_get(0)?), count(row, 1)?, count(row, 2)?)));
    Ok(Held(held.collect::<Result<_, Failure>>()?))
}

/// Looks at these leases.
pub(crate) async fn look(client: &Client, replica: &Replica, names: &[String]) -> Result<Seen, Failure> {
    let mut seen = Seen { is_any_free: false, asked: Vec::new() };
    if names.is_empty() {
        return Ok(seen);
    }
    let names: Vec<_> = names.iter().map(|name| stored(name)).collect();
    let rows = client
        .query_typed(
            "SELECT name, asked, replica = $1, held_until < clock_timestamp() FROM hookd.leases WHERE name = ANY($2)",
            &[(&replica.id, Type::INT8), (&names, Type::TEXT_ARRAY)],
        )
        .await?;
    for row in &rows {
        if row.try_get(2)? {
            seen.asked.push((read(row.try_get(0)?), row.try_get::<_, i64>(1)?.cast_unsigned()));
        } else if row.try_get(3)? {
            seen.is_any_free = true;
        }
    }
    Ok(seen)
}

/// Counts that somebody asks for a part to be done now.
pub(crate) async fn ask(client: &Client, part: &str) -> Result<(), Failure> {
    client
        .execute_typed("UPDATE hookd.leases SET asked = asked + 1 WHERE name = $1", &[(&stored(part), Type::TEXT)])
        .await?;
    Ok(())
}

/// The epochs of those of these parts that this hookd holds, or was the last to hold.
pub(crate) async fn epochs(
    client: &Client,
    replica: &Replica,
    parts: &[Part],
) -> Result<BTreeMap<String, u64>, Failure> {
    if parts.is_empty() {
        return Ok(BTreeMap::new());
    }
    let names: Vec<_> = parts.iter().map(|part| stored(&part.to_string()).into_owned()).collect();
    let rows = client
        .query_typed(
            "SELECT name, epoch FROM hookd.leases WHERE replica = $1 AND name = ANY($2)",
            &[(&replica.id, Type::INT8), (&names, Type::TEXT_ARRAY)],
        )
        .await?;
    rows.iter().map(|row| Ok((read(row.try_get(0)?), row.try_get::<_, i64>(1)?.cast_unsigned()))).collect()
}
