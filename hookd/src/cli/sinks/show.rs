//! What `hookd sinks list` and `hookd sinks show` print.

use std::io;

use serde_json::Value;

use crate::cli::Output;
use crate::cli::admin::Admin;
use crate::cli::terminal::{self, text, time};

/// A sink, with its dead letters in `dead_letters`: by reason, or one by one.
pub(super) fn read(admin: &Admin, path: &str, one_by_one: bool) -> Result<Value, String> {
    let mut sink = admin.get(path)?.success()?["sinks"][0].take();
    let query = if one_by_one { "" } else { "?group=reason" };
    let mut letters = admin.get(&format!("{path}/dead_letters{query}"))?.success()?;
    sink["dead_letter_count"] = sink["dead_letters"].take();
    sink["dead_letters"] = letters["dead_letters"].take();
    Ok(sink)
}

/// Prints a line for each sink.
pub(super) fn list(answer: &Value, output: &mut Output<'_>) -> io::Result<()> {
    let header = ["NAME", "TYPE", "STATE", "WAITING", "DEAD", "ERROR"].map(str::to_owned);
    let mut rows = vec![header];
    for sink in answer["sinks"].as_array().into_iter().flatten() {
        rows.push([
            text(sink, "name").to_owned(),
            text(sink, "type").to_owned(),
            text(sink, "state").to_owned(),
            sink["lag_changes"].to_string(),
            sink["dead_letters"].to_string(),
            text(sink, "error").to_owned(),
        ]);
    }
    terminal::table(&rows, output)?;
    for name in answer["meta"]["not_configured"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        writeln!(
            output.err,
            "warning: `{name}` is no longer configured, but changes are kept for it: `hookd sinks forget`"
        )?;
    }
    Ok(())
}

/// Prints one sink, as [`read`] returns it.
pub(super) fn one(sink: &Value, output: &mut Output<'_>) -> io::Result<()> {
    let out = &mut output.out;
    writeln!(out, "sink          {}, {} to {}", text(sink, "name"), text(sink, "type"), text(sink, "destination"))?;
    writeln!(out, "state         {}", text(sink, "state"))?;
    if let Some(error) = sink["error"].as_str() {
        writeln!(out, "error         {error}")?;
    }
    writeln!(out, "waiting       {} changes", sink["lag_changes"])?;
    let head = &sink["head"];
    if head.is_object() {
        writeln!(out, "first         change {}, received {}", head["changeid"], time(&head["received_at"]))?;
        if head["attempts"] != 0 {
            writeln!(out, "attempts      {} failed, next at {}", head["attempts"], time(&head["next_attempt_at"]))?;
            writeln!(out, "answer        {}", text(head, "answer"))?;
        }
    }
    writeln!(out, "position      {}", sink["position"])?;
    writeln!(out, "dead letters  {}", sink["dead_letter_count"])?;
    for letter in sink["dead_letters"].as_array().into_iter().flatten() {
        let reason = text(letter, "reason");
        match letter["count"].as_u64() {
            None => writeln!(out, "  change {}, {}: {reason}", letter["changeid"], time(&letter["settled_at"]))?,
            Some(1) => writeln!(out, "  change {}: {reason}", letter["first_changeid"])?,
            Some(count) => writeln!(
                out,
                "  {count} changes, from {} to {}: {reason}",
                letter["first_changeid"], letter["last_changeid"]
            )?,
        }
    }
    Ok(())
}
