//! The delivery that was received, of which a replay is made.

use std::ops::RangeInclusive;

use hookd_admin::CannotReplay;
use hookd_core::Change;
use hookd_store::{
    Browse, ChangeField, ChangeRecord, DeliveryRecord, NewState, Operator, Query, State, StoreError, StoredRequest,
};

use super::REPLAY_PROPERTY;

/// A delivery with its request.
#[derive(Clone, Debug)]
pub(crate) struct Original {
    pub(crate) record: DeliveryRecord,
    pub(crate) request: StoredRequest,
}

/// The delivery with this number, or the one that it replays.
///
/// # Errors
/// When there is none, it is pending, or its request is not there.
pub(crate) fn load(store: &dyn Browse, deliveryid: i64) -> Result<Original, CannotReplay> {
    let mut record = store.delivery(deliveryid)?.ok_or(CannotReplay::NoDelivery)?;
    if let Some(of) = record.replay_of {
        record = store.delivery(of)?.ok_or_else(|| refused("the delivery that it replays is no longer kept"))?;
    }
    if record.state == State::Pending {
        return Err(refused("it is still pending: the forge's API is being asked"));
    }
    if let Some(poller) = record.polled_by() {
        return Err(CannotReplay::Refused(format!("poller `{poller}` made it, without a request")));
    }
    match store.request(record.deliveryid)? {
        Some(request) => Ok(Original { record, request }),
        None if record.size > 0 => Err(refused("its request is no longer kept: see `keep_payloads`")),
        None => Err(refused("its request is not there: it came without one, or it is no longer kept")),
    }
}

/// The request that a delivery is translated from: its own, or that of the delivery that it replays, which is returned as
/// well then. `None` if it is no longer kept.
pub(crate) fn load_request(
    store: &dyn Browse,
    deliveryid: i64,
) -> Result<Option<(StoredRequest, Option<DeliveryRecord>)>, StoreError> {
    if let Some(request) = store.request(deliveryid)? {
        return Ok(Some((request, None)));
    }
    let Some(of) = store.delivery(deliveryid)?.and_then(|record| record.replay_of) else { return Ok(None) };
    let (Some(original), Some(request)) = (store.delivery(of)?, store.request(of)?) else { return Ok(None) };
    Ok(Some((request, Some(original))))
}

/// The state of a replay: its changes name the original, and are as old as that where nothing says how old they are.
pub(crate) fn mark(original: &DeliveryRecord, mut state: NewState) -> NewState {
    if let NewState::Accepted(changes) = &mut state {
        for change in changes {
            change.properties.insert(REPLAY_PROPERTY.to_owned(), original.deliveryid.into());
            change.when_timestamp.get_or_insert(original.received_at.as_seconds());
        }
    }
    state
}

/// The changes with these numbers, which are consecutive. `None` if not all of them are kept.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn changes(store: &dyn Browse, changeids: &[i64]) -> Result<Option<Vec<(i64, Change)>>, StoreError> {
    let (Some(first), Some(last)) = (changeids.first(), changeids.last()) else { return Ok(Some(Vec::new())) };
    let range: RangeInclusive<i64> = *first..=*last;
    let query = Query::default()
        .filter(ChangeField::Changeid, Operator::Ge, *range.start())
        .filter(ChangeField::Changeid, Operator::Le, *range.end())
        .ascending(ChangeField::Changeid);
    let found = store.changes(&query)?.rows;
    let all = found.into_iter().map(|ChangeRecord { changeid, change, .. }| (changeid, change)).collect::<Vec<_>>();
    Ok((all.len() == changeids.len()).then_some(all))
}

fn refused(reason: &str) -> CannotReplay {
    CannotReplay::Refused(reason.to_owned())
}
