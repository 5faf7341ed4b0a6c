//! Logging: one line for people on a terminal, one JSON object a line elsewhere. Never a payload, never a secret.

mod writer;

use std::error::Error;
use std::io::IsTerminal;
use std::time::Duration;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;
use writer::LogWriter;

pub(crate) use writer::FlushGuard;

/// How long hookd waits at its end for whoever reads the log.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

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

/// Starts logging to stderr; dropping the guard flushes it.
///
/// # Errors
/// When the thread that writes cannot be started.
pub(crate) fn start(format: LogFormat, level: &str) -> std::io::Result<FlushGuard> {
    // First what `level` may override: with these lines, on broken requests and handshakes, a stranger could fill the log, and
    // the client of NATS reports what the sink reports itself, at each attempt.
    let filter = EnvFilter::try_new(format!("actix_http=off,async_nats=off,rustls=error,{level}"));
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("info"));
    let (writer, guard) = LogWriter::start(std::io::stderr(), FLUSH_TIMEOUT)?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
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
    Ok(guard)
}

/// Has panics of any thread logged like everything else. What Rust itself does is to write them to stderr, and to wait as
/// long as nobody reads it.
pub(crate) fn take_panics() {
    std::panic::set_hook(Box::new(|panic| {
        // A text that was put together may quote a payload.
        let what = panic.payload().downcast_ref::<&'static str>().copied();
        let place = panic.location().map(ToString::to_string);
        tracing::error!(what, place, thread = std::thread::current().name(), "panicked");
    }));
}

/// An error and its causes on one line: the one place that prints a chain.
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
