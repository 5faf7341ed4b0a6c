//! The private listener of the tests: over a store in memory, with a dialect of their own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::body::to_bytes;
use actix_web::http::StatusCode;
use actix_web::http::header::{HOST, HeaderMap, HeaderValue};
use actix_web::test::{TestRequest, call_service, init_service};
use futures_util::future::BoxFuture;
use hookd_config::{Config, ConfigHandle};
use hookd_core::{BuildContext, Change, Dialect, Hook, HookOptions, HookRequest, Method, Outcome, Problem, Refusal};
use hookd_sinks::{Attempt, Engine, EverySink, From, Sink, SinkSettings, SinkStatus};
use hookd_store::{
    Log, LoggedChange, MemoryStore, NewDelivery, NewState, Origin, RequestHead, SharedStore, StoredRequest, Timestamp,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::{AppState, CannotReplay, Metrics, Replays, Unverified, app};

/// A dialect without options, which is never asked to translate.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Base {}

impl HookOptions for Base {
    fn build(self, _: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(self))
    }
}

impl Hook for Base {
    fn translate(&self, _: &HookRequest) -> Result<Outcome, Refusal> {
        Err(Refusal::new("the private listener translates nothing"))
    }
}

hookd_core::inventory::submit! { Dialect::new::<Base>("base", "A dialect without options.") }

/// A sink that answers as its script says, and delivers all else.
#[derive(Clone, Default)]
pub(crate) struct ScriptedSink(Arc<Mutex<HashMap<String, Attempt>>>);

impl ScriptedSink {
    /// Each attempt to deliver a change of this revision ends so.
    pub(crate) fn answer(&self, revision: &str, attempt: Attempt) {
        self.0.lock().unwrap().insert(revision.to_owned(), attempt);
    }

    /// All changes are delivered.
    pub(crate) fn mend(&self) {
        self.0.lock().unwrap().clear();
    }
}

impl Sink for ScriptedSink {
    fn deliver<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Attempt> {
        let revision = change.change.revision.as_deref().unwrap_or_default();
        let attempt = self.0.lock().unwrap().get(revision).cloned();
        Box::pin(async { attempt.unwrap_or_else(|| Attempt::delivered("201 Created")) })
    }

    fn destination(&self) -> String {
        "nowhere".to_owned()
    }

    fn follow<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Result<Vec<String>, String>> {
        Box::pin(async { Ok(vec![format!("build of {}", change.changeid)]) })
    }
}

/// Replays every delivery but these: the first is not there, the second cannot be replayed.
struct ScriptedReplays;

/// The delivery that is not there.
pub(crate) const NOT_THERE: i64 = 404;

/// The delivery that cannot be replayed.
pub(crate) const NOT_REPLAYED: i64 = 409;

impl Replays for ScriptedReplays {
    fn preview(&self, deliveryid: i64) -> BoxFuture<'_, Result<Value, CannotReplay>> {
        self.replay(deliveryid, "a preview".to_owned())
    }

    fn replay(&self, deliveryid: i64, request: String) -> BoxFuture<'_, Result<Value, CannotReplay>> {
        Box::pin(async move {
            match deliveryid {
                NOT_THERE => Err(CannotReplay::NoDelivery),
                NOT_REPLAYED => Err(CannotReplay::Refused("it is pending".to_owned())),
                _ => Ok(serde_json::json!({ "replay_of": deliveryid, "request": request })),
            }
        })
    }
}

/// The options of a sink with this name, which begins with the oldest change.
pub(crate) fn sink_options(name: &str) -> EverySink {
    EverySink { name: name.to_owned(), from: From::Beginning, ..EverySink::default() }
}

/// The private listener, and what it shows.
pub(crate) struct Site {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) unverified: Arc<Unverified>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) config_file: PathBuf,
    pub(crate) sinks: Arc<Engine>,
    pub(crate) pollers: Arc<hookd_pollers::Engine>,
    config: Arc<ConfigHandle>,
    address: SocketAddr,
    _folder: TempDir,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

impl Site {
    /// One that serves the dialect as `base` and as `acme`.
    pub(crate) fn new() -> Self {
        Self::configured("[change_hook_dialects]\nbase = true\nacme = { custom_class = 'base' }\n")
    }

    pub(crate) fn configured(text: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let config_file = folder.path().join("hookd.toml");
        std::fs::write(&config_file, text).unwrap();
        let config = Config::load(&config_file).unwrap();
        let (store, metrics) = (Arc::new(MemoryStore::new()), Arc::new(Metrics::new(Arc::default())));
        let shared = || Arc::clone(&store) as SharedStore;
        let sinks = Engine::start(shared(), Arc::clone(&metrics) as _).unwrap();
        let pollers = hookd_pollers::Engine::start(shared(), Arc::clone(&metrics) as _).unwrap();
        let address = config.admin.listen;
        Self {
            address,
            sinks: Arc::new(sinks),
            pollers: Arc::new(pollers),
            store,
            unverified: Arc::default(),
            metrics,
            config: Arc::new(ConfigHandle::new(config_file.clone(), config)),
            config_file,
            _folder: folder,
        }
    }

    pub(crate) async fn add(&self, delivery: NewDelivery) -> i64 {
        self.store.append(delivery).await.unwrap().deliveryid
    }

    pub(crate) async fn send(&self, request: TestRequest) -> Answer {
        let (status, headers, body) = self.send_for_bytes(request).await;
        Answer { status, headers, text: String::from_utf8(body).unwrap() }
    }

    /// The status, the headers and the body of an answer.
    async fn send_for_bytes(&self, request: TestRequest) -> (StatusCode, HeaderMap, Vec<u8>) {
        let (store, config) = (Arc::clone(&self.store), Arc::clone(&self.config));
        let (unverified, metrics) = (Arc::clone(&self.unverified), Arc::clone(&self.metrics));
        let replays = Arc::new(ScriptedReplays);
        let (sinks, pollers) = (Arc::clone(&self.sinks), Arc::clone(&self.pollers));
        let state = AppState::new(store, config, unverified, metrics, sinks, pollers, replays);
        // A reload does not move the socket.
        let state = state.listening_on(self.address);
        let service = init_service(app(state)).await;
        let mut request = request.to_request();
        if !request.headers().contains_key(HOST) {
            // As a client does that was given the listener's address.
            request.headers_mut().insert(HOST, HeaderValue::from_static("127.0.0.1:8011"));
        }
        let answer = call_service(&service, request).await;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = to_bytes(answer.into_body()).await.unwrap();
        (status, headers, body.to_vec())
    }

    pub(crate) async fn get_bytes(&self, target: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
        self.send_for_bytes(TestRequest::get().uri(target)).await
    }

    /// Serves these sinks, and no others.
    pub(crate) async fn serve(&self, sinks: Vec<(ScriptedSink, EverySink)>) {
        let settings = |(sink, options): (ScriptedSink, EverySink)| {
            SinkSettings::new("scripted", Box::new(sink), options).unwrap()
        };
        let sinks: Vec<_> = sinks.into_iter().map(settings).collect();
        self.sinks.apply(&sinks, Duration::ZERO).await;
    }

    /// Waits until a sink does as it should.
    pub(crate) async fn wait_for(&self, sink: &str, is_so: impl FnMut(&SinkStatus) -> bool) {
        let mut status = self.sinks.watch(sink).unwrap();
        let waited = tokio::time::timeout(Duration::from_secs(30), status.wait_for(is_so)).await.is_ok();
        assert!(waited, "{:#?}", self.sinks.sinks());
    }

    pub(crate) async fn post(&self, target: &str) -> Answer {
        self.send(TestRequest::post().uri(target)).await
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(TestRequest::get().uri(target)).await
    }

    /// The text of an answer 200.
    pub(crate) async fn text(&self, target: &str) -> String {
        let answer = self.get(target).await;
        assert_eq!(answer.status, StatusCode::OK, "{target}: {}", answer.text);
        answer.text
    }
}

pub(crate) fn delivery(forge_id: &str, state: NewState) -> NewDelivery {
    let head =
        RequestHead { method: Method::Post, path: "/change_hook/base".into(), query: "".into(), headers: vec![] };
    NewDelivery {
        received_at: Timestamp::from_micros(1_714_557_600_000_000),
        dialect: "base".into(),
        event: Some("push".into()),
        forge_id: Some(forge_id.into()),
        deduplicate: false,
        origin: Origin::NONE,
        replay: None,
        positions: None,
        note: None,
        request: Some(StoredRequest { head, body: "{}".into() }),
        state,
    }
}

pub(crate) fn change(revision: &str) -> Change {
    Change { revision: Some(revision.into()), author: "Jan".into(), ..Change::default() }
}
