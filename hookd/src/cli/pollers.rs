//! `hookd pollers`: the pollers of a running hookd, through its private listener.

use std::io;
use std::path::Path;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};

use super::admin::{Admin, Asking};
use super::records::escaped;
use super::terminal::{self, shown, text, time};
use super::{Exit, Output, after_help, fail};

/// What is said of a poller that is no longer configured.
const UNUSED: &str = "no longer configured: `hookd pollers forget` deletes what hookd knows of it";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List all pollers: state, last success, last change, next poll, failures in a row, error; at the end those that are no longer
    /// configured, as `unused`.
    #[command(after_help = after_help("hookd pollers list"))]
    List,

    /// Have pollers poll now. It does not wait for them: `hookd pollers list` shows how they fare.
    ///
    /// A poller that is polling polls once more afterwards. If one is not there, none polls.
    #[command(after_help = after_help("hookd pollers poke https://svn.example.org/repo"))]
    Poke(PokeArgs),

    /// Delete what hookd knows of a poller that is no longer configured: how far it has read.
    ///
    /// Until then the poller continues where it was, should it come back; afterwards its first poll reports nothing. The changes
    /// that it has found stay.
    #[command(after_help = after_help("hookd pollers forget https://svn.example.org/old"))]
    Forget {
        /// The poller.
        name: String,
    },
}

/// Arguments of `hookd pollers poke`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["names", "all"])))]
pub(super) struct PokeArgs {
    /// The pollers.
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// All pollers.
    #[arg(long)]
    all: bool,
}

pub(super) fn run(config: &Path, args: &Asking<Command>, output: &mut Output<'_>) -> io::Result<Exit> {
    let Some(admin) = Admin::reach(config, &args.admin, output)? else { return Ok(Exit::Usage) };
    if let Command::Forget { name } = &args.command {
        let path = format!("/api/v2/pollers/{}/forget", escaped(name));
        return match admin.post(&path).and_then(|answer| answer.success()) {
            Ok(answer) if args.json => terminal::json(&answer, output).map(|()| Exit::Ok),
            Ok(answer) => writeln!(output.out, "{}", shown(text(&answer, "result"))).map(|()| Exit::Ok),
            Err(message) => fail(&message, output),
        };
    }
    let answer = match admin.get("/api/v2/pollers").and_then(|answer| answer.success()) {
        Ok(answer) => answer,
        Err(message) => return fail(&message, output),
    };
    let pollers: Vec<Value> = answer["pollers"].as_array().cloned().unwrap_or_default();
    match &args.command {
        Command::List if args.json => {
            let unused = &answer["meta"]["not_configured"];
            terminal::json(&json!({ "pollers": pollers, "not_configured": unused }), output)?;
        }
        Command::List => list(&pollers, &answer["meta"]["not_configured"], output)?,
        Command::Forget { .. } => {}
        Command::Poke(which) => {
            let poked = match poke(&admin, &pollers, which) {
                Ok(poked) => poked,
                Err(message) => return fail(&message, output),
            };
            if args.json {
                terminal::json(&json!({ "poked": poked }), output)?;
            } else {
                for name in poked {
                    writeln!(output.out, "poller `{}` polls now", shown(name))?;
                }
            }
        }
    }
    Ok(Exit::Ok)
}

fn list(pollers: &[Value], unused: &Value, output: &mut Output<'_>) -> io::Result<()> {
    let header = ["NAME", "TYPE", "STATE", "LAST SUCCESS", "LAST CHANGE", "NEXT POLL", "FAILURES", "ERROR"];
    let mut rows = vec![header.map(str::to_owned)];
    for poller in pollers {
        rows.push([
            text(poller, "name").to_owned(),
            text(poller, "type").to_owned(),
            text(poller, "state").to_owned(),
            time(&poller["succeeded_at"]),
            time(&poller["changed_at"]),
            time(&poller["next_poll_at"]),
            poller["failures"].to_string(),
            text(poller, "error").to_owned(),
        ]);
    }
    for name in unused.as_array().into_iter().flatten().filter_map(Value::as_str) {
        let none = || "-".to_owned();
        rows.push([name.to_owned(), none(), "unused".to_owned(), none(), none(), none(), none(), UNUSED.to_owned()]);
    }
    terminal::table(&rows, output)
}

/// Has pollers poll, if all of them are there. Returns their names.
fn poke<'a>(admin: &Admin, pollers: &'a [Value], which: &'a PokeArgs) -> Result<Vec<&'a str>, String> {
    let known: Vec<&str> = pollers.iter().map(|poller| text(poller, "name")).collect();
    if let Some(unknown) = which.names.iter().find(|name| !known.contains(&name.as_str())) {
        let known: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        let known = if known.is_empty() { "nor any other".to_owned() } else { format!("only {}", known.join(", ")) };
        return Err(format!("there is no poller `{unknown}`, {known}"));
    }
    let chosen = if which.all { known } else { which.names.iter().map(String::as_str).collect() };
    for name in &chosen {
        admin.post(&format!("/api/v2/pollers/{}/poke", escaped(name)))?.success()?;
    }
    Ok(chosen)
}
