//! Connections to the database.
//!
//! No state of a session is relied on: nothing is prepared under a name, nothing is set beyond a transaction, no lock
//! outlives one. So a pooler that gives each transaction another session does no harm.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::error::Failure;
use crate::{OpenError, Options, tls};

/// How often the server is asked to give up.
const MAX_CANCELS: usize = 100;

/// How long to wait for it each time.
const CANCEL_INTERVAL: Duration = Duration::from_millis(200);

/// A connection with TLS.
type TlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// What makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    options: Arc<Options>,
    tls: MakeRustlsConnect,
}

impl Connector {
    pub(crate) fn new(options: Options) -> Result<Self, OpenError> {
        let tls = tls::connector(&options)?;
        Ok(Self { options: Arc::new(options), tls })
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// The error of a store that cannot be opened.
    pub(crate) fn unavailable(&self, failure: &Failure) -> OpenError {
        let remedy = failure.remedy();
        let remedy = remedy.split("; hookd").next().unwrap_or(remedy).to_owned();
        OpenError::Unavailable { place: self.options.place(), cause: failure.to_string(), remedy }
    }

    /// Makes a connection. What it does lives in a task of its own, which ends with the client.
    pub(crate) async fn connect(&self) -> Result<Arc<Client>, Failure> {
        let (client, connection) = self.options.client_config().connect(self.tls.clone()).await?;
        Handle::current().spawn(async move {
            // Whoever uses the client gets the error.
            if let Err(error) = connection.await {
                tracing::debug!("a connection to PostgreSQL ended: {error}");
            }
        });
        Ok(Arc::new(client))
    }

    /// Makes a connection whose messages the caller receives.
    pub(crate) async fn connect_listening(&self) -> Result<(Client, Connection<Socket, TlsStream>), Failure> {
        Ok(self.options.client_config().connect(self.tls.clone()).await?)
    }

    /// Asks the server to give up what a client does, until it has: what is asked before the server has begun is ignored.
    pub(crate) fn cancel(&self, client: Arc<Client>) {
        let (token, tls) = (client.cancel_token(), self.tls.clone());
        let Ok(runtime) = Handle::try_current() else { return };
        runtime.spawn(async move {
            for _ in 0..MAX_CANCELS {
                // Where that fails, the server finds out when it has the answer.
                let _ = token.cancel_query(tls.clone()).await;
                // It is answered once all before it is over.
                if timeout(CANCEL_INTERVAL, client.simple_query("")).await.is_ok() {
                    return;
                }
            }
        });
    }
}
