//! The sink `webhook`: each change is POSTed as a [CloudEvent](https://cloudevents.io), signed as [Standard
//! Webhooks](https://www.standardwebhooks.com) specifies.
//!
//! Nobody can be asked whether an event has arrived, so delivery is at least once: receivers tell repeated events by
//! their id, which is the same at each attempt.

mod event;
mod signature;

use std::collections::BTreeMap;
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use hookd_core::{Problem, Secret, Secrets};
use hookd_store::LoggedChange;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use self::event::CONTENT_TYPE;
use self::signature::Signer;
use crate::http::options::http_options;
use crate::http::{Client, Credentials, HttpUrl, read_secret, verdict};
use crate::{Attempt, Sink, SinkContext, SinkOptions, SinkType};

/// How much of an answer is read: more than is shown, and small answers whole, so that the connection can be used again.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Headers that are the sink's own business, or that of HTTP.
const RESERVED: [&str; 12] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

http_options! {
    /// The options of the sink `webhook`.
    pub(crate) struct Options {
        /// Where events are sent to. Any answer with a status 2xx means that the event was taken.
        url: HttpUrl,

        /// What events are signed with, as Standard Webhooks specifies: `whsec_` and Base64, or any text. With a list, each
        /// event has a signature for each secret, so that a receiver can change from one to the next.
        secret: Option<Secrets>,

        /// Headers to send along, each with its value, which can be a secret: `{ Authorization = { env = "TOKEN" } }`.
        #[serde(default)]
        headers: BTreeMap<String, Secret>,

        /// The attribute `source` of the events: a URI or a path that tells this hookd from others.
        #[serde(default = "default_source")]
        source: String,
    }
}

fn default_source() -> String {
    "/hookd".to_owned()
}

/// A receiver of webhooks.
struct Webhook {
    url: HttpUrl,
    client: Client,
    credentials: Option<Credentials>,
    signer: Signer,
    headers: HeaderMap,
    source: String,
    hidden: Vec<String>,
    warnings: Vec<String>,
}

impl SinkOptions for Options {
    fn build(self, context: &SinkContext<'_>) -> Result<Box<dyn Sink>, Vec<Problem>> {
        let mut problems = Vec::new();
        let http = self.http();
        let mut warnings = http.warnings(&self.url);
        let credentials = http.credentials(context).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let mut hidden = self.url.hidden();
        hidden.extend(credentials.iter().flat_map(Credentials::hidden).cloned());
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            match header(name, value, credentials.is_some(), context) {
                Ok((name, value)) => {
                    hidden.push(String::from_utf8_lossy(value.as_bytes()).into_owned());
                    headers.insert(name, value);
                }
                Err(message) => problems.push(Problem::with(name, message).under("headers")),
            }
        }
        let signer = signer(self.secret.as_ref(), context).unwrap_or_else(|more| {
            problems.extend(more);
            Signer::default()
        });
        if self.secret.is_none() {
            warnings.push("without `secret` events are not signed: whoever finds the URL can make them up".to_owned());
        } else if signer.has_short_key() {
            warnings.push("`secret` is shorter than the 24 bytes that Standard Webhooks asks for".to_owned());
        }
        if self.source.is_empty() || self.source.chars().any(|c| c.is_control() || c.is_whitespace()) {
            problems.push(Problem::with("source", "a URI or a path is expected, such as `/hookd`"));
        }
        match http.client(&[("url", &self.url)], context) {
            Ok(client) if problems.is_empty() => {
                let Self { url, source, .. } = self;
                Ok(Box::new(Webhook { url, client, credentials, signer, headers, source, hidden, warnings }))
            }
            Ok(_) => Err(problems),
            Err(more) => {
                problems.extend(more);
                Err(problems)
            }
        }
    }
}

fn header(
    name: &str,
    value: &Secret,
    has_credentials: bool,
    context: &SinkContext<'_>,
) -> Result<(HeaderName, HeaderValue), String> {
    let name: HeaderName = name.parse().map_err(|_| "it is not the name of a header".to_owned())?;
    if RESERVED.contains(&name.as_str()) {
        return Err("hookd sets this header itself".to_owned());
    }
    if has_credentials && name == "authorization" {
        return Err("`user` and `password` make this header: leave one of them out".to_owned());
    }
    let value = read_secret(value, context)?;
    let mut value =
        HeaderValue::try_from(value).map_err(|_| "a header has one line, without control characters".to_owned())?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn signer(secrets: Option<&Secrets>, context: &SinkContext<'_>) -> Result<Signer, Vec<Problem>> {
    let mut keys = Vec::new();
    let mut problems = Vec::new();
    for secret in secrets.into_iter().flat_map(|Secrets(secrets)| secrets) {
        match read_secret(secret, context).and_then(|secret| signature::key(&secret)) {
            Ok(key) => keys.push(key),
            Err(message) => problems.push(Problem::with("secret", message)),
        }
    }
    if problems.is_empty() { Ok(Signer::new(keys)) } else { Err(problems) }
}

impl Webhook {
    async fn post(&self, change: &LoggedChange) -> Attempt {
        let body = event::encode(change, &self.source);
        let timestamp = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let id = &change.hookd_id;
        let signature = self.signer.sign(id, timestamp, &body);
        let mut request = self.client.post(&self.url.0, CONTENT_TYPE, body).headers(self.headers.clone());
        request = request.header("webhook-id", id).header("webhook-timestamp", timestamp);
        if let Some(signature) = signature {
            request = request.header("webhook-signature", signature);
        }
        if let Some(credentials) = &self.credentials {
            request = credentials.authorize(request);
        }
        match self.client.send(request, MAX_ANSWER_BYTES, &self.hidden).await {
            Ok(answer) => verdict(&answer),
            Err(attempt) => attempt,
        }
    }
}

impl Sink for Webhook {
    fn deliver<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Attempt> {
        Box::pin(self.post(change))
    }

    fn destination(&self) -> String {
        self.url.shown()
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

inventory::submit! {
    SinkType::new::<Options>("webhook", "Any URL: CloudEvents, signed as Standard Webhooks specifies. At least once.")
}
