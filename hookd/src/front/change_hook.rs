//! Takes requests from their head to their answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, HeaderValue};
use actix_web::{App, Error, HttpRequest, HttpResponse, web};
use bytes::Bytes;
use hookd_admin::{Metrics, Unverified, UnverifiedRequest};
use hookd_config::{Access, Config, ConfigHandle, ServedDialect};
use hookd_core::{ChangeList, HookRequest, Method, Proof};
use hookd_http::{BodyError, BodyLimits, Budget, LogLimiter, is_encoded, plain, read_body};
use hookd_store::{NewDelivery, NewState, Origin, Receipt, SharedStore, State, StoreError, StoredRequest, Timestamp};

use super::rejection::Rejection;
use super::route::{PREFIX, dialect_of, method_of};
use super::senders::{counted_sender, is_allowed, shown_sender};
use super::{answers, late};
use crate::followups::{Queue, Route};
use crate::translator::{Failure, Translator, Verdict, new_state};

/// What every request needs.
pub(crate) struct Front {
    config: Arc<ConfigHandle>,
    store: SharedStore,
    followups: Queue,
    unverified: Arc<Unverified>,
    metrics: Arc<Metrics>,
    budget: Arc<Budget>,
    translator: Arc<Translator>,
    refused_lines: LogLimiter,
    ping_lines: LogLimiter,
    unstored_lines: LogLimiter,
}

/// A request that passed all checks before its dialect's, with its whole body.
struct Admitted<'c> {
    dialect: &'c Arc<ServedDialect>,
    request: HookRequest,
    /// The user whose password was given.
    user: Option<String>,
}

/// What is logged of a delivery, besides its receipt.
struct Received {
    dialect: String,
    event: Option<String>,
    forge_id: Option<String>,
    origin: Origin,
}

/// The application of the public listener.
pub(crate) fn app(
    front: Arc<Front>,
) -> App<impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>> {
    App::new().app_data(web::Data::from(front)).default_service(web::to(answer))
}

async fn answer(front: web::Data<Front>, request: HttpRequest, mut payload: web::Payload) -> HttpResponse {
    let started = Instant::now();
    let Some(name) = dialect_of(request.path()) else {
        let reason = format!("not found: the path is `{}`, and hookd serves {PREFIX}", request.path());
        front.record_unverified(&request, "", None, &reason);
        let text = format!("not found: hookd serves {PREFIX} here, and nothing else");
        return plain(StatusCode::NOT_FOUND, text);
    };
    let config = front.config.current();
    match admit(&front, &config, name, &request, &mut payload).await {
        Ok(admitted) => front.receive(admitted, &request, started).await,
        Err(rejection) => {
            match &rejection {
                Rejection::Body(BodyError::NoRoom) => front.record_unstored(name, None, None, &StoreError::Overloaded),
                other => front.record_unverified(&request, name, None, &other.to_string()),
            }
            rejection.answer()
        }
    }
}

/// Runs the checks that need no body, then reads the body.
///
/// # Errors
/// Why the request is rejected; its body was not read, or not to its end.
async fn admit<'c>(
    front: &Front,
    config: &'c Config,
    name: &str,
    request: &HttpRequest,
    payload: &mut web::Payload,
) -> Result<Admitted<'c>, Rejection> {
    let dialect = config.dialects.get(name);
    let auth = dialect.map_or(config.auth.as_ref(), |dialect| dialect.auth.as_ref());
    let allow_from = dialect.map_or(config.server.allow_from.as_ref(), |dialect| dialect.allow_from.as_ref());
    if !is_allowed(allow_from, config, request) {
        return Err(Rejection::Forbidden);
    }
    let mut user = None;
    if let Some(auth) = auth {
        let headers = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
        match auth.check(headers, counted_sender(request, config)).await {
            Access::Granted(granted) => user = granted,
            Access::Denied => return Err(Rejection::Unauthorized),
            Access::Busy => return Err(Rejection::Busy),
        }
    }
    let dialect = dialect.ok_or_else(|| Rejection::NotWhitelisted(name.to_owned()))?;
    let allowed = dialect.hook.methods();
    let method = method_of(request.method(), allowed).ok_or(Rejection::MethodNotAllowed(allowed))?;
    if is_encoded(request) {
        return Err(Rejection::Encoded);
    }
    let limits = BodyLimits {
        max_bytes: config.server.max_body,
        timeout: config.server.request_timeout,
        max_buffered_bytes: config.server.max_buffered,
        budget: &front.budget,
    };
    let body = read_body(request, payload, limits).await?;
    Ok(Admitted { dialect, request: hook_request(request, method, body), user })
}

fn hook_request(request: &HttpRequest, method: Method, body: Bytes) -> HookRequest {
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    HookRequest::new(method, request.path().to_owned(), request.query_string().to_owned(), headers.collect(), body)
}

impl Front {
    /// A front of these parts, some of which the rest of hookd shares.
    pub(crate) fn new(
        config: Arc<ConfigHandle>,
        store: SharedStore,
        followups: Queue,
        unverified: Arc<Unverified>,
        metrics: Arc<Metrics>,
        budget: Arc<Budget>,
        translator: Arc<Translator>,
    ) -> Self {
        Self {
            config,
            store,
            followups,
            unverified,
            metrics,
            budget,
            translator,
            refused_lines: LogLimiter::default(),
            ping_lines: LogLimiter::default(),
            unstored_lines: LogLimiter::default(),
        }
    }

    /// Translates and stores a request.
    async fn receive(&self, admitted: Admitted<'_>, http: &HttpRequest, started: Instant) -> HttpResponse {
        let Admitted { dialect, request, user } = admitted;
        let received_at = Timestamp::now();
        let Ok((request, verdict)) = self.translator.translate(dialect, request).await else {
            self.record_unstored(&dialect.name, None, None, &StoreError::Closed);
            return answers::unstored(&StoreError::Closed);
        };
        let Verdict { event, forge_id, proof, outcome, note, is_ping } = verdict;
        if is_ping {
            self.record_ping(http, &dialect.name, event.as_deref());
            return answers::ping();
        }
        let is_verified = match proof {
            Some(Proof::Verified { .. }) => true,
            Some(Proof::NotRequired) => user.is_some(),
            None => false,
        };
        let peer = shown_sender(http, &self.config.current());
        let origin = Origin::new(peer, user, proof.unwrap_or(Proof::NotRequired));
        let route = outcome.as_ref().ok().and_then(Route::of);
        let is_faulty = matches!(outcome, Err(Failure::Faulty(_)));
        let state = match outcome {
            Ok(outcome) => new_state(outcome),
            Err(Failure::Refused(refusal)) if is_verified => NewState::Refused(refusal.message().to_owned()),
            Err(Failure::Refused(refusal)) => {
                self.record_unverified(http, &dialect.name, event, refusal.message());
                return answers::refused(&refusal);
            }
            // The request may be right, so that it is kept for a dialect without that fault.
            Err(Failure::Faulty(reason)) if proof.is_some() => NewState::Refused(reason.into_string()),
            Err(Failure::Faulty(reason)) => {
                self.record_unverified(http, &dialect.name, event, &reason);
                return answers::failed(&reason);
            }
        };
        let (state, note) = match late::without_reported(state, &self.config.current().pollers, &self.store).await {
            Ok((state, None)) => (state, note),
            Ok((state, Some(late))) => (state, Some(note.map_or(late.clone(), |note| format!("{note}; {late}")))),
            Err(error) => {
                self.record_unstored(&dialect.name, event.as_deref(), forge_id.as_deref(), &error);
                return answers::unstored(&error);
            }
        };
        let translated = started.elapsed();
        let mut stored = StoredRequest::new(&request, dialect.kept.names());
        // What waits for the writer counts with what it became, which may be a multiple of it.
        let Ok(body) = self.budget.with_result(stored.body, ChangeList::bytes(state.changes())) else {
            self.record_unstored(&dialect.name, event.as_deref(), forge_id.as_deref(), &StoreError::Overloaded);
            return answers::unstored(&StoreError::Overloaded);
        };
        stored.body = body;
        let delivery = NewDelivery {
            received_at,
            dialect: dialect.name.clone(),
            event: event.clone(),
            forge_id: forge_id.clone(),
            deduplicate: dialect.deduplicate,
            origin: origin.clone(),
            replay: None,
            positions: None,
            request: Some(stored),
            state,
            note,
        };
        // What was parsed of it may be many times as large, and the store may be slow.
        drop(request);
        let receipt = match self.store.append(delivery).await {
            Ok(receipt) => receipt,
            Err(error) => {
                self.record_unstored(&dialect.name, event.as_deref(), forge_id.as_deref(), &error);
                return answers::unstored(&error);
            }
        };
        if receipt.state == State::Pending && !receipt.is_duplicate {
            self.followups.announce(receipt.deliveryid, route.unwrap_or_default());
        }
        let received = Received { dialect: dialect.name.clone(), event, forge_id, origin };
        self.record_stored(&received, &receipt, translated, started.elapsed());
        if is_faulty { answers::kept_after_a_fault(&receipt) } else { answers::stored(receipt) }
    }

    /// Logs and counts a delivery that was stored, or had been before.
    fn record_stored(&self, received: &Received, receipt: &Receipt, translated: Duration, total: Duration) {
        let Received { dialect, event, forge_id, origin: Origin { peer, user, proof } } = received;
        let key = match proof {
            Proof::Verified { key } => *key,
            Proof::NotRequired => None,
        };
        tracing::info!(
            delivery = receipt.deliveryid,
            dialect,
            event,
            forge_id,
            peer,
            user,
            key,
            outcome = receipt.state.name(),
            changes = receipt.reported_changes,
            reason = receipt.reason,
            duplicate = receipt.is_duplicate,
            translate_us = micros(translated),
            total_us = micros(total),
            "delivery"
        );
        let outcome = if receipt.is_duplicate { "duplicate" } else { receipt.state.name() };
        self.metrics.request(dialect, outcome);
        self.metrics.duration(dialect, total);
    }

    /// Logs and counts a test of the connection, which anybody may send and which is not stored.
    fn record_ping(&self, request: &HttpRequest, dialect: &str, event: Option<&str>) {
        let peer = shown_sender(request, &self.config.current());
        let summary = |more| tracing::info!(more, "more tests of the connection came within a second");
        if self.ping_lines.allows(summary) {
            tracing::info!(dialect, event, peer, outcome = "ping", "test of the connection");
        }
        self.metrics.request(dialect, "ping");
    }

    /// Logs and counts an unverified request, and adds it to the list of the last ones.
    fn record_unverified(&self, request: &HttpRequest, dialect: &str, event: Option<String>, reason: &str) {
        self.record_refusal(dialect, shown_sender(request, &self.config.current()), event, reason);
    }

    /// The same for a request that was refused before it reached the front.
    pub(crate) fn record_refused(&self, peer: Option<SocketAddr>, reason: &str) {
        self.record_refusal("", peer.map(|peer| peer.ip().to_string()), None, reason);
    }

    fn record_refusal(&self, dialect: &str, peer: Option<String>, event: Option<String>, reason: &str) {
        let config = self.config.current();
        let received_at = Timestamp::now();
        let (dialect, reason) = (dialect.to_owned(), reason.to_owned());
        let entry = UnverifiedRequest { received_at, dialect, peer, event, reason }.shortened();
        let UnverifiedRequest { dialect, peer, event, reason, .. } = &entry;
        let summary = |more| tracing::info!(more, "more requests were refused within a second");
        if self.refused_lines.allows(summary) {
            tracing::info!(dialect, event, peer, outcome = "unverified", reason, "refused");
        }
        // The sender chose a name that is not served; each would become a metric of its own.
        let counted = if config.dialects.contains_key(dialect) { dialect } else { "other" };
        self.metrics.request(counted, "unverified");
        self.unverified.push(entry);
    }

    /// Logs and counts a request that could not be stored.
    fn record_unstored(&self, dialect: &str, event: Option<&str>, forge_id: Option<&str>, error: &StoreError) {
        let summary = |more| tracing::error!(more, "more requests were not stored within a second");
        // The store logs a failure once; a line for each webhook would fill a disk that is already full.
        if !matches!(error, StoreError::Overloaded) {
            tracing::debug!(dialect, event, forge_id, outcome = "unstored", "not stored: {error}");
        } else if self.unstored_lines.allows(summary) {
            tracing::error!(dialect, event, forge_id, outcome = "unstored", "not stored: {error}");
        }
        self.metrics.request(dialect, "unstored");
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
