//! `hookd serve`.

use clap::Args;

use crate::log::LogFormat;

/// Arguments of `hookd serve`: how it logs.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServeArgs {
    /// Format of log lines.
    #[arg(long, value_enum, default_value_t = LogFormat::Auto)]
    pub(crate) log_format: LogFormat,

    /// Log level: `off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,hookd=debug`.
    #[arg(long, env = "RUST_LOG", default_value = "info,actix_server=warn,actix_http=off", value_parser = filter)]
    pub(crate) log_level: String,
}

/// The levels, from silence to everything.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// A filter that `tracing_subscriber` takes, checked before anything starts: `LEVEL` or `TARGET=LEVEL`, with commas
/// between them. `tracing_subscriber` takes any other word for a target, and silences all the others.
fn filter(text: &str) -> Result<String, String> {
    for part in text.split(',') {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
        if !LEVELS.iter().any(|known| known.eq_ignore_ascii_case(level)) {
            let known = LEVELS.map(|level| format!("`{level}`")).join(", ");
            return Err(format!("unknown level `{level}`, expected one of {known}"));
        }
    }
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
