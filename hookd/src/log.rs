//! Logs: one line for people on a terminal, one JSON object a line elsewhere. Never a payload, never a secret.

use std::error::Error;
use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::cli::serve::{LogFormat, ServeArgs};

/// Starts logging to the standard error output.
pub(crate) fn start(args: &ServeArgs) {
    // First what others may override: their lines on broken requests and handshakes would let a stranger fill the log.
    let level = format!("actix_http=off,rustls=error,{}", args.log_level);
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let is_json = match args.log_format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Human => false,
        LogFormat::Json => true,
    };
    // A second start, as in tests, changes nothing.
    let _ = if is_json {
        builder.json().with_target(false).try_init()
    } else {
        builder.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init()
    };
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
