//! `hookd why`: what became of a delivery, from its receipt to the builds of a Buildbot.

use std::io;
use std::path::Path;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use super::admin::{Admin, AdminArgs};
use super::records::escaped;
use super::terminal::{self, shown, time};
use super::{Exit, Output};

/// How many deliveries of one revision are shown, the newest first, and how many changes of each.
const MAX_SHOWN: usize = 10;

/// Arguments of `hookd why`.
#[derive(Debug, Args)]
pub(super) struct WhyArgs {
    /// The number of a delivery, the forge's id of one, or a whole revision.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    what: String,

    #[command(flatten)]
    admin: AdminArgs,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(config: &Path, args: &WhyArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let Some(admin) = Admin::reach(config, &args.admin, output)? else { return Ok(Exit::Usage) };
    let deliveries = match find(&admin, &args.what) {
        Ok(deliveries) => deliveries,
        Err(message) => {
            writeln!(output.err, "error: {message}")?;
            return Ok(Exit::Failure);
        }
    };
    if args.json {
        terminal::json(&json!({ "deliveries": deliveries }), output)?;
    } else {
        for (index, delivery) in deliveries.iter().enumerate() {
            if index > 0 {
                writeln!(output.out)?;
            }
            print(delivery, output)?;
        }
    }
    if deliveries.is_empty() {
        let what = &args.what;
        writeln!(
            output.err,
            "error: no delivery has the number or the id `{what}`, and no change the revision `{what}`: a request that \
             could not be verified is no delivery, see `/unverified` on the private listener"
        )?;
        return Ok(Exit::Failure);
    }
    Ok(Exit::Ok)
}

/// The deliveries that are meant, newest first, each with its changes in `changes`, and what became of these in `sinks`.
fn find(admin: &Admin, what: &str) -> Result<Vec<Value>, String> {
    let escaped = escaped(what);
    let records = |path: &str, kind: &str| -> Result<Vec<Value>, String> {
        match admin.get(path)?.success()?[kind].take() {
            Value::Array(records) => Ok(records),
            _ => Ok(Vec::new()),
        }
    };
    let mut ids = Vec::new();
    let mut add = |found: Vec<Value>| ids.extend(found.iter().filter_map(|record| record["deliveryid"].as_i64()));
    add(records(&format!("/api/v2/deliveries?forge_id={escaped}&limit={MAX_SHOWN}"), "deliveries")?);
    add(records(&format!("/api/v2/changes?revision={escaped}&limit={MAX_SHOWN}"), "changes")?);
    if let Ok(number) = what.parse::<i64>() {
        add(records(&format!("/api/v2/deliveries?deliveryid={number}"), "deliveries")?);
    }
    ids.sort_unstable();
    ids.dedup();
    let mut deliveries = Vec::new();
    for id in ids.into_iter().rev().take(MAX_SHOWN) {
        // It may have expired since.
        let Some(mut delivery) = records(&format!("/api/v2/deliveries/{id}"), "deliveries")?.pop() else { continue };
        let changeids: Vec<i64> =
            delivery["changeids"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
        let mut changes = Vec::new();
        for changeid in changeids.into_iter().take(MAX_SHOWN) {
            let Some(mut change) = records(&format!("/api/v2/changes/{changeid}"), "changes")?.pop() else { continue };
            change["sinks"] = Value::Array(records(&format!("/api/v2/changes/{changeid}/sinks?follow=1"), "sinks")?);
            changes.push(change);
        }
        delivery["changes"] = Value::Array(changes);
        deliveries.push(delivery);
    }
    Ok(deliveries)
}

fn print(delivery: &Value, output: &mut Output<'_>) -> io::Result<()> {
    let text = |value: &Value| shown(value.as_str().unwrap_or("-"));
    writeln!(output.out, "delivery {}, forge's id {}", delivery["deliveryid"], text(&delivery["forge_id"]))?;
    for step in delivery["timeline"].as_array().into_iter().flatten() {
        let at = match &step["at"] {
            Value::Null => String::new(),
            at => format!(" ({})", time(at)),
        };
        writeln!(output.out, "  {:10} {}{at}", step["step"].as_str().unwrap_or_default(), text(&step["text"]))?;
    }
    let changes = delivery["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
    for change in changes {
        let (branch, revision) = (text(&change["branch"]), text(&change["revision"]));
        writeln!(output.out, "  change {}, branch {branch}, revision {revision}", change["changeid"])?;
        print_sinks(&change["sinks"], "    ", output)?;
    }
    let all = delivery["changeids"].as_array().map_or(0, Vec::len);
    if all > changes.len() {
        writeln!(output.out, "  and {} more changes", all - changes.len())?;
    }
    Ok(())
}

/// Prints what became of a change at each sink.
pub(super) fn print_sinks(sinks: &Value, indent: &str, output: &mut Output<'_>) -> io::Result<()> {
    let out = &mut output.out;
    let text = |value: &Value| shown(value.as_str().unwrap_or("-"));
    let sinks = sinks.as_array().map(Vec::as_slice).unwrap_or_default();
    if sinks.is_empty() {
        writeln!(out, "{indent}no sink is configured: it goes nowhere")?;
    }
    for sink in sinks {
        let when = match (&sink["settled_at"], &sink["next_attempt_at"]) {
            (Value::Null, Value::Null) => String::new(),
            (Value::Null, next) => format!("; next attempt at {}", time(next)),
            (settled, _) => format!(" ({})", time(settled)),
        };
        writeln!(out, "{indent}sink {}: {}{when}", text(&sink["sink"]), text(&sink["sentence"]))?;
        for line in sink["followed"].as_array().into_iter().flatten() {
            writeln!(out, "{indent}  {}", text(line))?;
        }
        if let Some(error) = sink["follow_error"].as_str() {
            writeln!(out, "{indent}  what became of it there is not known: {}", shown(error))?;
        }
    }
    Ok(())
}
