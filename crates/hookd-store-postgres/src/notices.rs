//! Notices between hookds that share a database: a hint that there is something to see, so that nobody waits for the next look.
//!
//! Nothing relies on them: a pooler that gives each transaction another session lets none through.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::{AsyncMessage, Client};

use crate::error::Failure;
use crate::session::Connector;

/// The pause before the listening connection is made anew.
const PAUSE: Duration = Duration::from_secs(5);

/// What tells the others, as a part of a transaction.
pub(crate) fn sql(replica: i64) -> String {
    format!("NOTIFY hookd, '{replica}'; ")
}

/// Tells the others.
pub(crate) async fn send(client: &Client, replica: i64) -> Result<(), Failure> {
    Ok(client.batch_execute(&sql(replica)).await?)
}

/// Listens to the others for as long as this process lives.
pub(crate) async fn listen(connector: Connector, replica: i64, heard: Arc<Notify>) {
    let own = replica.to_string();
    loop {
        if let Err(failure) = listen_once(&connector, &own, &heard).await {
            tracing::debug!("no longer listening to other hookds: {failure}");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn listen_once(connector: &Connector, own: &str, heard: &Notify) -> Result<(), Failure> {
    let (client, mut connection) = connector.connect_listening().await?;
    let receive = async {
        while let Some(message) = poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notice) = message?
                && notice.payload() != own
            {
                heard.notify_one();
            }
        }
        Ok(())
    };
    let listening = async {
        client.batch_execute("LISTEN hookd").await?;
        // It lives as long as it is held.
        std::future::pending::<Result<(), Failure>>().await
    };
    tokio::select! {
        ended = receive => ended,
        failed = listening => failed,
    }
}
