//! `hookd serve`.

use clap::Args;

use crate::log::LogFormat;

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

/// A filter that `tracing_subscriber` takes, checked before anything starts.
fn filter(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
