//! The daemon at work: opens the store, listens, serves, and stops in order.

use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use hookd_admin::{AppState, Metrics, Unverified};
use hookd_config::{Certificate, Config, ConfigHandle};
use hookd_http::{Budget, Listener, LogLimiter};
use hookd_sinks::Engine;
use hookd_store::{SharedStore, StoreError};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::followups::Followups;
use crate::front::{self, Front};
use crate::listening::{ListenError, listen};
use crate::log::{self, LogFormat};
use crate::replays::Replayer;
use crate::signals::StopSignals;
use crate::stores::OpenError;
use crate::translator::Translator;
use crate::version::Build;
use crate::{certificates, descriptors, retention, stores};

/// How many connections the private listener has at most.
const MAX_ADMIN_CONNECTIONS: usize = 256;

/// How long sinks may take, beyond `shutdown_timeout`, to note how far they have come.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the store may take to commit what is queued and to write the WAL back. What was acknowledged is on disk anyway.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// The signal to a process that writes beyond the limit on the size of files; the number is the same on all systems.
const SIGXFSZ: i32 = 25;

/// Why hookd could not start, or could not go on.
#[derive(Debug, thiserror::Error)]
enum ServeError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("`{store}` cannot be read")]
    Read { store: String, source: StoreError },
    #[error("{listener} listener")]
    Listen { listener: &'static str, source: ListenError },
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("the {what} failed")]
    Io { what: &'static str, source: std::io::Error },
    #[error("stopped at once by a second signal; what was acknowledged is on disk")]
    StoppedAtOnce,
}

/// Serves until it is asked to stop. Exit codes: 0 stopped in order, 1 failed, 2 wrong configuration.
pub(crate) fn run(path: &Path, log_format: LogFormat, log_level: &str) -> ExitCode {
    let config = match Config::load(path) {
        Ok(config) => config,
        Err(report) => {
            eprintln!("{report}");
            return ExitCode::from(2);
        }
    };
    let log = match log::start(log_format, log_level) {
        Ok(guard) => guard,
        Err(error) => {
            eprintln!("error: cannot start logging: {error}");
            return ExitCode::FAILURE;
        }
    };
    log::take_panics();
    // One provider of cryptography for listeners and clients; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let system = actix_web::rt::System::new();
    let code = match system.block_on(serve(path, config)) {
        Ok(()) => 0,
        Err(error) => {
            let chain = log::chain(&error);
            tracing::error!("{chain}");
            1
        }
    };
    drop(log);
    // The system is not dropped: that would wait, without a limit, for threads that block, such as on a pipe that nobody
    // reads or a disk that does not answer. All that has to be done is done.
    std::process::exit(code)
}

async fn serve(path: &Path, config: Config) -> Result<(), ServeError> {
    let handle = Arc::new(ConfigHandle::new(path.to_owned(), config));
    let config = handle.current();
    // As long as this listens, a limit on the size of files is a write that fails, and not the end of hookd.
    let _too_large = signal(SignalKind::from_raw(SIGXFSZ))
        .map_err(|source| ServeError::Io { what: "handling of signals", source })?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let budget = Arc::new(Budget::new(config.server.max_buffered));
    let metrics = Arc::new(Metrics::new(Arc::clone(&budget)));
    let store = stores::open(&config.store, Arc::clone(&metrics) as _)?;
    let translator = Arc::<Translator>::default();
    let followups =
        Followups::start(Arc::clone(&store), Arc::clone(&handle), Arc::clone(&translator), Arc::clone(&metrics))
            .map_err(|source| ServeError::Read { store: config.store.url.to_string(), source })?;

    let sinks = Engine::start(Arc::clone(&store), Arc::clone(&metrics) as _)
        .map_err(|source| ServeError::Io { what: "thread of the sinks", source })?;
    let sinks = Arc::new(sinks);
    // Before anything listens: a sink that is new begins at the end of the log, and must not miss what comes next.
    sinks.apply(&config.sinks, config.server.shutdown_timeout).await;
    let pollers = hookd_pollers::Engine::start(Arc::clone(&store), Arc::clone(&metrics) as _)
        .map_err(|source| ServeError::Io { what: "thread of the pollers", source })?;
    let pollers = Arc::new(pollers);
    let following = [
        actix_web::rt::spawn(serve_sinks(Arc::clone(&sinks), handle.subscribe())),
        actix_web::rt::spawn(serve_pollers(Arc::clone(&pollers), handle.subscribe())),
    ];
    let retention = actix_web::rt::spawn(retention::run(Arc::clone(&store), Arc::clone(&handle)));
    let certificates = actix_web::rt::spawn({
        let config = Arc::clone(&config);
        async move { certificates::watch(&config).await }
    });
    let unverified = Arc::<Unverified>::default();
    let front = Arc::new(Front::new(
        Arc::clone(&handle),
        Arc::clone(&store),
        followups.queue(),
        Arc::clone(&unverified),
        Arc::clone(&metrics),
        Arc::clone(&budget),
        Arc::clone(&translator),
    ));
    let replays = Arc::new(Replayer::new(Arc::clone(&store), Arc::clone(&handle), translator, followups.queue()));

    // Not before: until here, the system's own action ends a start that waits for something.
    let mut signals = Signals::new()?;
    let open = |listener, address| listen(address).map_err(|source| ServeError::Listen { listener, source });
    let sockets = open("public", config.server.listen)
        .and_then(|public| open("admin", config.admin.listen).map(|private| (public, private)));
    let (public_socket, private_socket) = match sockets {
        Ok(sockets) => sockets,
        Err(error) => {
            following.iter().for_each(JoinHandle::abort);
            pollers.stop().await;
            sinks.stop(Duration::ZERO).await;
            close(store).await;
            return Err(error);
        }
    };
    // With all other warnings, before hookd says that it is ready.
    let max_connections = descriptors::allow(config.server.max_connections, MAX_ADMIN_CONNECTIONS);
    announce("public", &public_socket);
    announce("admin", &private_socket);
    tracing::info!(
        dialects = config.dialects.keys().map(String::as_str).collect::<Vec<_>>().join(","),
        store = %config.store.url,
        version = Build::current().line(),
        "hookd is ready"
    );

    let server = &config.server;
    let tls = |certificate: &Option<Arc<Certificate>>| certificate.clone().map(Certificate::server_config).transpose();
    let public = Listener {
        name: "public",
        socket: public_socket,
        tls: tls(&config.files.server_certificate)?,
        workers: server.worker_count(),
        max_connections,
        request_timeout: server.request_timeout,
        keep_alive: server.keep_alive,
        shutdown_timeout: server.shutdown_timeout,
        budget: Arc::clone(&budget),
        // Proxies and scripts may close their side behind a request and still read the answer.
        ends_with_client: false,
        on_refusal: Arc::new({
            let front = Arc::clone(&front);
            move |peer, reason| front.record_refused(peer, reason)
        }),
    };
    let public = public.serve(move || front::app(Arc::clone(&front)));
    let public = public.map_err(|source| ServeError::Io { what: "public listener", source })?;
    let address = private_socket.local_addr().unwrap_or(config.admin.listen);
    let (shown_sinks, shown_pollers) = (Arc::clone(&sinks), Arc::clone(&pollers));
    let state = AppState::new(
        Arc::clone(&store),
        Arc::clone(&handle),
        unverified,
        metrics,
        shown_sinks,
        shown_pollers,
        replays,
    );
    let state = state.listening_on(address);
    let private = Listener {
        name: "admin",
        socket: private_socket,
        tls: tls(&config.files.admin_certificate)?,
        workers: 1,
        max_connections: MAX_ADMIN_CONNECTIONS,
        request_timeout: server.request_timeout,
        keep_alive: server.keep_alive,
        shutdown_timeout: Duration::from_secs(1),
        budget,
        ends_with_client: true,
        on_refusal: Arc::new({
            let refused = LogLimiter::default();
            move |peer, reason| {
                if refused
                    .allows(|more| tracing::info!(more, "more requests on `[admin]` were refused within a second"))
                {
                    tracing::info!(
                        peer = peer.map(|peer| peer.ip().to_string()),
                        reason,
                        "request on `[admin]` refused"
                    );
                }
            }
        }),
    };
    let private = private.serve(move || hookd_admin::app(state.clone()));
    let private = private.map_err(|source| ServeError::Io { what: "admin listener", source })?;

    let (public_handle, private_handle) = (public.handle(), private.handle());
    let public_task = actix_web::rt::spawn(public);
    let private_task = actix_web::rt::spawn(private);
    let name = signals.reload_until_stopped(&handle, &sinks).await;
    tracing::info!(signal = name, "stopping: no new requests, what is in flight is finished");
    let patience = config.server.shutdown_timeout;
    let kept_open = Arc::clone(&store);
    let stopping = async {
        // What they poll is abandoned, so that nobody waits for a repository; it is polled at the next start.
        pollers.stop().await;
        // The public one first, which finishes what is in flight.
        public_handle.stop(true).await;
        private_handle.stop(true).await;
        let ended = [("public listener", public_task.await), ("admin listener", private_task.await)];
        following.iter().for_each(JoinHandle::abort);
        if timeout(patience + SETTLE_TIMEOUT, sinks.stop(patience)).await.is_err() {
            tracing::warn!(
                "sinks did not stop in time; whether their last changes arrived is checked at the next start"
            );
        }
        retention.abort();
        certificates.abort();
        followups.stop().await;
        close(store).await;
        ended.into_iter().try_for_each(|(what, ended)| {
            let ended = ended.unwrap_or_else(|error| Err(std::io::Error::other(error)));
            ended.map_err(|source| ServeError::Io { what, source })
        })
    };
    let stopped = tokio::select! {
        stopped = stopping => stopped,
        _ = signals.stop.next() => Err(ServeError::StoppedAtOnce),
    };
    // Closing a store that is not closed yet may take as long as it likes.
    std::mem::forget(kept_open);
    stopped?;
    tracing::info!("hookd has stopped");
    Ok(())
}

/// Commits all that is queued, and makes the file alone the whole store.
async fn close(store: SharedStore) {
    let closing = tokio::task::spawn_blocking(move || store.close());
    if timeout(CLOSE_TIMEOUT, closing).await.is_err() {
        tracing::error!("the store did not end its writes in time; what was acknowledged is on disk");
    }
}

/// The signals that hookd obeys.
struct Signals {
    stop: StopSignals,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self, ServeError> {
        let failed = |source| ServeError::Io { what: "handling of signals", source };
        let stop = StopSignals::new().map_err(failed)?;
        Ok(Self { stop, hangup: signal(SignalKind::hangup()).map_err(failed)? })
    }

    /// Has `SIGHUP` read the configuration again until a signal to stop comes, and returns the name of that.
    async fn reload_until_stopped(&mut self, handle: &Arc<ConfigHandle>, sinks: &Engine) -> &'static str {
        loop {
            tokio::select! {
                name = self.stop.next() => return name,
                _ = self.hangup.recv() => {
                    tracing::info!(signal = "SIGHUP", "reload requested");
                    sinks.reopen();
                    let handle = Arc::clone(handle);
                    // The handle logs the result. Nobody waits for it here: a file that is a pipe may never end.
                    drop(tokio::task::spawn_blocking(move || handle.reload()));
                }
            }
        }
    }
}

/// Serves the sinks of the current configuration, whatever becomes current.
async fn serve_sinks(sinks: Arc<Engine>, mut configs: watch::Receiver<Arc<Config>>) {
    loop {
        let config = Arc::clone(&configs.borrow_and_update());
        sinks.apply(&config.sinks, config.server.shutdown_timeout).await;
        let engine = Arc::clone(&sinks);
        for name in actix_web::web::block(move || engine.orphans()).await.into_iter().flatten().flatten() {
            tracing::warn!(
                sink = name,
                "the sink is no longer configured; changes are kept for it until `hookd sinks forget`"
            );
        }
        if configs.changed().await.is_err() {
            return;
        }
    }
}

/// Serves the pollers of the current configuration, whatever becomes current.
async fn serve_pollers(pollers: Arc<hookd_pollers::Engine>, mut configs: watch::Receiver<Arc<Config>>) {
    loop {
        let config = Arc::clone(&configs.borrow_and_update());
        pollers.apply(&config.pollers.0).await;
        let engine = Arc::clone(&pollers);
        for name in actix_web::web::block(move || engine.orphans()).await.into_iter().flatten().flatten() {
            tracing::info!(
                poller = name,
                "the poller is no longer configured; its positions are kept until `hookd pollers forget`"
            );
        }
        if configs.changed().await.is_err() {
            return;
        }
    }
}

fn announce(listener: &'static str, socket: &TcpListener) {
    if let Ok(address) = socket.local_addr() {
        tracing::info!(listener, %address, "listening");
    }
}
