//! `hookd reload`: makes a running hookd reload its configuration.

use std::io;
use std::path::Path;
use std::time::Duration;

use clap::Args;
use hookd_config::Config;
use serde_json::Value;

use super::{Exit, Output};
use crate::log::chain;

/// How long the running hookd may take to answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Arguments of `hookd reload`.
#[derive(Debug, Args)]
pub(super) struct ReloadArgs {
    /// URL of the running hookd's private listener, such as `http://127.0.0.1:8011`; by default taken from the
    /// configuration. If it requires credentials: `http://user:password@…`.
    #[arg(long, value_name = "URL", env = "HOOKD_ADMIN", hide_env_values = true)]
    admin: Option<String>,

    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: &Path, args: &ReloadArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let admin = match &args.admin {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => match Config::load_admin(config) {
            Ok(admin) => format!("{}://{}", if admin.tls.is_some() { "https" } else { "http" }, admin.listen),
            Err(report) => {
                writeln!(output.err, "{report}")?;
                return Ok(Exit::Usage);
            }
        },
    };
    let (is_success, answer) = match post(&format!("{admin}/api/v2/reload")) {
        Ok(answered) => answered,
        Err(message) => {
            writeln!(output.err, "error: cannot reach the running hookd: {message}")?;
            return Ok(Exit::Failure);
        }
    };
    let exit = if is_success { Exit::Ok } else { Exit::Usage };
    if args.json {
        writeln!(output.out, "{answer}")?;
        return Ok(exit);
    }
    for problem in findings(&answer, "problems") {
        writeln!(output.err, "{problem}")?;
    }
    for warning in findings(&answer, "warnings") {
        writeln!(output.err, "warning: {warning}")?;
    }
    for option in answer["after_restart"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        writeln!(output.err, "warning: `{option}` changed; takes effect after a restart")?;
    }
    match answer["error"].as_str() {
        Some(error) => writeln!(output.err, "error: {error}, keeping the previous one")?,
        None => writeln!(output.out, "reloaded")?,
    }
    Ok(exit)
}

/// The findings in an answer, formatted as `file:line:column: message`.
fn findings(answer: &Value, key: &str) -> Vec<String> {
    let shown = |finding: &Value| {
        let mut place = finding["file"].as_str().unwrap_or_default().to_owned();
        for number in [&finding["line"], &finding["column"]] {
            if let Some(number) = number.as_u64() {
                place.push_str(&format!(":{number}"));
            }
        }
        format!("{place}: {}", finding["message"].as_str().unwrap_or_default())
    };
    answer[key].as_array().into_iter().flatten().map(shown).collect()
}

/// Posts to the URL; returns whether that succeeded, and the answer.
fn post(url: &str) -> Result<(bool, Value), String> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let exchange = async {
        let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()?;
        let response = client.post(url).send().await?;
        let status = response.status();
        Ok::<_, reqwest::Error>((status, response.bytes().await?))
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| chain(&error))?;
    // The URL may contain a password.
    let (status, body) = runtime.block_on(exchange).map_err(|error| chain(&error.without_url()))?;
    match serde_json::from_slice(&body) {
        Ok(answer) if status.is_success() || status == reqwest::StatusCode::BAD_REQUEST => {
            Ok((status.is_success(), answer))
        }
        _ => Err(format!("it answered {status}")),
    }
}
