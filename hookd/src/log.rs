//! Logs: one line for people on a terminal, one JSON object a line elsewhere. Never a payload, never a secret.

mod lines;

use std::error::Error;
use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use lines::Lines;
use tracing_subscriber::EnvFilter;

pub(crate) use lines::Ending;

/// How and what is logged.
#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// How log lines are written.
    #[arg(long, value_enum, default_value_t = LogFormat::Auto)]
    log_format: LogFormat,

    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,hookd=debug`.
    #[arg(long, env = "RUST_LOG", default_value = "info,actix_server=warn,actix_http=off", value_parser = filter)]
    log_level: String,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// `human` on a terminal, `json` elsewhere.
    Auto,
    /// One line for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// A filter that `tracing_subscriber` accepts, checked before anything starts.
fn filter(text: &str) -> Result<String, String> {
    match EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Starts logging to the standard error output, which ends with what is given.
///
/// # Errors
/// When the thread that writes cannot be started.
pub(crate) fn start(options: &Options) -> std::io::Result<Ending> {
    // First what others may override: their lines on broken requests and handshakes would let a stranger fill the log.
    let level = format!("actix_http=off,rustls=error,{}", options.log_level);
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let (lines, ending) = Lines::start(std::io::stderr())?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines);
    let is_json = match options.log_format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Human => false,
        LogFormat::Json => true,
    };
    // A second start, as in tests, changes nothing.
    let _ = if is_json {
        builder.json().with_target(false).with_current_span(false).with_span_list(false).try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
    };
    Ok(ending)
}

/// An error and its causes on one line: the one place where a chain is printed.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
