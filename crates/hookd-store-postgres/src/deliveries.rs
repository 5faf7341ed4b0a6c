//! The rows of deliveries.

use hookd_core::{Change, Proof, Subject};
use hookd_store::{
    ApiCalls, Completion, DeliveryRecord, Identity, NewDelivery, Origin, Receipt, State, Timestamp, fold,
};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::error::Failure;
use crate::text::{read, stored, stored_option};

/// The columns that [`record`] reads, in their order.
pub(crate) const COLUMNS: &str = "deliveryid, received_at, dialect, event, forge_id, peer, username, is_verified, key, \
    replay_of, state, reason, first_changeid, change_count, size, calls_made, calls_failed, calls_error";

/// How many these are.
pub(crate) const COUNT: usize = 18;

/// The code of a state, in the order of states.
pub(crate) fn state_code(state: State) -> i16 {
    match state {
        State::Pending => 0,
        State::Accepted => 1,
        State::Ignored => 2,
        State::Refused => 3,
    }
}

fn state(code: i16) -> Result<State, Failure> {
    let known = State::ALL.into_iter().find(|state| state_code(*state) == code);
    known.ok_or_else(|| Failure::Damaged(format!("a delivery has the unknown state {code}")))
}

/// A delivery of a batch that is stored.
pub(crate) struct NewRow<'b> {
    pub(crate) deliveryid: i64,
    pub(crate) delivery: &'b NewDelivery,
    /// `None` where it is not found by it.
    pub(crate) identity: Option<Identity>,
    /// The first of its changes, if it has some.
    pub(crate) first_changeid: Option<i64>,
    /// The bytes of its body, even if that is no longer kept.
    pub(crate) size: usize,
}

/// What a search looks through: all texts of a delivery and of its changes that [`Search::matches`] looks at, in lower case.
/// Whatever matches has each word as a part of this, though not all that has matches.
///
/// [`Search::matches`]: hookd_store::Search::matches
fn words(
    dialect: &str,
    event: Option<&str>,
    reason: Option<&str>,
    forge_id: Option<&str>,
    changes: &[Change],
    about: Option<&Subject>,
) -> String {
    let mut texts: Vec<&str> = [Some(dialect), event, reason, forge_id].into_iter().flatten().collect();
    for Change { author, branch, category, codebase, project, repository, revision, .. } in changes {
        texts.extend([author, codebase, project, repository].map(String::as_str));
        texts.extend([branch, category, revision].into_iter().flatten().map(String::as_str));
    }
    if let Some(Subject { repository, branch, revision }) = about {
        texts.push(repository);
        texts.extend([branch, revision].into_iter().flatten().map(String::as_str));
    }
    texts.retain(|text| !text.is_empty());
    texts.sort_unstable();
    texts.dedup();
    stored(&fold(&texts.join("\n"))).into_owned()
}

/// The same of changes alone.
pub(crate) fn words_of(changes: &[Change]) -> String {
    words("", None, None, None, changes, None)
}

/// Inserts deliveries.
pub(crate) async fn insert(client: &Client, rows: &[NewRow<'_>]) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    macro_rules! column {
        (|$row:ident| $value:expr) => {
            rows.iter().map(|$row| $value).collect::<Vec<_>>()
        };
    }
    let of = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let deliveryid = column!(|row| row.deliveryid);
    let received_at = column!(|row| row.delivery.received_at.as_micros());
    let dialect = column!(|row| stored(&row.delivery.dialect));
    let event = column!(|row| stored_option(row.delivery.event.as_deref()));
    let forge_id = column!(|row| stored_option(row.delivery.forge_id.as_deref()));
    let identity = column!(|row| row.identity.map(identity_bytes));
    let peer = column!(|row| stored_option(row.delivery.origin.peer.as_deref()));
    let username = column!(|row| stored_option(row.delivery.origin.user.as_deref()));
    let is_verified = column!(|row| matches!(row.delivery.origin.proof, Proof::Verified { .. }));
    let key = column!(|row| match row.delivery.origin.proof {
        Proof::Verified { key } => key.map(i64::from),
        Proof::NotRequired => None,
    });
    let replay_of = column!(|row| row.delivery.replay.as_ref().map(|replay| replay.of));
    let states = column!(|row| state_code(row.delivery.state.state()));
    let was_pending = column!(|row| row.delivery.state.state() == State::Pending);
    let reported_changes = column!(|row| of(row.delivery.state.reported_changes()));
    let reason = column!(|row| stored_option(row.delivery.reason()));
    let first_changeid = column!(|row| row.first_changeid);
    let change_count = column!(|row| of(row.delivery.state.changes().len()));
    let size = column!(|row| of(row.size));
    let words = column!(|row| {
        let NewDelivery { dialect, event, forge_id, state, .. } = row.delivery;
        let about = match state {
            hookd_store::NewState::Pending { about, .. } => Some(about),
            _ => None,
        };
        words(dialect, event.as_deref(), row.delivery.reason(), forge_id.as_deref(), state.changes(), about)
    });
    client
        .execute_typed(
            "INSERT INTO hookd.deliveries (deliveryid, received_at, dialect, event, forge_id, identity, peer, username, \
             is_verified, key, replay_of, state, was_pending, reported_changes, reason, first_changeid, change_count, \
             size, words) SELECT * FROM unnest($1::int8[], $2::int8[], $3::text[], $4::text[], $5::text[], $6::bytea[], \
             $7::text[], $8::text[], $9::bool[], $10::int8[], $11::int8[], $12::int2[], $13::bool[], $14::int8[], \
             $15::text[], $16::int8[], $17::int8[], $18::int8[], $19::text[])",
            &[
                (&deliveryid, Type::INT8_ARRAY),
                (&received_at, Type::INT8_ARRAY),
                (&dialect, Type::TEXT_ARRAY),
                (&event, Type::TEXT_ARRAY),
                (&forge_id, Type::TEXT_ARRAY),
                (&identity, Type::BYTEA_ARRAY),
                (&peer, Type::TEXT_ARRAY),
                (&username, Type::TEXT_ARRAY),
                (&is_verified, Type::BOOL_ARRAY),
                (&key, Type::INT8_ARRAY),
                (&replay_of, Type::INT8_ARRAY),
                (&states, Type::INT2_ARRAY),
                (&was_pending, Type::BOOL_ARRAY),
                (&reported_changes, Type::INT8_ARRAY),
                (&reason, Type::TEXT_ARRAY),
                (&first_changeid, Type::INT8_ARRAY),
                (&change_count, Type::INT8_ARRAY),
                (&size, Type::INT8_ARRAY),
                (&words, Type::TEXT_ARRAY),
            ],
        )
        .await?;
    Ok(())
}

/// What a pending delivery was, for its completion.
pub(crate) struct Completing {
    pub(crate) received_at: Timestamp,
    pub(crate) dialect: String,
    event: Option<String>,
    forge_id: Option<String>,
}

/// Ends the waiting of a delivery; `None` where it does not wait.
pub(crate) async fn end_waiting(client: &Client, deliveryid: i64) -> Result<Option<Completing>, Failure> {
    let rows = client
        .query_typed(
            "DELETE FROM hookd.pending USING hookd.deliveries WHERE pending.deliveryid = $1 \
             AND deliveries.deliveryid = $1 \
             RETURNING pending.received_at, pending.dialect, deliveries.event, deliveries.forge_id",
            &[(&deliveryid, Type::INT8)],
        )
        .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Completing {
        received_at: Timestamp::from_micros(row.try_get(0)?),
        dialect: read(row.try_get(1)?),
        event: optional(row, 2)?,
        forge_id: optional(row, 3)?,
    }))
}

/// Stores how a pending delivery has ended. What made no change is no longer found by its identity.
pub(crate) async fn complete(
    client: &Client,
    before: &Completing,
    completion: &Completion,
    first_changeid: Option<i64>,
) -> Result<(), Failure> {
    let Completion { deliveryid, state, api_calls: ApiCalls { made, failed, last_error }, .. } = completion;
    let Completing { dialect, event, forge_id, .. } = before;
    let words = words(dialect, event.as_deref(), completion.reason(), forge_id.as_deref(), state.changes(), None);
    let count = i64::try_from(state.changes().len()).unwrap_or(i64::MAX);
    client
        .execute_typed(
            "UPDATE hookd.deliveries SET state = $2, reason = $3, first_changeid = $4, change_count = $5, \
             calls_made = $6, calls_failed = $7, calls_error = $8, words = $9, \
             identity = CASE WHEN $10 THEN identity END WHERE deliveryid = $1",
            &[
                (deliveryid, Type::INT8),
                (&state_code(state.state()), Type::INT2),
                (&stored_option(completion.reason()), Type::TEXT),
                (&first_changeid, Type::INT8),
                (&count, Type::INT8),
                (&i64::from(*made), Type::INT8),
                (&i64::from(*failed), Type::INT8),
                (&stored_option(last_error.as_deref()), Type::TEXT),
                (&words, Type::TEXT),
                (&state.state().may_have_changes(), Type::BOOL),
            ],
        )
        .await?;
    Ok(())
}

pub(crate) fn identity_bytes(identity: Identity) -> Vec<u8> {
    identity.to_u128().to_le_bytes().to_vec()
}

/// The receipts of the deliveries of these identities, as far as there are some.
pub(crate) async fn receipts(client: &Client, identities: &[Identity]) -> Result<Vec<(Identity, Receipt)>, Failure> {
    if identities.is_empty() {
        return Ok(Vec::new());
    }
    let identities: Vec<Vec<u8>> = identities.iter().copied().map(identity_bytes).collect();
    let rows = client
        .query_typed(
            "SELECT identity, deliveryid, state, was_pending, reported_changes, reason FROM hookd.deliveries \
             WHERE identity = ANY($1)",
            &[(&identities, Type::BYTEA_ARRAY)],
        )
        .await?;
    let receipt = |row: &Row| {
        let identity: Vec<u8> = row.try_get(0)?;
        let identity =
            identity.try_into().map_err(|_| Failure::Damaged("an identity has a wrong length".to_owned()))?;
        let was_pending: bool = row.try_get(3)?;
        let reported: i64 = row.try_get(4)?;
        let receipt = Receipt {
            deliveryid: row.try_get(1)?,
            state: if was_pending { State::Pending } else { state(row.try_get(2)?)? },
            reported_changes: usize::try_from(reported).unwrap_or(0),
            reason: if was_pending { None } else { optional(row, 5)? },
            is_duplicate: true,
        };
        Ok((Identity::from_u128(u128::from_le_bytes(identity)), receipt))
    };
    rows.iter().map(receipt).collect()
}

/// From now on these identities are those of other deliveries.
pub(crate) async fn forget_identities(client: &Client, identities: &[Identity]) -> Result<(), Failure> {
    if identities.is_empty() {
        return Ok(());
    }
    let identities: Vec<Vec<u8>> = identities.iter().copied().map(identity_bytes).collect();
    client
        .execute_typed(
            "UPDATE hookd.deliveries SET identity = NULL WHERE identity = ANY($1)",
            &[(&identities, Type::BYTEA_ARRAY)],
        )
        .await?;
    Ok(())
}

/// A text of a row, where there may be none.
pub(crate) fn optional(row: &Row, column: usize) -> Result<Option<String>, Failure> {
    Ok(row.try_get::<_, Option<String>>(column)?.map(read))
}

/// A delivery from its row of [`COLUMNS`].
pub(crate) fn record(row: &Row) -> Result<DeliveryRecord, Failure> {
    let narrow = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    let first_changeid: Option<i64> = row.try_get(12)?;
    let change_count: i64 = row.try_get(13)?;
    let size: i64 = row.try_get(14)?;
    let made: Option<i64> = row.try_get(15)?;
    let failed: Option<i64> = row.try_get(16)?;
    let key: Option<i64> = row.try_get(8)?;
    let is_verified: bool = row.try_get(7)?;
    let api_calls = match made {
        Some(made) => {
            Some(ApiCalls { made: narrow(made), failed: narrow(failed.unwrap_or(0)), last_error: optional(row, 17)? })
        }
        None => None,
    };
    Ok(DeliveryRecord {
        deliveryid: row.try_get(0)?,
        received_at: Timestamp::from_micros(row.try_get(1)?),
        dialect: read(row.try_get(2)?),
        event: optional(row, 3)?,
        forge_id: optional(row, 4)?,
        origin: Origin {
            peer: optional(row, 5)?,
            user: optional(row, 6)?,
            proof: if is_verified { Proof::Verified { key: key.map(narrow) } } else { Proof::NotRequired },
        },
        replay_of: row.try_get(9)?,
        state: state(row.try_get(10)?)?,
        reason: optional(row, 11)?,
        changeids: first_changeid
            .map(|first| (first..first.saturating_add(change_count)).collect())
            .unwrap_or_default(),
        size: u64::try_from(size).unwrap_or(0),
        api_calls,
    })
}
