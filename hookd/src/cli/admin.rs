//! The client of a running hookd's private listener, for the commands that ask it.

mod trust;

use std::cell::OnceCell;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use hookd_config::{Config, Report};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;
use tokio::runtime::Runtime;

use self::trust::Trust;
use super::Output;
use crate::log::chain;

/// How long the running hookd may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The arguments of a command that asks a running hookd, and what it asks.
#[derive(Debug, Args)]
pub(super) struct Asking<C: Subcommand> {
    #[command(flatten)]
    pub(super) admin: AdminArgs,

    /// Print JSON, as the REST API has it.
    #[arg(long, global = true)]
    pub(super) json: bool,

    #[command(subcommand)]
    pub(super) command: C,
}

/// Where the running hookd is.
#[derive(Debug, Args)]
pub(super) struct AdminArgs {
    /// URL of the running hookd's private listener, such as `http://127.0.0.1:8011`; by default taken from the
    /// configuration. If it requires credentials: `http://user:password@…`.
    #[arg(long, value_name = "URL", env = "HOOKD_ADMIN", hide_env_values = true, global = true)]
    admin: Option<String>,

    /// A file of certificates (PEM) of authorities to trust for `https`, besides those of the system. The certificate that
    /// the configuration names for `[admin]` is trusted anyway, whatever its name and age.
    #[arg(long, value_name = "FILE", global = true)]
    ca: Option<PathBuf>,
}

/// A running hookd.
pub(super) struct Admin {
    /// Where it is, or why that is not known.
    url: Result<Url, String>,
    trust: Trust,
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
        let (url, tls) = match (&args.admin, Config::load_admin(config)) {
            (Some(url), configured) => (parse(url), configured.ok().and_then(|admin| admin.tls)),
            (None, configured) => {
                let admin = configured?;
                (at(admin.listen, admin.tls.is_some()), admin.tls)
            }
        };
        let folder = config.parent().unwrap_or(config);
        let own = tls.map(|tls| folder.join(tls.certificate));
        Ok(Self { url, trust: Trust { own, authorities: args.ca.clone() }, session: OnceCell::new() })
    }

    /// The same for a command, which ends where there is none: what is wrong with the configuration is printed.
    pub(super) fn reach(config: &Path, args: &AdminArgs, output: &mut Output<'_>) -> io::Result<Option<Self>> {
        match Self::find(config, args) {
            Ok(admin) => Ok(Some(admin)),
            Err(report) => writeln!(output.err, "{report}").map(|()| None),
        }
    }

    /// The answer to a `GET` of this path.
    ///
    /// # Errors
    /// Where it cannot be reached, or does not answer as hookd does.
    pub(super) fn get(&self, path: &str) -> Result<Answer, String> {
        self.send(Method::GET, path)
    }

    /// The answer to a `POST` to this path.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub(super) fn post(&self, path: &str) -> Result<Answer, String> {
        self.send(Method::POST, path)
    }

    fn session(&self, scheme: &str) -> Result<&Session, String> {
        if self.session.get().is_none() {
            // One provider of cryptography for the process; a second call changes nothing.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let mut client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy();
            client = match scheme {
                "https" => client.tls_backend_preconfigured(self.trust.client_config()?),
                // A system without certificates of authorities will do.
                _ => client.tls_certs_only([]),
            };
            let client = client.build().map_err(|error| chain(&error))?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| chain(&error))?;
            // The cell is empty: nothing else has filled it meanwhile.
            drop(self.session.set(Session { runtime, client }));
        }
        self.session.get().ok_or_else(|| "there is no client".to_owned())
    }

    fn send(&self, method: Method, path: &str) -> Result<Answer, String> {
        let url = self.url.clone()?;
        let shown = without_credentials(&url);
        let unreachable = |cause: &str| format!("cannot reach the running hookd at `{shown}`: {cause}");
        let Session { runtime, client } = self.session(url.scheme())?;
        let target = format!("{}{path}", url.as_str().trim_end_matches('/'));
        let exchange = async {
            let response = client.request(method, target).send().await?;
            let status = response.status();
            Ok::<_, reqwest::Error>((status, response.bytes().await?))
        };
        // The URL may contain a password.
        let exchanged =
            runtime.block_on(exchange).map_err(|error| unreachable(&why(&error.without_url(), url.scheme())));
        let (status, body) = exchanged?;
        if status == StatusCode::UNAUTHORIZED {
            let scheme = url.scheme();
            let remedy = format!("`--admin {scheme}://USER:PASSWORD@HOST:PORT`, or `HOOKD_ADMIN` in the environment");
            let problem =
                if url.username().is_empty() { "asks for a user and a password" } else { "denies these credentials" };
            return Err(format!("the running hookd at `{shown}` {problem}: {remedy}"));
        }
        match serde_json::from_slice(&body) {
            Ok(json) => Ok(Answer { status: status.as_u16(), json }),
            Err(_) => Err(unreachable(&format!("what answers there is not its private listener ({status})"))),
        }
    }
}

/// The URL that an operator gave. It may contain a password, and is not repeated.
fn parse(text: &str) -> Result<Url, String> {
    let expected = "expected a URL such as `http://127.0.0.1:8011`";
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(_) => Err(format!("`--admin` is no http(s) URL, {expected}")),
        Err(error) => Err(format!("`--admin` is no URL, {expected}: {error}")),
    }
}

/// The URL of a listener of this machine.
fn at(listen: SocketAddr, is_tls: bool) -> Result<Url, String> {
    if listen.port() == 0 {
        let message = "`listen` of `[admin]` leaves the port to the system, so that only the log of the running hookd has \
            it: pass `--admin URL`";
        return Err(message.to_owned());
    }
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let scheme = if is_tls { "https" } else { "http" };
    parse(&format!("{scheme}://{}", SocketAddr::new(ip, listen.port())))
}

fn without_credentials(url: &Url) -> String {
    let mut url = url.clone();
    // A URL with a host takes both.
    let _ = url.set_password(None).and_then(|()| url.set_username(""));
    url.as_str().trim_end_matches('/').to_owned()
}

/// Why there was no answer, with what an operator may do about it.
fn why(error: &reqwest::Error, scheme: &str) -> String {
    if error.is_timeout() {
        return format!("no answer within {} seconds", TIMEOUT.as_secs());
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
            return "nothing listens there: is hookd running, and is this `listen` of its `[admin]`?".to_owned();
        }
        match of_tls(error) {
            Some(error @ rustls::Error::InvalidCertificate(_)) => {
                return format!("{error}; `--ca FILE` names an authority to trust");
            }
            Some(rustls::Error::InvalidMessage(_)) => {
                return "it does not speak TLS: the URL begins with `http://`".to_owned();
            }
            Some(_) | None => {}
        }
        cause = error.source();
    }
    let is_riddle = scheme == "http" && !error.is_connect();
    let hint = if is_riddle { " (if its `[admin]` has `tls`, the URL begins with `https://`)" } else { "" };
    format!("{}{hint}", chain(error))
}

/// The error of TLS that this one is, or has within: an error of input and output is no source of what it wraps.
fn of_tls<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e rustls::Error> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => of_tls(error.get_ref()?),
        None => error.downcast_ref(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_asked_at_an_address_of_this_machine() {
        for (listen, is_tls, url) in [
            ("127.0.0.1:8011", false, "http://127.0.0.1:8011"),
            ("192.0.2.1:8011", true, "https://192.0.2.1:8011"),
            ("0.0.0.0:8011", false, "http://127.0.0.1:8011"),
            ("[::]:8011", true, "https://[::1]:8011"),
        ] {
            assert_eq!(without_credentials(&at(listen.parse().unwrap(), is_tls).unwrap()), url);
        }
        assert!(at("127.0.0.1:0".parse().unwrap(), false).unwrap_err().contains("pass `--admin URL`"));
    }

    #[test]
    fn no_message_has_the_password_of_a_url() {
        let url = parse("https://ann:hunter2@hooks.example.org:8011/hookd/").unwrap();
        assert_eq!(without_credentials(&url), "https://hooks.example.org:8011/hookd");
        for wrong in ["ann:hunter2@host", "ftp://ann:hunter2@host", "http://", "//ann:hunter2@host:1"] {
            let error = parse(wrong).unwrap_err();
            assert!(error.starts_with("`--admin` is no") && !error.contains("hunter2"), "{error}");
        }
    }
}
