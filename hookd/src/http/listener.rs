//! A listener: actix's HTTP/1.1 on connections with bounds.
//!
//! `actix_web::HttpServer` would do the same, but for the bounds: it has no place for a stream of one's own.

use std::fmt;
use std::future::ready;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Request};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_tls::accept::TlsError;
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream};
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{AppConfig, Server, ServiceResponse};
use actix_web::rt::net::TcpStream;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::Connection;

/// How long a connection may take to agree on keys.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long a connection is kept that waits for another request.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// How a listener treats its connections.
pub(crate) struct Listener {
    /// What it is called in logs.
    pub(crate) name: &'static str,
    /// Where it listens.
    pub(crate) socket: TcpListener,
    /// With it the listener speaks TLS only.
    pub(crate) tls: Option<ServerConfig>,
    /// How many threads serve.
    pub(crate) workers: usize,
    /// The most connections; the next ones wait until one of these is closed.
    pub(crate) max_connections: usize,
    /// The longest time for a head of a request to come, and for an answer to be taken.
    pub(crate) request_timeout: Duration,
    /// The longest time for requests under way to finish when the listener is stopped.
    pub(crate) shutdown_timeout: Duration,
}

impl Listener {
    /// Starts to serve an application.
    ///
    /// # Errors
    /// When the system does not give what a server needs.
    pub(crate) fn serve<F, I, S, B>(self, app: F) -> io::Result<Server>
    where
        F: Fn() -> I + Clone + Send + 'static,
        I: IntoServiceFactory<S, Request>,
        S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>> + 'static,
        S::Error: Into<Error>,
        S::InitError: fmt::Debug,
        B: MessageBody + 'static,
    {
        let Self { name, socket, tls, workers, max_connections, request_timeout, shutdown_timeout } = self;
        let per_worker = max_connections.div_ceil(workers);
        let server = Server::build()
            .workers(workers)
            .max_concurrent_connections(per_worker)
            .shutdown_timeout(shutdown_timeout.as_secs())
            .disable_signals();
        let stop = server.graceful_shutdown_signal();
        let server = match tls {
            None => server.listen(name, socket, move || {
                let stop = stop.clone();
                let accepted = fn_service(move |stream: TcpStream| {
                    let peer = stream.peer_addr().ok();
                    ready(Ok((Connection::new(stream, request_timeout), peer)))
                });
                accepted.and_then(http(app(), async move || stop.notified().await))
            }),
            Some(mut config) => {
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                // Those that do not go on must not keep others from beginning; the number of connections is a bound.
                actix_tls::accept::max_concurrent_tls_connect(usize::MAX);
                server.listen(name, socket, move || {
                    let stop = stop.clone();
                    let mut acceptor = Acceptor::new(config.clone());
                    acceptor.set_handshake_timeout(HANDSHAKE);
                    let accepted = acceptor.map_err(TlsError::into_service_error).map(move |stream: TlsStream<_>| {
                        let peer = TcpStream::peer_addr(stream.get_ref().0).ok();
                        (Connection::new(stream, request_timeout), peer)
                    });
                    accepted.and_then(http(app(), async move || stop.notified().await).map_err(TlsError::Service))
                })
            }
        };
        Ok(server?.run())
    }
}

/// HTTP/1.1 on connections, which are closed in order when `stopped` is over.
fn http<T, I, S, B, F>(
    app: I,
    stopped: F,
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
    S: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>> + 'static,
    S::Error: Into<Error>,
    S::InitError: fmt::Debug,
    B: MessageBody + 'static,
    F: AsyncFn() + Clone + 'static,
{
    let app = app.into_factory().map_err(|error| error.into().error_response());
    HttpService::build()
        .graceful_shutdown_signal(move || {
            let stopped = stopped.clone();
            async move { stopped().await }
        })
        .keep_alive(KEEP_ALIVE)
        // The connection has a bound for each head; actix has one for the first.
        .client_request_timeout(Duration::ZERO)
        .on_connect_ext(|connection: &Connection<T>, data| drop(data.insert(connection.seat())))
        .h1(map_config(app, |()| AppConfig::default()))
}
