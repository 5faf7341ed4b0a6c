//! What `hookd deliveries list` and `hookd deliveries show` print.

use std::io;

use hookd_store::POLL_EVENT;
use serde_json::{Value, json};

use crate::cli::admin::Admin;
use crate::cli::terminal::{self, shown, time};
use crate::cli::{Exit, Output};

const HEADER: [&str; 8] = ["ID", "RECEIVED", "DIALECT", "EVENT", "STATE", "CHANGES", "FROM", "REASON"];

/// A delivery, with what happened to it.
pub(super) fn read(admin: &Admin, id: i64) -> Result<Value, String> {
    Ok(admin.get(&format!("/api/v2/deliveries/{id}"))?.success()?["deliveries"][0].take())
}

/// Prints a line for each delivery.
pub(super) fn list(deliveries: &[Value], is_json: bool, output: &mut Output<'_>) -> io::Result<Exit> {
    if is_json {
        terminal::json(&json!({ "deliveries": deliveries }), output)?;
        return Ok(Exit::Ok);
    }
    let mut rows = vec![HEADER.map(str::to_owned)];
    rows.extend(deliveries.iter().map(row));
    terminal::table(&rows, output)?;
    Ok(Exit::Ok)
}

/// The cells of a delivery.
fn row(delivery: &Value) -> [String; 8] {
    let text = |key: &str| delivery[key].as_str().unwrap_or("-").to_owned();
    let from = match (delivery["replay_of"].as_i64(), poller(delivery), delivery["user"].as_str()) {
        (Some(of), ..) => format!("replay of {of}"),
        (None, Some(poller), _) => format!("poller {poller}"),
        (None, None, Some(user)) => format!("{user}@{}", text("peer")),
        (None, None, None) => text("peer"),
    };
    [
        delivery["deliveryid"].to_string(),
        time(&delivery["received_at"]),
        text("dialect"),
        text("event"),
        text("state"),
        numbers(&delivery["changeids"]),
        from,
        delivery["reason"].as_str().unwrap_or_default().to_owned(),
    ]
}

/// The poller that made a delivery, if one did.
pub(super) fn poller(delivery: &Value) -> Option<&str> {
    let is_poll = delivery["event"] == POLL_EVENT && delivery["peer"].is_null() && delivery["replay_of"].is_null();
    delivery["forge_id"].as_str().filter(|_| is_poll)?.rsplit_once('@').map(|(poller, _)| poller)
}

/// The line of a delivery that is printed as it comes.
pub(super) fn line(delivery: &Value) -> String {
    let [id, received, dialect, event, state, changes, from, reason] = row(delivery).map(|cell| shown(&cell));
    format!("{id:>7}  {received}  {dialect:10}  {event:14}  {state:8}  {changes:9}  {from:15}  {reason}")
        .trim_end()
        .to_owned()
}

/// Numbers of changes, which are consecutive: `17` or `17-19`.
fn numbers(changeids: &Value) -> String {
    match changeids.as_array().map(Vec::as_slice) {
        None | Some([]) => "-".to_owned(),
        Some([one]) => one.to_string(),
        Some([first, .., last]) => format!("{first}-{last}"),
    }
}

/// Prints one delivery, as [`read`] returns it.
pub(super) fn one(delivery: &Value, is_json: bool, output: &mut Output<'_>) -> io::Result<Exit> {
    if is_json {
        terminal::json(delivery, output)?;
        return Ok(Exit::Ok);
    }
    let out = &mut output.out;
    writeln!(out, "delivery  {}, {}", delivery["deliveryid"], delivery["state"].as_str().unwrap_or_default())?;
    writeln!(out, "received  {}, {} bytes", time(&delivery["received_at"]), delivery["size"])?;
    match poller(delivery) {
        Some(poller) => writeln!(out, "poller    {}", shown(poller))?,
        None => writeln!(out, "forge id  {}", shown(delivery["forge_id"].as_str().unwrap_or("-")))?,
    }
    writeln!(out, "changes   {}", numbers(&delivery["changeids"]))?;
    for step in delivery["timeline"].as_array().into_iter().flatten() {
        let text = shown(step["text"].as_str().unwrap_or_default());
        writeln!(out, "  {:11} {text}", step["step"].as_str().unwrap_or_default())?;
    }
    let request = &delivery["request"];
    if request.is_null() {
        writeln!(out, "request   there was none, or it is no longer kept")?;
        return Ok(Exit::Ok);
    }
    let text = |key: &str| shown(request[key].as_str().unwrap_or_default());
    let query = text("query");
    let mark = if query.is_empty() { "" } else { "?" };
    writeln!(out, "request   {} {}{mark}{query}", text("method"), text("path"))?;
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        writeln!(out, "  {}: {}", shown(name), shown(value.as_str().unwrap_or_default()))?;
    }
    Ok(Exit::Ok)
}
