//! Where a sink starts: at its cursor, which is made where there is none.

use std::sync::Arc;

use hookd_store::{Cursor, CursorMove, CursorPlace, Lead, Moved, SharedStore, StoreError};

use crate::notes::Notes;
use crate::settings::{From, SinkSettings};
use crate::window::Order;

/// The cursor of a sink and its notes; `tail` is where the log ended when the sink was asked for. From here on the store
/// knows that changes may be sent which it does not know of.
///
/// # Errors
/// Where the store fails, the notes are of a newer hookd, or another process moves the cursor.
pub(crate) async fn cursor(
    settings: &Arc<SinkSettings>,
    store: &SharedStore,
    tail: i64,
    lead: Lead,
) -> Result<(Cursor, Notes), String> {
    let (name, reader) = (settings.name.clone(), Arc::clone(store));
    let from = settings.from;
    let find = move || -> Result<(Option<Cursor>, CursorPlace), StoreError> {
        match reader.cursors()?.into_iter().find(|cursor| cursor.name == name) {
            Some(cursor) => {
                let place = cursor.place();
                Ok((Some(cursor), place))
            }
            None => Ok((None, CursorPlace { position: beginning(&reader, from, tail)?, ..CursorPlace::default() })),
        }
    };
    let found = tokio::task::spawn_blocking(find).await.map_err(|error| error.to_string())?;
    let (cursor, place) = found.map_err(|error| error.to_string())?;
    // One that is new has sent nothing.
    let notes = match &cursor {
        Some(cursor) => Notes::read(&cursor.state).map_err(|error| format!("its cursor cannot be read: {error}"))?,
        None => Notes { is_settled: true, ..Notes::default() },
    };
    let is_by_branch = notes.is_by_branch || settings.order == Order::Branch;
    let place = CursorPlace { state: Notes { is_settled: false, is_by_branch, ..notes.clone() }.write(), ..place };
    let expected = cursor.map(|cursor| cursor.version);
    let moved = CursorMove {
        name: settings.name.clone(),
        expected,
        to: Some(place.clone()),
        epoch: Some(lead.epoch),
        settlements: Vec::new(),
    };
    let moved = store.move_cursors(vec![moved]).await.map_err(|error| error.to_string())?;
    match moved.first() {
        Some(Moved::To(version)) => {
            let CursorPlace { position, done, state } = place;
            Ok((Cursor { name: settings.name.clone(), version: *version, position, done, state }, notes))
        }
        _ => Err("another process moves its cursor".to_owned()),
    }
}

/// The position at which a sink that is new begins.
fn beginning(store: &SharedStore, from: From, tail: i64) -> Result<i64, StoreError> {
    let Some(first) = store.read_on(0, 1)?.into_iter().next() else { return Ok(tail) };
    match from {
        From::End => Ok(tail),
        From::Beginning => Ok(first.changeid - 1),
        From::Time(time) => {
            // Times grow with the numbers, but for what a clock that was set does to a few.
            let (mut before, mut after) = (first.changeid - 1, tail + 1);
            while after - before > 1 {
                let middle = before + (after - before) / 2;
                match store.read_on(middle - 1, 1)?.into_iter().next() {
                    Some(change) if change.received_at < time => before = middle,
                    _ => after = middle,
                }
            }
            Ok(before)
        }
    }
}
