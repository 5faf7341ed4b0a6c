//! `hookd deliveries export`: the request of a delivery, as a fixture or as a command.

use std::io;

use clap::Args;
use serde_json::{Value, json};

use super::{became, secrets};
use crate::cli::admin::Admin;
use crate::cli::{Exit, Output, fail, terminal};

/// Arguments of `hookd deliveries export`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ExportArgs {
    /// The number of the delivery.
    #[arg(value_name = "ID")]
    id: i64,

    /// Print a command for `sh` that sends the request with `curl`.
    #[arg(long)]
    curl: bool,

    /// Where the command sends it to: a hookd's public listener.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8010", requires = "curl")]
    to: String,
}

pub(super) fn run(admin: &Admin, args: &ExportArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let path = format!("/api/v2/deliveries/{}/request", args.id);
    let request = match admin.get(&path).and_then(|answer| answer.success()) {
        Ok(mut answer) => answer["request"].take(),
        Err(message) => return fail(&message, output),
    };
    let was_verified = request["verified"] == true;
    let mut fixture = fixture(request);
    if args.curl {
        write!(output.out, "{}", command(&fixture, args.to.trim_end_matches('/'), was_verified))?;
        return Ok(Exit::Ok);
    }
    let mut removed = Vec::new();
    match became::changes(admin, args.id, &mut removed) {
        Ok(Some(changes)) => fixture["changes"] = changes,
        Ok(None) => {}
        Err(message) => return fail(&message, output),
    }
    let removed = removed.into_iter().map(|what| Value::from(what.replace("of the body", "of the changes")));
    fixture["removed"].as_array_mut().into_iter().for_each(|all| all.extend(removed.clone()));
    terminal::json(&fixture, output)?;
    Ok(Exit::Ok)
}

/// The request without secrets.
fn fixture(request: Value) -> Value {
    let text = |key: &str| request[key].as_str().unwrap_or_default();
    let mut removed = Vec::new();
    let query = secrets::without_in_arguments(text("query"), "query", &mut removed);
    let content_type = request["headers"].as_array().into_iter().flatten().find_map(|pair| {
        let is_type = pair[0].as_str()?.eq_ignore_ascii_case("content-type");
        if is_type { pair[1].as_str() } else { None }
    });
    let mut fixture = json!({
        "dialect": request["dialect"],
        "event": request["event"],
        "method": request["method"],
        "path": request["path"],
        "query": query,
        "headers": request["headers"],
    });
    match request["body"].as_str() {
        Some(body) => {
            let body = secrets::without_in_body(body, content_type.unwrap_or_default(), &mut removed);
            fixture["body_text"] = json!(body);
        }
        // Not UTF-8, and so neither JSON nor a form.
        None => fixture["body_base64"] = request["body_base64"].clone(),
    }
    fixture["removed"] = json!(removed);
    fixture
}

/// A command for `sh`.
fn command(fixture: &Value, to: &str, was_verified: bool) -> String {
    let text = |key: &str| fixture[key].as_str().unwrap_or_default();
    let mut command = String::new();
    if was_verified {
        command.push_str(
            "# The signature or token that verified this is not stored. A hookd that requires one refuses this request:\n\
             # add the header, made with a secret of yours, or send it to a dialect without `secret`.\n",
        );
    }
    for removed in fixture["removed"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        command.push_str(&format!("# Removed: {}\n", terminal::shown(removed)));
    }
    let query = text("query");
    let mark = if query.is_empty() { "" } else { "?" };
    let body = fixture["body_base64"].as_str();
    if let Some(base64) = body {
        command.push_str(&format!("printf %s {} | base64 -d | ", quoted(base64)));
    } else {
        command.push_str(&format!("printf %s {} | ", quoted(text("body_text"))));
    }
    let url = format!("{to}{}{mark}{query}", text("path"));
    command.push_str(&format!("curl --globoff --path-as-is -X {} {}", quoted(text("method")), quoted(&url)));
    for pair in fixture["headers"].as_array().into_iter().flatten() {
        let header = format!("{}: {}", pair[0].as_str().unwrap_or_default(), pair[1].as_str().unwrap_or_default());
        command.push_str(&format!(" \\\n  -H {}", quoted(&header)));
    }
    command.push_str(" \\\n  --data-binary @-\n");
    command
}

/// A word of `sh`.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixture_has_no_secrets_and_says_what_was_removed() {
        let request = json!({
            "deliveryid": 1, "dialect": "github", "event": "push", "forge_id": "1", "verified": true, "method": "POST",
            "path": "/change_hook/github", "query": "project=a&token=hunter2",
            "headers": [["Content-Type", "application/json"]], "body": "{\"a\": 1}",
        });
        let fixture = fixture(request);
        assert_eq!(fixture["query"], "project=a&token=REMOVED");
        assert_eq!(fixture["removed"], json!(["`token` of the query"]));
        assert_eq!(fixture["body_text"], "{\"a\": 1}");
        let command = command(&fixture, "http://127.0.0.1:8010", true);
        assert!(command.starts_with("# The signature or token"), "{command}");
        assert!(
            command
                .contains("curl --globoff --path-as-is -X 'POST' 'http://127.0.0.1:8010/change_hook/github?project=a")
        );
    }

    #[test]
    fn words_of_a_command_are_quoted() {
        assert_eq!(quoted("it's $(rm) `x` \\ \"y\""), r#"'it'\''s $(rm) `x` \ "y"'"#);
    }
}
