//! `hookd pollers`: the pollers of a running hookd, through its private listener.

use std::io;
use std::path::Path;

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};

use super::admin::{Admin, Asking};
use super::records::{self, escaped};
use super::terminal::{self, shown, text, time};
use super::{Exit, Output, after_help, fail};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List all pollers: state, last success, last change, next poll, failures in a row, error.
    #[command(after_help = after_help("hookd pollers list"))]
    List,

    /// Have pollers poll now. It does not wait for them: `hookd pollers list` shows how they fare.
    ///
    /// A poller that is polling polls once more afterwards. If one is not there, none polls.
    #[command(after_help = after_help("hookd pollers poke https://svn.example.org/repo"))]
    Poke(PokeArgs),
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
    let pollers = match records::get(&admin, "/api/v2/pollers", "pollers") {
        Ok(pollers) => pollers,
        Err(message) => return fail(&message, output),
    };
    match &args.command {
        Command::List if args.json => terminal::json(&json!({ "pollers": pollers }), output)?,
        Command::List => list(&pollers, output)?,
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

fn list(pollers: &[Value], output: &mut Output<'_>) -> io::Result<()> {
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
