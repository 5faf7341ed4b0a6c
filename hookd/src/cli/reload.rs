//! `hookd reload`: makes a running hookd reload its configuration.

use std::io;
use std::path::Path;

use clap::Args;
use serde_json::Value;

use super::admin::{Admin, AdminArgs, Answer};
use super::{Exit, Output};

/// Arguments of `hookd reload`.
#[derive(Debug, Args)]
pub(super) struct ReloadArgs {
    #[command(flatten)]
    admin: AdminArgs,

    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: &Path, args: &ReloadArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let Some(admin) = Admin::reach(config, &args.admin, output)? else { return Ok(Exit::Usage) };
    // 400 is an invalid configuration.
    let (is_success, answer) = match admin.post("/api/v2/reload") {
        Ok(Answer { status: 200, json }) => (true, json),
        Ok(Answer { status: 400, json }) => (false, json),
        Ok(answer) => {
            let message = answer.success().err().unwrap_or_else(|| "the running hookd did not reload".to_owned());
            writeln!(output.err, "error: {message}")?;
            return Ok(Exit::Failure);
        }
        Err(message) => {
            writeln!(output.err, "error: {message}")?;
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
