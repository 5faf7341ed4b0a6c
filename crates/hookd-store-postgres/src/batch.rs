//! What one transaction writes: everything that waited, in the order in which it came. Deliveries first, then all else.

use std::collections::{HashMap, HashSet};

use hookd_store::{Completion, Identity, KeptChanges, NewDelivery, PositionMove, Receipt, StoreError};
use tokio_postgres::Client;

use crate::deliveries::{self, Completing};
use crate::error::Failure;
use crate::head::Head;
use crate::replica::{Replica, Sharers};
use crate::requests::{self, Packed};
use crate::{changes, cursors, pending, positions, retention};
use hookd_store::engine::Job;

/// What a delivery of a batch becomes.
enum Received {
    /// It is stored, under these numbers.
    New { receipt: Receipt, first_changeid: Option<i64> },
    /// It is a move of positions alone, which takes place.
    Moves,
    /// It is stored already, or refused.
    Not(Result<Receipt, StoreError>),
}

/// Writes a batch in the transaction that has locked the head, and moves the head as it must be written with it.
pub(crate) async fn write(
    client: &Client,
    head: &mut Head,
    replica: &Replica,
    sharers: &Sharers,
    batch: &mut [Job],
) -> Result<(), Failure> {
    // What cursors may point to: what was committed before.
    let newest = head.next_changeid - 1;
    append(client, head, sharers, batch).await?;
    for job in batch {
        match job {
            // Done above.
            Job::Append(..) | Job::MovePositions(..) => {}
            Job::Complete(completion, promise) => promise.set(Ok(complete(client, head, completion).await?)),
            Job::Postpone(due, promise) => promise.set(Ok(pending::postpone(client, due).await?)),
            Job::Expire(expiry, promise) => promise.set(Ok(retention::step(client, head, expiry).await?)),
            Job::MoveCursors(moves, promise) => {
                let kept = KeptChanges { first: first_changeid(client, newest).await?, newest };
                promise.set(cursors::move_all(client, replica, moves, kept, &mut head.cursor_version).await?);
            }
            // The head is written with each transaction.
            Job::Probe(promise) => promise.set(Ok(())),
        }
    }
    Ok(())
}

/// The least number that is still kept, and was committed before; that of the next change if none is.
async fn first_changeid(client: &Client, newest: i64) -> Result<i64, Failure> {
    let first = client.query_typed_opt("SELECT changeid FROM hookd.changes ORDER BY changeid LIMIT 1", &[]).await?;
    Ok(first.map_or(Ok(i64::MAX), |row| row.try_get(0))?.min(newest + 1))
}

/// Stores what is new of the deliveries, and moves positions, those of polls without changes as well.
async fn append(client: &Client, head: &mut Head, sharers: &Sharers, batch: &mut [Job]) -> Result<(), Failure> {
    let received = receive(client, head, batch).await?;
    let mut rows = Vec::new();
    let mut change_rows = Vec::new();
    let mut packed: Vec<(i64, Packed)> = Vec::new();
    let mut moved: Vec<(&PositionMove, bool)> = Vec::new();
    // Of deliveries of one identity in a batch the last keeps it.
    let mut latest: HashMap<Identity, usize> = HashMap::new();
    for (job, received) in batch.iter().zip(&received) {
        match (job, received) {
            (Job::Append(delivery, identity, _), Some(Received::New { receipt, first_changeid })) => {
                let NewDelivery { received_at, dialect, request, state, positions, .. } = &**delivery;
                let deliveryid = receipt.deliveryid;
                if let Some(request) = request {
                    packed.push((deliveryid, requests::pack(request)?));
                }
                let numbered = (first_changeid.unwrap_or(0)..).zip(state.changes());
                change_rows.extend(numbered.map(|(changeid, change)| changes::NewRow {
                    changeid,
                    deliveryid,
                    received_at: *received_at,
                    dialect,
                    change,
                }));
                moved.extend(positions.iter().map(|one| (one, !state.changes().is_empty())));
                // What made no change is translated afresh when it comes again.
                let identity = identity.filter(|_| receipt.state.may_have_changes());
                if let Some(identity) = identity
                    && let Some(earlier) = latest.insert(identity, rows.len())
                {
                    let earlier: &mut deliveries::NewRow<'_> = &mut rows[earlier];
                    earlier.identity = None;
                }
                rows.push(deliveries::NewRow { deliveryid, delivery, identity, first_changeid: *first_changeid });
            }
            (Job::MovePositions(one, _), Some(Received::Moves)) => moved.push((one, false)),
            _ => {}
        }
    }
    let identities: Vec<Identity> = latest.into_keys().collect();
    if !rows.is_empty() {
        // Those of deliveries that were not to be compared with earlier ones.
        let superseded = rows.iter().any(|row| !row.delivery.deduplicate && row.identity.is_some());
        if superseded {
            deliveries::forget_identities(client, &identities).await?;
        }
        deliveries::insert(client, &rows).await?;
        changes::insert(client, &change_rows).await?;
        requests::insert(client, &packed).await?;
        pending::insert(client, &rows, sharers).await?;
    }
    for (one, has_changes) in moved {
        positions::put(client, one, one.expected + 1, has_changes).await?;
    }
    for (job, received) in batch.iter_mut().zip(received) {
        match (job, received) {
            (Job::Append(_, _, promise), Some(Received::New { receipt, .. })) => promise.set(Ok(receipt)),
            (Job::Append(_, _, promise), Some(Received::Not(result))) => promise.set(result),
            (Job::MovePositions(_, promise), Some(Received::Moves)) => promise.set(Ok(())),
            (Job::MovePositions(_, promise), Some(Received::Not(result))) => promise.set(result.map(|_| ())),
            _ => {}
        }
    }
    Ok(())
}

/// Decides about each delivery and each move of positions, and gives numbers to what is new.
async fn receive(client: &Client, head: &mut Head, batch: &[Job]) -> Result<Vec<Option<Received>>, Failure> {
    let mut identities = HashSet::new();
    let mut pollers = HashSet::new();
    for job in batch {
        match job {
            Job::Append(delivery, identity, _) => {
                identities.extend(identity.filter(|_| delivery.deduplicate));
                pollers.extend(delivery.positions.as_ref().map(|one| one.poller.as_str()));
            }
            Job::MovePositions(one, _) => {
                pollers.insert(one.poller.as_str());
            }
            _ => {}
        }
    }
    let identities: Vec<Identity> = identities.into_iter().collect();
    let mut earlier: HashMap<Identity, Receipt> =
        deliveries::receipts(client, &identities).await?.into_iter().collect();
    let pollers: Vec<&str> = pollers.into_iter().collect();
    let mut versions = positions::versions(client, &pollers).await?;
    let mut decide = |one: &PositionMove| {
        let current = versions.get(&one.poller).copied().unwrap_or(0);
        one.decide(current).map(|version| {
            versions.insert(one.poller.clone(), version);
        })
    };
    let mut received = Vec::with_capacity(batch.len());
    for job in batch {
        received.push(match job {
            Job::Append(delivery, identity, _) => {
                let duplicate = identity.filter(|_| delivery.deduplicate).and_then(|identity| earlier.get(&identity));
                if let Some(receipt) = duplicate {
                    Some(Received::Not(Ok(Receipt { is_duplicate: true, ..receipt.clone() })))
                } else if let Some(Err(error)) = delivery.positions.as_ref().map(&mut decide) {
                    Some(Received::Not(Err(error)))
                } else {
                    let new = number(head, delivery);
                    if let (Some(identity), Received::New { receipt, .. }) = (identity, &new)
                        && receipt.state.may_have_changes()
                    {
                        earlier.insert(*identity, receipt.clone());
                    }
                    Some(new)
                }
            }
            Job::MovePositions(one, _) => Some(match decide(one) {
                Ok(()) => Received::Moves,
                Err(error) => Received::Not(Err(error)),
            }),
            _ => None,
        });
    }
    Ok(received)
}

/// Gives the next numbers to a delivery and its changes.
fn number(head: &mut Head, delivery: &NewDelivery) -> Received {
    let receipt = Receipt {
        deliveryid: head.next_deliveryid,
        state: delivery.state.state(),
        reported_changes: delivery.state.reported_changes(),
        reason: delivery.reason().map(str::to_owned),
        is_duplicate: false,
    };
    head.next_deliveryid += 1;
    let first_changeid = take_changeids(head, delivery.state.changes().len());
    Received::New { receipt, first_changeid }
}

/// The first of so many numbers; `None` for none.
fn take_changeids(head: &mut Head, count: usize) -> Option<i64> {
    let first = head.next_changeid;
    head.next_changeid += i64::try_from(count).unwrap_or(0);
    (count > 0).then_some(first)
}

async fn complete(client: &Client, head: &mut Head, completion: &Completion) -> Result<bool, Failure> {
    let Some(before) = deliveries::end_waiting(client, completion.deliveryid).await? else { return Ok(false) };
    let Completing { received_at, dialect, .. } = &before;
    let changes = completion.state.changes();
    let first_changeid = take_changeids(head, changes.len());
    let numbered = (first_changeid.unwrap_or(0)..).zip(changes);
    let rows: Vec<_> = numbered
        .map(|(changeid, change)| changes::NewRow {
            changeid,
            deliveryid: completion.deliveryid,
            received_at: *received_at,
            dialect,
            change,
        })
        .collect();
    changes::insert(client, &rows).await?;
    deliveries::complete(client, &before, completion, first_changeid).await?;
    Ok(true)
}
