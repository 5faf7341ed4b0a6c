//! The client of a running hookd's private listener, for the commands that ask it.

use std::cell::OnceCell;
use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use hookd_config::{Config, Report};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::log::chain;

/// How long the running hookd may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Where the running hookd is.
#[derive(Debug, Args)]
pub(super) struct AdminArgs {
    /// URL of the running hookd's private listener, such as `http://127.0.0.1:8011`; by default taken from the
    /// configuration. If it requires credentials: `http://user:password@…`.
    #[arg(long, value_name = "URL", env = "HOOKD_ADMIN", hide_env_values = true, global = true)]
    admin: Option<String>,
}

/// A running hookd.
pub(super) struct Admin {
    url: String,
    /// Made once, since a command may ask thousands of times.
    session: OnceCell<Session>,
}

struct Session {
    runtime: Runtime,
    client: reqwest::Client,
}

/// What it answered.
pub(super) struct Answer {
    /// The status code.
    pub(super) status: u16,
    /// The body, which is JSON.
    pub(super) json: Value,
}

impl Answer {
    /// The body of an answer that is no error.
    ///
    /// # Errors
    /// What the error says.
    pub(super) fn success(self) -> Result<Value, String> {
        if (200..300).contains(&self.status) {
            return Ok(self.json);
        }
        match self.json["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Err(format!("the running hookd answered {}", self.status)),
        }
    }
}

impl Admin {
    /// The running hookd that these arguments, or else the configuration, name.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub(super) fn find(config: &Path, args: &AdminArgs) -> Result<Self, Report> {
        let url = match &args.admin {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => {
                let admin = Config::load_admin(config)?;
                format!("{}://{}", if admin.tls.is_some() { "https" } else { "http" }, admin.listen)
            }
        };
        Ok(Self { url, session: OnceCell::new() })
    }

    /// The answer to a `GET` of this path.
    ///
    /// # Errors
    /// Where it cannot be reached, or does not answer as hookd does.
    pub(super) fn get(&self, path: &str) -> Result<Answer, String> {
        self.send(reqwest::Method::GET, path)
    }

    /// The answer to a `POST` to this path.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(super) fn post(&self, path: &str) -> Result<Answer, String> {
        self.send(reqwest::Method::POST, path)
    }

    fn session(&self) -> Result<&Session, String> {
        if self.session.get().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| chain(&error))?;
            let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build();
            let client = client.map_err(|error| chain(&error))?;
            // The cell is empty: nothing else has filled it meanwhile.
            drop(self.session.set(Session { runtime, client }));
        }
        self.session.get().ok_or_else(|| "there is no client".to_owned())
    }

    fn send(&self, method: reqwest::Method, path: &str) -> Result<Answer, String> {
        let unreachable = |cause: &dyn Display| format!("cannot reach the running hookd: {cause}");
        let Session { runtime, client } = self.session().map_err(|error| unreachable(&error))?;
        let exchange = async {
            let response = client.request(method, format!("{}{path}", self.url)).send().await?;
            let status = response.status();
            Ok::<_, reqwest::Error>((status, response.bytes().await?))
        };
        // The URL may contain a password.
        let exchanged = runtime.block_on(exchange).map_err(|error| unreachable(&chain(&error.without_url())));
        let (status, body) = exchanged?;
        match serde_json::from_slice(&body) {
            Ok(json) => Ok(Answer { status: status.as_u16(), json }),
            Err(_) => Err(unreachable(&format!("it answered {status}"))),
        }
    }
}
