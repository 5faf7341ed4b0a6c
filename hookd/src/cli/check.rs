//! `hookd check`: whether a configuration is valid, and whether `hookd serve` would start with it here.
//!
//! It ends with the code with which `serve` would end: 2 for an invalid configuration, 1 for what is missing here.
//! With `--replay` it also says what the configuration would make of stored deliveries.

mod replay;

use std::io;
use std::path::Path;

use clap::Args;
use hookd_config::{Config, Finding, Warning, format_size};
use serde::Serialize;

use super::{Exit, Output, terminal};
use crate::preflight::{self, Found};

/// Arguments of `hookd check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Print problems and warnings as JSON.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    replay: replay::ReplayArgs,
}

/// The output of `hookd check --json`.
#[derive(Serialize)]
struct Checked<'c> {
    ok: bool,
    /// Whether a hookd runs on the store of this configuration.
    running: bool,
    problems: &'c [Finding],
    warnings: &'c [Warning],
}

pub(super) fn run(config: &Path, args: &CheckArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let loaded = Config::load(config);
    let (found, exit) = match &loaded {
        Ok(config) => {
            let found = preflight::look(config);
            let exit = if found.problems.is_empty() { Exit::Ok } else { Exit::Failure };
            (Found { warnings: [config.warnings.clone(), found.warnings].concat(), ..found }, exit)
        }
        Err(report) => (Found { problems: report.problems().to_vec(), ..Found::default() }, Exit::Usage),
    };
    let Found { problems, warnings, is_running } = found;
    if args.json {
        let checked = Checked { ok: exit == Exit::Ok, running: is_running, problems: &problems, warnings: &warnings };
        let mut checked = serde_json::to_value(&checked)?;
        let mut exit = exit;
        if let Ok(loaded) = &loaded
            && let Some((replay_exit, result)) = replay::run(loaded, &args.replay, true, output)?
        {
            exit = exit.or(replay_exit);
            checked["replay"] = result;
        }
        terminal::json(&checked, output)?;
        return Ok(exit);
    }
    for warning in &warnings {
        writeln!(output.err, "warning: {warning}")?;
    }
    for problem in &problems {
        writeln!(output.err, "{problem}")?;
    }
    if let (Ok(loaded), Exit::Ok) = (&loaded, exit) {
        writeln!(output.out, "{}: ok", config.display())?;
        summarize(loaded, is_running, output)?;
    }
    // Also where `serve` would not start here: a candidate may be meant for another machine.
    let replayed = match &loaded {
        Ok(loaded) => replay::run(loaded, &args.replay, false, output)?,
        Err(_) => None,
    };
    Ok(replayed.map_or(exit, |(replay_exit, _)| exit.or(replay_exit)))
}

/// Prints the effective configuration in a few lines.
fn summarize(config: &Config, is_running: bool, output: &mut Output<'_>) -> io::Result<()> {
    let Config { server, admin, store, dialects, sinks, pollers, .. } = config;
    writeln!(output.out, "server   {}, bodies up to {}", server.listen, format_size(server.max_body))?;
    writeln!(output.out, "admin    {}", admin.listen)?;
    writeln!(
        output.out,
        "store    {}, payloads kept {}, changes {}{}",
        store.url,
        store.keep_payloads,
        store.keep_changes,
        if is_running { ", in use by a running hookd" } else { "" }
    )?;
    for dialect in dialects.values() {
        let class =
            if dialect.class == dialect.name { String::new() } else { format!(", served by `{}`", dialect.class) };
        writeln!(output.out, "dialect  /change_hook/{}{class}", dialect.name)?;
    }
    for sink in sinks {
        writeln!(output.out, "sink     {}, `{}` to {}", sink.name, sink.sink_type, sink.sink.destination())?;
    }
    for poller in &pollers.0 {
        let every = hookd_core::duration::format(poller.every.poll_interval);
        writeln!(output.out, "poller   {}, `{}` every {every}", poller.name, poller.poller_type)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::cli::Exit;
    use crate::cli::tests::hookd;

    fn file(text: &str) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hookd.toml");
        std::fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap().to_owned();
        (folder, path)
    }

    #[test]
    fn prints_a_summary_of_a_valid_configuration() {
        let (folder, path) = file(
            "[server]\nlisten = '127.0.0.1:0'\n[admin]\nlisten = '[::1]:0'\n[store]\nkeep_payloads = '1w'\n[change_hook_dialects]\nacme = { custom_class = 'base' }\n",
        );
        let (exit, out, err) = hookd(&["check", "--config", &path]);
        assert_eq!(exit, Exit::Ok);
        let database = folder.path().join("hookd.db");
        assert_eq!(
            out,
            format!(
                "{path}: ok\nserver   127.0.0.1:0, bodies up to 25MiB\nadmin    [::1]:0\n\
                 store    sqlite:{}, payloads kept 7d, changes forever\n\
                 dialect  /change_hook/acme, served by `base`\n",
                database.display()
            )
        );
        assert!(err.starts_with(&format!("warning: {path}:8:1: dialect `acme` is open to anyone")), "{err}");
    }

    #[test]
    fn reports_problems_as_errors() {
        let (_folder, path) = file("[sever]\n[server]\nworkers = 0\n");
        let (exit, out, err) = hookd(&["check", "--config", &path]);
        assert_eq!((exit, out.as_str()), (Exit::Usage, ""));
        assert_eq!(err.lines().count(), 2);
        assert!(err.starts_with(&format!("{path}:1:2: unknown section `sever`")), "{err}");
    }

    #[test]
    fn prints_json_for_programs() {
        let (_folder, path) = file("[server]\nworkers = 0\n");
        let (exit, out, err) = hookd(&["check", "--json", "--config", &path]);
        assert_eq!((exit, err.as_str()), (Exit::Usage, ""));
        let message = "section `server`: `workers`: bad number of threads `0`, expected 1 to 1024";
        let problem = json!({"file": path, "line": 2, "column": 11, "message": message});
        let expected = json!({"ok": false, "running": false, "problems": [problem], "warnings": []});
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected);

        let (_folder, path) = file("server = { listen = '127.0.0.1:0' }\nadmin = { listen = '127.0.0.1:0' }\n");
        let (exit, out, _) = hookd(&["check", "--json", "--config", &path]);
        let checked: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((exit, &checked["ok"], &checked["problems"]), (Exit::Ok, &json!(true), &json!([])));
        assert_eq!(checked["warnings"].as_array().unwrap().len(), 1);
    }

    #[test]
    fn reports_a_missing_file() {
        let (exit, _, err) = hookd(&["check", "--config", "/nowhere/hookd.toml"]);
        assert_eq!(exit, Exit::Usage);
        assert_eq!(err, "/nowhere/hookd.toml: the configuration cannot be read: it does not exist\n");
    }
}
