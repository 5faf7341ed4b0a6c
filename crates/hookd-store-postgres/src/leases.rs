//! What this hookd wishes to lead, and what it leads: its leases in the database, renewed within the writer's transactions.
//!
//! Whoever writes has locked the head, so that of several hookds one at a time looks at the leases and takes those that are
//! free. Times are those of the server; this process counts from before its commit was sent, so that a lead ends here
//! before it can begin elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hookd_store::{Lead, Leadership, Part};
use tokio::sync::{Notify, watch};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::error::Failure;
use crate::replica::Replica;
use crate::text::{read, stored};

/// The wishes of this process.
pub(crate) struct Leases {
    length: Duration,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    wishes: BTreeMap<String, Wish>,
    /// Those that nobody here wishes any more, and that may be held still.
    given_up: Vec<String>,
}

struct Wish {
    lead: watch::Sender<Option<Lead>>,
    /// How many wish it: one that is stopped may overlap with the next.
    wishers: usize,
}

/// One wish; it ends when this is dropped.
struct Wisher {
    leases: Arc<Leases>,
    name: String,
}

/// What is asked of the database.
pub(crate) struct Wanted {
    names: Vec<String>,
    given_up: Vec<String>,
}

/// The leases that were taken or renewed, with their epochs.
pub(crate) struct Held(Vec<(String, u64)>);

impl Leases {
    pub(crate) fn new(length: Duration) -> Self {
        Self { length, state: Mutex::default(), changed: Notify::new() }
    }

    /// How long a lease lasts that is not renewed.
    pub(crate) fn length(&self) -> Duration {
        self.length
    }

    /// Wishes to lead a part.
    pub(crate) fn wish(self: &Arc<Self>, part: &Part) -> Leadership {
        let name = part.to_string();
        let mut state = self.state();
        let wish =
            state.wishes.entry(name.clone()).or_insert_with(|| Wish { lead: watch::Sender::new(None), wishers: 0 });
        wish.wishers += 1;
        let lead = wish.lead.subscribe();
        state.given_up.retain(|given_up| *given_up != name);
        drop(state);
        self.changed.notify_one();
        Leadership::new(lead, Wisher { leases: Arc::clone(self), name })
    }

    /// Waits until something else is wished.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What is wished now.
    pub(crate) fn wanted(&self) -> Wanted {
        let state = self.state();
        Wanted { names: state.wishes.keys().cloned().collect(), given_up: state.given_up.clone() }
    }

    /// The wishes that are not fulfilled.
    pub(crate) fn waiting(&self) -> Vec<String> {
        let state = self.state();
        let waiting = state.wishes.iter().filter(|(_, wish)| !wish.lead.borrow().is_some_and(|lead| lead.lasts()));
        waiting.map(|(name, _)| name.clone()).collect()
    }

    /// What was asked for was committed by a transaction that was sent at this moment.
    pub(crate) fn renewed(&self, wanted: &Wanted, Held(held): Held, sent: Instant) {
        let mut state = self.state();
        state.given_up.retain(|name| !wanted.given_up.contains(name));
        for name in &wanted.names {
            let Some(wish) = state.wishes.get(name) else { continue };
            let epoch = held.iter().find(|(held, _)| held == name).map(|(_, epoch)| *epoch);
            let lead = epoch.map(|epoch| Lead { epoch, until: Some(sent + self.length) });
            wish.lead.send_if_modified(|shown| std::mem::replace(shown, lead) != lead);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Wisher {
    fn drop(&mut self) {
        let mut state = self.leases.state();
        let Some(wish) = state.wishes.get_mut(&self.name) else { return };
        wish.wishers -= 1;
        if wish.wishers == 0 {
            state.wishes.remove(&self.name);
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
             RETURNING name, epoch",
            &[(&replica.id, Type::INT8), (&escaped(&wanted.names), Type::TEXT_ARRAY), (&milliseconds, Type::INT8)],
        )
        .await?;
    let held = rows.iter().map(|row| Ok((read(row.try_get(0)?), row.try_get::<_, i64>(1)?.cast_unsigned())));
    Ok(Held(held.collect::<Result<_, Failure>>()?))
}

/// Whether one of these leases could be taken now.
pub(crate) async fn is_any_free(client: &Client, names: &[String]) -> Result<bool, Failure> {
    if names.is_empty() {
        return Ok(false);
    }
    let names: Vec<_> = names.iter().map(|name| stored(name)).collect();
    let row = client
        .query_typed_one(
            "SELECT EXISTS (SELECT 1 FROM hookd.leases WHERE name = ANY($1) AND held_until < clock_timestamp())",
            &[(&names, Type::TEXT_ARRAY)],
        )
        .await?;
    Ok(row.try_get(0)?)
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
