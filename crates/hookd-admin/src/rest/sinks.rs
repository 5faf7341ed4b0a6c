//! Sinks in the REST API: what they are doing, their dead letters, what became of a change, and what an operator can do.

use std::sync::Arc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use hookd_core::{Arguments, Refusal};
use hookd_sinks::{Head, SinkView};
use hookd_store::{Settlement, SettlementKind, Store, StoreError, Timestamp};
use serde_json::{Value as Json, json};

use super::envelope;
use crate::sinks::action::{self, Action, Failed};
use crate::sinks::outcome::{self, AtSink};
use crate::sinks::{dead_letters, find, order_name};
use crate::state::{AppState, blocking};

/// How many dead letters are returned if the request sets no limit, and at most.
const MAX_DEAD_LETTERS: u64 = 1000;

/// How long a sink may take to say what became of a change there.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) async fn sinks(state: web::Data<AppState>) -> HttpResponse {
    let (store, engine) = (Arc::clone(state.store()), Arc::clone(state.sinks()));
    let read = move || {
        let records = engine.sinks().iter().map(|view| to_json(&*store, view)).collect::<Result<Vec<_>, _>>()?;
        Ok((records, engine.orphans()?))
    };
    match blocking(read).await {
        Ok((records, orphans)) => {
            let meta = json!({ "total": records.len(), "not_configured": orphans });
            envelope::answer(StatusCode::OK, &json!({ "sinks": records, "meta": meta }))
        }
        Err(error) => unavailable(&error),
    }
}

pub(super) async fn sink(state: web::Data<AppState>, name: web::Path<String>) -> HttpResponse {
    let Some(view) = find(state.sinks(), &name) else { return missing("sinks", &name) };
    let store = Arc::clone(state.store());
    match blocking(move || to_json(&*store, &view)).await {
        Ok(record) => envelope::text(StatusCode::OK, envelope::single("sinks", record, None)),
        Err(error) => unavailable(&error),
    }
}

/// A sink, with the numbers that the store has.
fn to_json(store: &dyn Store, SinkView { settings, status, lag }: &SinkView) -> Result<Json, StoreError> {
    let head = status.head.as_ref().map(|head| {
        let Head { changeid, received_at, attempts, answer, next_at } = head;
        json!({
            "changeid": changeid,
            "received_at": received_at.as_seconds_f64(),
            "attempts": attempts,
            "answer": answer,
            "next_attempt_at": next_at.map(Timestamp::as_seconds_f64),
        })
    });
    let age = status.head.as_ref().map(|head| Timestamp::now().since(head.received_at).as_secs_f64());
    let attempts = status.attempts;
    Ok(json!({
        "name": settings.name,
        "type": settings.sink_type,
        "destination": settings.sink.destination(),
        "order": order_name(settings.order),
        "state": status.state.name(),
        "error": status.error,
        "position": status.position,
        "done_beyond": status.done_beyond,
        "lag_changes": lag,
        "lag_seconds": age.unwrap_or_default(),
        "head": head,
        "delivered_at": status.delivered_at.map(Timestamp::as_seconds_f64),
        "counts": {
            "delivered": attempts.delivered,
            "later": attempts.later,
            "dead": attempts.dead,
            "misconfigured": attempts.misconfigured,
            "filtered": attempts.filtered,
        },
        "dead_letters": store.reader().settlement_count(&settings.name, SettlementKind::Dead)?,
        "requeued": store.reader().settlement_count(&settings.name, SettlementKind::Requeued)?,
    }))
}

/// What a request for dead letters asks for.
struct Wanted {
    is_grouped: bool,
    limit: usize,
    offset: u64,
}

impl Wanted {
    fn parse(query: &str) -> Result<Self, String> {
        let message = |refusal: Refusal| refusal.message().to_owned();
        let arguments = Arguments::from_query(query).map_err(message)?;
        for name in arguments.names() {
            if ![&b"group"[..], b"limit", b"offset"].contains(&name) {
                return Err(format!("unrecognized query parameter '{}'", String::from_utf8_lossy(name)));
            }
        }
        let number = |name: &str| match arguments.first(name).map_err(message)? {
            None => Ok(None),
            Some(text) => text.parse::<u64>().map(Some).map_err(|_| format!("invalid {name}")),
        };
        let limit = number("limit")?.unwrap_or(MAX_DEAD_LETTERS).min(MAX_DEAD_LETTERS);
        let is_grouped = match arguments.first("group").map_err(message)? {
            None => false,
            Some("reason") => true,
            Some(_) => return Err("invalid group, expected `reason`".to_owned()),
        };
        let limit = usize::try_from(limit).expect("it is small");
        Ok(Self { is_grouped, limit, offset: number("offset")?.unwrap_or_default() })
    }
}

/// The dead letters of a sink, each or by reason.
pub(super) async fn dead_letters(
    state: web::Data<AppState>,
    request: HttpRequest,
    name: web::Path<String>,
) -> HttpResponse {
    const KIND: &str = "dead_letters";
    if find(state.sinks(), &name).is_none() {
        return missing("sinks", &name);
    }
    let wanted = match Wanted::parse(request.query_string()) {
        Ok(wanted) => wanted,
        Err(message) => return envelope::error(StatusCode::BAD_REQUEST, &message),
    };
    let (store, sink) = (Arc::clone(state.store()), name.into_inner());
    if wanted.is_grouped {
        return match blocking(move || dead_letters::groups(&*store, &sink)).await {
            Ok(found) => {
                let total = found.groups.len();
                let offset = usize::try_from(wanted.offset).unwrap_or(usize::MAX);
                let groups = found.groups.into_iter().skip(offset).take(wanted.limit);
                let records: Vec<Json> = groups
                    .map(|group| {
                        json!({
                            "reason": group.reason,
                            "count": group.count,
                            "first_changeid": group.first,
                            "last_changeid": group.last,
                        })
                    })
                    .collect();
                let meta = json!({ "total": total, "others": found.others });
                envelope::answer(StatusCode::OK, &json!({ KIND: records, "meta": meta }))
            }
            Err(error) => unavailable(&error),
        };
    }
    match blocking(move || dead_letters::list(&*store, &sink, wanted.limit, wanted.offset)).await {
        Ok(page) => {
            let shown = |settlement: &Settlement| {
                json!({
                    "changeid": settlement.changeid,
                    "settled_at": settlement.settled_at.as_seconds_f64(),
                    "attempts": settlement.attempts,
                    "reason": settlement.answer,
                })
            };
            envelope::collection(KIND, page.rows.iter().map(shown).collect(), page.total, None)
        }
        Err(error) => unavailable(&error),
    }
}

/// Has a sink do something.
pub(super) async fn act(
    state: web::Data<AppState>,
    request: HttpRequest,
    path: web::Path<(String, String)>,
) -> HttpResponse {
    let (sink, name) = path.into_inner();
    let performed = match Action::parse(&name, request.query_string()) {
        Ok(action) => action::perform(&state, &sink, action).await,
        Err(failed) => Err(failed),
    };
    match performed {
        Ok(result) => envelope::answer(StatusCode::OK, &json!({ "result": result })),
        Err(Failed::NoSink) => missing("sinks", &sink),
        Err(Failed::NoAction) => envelope::error(StatusCode::NOT_FOUND, &format!("a sink has no action '{name}'")),
        Err(Failed::Invalid(message)) => envelope::error(StatusCode::BAD_REQUEST, &message),
        Err(Failed::Refused(message)) => envelope::error(StatusCode::CONFLICT, &message),
        Err(Failed::Store(error)) => unavailable(&error),
    }
}

/// What became of a change at each sink; with `follow=1` also what became of it on the other side.
pub(super) async fn of_change(state: web::Data<AppState>, request: HttpRequest, id: web::Path<String>) -> HttpResponse {
    let follow = match request.query_string() {
        "" | "follow=0" => false,
        "follow=1" => true,
        _ => return envelope::error(StatusCode::BAD_REQUEST, "expected no query parameter but `follow=1`"),
    };
    let Ok(changeid) = id.parse::<i64>() else { return missing("changes", &id) };
    let (store, views) = (Arc::clone(state.store()), state.sinks().sinks());
    let read = move || {
        if store.reader().change(changeid)?.is_none() {
            return Ok(None);
        }
        let outcomes = outcome::of_change(&*store, &views, changeid)?;
        let logged = if follow { store.read_on(changeid - 1, 1)?.into_iter().next() } else { None };
        Ok(Some((outcomes, logged.filter(|logged| logged.changeid == changeid))))
    };
    let (outcomes, logged) = match blocking(read).await {
        Ok(Some(found)) => found,
        Ok(None) => return missing("changes", &id),
        Err(error) => return unavailable(&error),
    };
    let mut records = Vec::new();
    for at_sink in &outcomes {
        let mut record = outcome_json(at_sink);
        if let Some(logged) = &logged
            && at_sink.is_configured
            && at_sink.outcome.name() == SettlementKind::Delivered.name()
        {
            let following = state.sinks().follow(&at_sink.sink, logged.clone());
            let followed = tokio::time::timeout(FOLLOW_TIMEOUT, following).await;
            match followed.unwrap_or_else(|_| Err("it took too long to answer".to_owned())) {
                Ok(lines) => record["followed"] = json!(lines),
                Err(error) => record["follow_error"] = json!(error),
            }
        }
        records.push(record);
    }
    let total = records.len() as u64;
    envelope::collection("sinks", records, total, None)
}

fn outcome_json(AtSink { sink, is_configured, outcome }: &AtSink) -> Json {
    json!({
        "sink": sink,
        "configured": is_configured,
        "outcome": outcome.name(),
        "sentence": outcome.sentence(),
        "settled_at": outcome.settled_at().map(Timestamp::as_seconds_f64),
        "attempts": outcome.attempts(),
        "answer": outcome.answer(),
        "next_attempt_at": outcome.next_at().map(Timestamp::as_seconds_f64),
        "behind": outcome.behind(),
    })
}

fn missing(kind: &str, id: &str) -> HttpResponse {
    envelope::error(StatusCode::NOT_FOUND, &format!("not found while getting from {kind}/{id}"))
}

fn unavailable(error: &StoreError) -> HttpResponse {
    envelope::error(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
}
