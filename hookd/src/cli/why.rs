//! `hookd why`: what became of a delivery, from its receipt to the builds of a Buildbot.

use std::io;
use std::path::Path;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use super::admin::{Admin, AdminArgs};
use super::records::{self, escaped, get};
use super::terminal::{self, shown, text, time};
use super::{Exit, Output, revision};

/// How many deliveries of one revision are shown, the newest first, and how many changes of each.
const MAX_SHOWN: usize = 10;

/// How many revisions with the same beginning are listed.
const MAX_CANDIDATES: usize = 10;

/// How many changes with a beginning are read at a time.
const MAX_READ: usize = 100;

/// Arguments of `hookd why`.
#[derive(Debug, Args)]
pub(super) struct WhyArgs {
    /// The number of a delivery, the forge's id of one, or a revision: the whole one, or its first 7 hexadecimal digits or more.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    what: String,

    #[command(flatten)]
    admin: AdminArgs,

    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    /// Newest first, each with its changes in `changes`, and what became of these in `sinks`.
    deliveries: Vec<Value>,
    /// Of each revision that is meant by a beginning which is not clear, the newest change; the newest first. One more than
    /// are listed if there are more.
    candidates: Vec<Value>,
}

pub(super) fn run(config: &Path, args: &WhyArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let Some(admin) = Admin::reach(config, &args.admin, output)? else { return Ok(Exit::Usage) };
    let found = match find(&admin, &args.what) {
        Ok(found) => found,
        Err(message) => {
            writeln!(output.err, "error: {message}")?;
            return Ok(Exit::Failure);
        }
    };
    if args.json {
        terminal::json(&found.to_json(), output)?;
    } else {
        for (index, delivery) in found.deliveries.iter().enumerate() {
            if index > 0 {
                writeln!(output.out)?;
            }
            print(delivery, output)?;
        }
    }
    if !found.candidates.is_empty() {
        print_candidates(&args.what, &found.candidates, output)?;
    } else if found.deliveries.is_empty() {
        print_nothing(&args.what, output)?;
    } else {
        return Ok(Exit::Ok);
    }
    Ok(Exit::Failure)
}

fn find(admin: &Admin, what: &str) -> Result<Found, String> {
    let escaped = escaped(what);
    let mut ids = Vec::new();
    let mut add = |found: Vec<Value>| ids.extend(found.iter().filter_map(|record| record["deliveryid"].as_i64()));
    add(get(admin, &format!("/api/v2/deliveries?forge_id={escaped}&limit={MAX_SHOWN}"), "deliveries")?);
    let of_revision = |revision: &str| {
        let path = format!("/api/v2/changes?revision={}&limit={MAX_SHOWN}", records::escaped(revision));
        get(admin, &path, "changes")
    };
    add(of_revision(what)?);
    let mut candidates = Vec::new();
    if ids.is_empty() && revision::is_beginning(what) {
        candidates = beginning_with(admin, what)?;
        if let [only] = candidates.as_slice() {
            ids.extend(of_revision(text(only, "revision"))?.iter().filter_map(|change| change["deliveryid"].as_i64()));
            candidates.clear();
        }
    }
    if let Ok(number) = what.parse::<i64>() {
        let found = get(admin, &format!("/api/v2/deliveries?deliveryid={number}"), "deliveries")?;
        ids.extend(found.iter().filter_map(|record| record["deliveryid"].as_i64()));
    }
    ids.sort_unstable();
    ids.dedup();
    let mut deliveries = Vec::new();
    for id in ids.into_iter().rev().take(MAX_SHOWN) {
        // It may have expired since.
        let Some(mut delivery) = get(admin, &format!("/api/v2/deliveries/{id}"), "deliveries")?.pop() else { continue };
        let changeids: Vec<i64> =
            delivery["changeids"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
        let mut changes = Vec::new();
        for changeid in changeids.into_iter().take(MAX_SHOWN) {
            let Some(mut change) = get(admin, &format!("/api/v2/changes/{changeid}"), "changes")?.pop() else {
                continue;
            };
            change["sinks"] = Value::Array(get(admin, &format!("/api/v2/changes/{changeid}/sinks?follow=1"), "sinks")?);
            changes.push(change);
        }
        delivery["changes"] = Value::Array(changes);
        deliveries.push(delivery);
    }
    Ok(Found { deliveries, candidates })
}

/// The newest change of each revision that begins so, newest first; of at most one more than are listed.
fn beginning_with(admin: &Admin, beginning: &str) -> Result<Vec<Value>, String> {
    let mut path = format!("/api/v2/changes?limit={MAX_READ}&{}", revision::parameters(beginning));
    let mut candidates: Vec<Value> = Vec::new();
    loop {
        let answer = admin.get(&path)?.success()?;
        let changes = answer["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
        for change in changes {
            if candidates.iter().all(|other| other["revision"] != change["revision"]) {
                path.push_str(&format!("&revision__ne={}", escaped(text(change, "revision"))));
                candidates.push(change.clone());
            }
        }
        // Mostly the first answer has all: one revision may be pushed to many branches.
        let are_all = answer["meta"]["total"].as_u64().is_none_or(|total| total <= changes.len() as u64);
        if are_all || candidates.len() > MAX_CANDIDATES {
            candidates.truncate(MAX_CANDIDATES + 1);
            return Ok(candidates);
        }
    }
}

impl Found {
    fn to_json(&self) -> Value {
        let mut json = json!({ "deliveries": self.deliveries });
        if !self.candidates.is_empty() {
            let revisions = self.candidates.iter().take(MAX_CANDIDATES).map(|change| change["revision"].clone());
            json["candidates"] = Value::Array(revisions.collect());
        }
        json
    }
}

/// Says that a beginning is that of several revisions, and which.
fn print_candidates(what: &str, candidates: &[Value], output: &mut Output<'_>) -> io::Result<()> {
    let count = match candidates.len() {
        count if count > MAX_CANDIDATES => format!("more than {MAX_CANDIDATES} revisions, the newest first"),
        count => format!("{count} revisions, the newest first"),
    };
    writeln!(output.err, "error: `{what}` is ambiguous: it is the beginning of {count}:")?;
    for change in candidates.iter().take(MAX_CANDIDATES) {
        let [revision, branch, repository] = ["revision", "branch", "repository"].map(|key| shown(text(change, key)));
        let comments = shown(text(change, "comments").lines().next().unwrap_or_default());
        let (changeid, deliveryid) = (&change["changeid"], &change["deliveryid"]);
        writeln!(
            output.err,
            "  {revision}  delivery {deliveryid}, change {changeid}, branch {branch} of {repository}: {comments}"
        )?;
    }
    writeln!(output.err, "run it again with more digits, the whole revision, or the number of the delivery")
}

fn print_nothing(what: &str, output: &mut Output<'_>) -> io::Result<()> {
    let revision = if revision::is_beginning(what) { "a revision that begins so" } else { "this revision" };
    writeln!(
        output.err,
        "error: nothing found for `{what}`: of all deliveries that are kept none has this number or id, and no change has \
         {revision}; a request that could not be verified is no delivery, see `/unverified` on the private listener"
    )?;
    if revision::is_too_short(what) {
        let least = revision::MIN_DIGITS;
        writeln!(output.err, "an abbreviated revision needs {least} digits or more")?;
    }
    Ok(())
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
