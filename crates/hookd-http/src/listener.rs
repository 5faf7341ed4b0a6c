//! A listener: actix's HTTP/1.1 on connections with limits.
//!
//! `actix_web::HttpServer` would do the same without the limits: it takes no stream of one's own.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, KeepAlive, Request};
use actix_server::GracefulShutdownSignal;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, fn_service, map_config,
};
use actix_web::Error;
use actix_web::dev::{AppConfig, Server, ServiceResponse};
use actix_web::http::ConnectionType;
use actix_web::rt::net::TcpStream;
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use crate::budget::Budget;
use crate::connection::{Connection, Limits, OnRefusal, Terms};
use crate::phase::{ConnectionState, RequestGuard};
use crate::places::{Place, Places};

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// How many connections may wait to be accepted. The system has a limit of its own, on Linux 4096.
const BACKLOG_CONNECTIONS: i32 = 4096;

/// Opens a socket that listens on an address; port 0 lets the system choose.
///
/// # Errors
/// When the system refuses, for example since the address is in use.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // As the standard library does: a restart need not wait until the system forgets the connections of the last run.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG_CONNECTIONS)?;
    Ok(socket.into())
}

/// How a listener treats its connections.
pub struct Listener {
    /// Its name in logs.
    pub name: &'static str,
    /// Where it listens.
    pub socket: TcpListener,
    /// With a TLS configuration it speaks nothing but TLS.
    pub tls: Option<ServerConfig>,
    /// How many threads serve.
    pub workers: usize,
    /// How many connections it serves at most. When there are as many, one more for each thread is accepted, which waits
    /// until the one that has been idle the longest, or the next that becomes idle, is closed.
    pub max_connections: usize,
    /// The time limit for a request head to arrive, and for an answer to be read.
    pub request_timeout: Duration,
    /// How long an idle connection is kept for another request.
    pub keep_alive: Duration,
    /// How long requests in progress may take to finish when the listener is stopped.
    pub shutdown_timeout: Duration,
    /// What counts the memory of large request heads, and of bodies.
    pub budget: Arc<Budget>,
    /// Whether a request is given up when its client closes the sending side of the connection.
    pub ends_with_client: bool,
    /// What is reported of a request that is refused before the application sees it: the peer, and why.
    pub on_refusal: OnRefusal,
}

impl Listener {
    /// Starts to serve an application.
    ///
    /// # Errors
    /// When threads or sockets cannot be set up.
    pub fn serve<F, I, S>(self, app: F) -> io::Result<Server>
    where
        F: Fn() -> I + Clone + Send + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse> + 'static,
        S::Error: Into<Error>,
        S::InitError: fmt::Debug,
    {
        let per_worker = self.max_connections.div_ceil(self.workers);
        let server = Server::build()
            .workers(self.workers)
            // One more, which waits for a place.
            .max_concurrent_connections(per_worker.saturating_add(1))
            .shutdown_timeout(self.shutdown_timeout.as_secs())
            .disable_signals();
        let stop = server.graceful_shutdown_signal();
        let terms = Arc::new(Terms {
            limits: Limits { request_timeout: self.request_timeout, keep_alive: self.keep_alive },
            budget: self.budget,
            ends_with_client: self.ends_with_client,
            on_refusal: self.on_refusal,
        });
        let entry = Entry { places: Places::new(self.max_connections), terms, stop: stop.clone() };
        let stopped = move || {
            let stop = stop.clone();
            async move { stop.notified().await }
        };
        let server = match self.tls {
            None => server.listen(self.name, self.socket, move || {
                let entry = entry.clone();
                let accepted = fn_service(move |stream: TcpStream| {
                    let entry = entry.clone();
                    async move {
                        let (peer, place) = entry.enter(&stream).await?;
                        Ok((Connection::new(stream, peer, place, entry.terms), peer))
                    }
                });
                accepted.and_then(http(app(), stopped.clone()))
            }),
            Some(mut config) => {
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                let acceptor = TlsAcceptor::from(Arc::new(config));
                server.listen(self.name, self.socket, move || {
                    let (entry, acceptor) = (entry.clone(), acceptor.clone());
                    let accepted = fn_service(move |stream: TcpStream| {
                        let (entry, acceptor) = (entry.clone(), acceptor.clone());
                        async move {
                            let (peer, place) = entry.enter(&stream).await?;
                            let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream));
                            let stream =
                                handshake.await.map_err(io::Error::from).flatten().map_err(DispatchError::Io)?;
                            Ok((Connection::new(stream, peer, place, entry.terms), peer))
                        }
                    });
                    accepted.and_then(http(app(), stopped.clone()))
                })
            }
        };
        Ok(server?.run())
    }
}

/// The way of a connection into a listener.
#[derive(Clone)]
struct Entry {
    places: Arc<Places>,
    terms: Arc<Terms>,
    stop: GracefulShutdownSignal,
}

impl Entry {
    /// Waits for a place; not longer than the listener serves.
    async fn enter(&self, stream: &TcpStream) -> Result<(Option<SocketAddr>, Place), DispatchError> {
        tokio::select! {
            biased;
            place = self.places.enter() => Ok((stream.peer_addr().ok(), place)),
            () = self.stop.notified() => Err(DispatchError::Io(io::ErrorKind::ConnectionAborted.into())),
        }
    }
}

/// HTTP/1.1 on connections, which are closed in order once `stopped` is done.
fn http<T, I, S, F>(
    app: I,
    stopped: impl Fn() -> F + 'static,
) -> impl ServiceFactory<
    (Connection<T>, Option<SocketAddr>),
    Config = (),
    Response = (),
    Error = DispatchError,
    InitError = (),
>
where
    T: AsyncRead + AsyncWrite + Unpin + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse> + 'static,
    S::Error: Into<Error>,
    S::InitError: fmt::Debug,
    F: Future<Output = ()> + 'static,
{
    let app = app.into_factory().map_err(|error| error.into().error_response());
    // Tells the connection while a request is being served and answered.
    let app = apply_fn_factory(app, |request: Request, service: &_| {
        let guard = RequestGuard::new(request.conn_data::<Rc<ConnectionState>>());
        let answer = Service::call(service, request);
        async move {
            let mut answer = answer.await?;
            if guard.is_last() {
                answer.response_mut().head_mut().set_connection_type(ConnectionType::Close);
            }
            Ok(answer.map_body(|_, body| guard.until_end_of(body)))
        }
    });
    HttpService::build()
        .graceful_shutdown_signal(stopped)
        // `Connection` has the timers of all phases.
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(Duration::ZERO)
        .on_connect_ext(|connection: &Connection<T>, data| drop(data.insert(connection.state())))
        .h1(map_config(app, |()| AppConfig::default()))
}
