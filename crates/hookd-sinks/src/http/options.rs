//! The options that sinks over HTTP have in common.
//!
//! They are written once, in [`http_options!`], which adds them to the struct of a sink: `serde(flatten)` would lose the
//! place of what is wrong in a configuration.

use std::fs;
use std::path::Path;
use std::time::Duration;

use hookd_core::{Problem, Secret};
use reqwest::{Certificate, Identity, Proxy, redirect};

use crate::SinkContext;
use crate::http::private::{PublicOnly, is_loopback, names_private};
use crate::http::{Client, Credentials, HttpUrl, UrlOrFalse};

/// Declares the options of a sink over HTTP: its own fields, and after them the common ones, which `http()` gives.
macro_rules! http_options {
    ($(#[$meta:meta])* pub(crate) struct $name:ident { $($own:tt)* }) => {
        $(#[$meta])*
        #[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
        pub(crate) struct $name {
            $($own)*

            /// The user of HTTP Basic authentication; needs `password`.
            user: Option<String>,

            /// The password of HTTP Basic authentication; needs `user`.
            password: Option<hookd_core::Secret>,

            /// How long an attempt may take, from the connection to the end of the answer. Connecting alone may take half
            /// of it, and at most `10s`.
            #[serde(default = "crate::http::options::default_timeout", with = "hookd_core::duration")]
            #[schemars(with = "hookd_core::duration::DurationSchema")]
            timeout: std::time::Duration,

            /// A PEM file with the certificates of the authorities that are trusted, instead of those of the system. It
            /// is read when the configuration is.
            ca: Option<std::path::PathBuf>,

            /// A PEM file with a certificate, those between it and its authority, and its key, for servers that ask for
            /// one. It is read when the configuration is.
            client_certificate: Option<std::path::PathBuf>,

            /// The URL of an HTTP proxy, or `false` for none. By default the environment says which proxy is used
            /// (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`). A proxy that asks for a password has to be named there.
            proxy: Option<crate::http::UrlOrFalse>,

            /// Whether connections to addresses of private networks are refused: loopback, link-local, those of RFC 1918
            /// and the like. It counts what a name resolves to when the connection is made. No proxy is used then.
            #[serde(default)]
            deny_private: bool,
        }

        impl $name {
            /// The options that sinks over HTTP have in common.
            fn http(&self) -> crate::http::HttpOptions<'_> {
                crate::http::HttpOptions {
                    user: self.user.as_deref(),
                    password: self.password.as_ref(),
                    timeout: self.timeout,
                    ca: self.ca.as_deref(),
                    client_certificate: self.client_certificate.as_deref(),
                    proxy: self.proxy.as_ref(),
                    deny_private: self.deny_private,
                }
            }
        }
    };
}

pub(crate) use http_options;

/// How long an attempt may take, unless the configuration says otherwise.
pub(crate) fn default_timeout() -> Duration {
    Duration::from_secs(30)
}

/// The longest that connecting may take.
const MAX_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is kept without a request: shorter than the servers do that close theirs soonest (Apache and
/// Node.js after 5 s), since a request that crosses the end of its connection may have arrived or not.
const MAX_IDLE: Duration = Duration::from_secs(4);

/// The common options of one sink.
pub(crate) struct HttpOptions<'a> {
    pub(crate) user: Option<&'a str>,
    pub(crate) password: Option<&'a Secret>,
    pub(crate) timeout: Duration,
    pub(crate) ca: Option<&'a Path>,
    pub(crate) client_certificate: Option<&'a Path>,
    pub(crate) proxy: Option<&'a UrlOrFalse>,
    pub(crate) deny_private: bool,
}

impl HttpOptions<'_> {
    /// The credentials that `user` and `password` are.
    ///
    /// # Errors
    /// Where one is there without the other, or the password is missing.
    pub(crate) fn credentials(&self, context: &SinkContext<'_>) -> Result<Option<Credentials>, Problem> {
        credentials(["user", "password"], self.user, self.password, context)
    }

    /// What an operator should know about sending credentials to this URL.
    pub(crate) fn warnings(&self, url: &HttpUrl) -> Vec<String> {
        if self.user.is_some() && url.0.scheme() == "http" && !is_loopback(&url.0) {
            return vec!["`url` is `http://`: the password goes over the network in the clear".to_owned()];
        }
        Vec::new()
    }

    /// The client, for these URLs by their options.
    ///
    /// # Errors
    /// All that does not go together, or cannot be read.
    pub(crate) fn client(&self, urls: &[(&str, &HttpUrl)], context: &SinkContext<'_>) -> Result<Client, Vec<Problem>> {
        let mut problems = Vec::new();
        if self.timeout.is_zero() {
            problems.push(Problem::with("timeout", "an attempt needs more time than `0s`"));
        }
        let proxy = match (self.proxy, self.deny_private) {
            (Some(UrlOrFalse::Url(_)), true) => {
                let message = "a proxy resolves names itself, so `deny_private` has no effect: leave one of them out";
                problems.push(Problem::with("proxy", message));
                None
            }
            (Some(UrlOrFalse::Url(proxy)), false) => Some(proxy),
            (Some(UrlOrFalse::False) | None, _) => None,
        };
        if self.deny_private {
            let private = urls.iter().filter(|(_, url)| names_private(&url.0));
            let message = "it names a private address, and `deny_private` is set";
            problems.extend(private.map(|(option, _)| Problem::with(option, message)));
        }
        let ca = self.ca.and_then(|path| note(&mut problems, certificates("ca", path, context)));
        let identity = self.client_certificate.and_then(|path| {
            let pem = note(&mut problems, read("client_certificate", path, context))?;
            let identity = Identity::from_pem(&pem);
            note(
                &mut problems,
                identity.map_err(|_| {
                    let message = format!("`{}` must have a certificate and its key, in PEM", path.display());
                    Problem::with("client_certificate", message)
                }),
            )
        });
        if !problems.is_empty() {
            return Err(problems);
        }

        // A second installation changes nothing; the first is the process's business, but tests have none.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let connect_timeout = (self.timeout / 2).min(MAX_CONNECT_TIMEOUT);
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("hookd/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .referer(false)
            .timeout(self.timeout)
            .connect_timeout(connect_timeout)
            .pool_idle_timeout(MAX_IDLE);
        let remedy = if ca.is_none() { "; name the certificates of its authority in `ca`" } else { "" };
        if let Some(ca) = ca {
            builder = builder.tls_certs_only(ca);
        } else if urls.iter().all(|(_, url)| url.0.scheme() == "http")
            && proxy.is_none_or(|url| url.0.scheme() == "http")
        {
            // Nothing to verify: a system without certificates of authorities will do.
            builder = builder.tls_certs_only([]);
        }
        if let Some(identity) = identity {
            builder = builder.identity(identity);
        }
        if self.deny_private {
            builder = builder.no_proxy().dns_resolver(PublicOnly);
        } else if let Some(proxy) = proxy {
            let proxy = Proxy::all(proxy.0.clone()).map_err(|error| vec![Problem::with("proxy", chain(&error))])?;
            builder = builder.proxy(proxy);
        } else if self.proxy.is_some() {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| {
            vec![Problem { path: Vec::new(), message: format!("TLS cannot be set up: {}{remedy}", chain(&error)) }]
        })?;
        Ok(Client::new(client, self.timeout, connect_timeout, proxy.map(HttpUrl::authority)))
    }
}

/// The credentials that two options give, by their names.
///
/// # Errors
/// Where one is there without the other, or the password is missing.
pub(crate) fn credentials(
    [user_option, password_option]: [&str; 2],
    user: Option<&str>,
    password: Option<&Secret>,
    context: &SinkContext<'_>,
) -> Result<Option<Credentials>, Problem> {
    match (user, password) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(Problem::with(user_option, format!("it needs `{password_option}`"))),
        (None, Some(_)) => Err(Problem::with(password_option, format!("it needs `{user_option}`"))),
        (Some(user), Some(_)) if user.contains(':') => {
            Err(Problem::with(user_option, "a user of Basic authentication has no colon in its name"))
        }
        (Some(user), Some(password)) => {
            let password = read_secret(password, context).map_err(|why| Problem::with(password_option, why))?;
            Ok(Some(Credentials::basic(user, &password)))
        }
    }
}

/// The bytes of a secret.
///
/// # Errors
/// Why it is missing; also when it is empty.
pub fn read_secret(secret: &Secret, context: &SinkContext<'_>) -> Result<Vec<u8>, String> {
    let bytes = context.secrets.read(secret)?;
    if bytes.is_empty() { Err("the secret is empty".to_owned()) } else { Ok(bytes) }
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

fn note<T>(problems: &mut Vec<Problem>, result: Result<T, Problem>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

fn read(option: &str, path: &Path, context: &SinkContext<'_>) -> Result<Vec<u8>, Problem> {
    let path = context.path(path);
    fs::read(&path).map_err(|error| Problem::with(option, format!("cannot read `{}`: {error}", path.display())))
}

fn certificates(option: &str, path: &Path, context: &SinkContext<'_>) -> Result<Vec<Certificate>, Problem> {
    let certificates = Certificate::from_pem_bundle(&read(option, path, context)?).ok();
    certificates.filter(|certificates| !certificates.is_empty()).ok_or_else(|| {
        Problem::with(option, format!("`{}` must have at least one certificate, in PEM", path.display()))
    })
}
