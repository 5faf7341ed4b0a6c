//! The options of the sink.

use std::path::PathBuf;
use std::time::Duration;

use hookd_core::{Problem, Secret};
use hookd_sinks::{Sink, SinkContext, SinkOptions};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::credentials::{Credentials, Named};
use crate::servers::Servers;
use crate::sink::Nats;
use crate::subject::SubjectTemplate;
use crate::system::System;
use crate::tls;

/// The options of the sink `nats`.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Options {
    /// The servers: `nats://HOST:PORT`, or `tls://HOST:PORT` where TLS must be used; the port is 4222 by default. Several
    /// servers of one system are a list. They are tried in its order.
    url: Servers,

    /// The subject of a change. `{branch}` stands for its branch; other fields are `author`, `category`, `changeid`,
    /// `codebase`, `committer`, `deliveryid`, `dialect`, `hookd_id`, `project`, `repository`, `revision`, `revlink`, `src` and
    /// `when_timestamp`. A stream of JetStream must take the subjects.
    ///
    /// A value never becomes more than one token: `.`, `*`, `>`, `%`, `~`, `$`, spaces, control characters and whatever is not
    /// ASCII are written as in URLs (`%2E`). `~` stands for a value that is empty. A change whose subject would be longer
    /// than 2048 bytes becomes a dead letter.
    subject: String,

    /// The content of a file of credentials (`.creds`), with a JWT and the seed of its key.
    credentials: Option<Secret>,

    /// The user; needs `password`.
    user: Option<String>,

    /// The password of the user; needs `user`.
    password: Option<Secret>,

    /// The token, for servers that have one.
    token: Option<Secret>,

    /// The seed of the key of a user (`SU…`), for servers that know its public key.
    nkey: Option<Secret>,

    /// The domain of JetStream, where it is not that of the server.
    domain: Option<String>,

    /// How long the server may take to answer: to acknowledge a message, or to say what the stream has. Connecting to a server
    /// may take half of it, and at most `10s`.
    #[serde(default = "default_timeout", with = "hookd_core::duration")]
    #[schemars(with = "hookd_core::duration::DurationSchema")]
    timeout: Duration,

    /// A PEM file with the certificates of the authorities that are trusted, instead of those of the system. With it TLS is
    /// used whatever `url` says. It is read when the configuration is.
    ca: Option<PathBuf>,

    /// A PEM file with a certificate, those between it and its authority, and its key, for servers that ask for one. With it
    /// TLS is used whatever `url` says. It is read when the configuration is.
    client_certificate: Option<PathBuf>,
}

fn default_timeout() -> Duration {
    Duration::from_secs(10)
}

impl SinkOptions for Options {
    fn build(self, context: &SinkContext<'_>) -> Result<Box<dyn Sink>, Vec<Problem>> {
        let mut problems = Vec::new();
        let subject = SubjectTemplate::parse(&self.subject).map_err(|why| problems.push(Problem::with("subject", why)));
        let named = Named {
            credentials: self.credentials.as_ref(),
            user: self.user.as_deref(),
            password: self.password.as_ref(),
            token: self.token.as_ref(),
            nkey: self.nkey.as_ref(),
        };
        let credentials = Credentials::read(&named, context).map_err(|problem| problems.push(problem));
        let tls = tls::config(self.ca.as_deref(), self.client_certificate.as_deref(), context)
            .map_err(|more| problems.extend(more));
        if self.timeout.is_zero() {
            problems.push(Problem::with("timeout", "an attempt needs more time than `0s`"));
        }
        let is_token = |domain: &str| !domain.is_empty() && domain.bytes().all(is_in_domain);
        if self.domain.as_deref().is_some_and(|domain| !is_token(domain)) {
            problems.push(Problem::with("domain", "a name of letters, digits, `-` and `_` is expected"));
        }
        let (Ok(subject), Ok(credentials), Ok(tls), true) = (subject, credentials, tls, problems.is_empty()) else {
            return Err(problems);
        };
        let requires_tls = self.ca.is_some() || self.client_certificate.is_some();
        let is_open = |server: &crate::servers::Server| !server.wants_tls() && !server.is_loopback();
        let mut warnings = Vec::new();
        // A file of credentials and a key sign, and are not sent.
        let is_sent = matches!(credentials, Some(Credentials::Password(..) | Credentials::Token(_)));
        if is_sent && !requires_tls && self.url.0.iter().any(is_open) {
            let what = if self.token.is_some() { "token" } else { "password" };
            warnings.push(format!(
                "`url` is `nats://`: unless the server asks for TLS, the {what} goes over the network in the clear"
            ));
        }
        let prefix = self.domain.map_or_else(|| "$JS.API".to_owned(), |domain| format!("$JS.{domain}.API"));
        let system = System::new(self.url, credentials, tls, requires_tls, self.timeout);
        Ok(Box::new(Nats::new(system, subject, prefix, warnings)))
    }
}

fn is_in_domain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}
