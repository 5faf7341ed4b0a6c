//! `hookd serve`.

use clap::{Args, ValueEnum};

/// Arguments of `hookd serve`: how it logs.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServeArgs {
    /// Format of log lines.
    #[arg(long, value_enum, default_value_t = LogFormat::Auto)]
    pub(crate) log_format: LogFormat,

    /// Log level: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,hookd=debug`.
    #[arg(long, env = "RUST_LOG", default_value = "info,actix_server=warn,actix_http=off", value_parser = filter)]
    pub(crate) log_level: String,
}

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

/// A filter that `tracing_subscriber` takes, checked before anything starts.
fn filter(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
