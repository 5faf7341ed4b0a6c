//! A listener: actix's HTTP/1.1 on connections with limits.
//!
//! `actix_web::HttpServer` would do the same without the limits: it takes no stream of one's own.

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
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::Connection;

/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an idle connection is kept for another request.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// How many connections it has at most; further ones wait until one of these is closed.
    pub max_connections: usize,
    /// The time limit for a request head to arrive, and for an answer to be read.
    pub request_timeout: Duration,
    /// How long requests in progress may take to finish when the listener is stopped.
    pub shutdown_timeout: Duration,
}

impl Listener {
    /// Starts to serve an application.
    ///
    /// # Errors
    /// When threads or sockets cannot be set up.
    pub fn serve<F, I, S, B>(self, app: F) -> io::Result<Server>
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
                // Handshakes that stall must not keep others from beginning; `max_connections` bounds their number.
                actix_tls::accept::max_concurrent_tls_connect(usize::MAX);
                server.listen(name, socket, move || {
                    let stop = stop.clone();
                    let mut acceptor = Acceptor::new(config.clone());
                    acceptor.set_handshake_timeout(HANDSHAKE_TIMEOUT);
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

/// HTTP/1.1 on connections, which are closed in order once `stopped` is done.
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
        .keep_alive(KEEP_ALIVE_TIMEOUT)
        // `Connection` limits the time of every head; actix only that of the first.
        .client_request_timeout(Duration::ZERO)
        .on_connect_ext(|connection: &Connection<T>, data| drop(data.insert(connection.state())))
        .h1(map_config(app, |()| AppConfig::default()))
}
