//! Submissions: changes that this binary itself sends to a base dialect, for `hookd send` and `hookd notify`.
//!
//! Whether one arrived decides what may be done next: [`Unsent`] may be retried, [`Answer`] has the other side's
//! reply. Credentials are in no message.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use hookd_tls::Trust;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use url::Url;

use crate::log::chain;

/// How much of an answer is read: it is one line of text.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// The header of base that has the sender's own id of a delivery.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Where to send, and how.
#[derive(Debug)]
pub(crate) struct Endpoint {
    url: Url,
    credentials: Option<Credentials>,
    /// Trusted besides those of the system.
    authorities: Vec<CertificateDer<'static>>,
    timeout: Duration,
}

/// What Basic authentication takes.
#[derive(Clone)]
pub(crate) struct Credentials {
    user: String,
    password: String,
}

/// What to send.
pub(crate) struct Submission {
    /// The type of the body.
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
    /// An id of the sender's own, the same each time that it is sent.
    pub(crate) id: Option<String>,
}

/// It did not arrive, as far as is known: no connection, no answer, or one that asks to come again later.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Unsent(String);

/// What the other side answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The standard words for the status.
    pub(crate) phrase: &'static str,
    /// The beginning of the body.
    pub(crate) body: String,
    /// The number that a hookd gave the delivery.
    pub(crate) delivery: Option<String>,
}

impl Credentials {
    /// A user and the password.
    pub(crate) fn new(user: &str, password: &str) -> Self {
        Self { user: user.to_owned(), password: password.to_owned() }
    }

    /// A user whose password is the first line of a file; `-` is standard input.
    ///
    /// # Errors
    /// When the file cannot be read, or has no password.
    pub(crate) fn read(user: &str, password_file: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", password_file.display());
        let mut text = String::new();
        if password_file == Path::new("-") {
            std::io::stdin().read_to_string(&mut text).map_err(failed)?;
        } else {
            text = std::fs::read_to_string(password_file).map_err(failed)?;
        }
        let password = text.lines().next().unwrap_or_default().to_owned();
        if password.is_empty() {
            return Err(format!("{}: no password in its first line", password_file.display()));
        }
        Ok(Self::new(user, &password))
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Credentials({}, …)", self.user)
    }
}

impl Endpoint {
    /// # Errors
    /// When the URL is none of HTTP, or has credentials in it.
    pub(crate) fn new(url: &str, timeout: Duration) -> Result<Self, String> {
        // What does not parse may still have a password in it, so that it is not repeated.
        let url = Url::parse(url).map_err(|error| format!("invalid URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("invalid URL: scheme `{}`, expected `http` or `https`", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("invalid URL: it has credentials, which every user of this machine can see; \
                 use `--user` and `--password-file`"
                .to_owned());
        }
        Ok(Self { url, credentials: None, authorities: Vec::new(), timeout })
    }

    /// With these credentials.
    pub(crate) fn with_credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Trusting also the certificates in this PEM file.
    ///
    /// # Errors
    /// When the file cannot be read, or has no certificate.
    pub(crate) fn trusting(mut self, path: &Path) -> Result<Self, String> {
        let authorities = hookd_tls::certificates(path).map_err(|why| format!("{}: {why}", path.display()))?;
        self.authorities.extend(authorities);
        Ok(self)
    }

    /// The URL, for messages.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Sends it once. Redirects are not followed: a POST that follows one may arrive as an empty GET.
    ///
    /// # Errors
    /// When it did not arrive, as far as is known; an answer of 408, 429 or 5xx counts as that, too.
    pub(crate) fn send(&self, submission: Submission) -> Result<Answer, Unsent> {
        let failed = |cause: &str| Unsent(format!("not sent to {}: {cause}", self.url));
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(&chain(&error)))?;
        let trust = Trust::System { authorities: self.authorities.clone(), one: None };
        let tls = trust.client_config().map_err(|error| failed(&error.to_string()))?;
        let exchanged = runtime.block_on(self.exchange(tls, submission));
        // A name that is still being resolved must not hold up whoever waits for this.
        runtime.shutdown_background();
        // The message names the URL already.
        let answer = exchanged.map_err(|error| failed(&chain(&error.without_url())))?;
        match answer.status {
            408 | 429 | 500.. => Err(failed(&format!("it answered {}", answer.shown()))),
            _ => Ok(answer),
        }
    }

    async fn exchange(&self, tls: ClientConfig, submission: Submission) -> Result<Answer, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(self.timeout).redirect(reqwest::redirect::Policy::none());
        let client = client.tls_backend_preconfigured(tls);
        let Submission { content_type, body, id } = submission;
        let mut request = client.build()?.post(self.url.clone());
        request = request.header(CONTENT_TYPE, content_type).header(ACCEPT, "text/plain").body(body);
        if let Some(Credentials { user, password }) = &self.credentials {
            request = request.basic_auth(user, Some(password));
        }
        if let Some(id) = id {
            request = request.header(IDEMPOTENCY_KEY, id);
        }
        let mut response = request.send().await?;
        let status = response.status();
        let delivery = response.headers().get("X-Hookd-Delivery").and_then(|value| value.to_str().ok());
        let delivery = delivery.map(str::to_owned);
        let mut body = Vec::new();
        while let Some(bytes) = response.chunk().await? {
            body.extend_from_slice(&bytes);
            if body.len() >= MAX_ANSWER_BYTES {
                body.truncate(MAX_ANSWER_BYTES);
                break;
            }
        }
        Ok(Answer {
            status: status.as_u16(),
            phrase: status.canonical_reason().unwrap_or_default(),
            body: String::from_utf8_lossy(&body).into_owned(),
            delivery,
        })
    }
}

impl Answer {
    /// Whether the changes were taken.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The answer in one line.
    pub(crate) fn shown(&self) -> String {
        let line = self.body.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
        let line: String = line.chars().take(200).filter(|character| !character.is_control()).collect();
        let status = format!("{} {}", self.status, self.phrase);
        if line.is_empty() { status } else { format!("{}: {line}", status.trim_end()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_urls_that_cannot_be_posted_to() {
        for (url, message) in [
            ("localhost:8010", "scheme `localhost`"),
            ("ftp://example.org/", "scheme `ftp`, expected `http` or `https`"),
            ("http://ann:hunter2@example.org/", "use `--user` and `--password-file`"),
            ("hunter2", "invalid URL: relative URL without a base"),
        ] {
            let error = Endpoint::new(url, Duration::from_secs(1)).unwrap_err();
            assert!(error.contains(message) && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn reads_the_password_from_the_first_line_of_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "hunter2\nnot this\n").unwrap();
        let credentials = Credentials::read("ann", &path).unwrap();
        assert_eq!(credentials.password, "hunter2");
        assert_eq!(format!("{credentials:?}"), "Credentials(ann, …)");
        std::fs::write(&path, "\n").unwrap();
        assert!(Credentials::read("ann", &path).unwrap_err().ends_with("no password in its first line"));
    }
}
