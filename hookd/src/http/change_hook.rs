//! The public listener: `/change_hook[/DIALECT]`, and nothing else.
//!
//! The way of a request: limits → recognise → verify → translate → store → 202. What is answered with 202 is committed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{ACCEPT_ENCODING, ALLOW, AUTHORIZATION, HeaderValue, RETRY_AFTER};
use actix_web::http::{self, StatusCode};
use actix_web::{App, Error, HttpRequest, HttpResponse, web};
use bytes::Bytes;
use hookd_config::{Access, Config, ConfigHandle, Networks, ServedDialect, senders};
use hookd_core::{Hook, HookRequest, Method, Proof};
use hookd_http::{
    BUSY, BodyError, BodyLimits, Budget, LogLimiter, RequestGuard, is_encoded, busy, is_websocket, plain, read_body, unauthorized,
};
use hookd_store::{Due, NewDelivery, NewState, Receipt, SharedStore, State, StoreError, StoredRequest, Timestamp};

use super::DELIVERY;
use super::judge::{Judged, Judges};
use super::unproven::{Entry, Unproven};
use crate::delivery::state_of;
use crate::followups::Queue;
use crate::metrics::Metrics;

/// The path under which hooks are.
const PREFIX: &str = "/change_hook";

/// What is said to a sender of a compressed body. No forge sends one, and the signatures of some are over what was
/// compressed, of others over what is sent.
const ENCODED: &str = "the body is compressed or encoded, expected one without `Content-Encoding`";

/// What is said to a sender that asks for another protocol.
const WEBSOCKET: &str = "there is no WebSocket here";

/// What is said to a sender whose address is not allowed.
const FORBIDDEN: &str = "requests may not come from this address";

/// What every request needs.
#[derive(Clone)]
pub(crate) struct Front(Arc<Shared>);

struct Shared {
    config: Arc<ConfigHandle>,
    store: SharedStore,
    followups: Queue,
    unproven: Arc<Unproven>,
    metrics: Arc<Metrics>,
    budget: Arc<Budget>,
    judges: Judges,
    refused: LogLimiter,
    unstored: LogLimiter,
}

impl Front {
    pub(crate) fn new(
        config: Arc<ConfigHandle>,
        store: SharedStore,
        followups: Queue,
        metrics: Arc<Metrics>,
        budget: Arc<Budget>,
    ) -> Self {
        Self(Arc::new(Shared {
            config,
            store,
            followups,
            unproven: Arc::default(),
            metrics,
            budget,
            judges: Judges::default(),
            refused: LogLimiter::default(),
            unstored: LogLimiter::default(),
        }))
    }

    /// The requests that did not prove themselves.
    pub(crate) fn unproven(&self) -> Arc<Unproven> {
        Arc::clone(&self.0.unproven)
    }
}

/// The application of the public listener.
pub(crate) fn app(
    front: Front,
) -> App<impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = Error, InitError = ()>> {
    App::new().app_data(web::Data::new(front)).default_service(web::to(answer))
}

/// Answers a request, and logs it if it was for a hook.
async fn answer(front: web::Data<Front>, request: HttpRequest, mut payload: web::Payload) -> HttpResponse {
    let guard = RequestGuard::new(&request);
    match taken(&front.0, &request, &mut payload).await {
        Ok(answer) => answer,
        Err(answer) => guard.refuse(&request, *answer, payload),
    }
}

/// The answer to a request.
///
/// # Errors
/// The answer to a request that is refused before its body is read.
async fn taken(
    front: &Shared,
    request: &HttpRequest,
    payload: &mut web::Payload,
) -> Result<HttpResponse, Box<HttpResponse>> {
    let started = Instant::now();
    let Some(name) = dialect_of(request.path()) else {
        let message = format!("not found: hookd serves {PREFIX} here, and nothing else");
        return Err(Box::new(plain(StatusCode::NOT_FOUND, message)));
    };
    let refused = |answer, reason: &str| Err(Box::new(front.unproven(request, name, None, answer, reason)));
    let config = front.config.current();
    let dialect = config.dialects.get(name);
    let auth = dialect.map_or(config.auth.as_ref(), |dialect| dialect.auth.as_ref());
    let allow_from = dialect.map_or(config.server.allow_from.as_ref(), |dialect| dialect.allow_from.as_ref());
    if !is_allowed(allow_from, &config, request) {
        return refused(plain(StatusCode::FORBIDDEN, FORBIDDEN.to_owned()), FORBIDDEN);
    }
    if let Some(auth) = auth {
        let headers = request.headers().get_all(AUTHORIZATION).map(HeaderValue::as_bytes);
        match auth.check(headers, address_of(request, &config)).await {
            Access::Granted => {}
            Access::Denied => return refused(unauthorized(), "credentials are missing or wrong"),
            Access::Busy => return refused(busy(), BUSY),
        }
    }
    let Some(dialect) = dialect else {
        let message = format!("The dialect specified, '{name}', wasn't whitelisted in change_hook");
        return refused(plain(StatusCode::BAD_REQUEST, message.clone()), &message);
    };
    let Some(method) = method_of(request, &*dialect.hook) else {
        return refused(not_allowed(&*dialect.hook), "the method is not allowed");
    };
    if is_encoded(request) {
        return refused(encoded(), ENCODED);
    }
    if is_websocket(request) {
        return refused(plain(StatusCode::BAD_REQUEST, WEBSOCKET.to_owned()), WEBSOCKET);
    }
    let server = &config.server;
    let limits = BodyLimits {
        max_bytes: server.max_body,
        timeout: server.request_timeout,
        max_buffered_bytes: server.max_buffered,
        budget: &front.budget,
    };
    let body = match read_body(request, payload, limits).await {
        Ok(body) => body,
        Err(error) => {
            let mut answer = match error {
                BodyError::NoRoom => front.unstored(name, None, None, &StoreError::Overloaded),
                BodyError::TooLarge(_) | BodyError::TooSlow(_) | BodyError::Broken => {
                    let reason = error.to_string();
                    front.unproven(request, name, None, plain(error.status(), reason.clone()), &reason)
                }
            };
            answer.head_mut().set_connection_type(http::ConnectionType::Close);
            return Err(Box::new(answer));
        }
    };
    let is_authenticated = auth.is_some_and(|auth| !auth.is_open());
    Ok(receive(front, dialect, request, hook_request(request, method, body), is_authenticated, started).await)
}

/// Whether a request comes from where it may.
fn is_allowed(allow_from: Option<&Networks>, config: &Config, request: &HttpRequest) -> bool {
    let Some(allowed) = allow_from else { return true };
    let Some(peer) = request.peer_addr() else { return false };
    senders_of(request, peer, config).into_iter().all(|sender| sender.is_some_and(|sender| allowed.contains(sender)))
}

/// The address that a request comes from, for people: not that of a trusted proxy, if it says whom it speaks for.
fn sender_of(request: &HttpRequest, config: &Config) -> Option<String> {
    let senders = senders_of(request, request.peer_addr()?, config);
    let text = |sender: Option<IpAddr>| sender.map_or_else(|| "unknown".to_owned(), |address| address.to_string());
    Some(senders.into_iter().map(text).collect::<Vec<_>>().join(", "))
}

/// The address whose share of what is limited for each address a request takes: that of its sender; the proxy's, where
/// that is not certain.
fn address_of(request: &HttpRequest, config: &Config) -> IpAddr {
    let Some(peer) = request.peer_addr() else { return IpAddr::V4(Ipv4Addr::UNSPECIFIED) };
    let mut senders = senders_of(request, peer, config);
    senders.dedup();
    match senders[..] {
        [Some(sender)] => sender,
        _ => peer.ip(),
    }
}

fn senders_of(request: &HttpRequest, peer: SocketAddr, config: &Config) -> Vec<Option<IpAddr>> {
    let values = |name| request.headers().get_all(name).map(HeaderValue::as_bytes);
    senders(peer, values, &config.server.trusted_proxies)
}

impl Shared {
    /// Notes that a request did not prove itself, and gives its answer.
    fn unproven(
        &self,
        request: &HttpRequest,
        dialect: &str,
        event: Option<String>,
        answer: HttpResponse,
        reason: &str,
    ) -> HttpResponse {
        let config = self.config.current();
        let (dialect, reason) = (dialect.to_owned(), reason.to_owned());
        let entry = Entry { received_at: Timestamp::now(), dialect, peer: sender_of(request, &config), event, reason }
            .shortened();
        let Entry { dialect, peer, event, reason, .. } = &entry;
        let summary = |more| tracing::info!(more, "more requests were refused within a second");
        if self.refused.allows(summary) {
            tracing::info!(dialect, event, peer, outcome = "unproven", reason, "refused");
        }
        // A name that is not served is the sender's: it would make a metric of its own for each.
        let counted = if config.dialects.contains_key(dialect) { dialect } else { "other" };
        self.metrics.request(counted, "unproven");
        self.unproven.push(entry);
        answer
    }

    /// Notes that a request was not stored, and gives its answer.
    fn unstored(&self, dialect: &str, event: Option<&str>, forge_id: Option<&str>, error: &StoreError) -> HttpResponse {
        let summary = |more| tracing::error!(more, "more requests were not stored within a second");
        // The store itself tells, once, that it fails; a line for each webhook would fill a disk that is full.
        if !matches!(error, StoreError::Overloaded) {
            tracing::debug!(dialect, event, forge_id, outcome = "unstored", "not stored: {error}");
        } else if self.unstored.allows(summary) {
            tracing::error!(dialect, event, forge_id, outcome = "unstored", "not stored: {error}");
        }
        self.metrics.request(dialect, "unstored");
        unstored_answer(error)
    }
}

/// Takes a whole request for a dialect through verifying, translating and storing.
async fn receive(
    front: &Shared,
    dialect: &Arc<ServedDialect>,
    http: &HttpRequest,
    request: HookRequest,
    is_authenticated: bool,
    started: Instant,
) -> HttpResponse {
    let received_at = Timestamp::now();
    let Some((request, judged)) = front.judges.judge(dialect, request).await else {
        return front.unstored(&dialect.name, None, None, &StoreError::Closed);
    };
    let Judged { event, forge_id, proof, outcome } = judged;
    let state = match outcome {
        Ok(outcome) => state_of(outcome),
        // Only who proved itself gets a place in the store for a request that is wrong.
        Err(refusal) if matches!(proof, Ok(Proof::Proved)) || (is_authenticated && proof.is_ok()) => {
            NewState::Refused(refusal.message().to_owned())
        }
        Err(refusal) => {
            let answer = plain(StatusCode::BAD_REQUEST, refusal.message().to_owned());
            return front.unproven(http, &dialect.name, event, answer, refusal.message());
        }
    };
    let translated_at = started.elapsed();
    let delivery = NewDelivery {
        received_at,
        dialect: dialect.name.clone(),
        event,
        forge_id,
        deduplicate: dialect.deduplicate,
        request: Some(StoredRequest::new(&request, dialect.hook.headers())),
        state,
    };
    let (event, forge_id) = (delivery.event.clone(), delivery.forge_id.clone());
    match front.store.append(delivery).await {
        Ok(receipt) => {
            if receipt.state == State::Pending && !receipt.is_duplicate {
                let dialect = dialect.name.clone();
                let deliveryid = receipt.deliveryid;
                front.followups.push(Due { deliveryid, dialect, received_at, attempts: 0, next_at: received_at });
            }
            tracing::info!(
                delivery = receipt.deliveryid,
                dialect = dialect.name,
                event,
                forge_id,
                outcome = receipt.state.name(),
                changes = receipt.reported_changes,
                reason = receipt.reason,
                duplicate = receipt.is_duplicate,
                translate_us = micros(translated_at),
                total_us = micros(started.elapsed()),
                "delivery"
            );
            let outcome = if receipt.is_duplicate { "duplicate" } else { receipt.state.name() };
            front.metrics.request(&dialect.name, outcome);
            front.metrics.duration(&dialect.name, started.elapsed());
            receipt_answer(receipt)
        }
        Err(error) => front.unstored(&dialect.name, event.as_deref(), forge_id.as_deref(), &error),
    }
}

/// The dialect that a path names: what of it is `[A-Za-z0-9_]`, as Buildbot reads it; nothing is `base`.
fn dialect_of(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(PREFIX)?;
    let rest = if rest.is_empty() { rest } else { rest.strip_prefix('/')? };
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
    Some(if end == 0 { "base" } else { &rest[..end] })
}

/// The method of a request, if the dialect takes it.
fn method_of(request: &HttpRequest, hook: &dyn Hook) -> Option<Method> {
    let taken = hook.methods();
    let method = match *request.method() {
        http::Method::GET => Some(Method::Get),
        http::Method::POST => Some(Method::Post),
        _ => None,
    };
    method.filter(|method| taken.contains(method))
}

fn not_allowed(hook: &dyn Hook) -> HttpResponse {
    let name = |method: &Method| if *method == Method::Get { "GET" } else { "POST" };
    let names = hook.methods().iter().map(name).collect::<Vec<_>>().join(", ");
    let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, format!("method not allowed, expected {names}"));
    if let Ok(names) = HeaderValue::from_str(&names) {
        answer.headers_mut().insert(ALLOW, names);
    }
    answer
}

fn encoded() -> HttpResponse {
    let mut answer = plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, ENCODED.to_owned());
    answer.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    answer
}

fn hook_request(request: &HttpRequest, method: Method, body: Bytes) -> HookRequest {
    let headers = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    HookRequest::new(method, request.path().to_owned(), request.query_string().to_owned(), headers.collect(), body)
}

fn receipt_answer(receipt: Receipt) -> HttpResponse {
    let mut answer = match receipt {
        Receipt { state: State::Refused, reason: Some(reason), .. } => plain(StatusCode::BAD_REQUEST, reason),
        Receipt { reported_changes: 0, .. } => plain(StatusCode::ACCEPTED, "no change found".to_owned()),
        Receipt { reported_changes, .. } => plain(StatusCode::ACCEPTED, format!("{reported_changes} change found")),
    };
    answer.headers_mut().insert(DELIVERY, HeaderValue::from(receipt.deliveryid));
    answer
}

fn unstored_answer(error: &StoreError) -> HttpResponse {
    let (seconds, text) = match error {
        StoreError::Overloaded => (1, "overloaded: nothing was stored, try again soon"),
        StoreError::Unavailable { .. } | StoreError::Failed(_) | StoreError::Invalid(_) | StoreError::Closed => {
            (10, "the store is not available: nothing was stored, try again")
        }
    };
    let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE, text.to_owned());
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    answer
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::dialect_of;

    #[test]
    fn reads_the_dialect_as_buildbot_does() {
        for (path, dialect) in [
            ("/change_hook", Some("base")),
            ("/change_hook/", Some("base")),
            ("/change_hook/github", Some("github")),
            ("/change_hook/github/", Some("github")),
            ("/change_hook/github/more/of/it", Some("github")),
            ("/change_hook/git-hub", Some("git")),
            ("/change_hook//github", Some("base")),
            ("/change_hook/%67ithub", Some("base")),
            ("/change_hookgithub", None),
            ("/other", None),
            ("/", None),
        ] {
            assert_eq!(dialect_of(path), dialect, "{path}");
        }
    }
}
