//! Logs: one line for people on a terminal, one JSON object a line elsewhere. Never a payload, never a secret.

mod lines;

use std::error::Error;
use std::io::IsTerminal;

use clap::ValueEnum;
use lines::Lines;
use tracing_subscriber::EnvFilter;

pub(crate) use lines::Ending;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// `human` on a terminal, `json` elsewhere.
    Auto,
    /// One line for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Starts logging to the standard error output, which ends with what is given.
///
/// # Errors
/// When the thread that writes cannot be started.
pub(crate) fn start(format: LogFormat, level: &str) -> std::io::Result<Ending> {
    // First what others may override: their lines on broken requests and handshakes would let a stranger fill the log.
    let level = format!("actix_http=off,rustls=error,{level}");
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let (lines, ending) = Lines::start(std::io::stderr())?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines);
    let is_json = match format {
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
