//! What an operator can have a sink do.

use std::sync::Arc;
use std::time::Duration;

use hookd_core::{Arguments, Refusal};
use hookd_sinks::{Command, SinkView};
use hookd_store::{SettlementKind, Store, StoreError};

use super::{dead_letters, find};
use crate::state::{AppState, blocking};

/// How long a sink may take to obey: it may be busy with the store, or not have started.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How many changes a request may name.
const MAX_NAMED: usize = 1000;

/// How many changes are sent once more with one command; each is a write in one transaction.
const BATCH: usize = 512;

/// How many changes are read of the log at a time.
const READ_SIZE: usize = 256;

/// What a sink is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Pause,
    Resume,
    Retry,
    /// Give up the first change that waits, if it is this one.
    Skip(Option<i64>),
    Requeue(Selection),
    /// Remove the cursor and the dead letters of a sink that is no longer configured.
    Forget,
}

/// Which changes are sent once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// These, which are dead letters or were dropped by the filter.
    Changes(Vec<i64>),
    /// All dead letters with this reason.
    Reason(String),
    /// All dead letters.
    Dead,
    /// All that the filter dropped, and would not drop now.
    Filtered,
}

/// Why an action was not carried out.
#[derive(Debug)]
pub(crate) enum Failed {
    /// There is no sink of this name.
    NoSink,
    /// There is no such action.
    NoAction,
    /// The request is wrong.
    Invalid(String),
    /// The sink does not do that now.
    Refused(String),
    /// The store cannot be read.
    Store(StoreError),
}

impl Action {
    /// The action of this name, with the arguments of a query string.
    pub(crate) fn parse(name: &str, query: &str) -> Result<Self, Failed> {
        let message = |refusal: Refusal| Failed::Invalid(refusal.message().to_owned());
        let arguments = Arguments::from_query(query).map_err(message)?;
        let known: &[&[u8]] = match name {
            "pause" | "resume" | "retry" | "forget" => &[],
            "skip" => &[b"changeid"],
            "requeue" => &[b"changeid", b"reason", b"kind"],
            _ => return Err(Failed::NoAction),
        };
        if let Some(other) = arguments.names().find(|name| !known.contains(name)) {
            let other = String::from_utf8_lossy(other);
            return Err(Failed::Invalid(format!("unrecognized query parameter '{other}'")));
        }
        let named = arguments.all("changeid").map_err(message)?;
        let named: Vec<i64> = named
            .iter()
            .map(|text| text.parse().map_err(|_| Failed::Invalid("invalid changeid".to_owned())))
            .collect::<Result<_, _>>()?;
        match name {
            "pause" => Ok(Self::Pause),
            "resume" => Ok(Self::Resume),
            "retry" => Ok(Self::Retry),
            "forget" => Ok(Self::Forget),
            "skip" => match named.as_slice() {
                [] => Ok(Self::Skip(None)),
                [changeid] => Ok(Self::Skip(Some(*changeid))),
                _ => Err(Failed::Invalid("one change can be skipped at a time".to_owned())),
            },
            _ => {
                let reason = arguments.first("reason").map_err(message)?;
                let kind = arguments.first("kind").map_err(message)?;
                match (named.len(), reason, kind) {
                    (1..=MAX_NAMED, None, None) => Ok(Self::Requeue(Selection::Changes(named))),
                    (0, Some(reason), None) => Ok(Self::Requeue(Selection::Reason(reason.to_owned()))),
                    (0, None, Some("dead")) => Ok(Self::Requeue(Selection::Dead)),
                    (0, None, Some("filtered")) => Ok(Self::Requeue(Selection::Filtered)),
                    (count, _, _) if count > MAX_NAMED => {
                        Err(Failed::Invalid(format!("at most {MAX_NAMED} changes can be named")))
                    }
                    _ => Err(Failed::Invalid(
                        "expected one of `changeid` (once or more), `reason`, `kind=dead` or `kind=filtered`"
                            .to_owned(),
                    )),
                }
            }
        }
    }
}

/// Has a sink do something. Returns what it did, as one line.
pub(crate) async fn perform(state: &AppState, sink: &str, action: Action) -> Result<String, Failed> {
    let configured = || find(state.sinks(), sink).ok_or(Failed::NoSink);
    match action {
        Action::Forget => state.sinks().forget(sink).await.map_err(Failed::Refused),
        Action::Pause => {
            configured()?;
            command(state, sink, Command::Pause).await
        }
        Action::Resume => {
            configured()?;
            command(state, sink, Command::Resume).await
        }
        Action::Retry => {
            configured()?;
            command(state, sink, Command::Retry).await
        }
        Action::Skip(named) => {
            let head = configured()?.status.head.map(|head| head.changeid);
            if let (Some(named), head) = (named, head)
                && head != Some(named)
            {
                return Err(Failed::Refused(format!("change {named} is not the first that waits")));
            }
            command(state, sink, Command::Skip).await
        }
        Action::Requeue(selection) => {
            let (store, view) = (Arc::clone(state.store()), configured()?);
            let selected = blocking(move || select(&*store, &view, &selection)).await.map_err(Failed::Store)?;
            let Selected { changeids, beyond } = selected.map_err(Failed::Refused)?;
            for batch in changeids.chunks(BATCH) {
                command(state, sink, Command::Requeue(batch.to_vec())).await?;
            }
            let sent = match changeids.len() {
                0 => "no change is sent once more".to_owned(),
                1 => "1 change is sent once more".to_owned(),
                count => format!("{count} changes are sent once more"),
            };
            Ok(match beyond {
                0 => sent,
                beyond => format!("{sent}; {beyond} cannot be, before all changes in front of them have ended"),
            })
        }
    }
}

async fn command(state: &AppState, sink: &str, command: Command) -> Result<String, Failed> {
    match tokio::time::timeout(TIMEOUT, state.sinks().command(sink, command)).await {
        Ok(result) => result.map_err(Failed::Refused),
        Err(_) => Err(Failed::Refused(format!(
            "sink `{sink}` did not obey within {} seconds, and may do so later: see its state",
            TIMEOUT.as_secs()
        ))),
    }
}

/// The changes that are sent once more.
#[derive(Default)]
struct Selected {
    changeids: Vec<i64>,
    /// How many more match, but lie beyond the position of the sink: with `order = "branch"` changes end before those
    /// that come first, and the sink takes them again only when all before them have ended.
    beyond: usize,
}

/// The changes that are selected, or why they cannot be sent once more.
fn select(store: &dyn Store, view: &SinkView, selection: &Selection) -> Result<Result<Selected, String>, StoreError> {
    let sink = &view.settings.name;
    let mut selected = Selected::default();
    let mut take = |changeid: i64| {
        if changeid <= view.status.position {
            selected.changeids.push(changeid);
        } else {
            selected.beyond += 1;
        }
        true
    };
    match selection {
        Selection::Changes(named) => {
            for changeid in named {
                let settled = store.reader().settlements_of(*changeid)?.into_iter().find(|(name, _)| name == sink);
                match settled.map(|(_, settlement)| settlement.kind) {
                    Some(SettlementKind::Dead | SettlementKind::Filtered | SettlementKind::Requeued) => {}
                    Some(SettlementKind::Delivered) => return Ok(Err(format!("change {changeid} was delivered"))),
                    None => return Ok(Err(format!("change {changeid} has not ended at this sink"))),
                }
                take(*changeid);
            }
        }
        Selection::Reason(reason) => dead_letters::visit(store, sink, SettlementKind::Dead, |settlement| {
            settlement.answer != *reason || take(settlement.changeid)
        })?,
        Selection::Dead => {
            dead_letters::visit(store, sink, SettlementKind::Dead, |settlement| take(settlement.changeid))?;
        }
        Selection::Filtered => {
            dead_letters::visit(store, sink, SettlementKind::Filtered, |settlement| take(settlement.changeid))?;
            selected.changeids = passing(store, view, &selected.changeids)?;
        }
    }
    Ok(Ok(selected))
}

/// Those of these changes, which ascend, that the filter of the sink would not drop now.
fn passing(store: &dyn Store, view: &SinkView, changeids: &[i64]) -> Result<Vec<i64>, StoreError> {
    let mut passing = Vec::new();
    let mut waiting = changeids.iter().copied().peekable();
    while let Some(next) = waiting.peek().copied() {
        let changes = store.read_on(next - 1, READ_SIZE)?;
        let Some(last) = changes.last().map(|change| change.changeid) else { break };
        for change in changes {
            while waiting.next_if(|changeid| *changeid < change.changeid).is_some() {}
            let is_asked_for = waiting.next_if_eq(&change.changeid).is_some();
            if is_asked_for && view.settings.filter.dropped_by(&change).is_none() {
                passing.push(change.changeid);
            }
        }
        // Those that have expired are not in what was read.
        while waiting.next_if(|changeid| *changeid <= last).is_some() {}
    }
    Ok(passing)
}
