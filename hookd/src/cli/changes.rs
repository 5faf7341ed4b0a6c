//! `hookd changes`: the changes of a running hookd, through its private listener.

use std::io;
use std::path::Path;

use clap::{Args, Subcommand};
use hookd_store::Timestamp;
use serde_json::{Value, json};

use super::admin::{Admin, Asking};
use super::records::{self, CHANGES, Conditions};
use super::terminal::{self, shown, time};
use super::{Exit, Output, after_help, fail, moment, revision, why};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List changes, newest first.
    #[command(after_help = after_help("hookd changes list --branch main --since 2h"))]
    List(ListArgs),

    /// Show everything about one change, and what became of it at each sink.
    #[command(after_help = after_help("hookd changes show 17"))]
    Show {
        /// Its number.
        #[arg(value_name = "ID")]
        id: i64,
    },
}

/// Conditions, all of which a change meets; of one that is repeated, any.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only of this repository; can be repeated.
    #[arg(long, value_name = "URL")]
    repository: Vec<String>,

    /// Only of this branch; can be repeated.
    #[arg(long, value_name = "NAME")]
    branch: Vec<String>,

    /// Only of this revision: the whole one, or its first 7 hexadecimal digits or more; can be repeated.
    #[arg(long, value_name = "REVISION")]
    revision: Vec<String>,

    /// Only of this category; can be repeated.
    #[arg(long, value_name = "NAME")]
    category: Vec<String>,

    /// Only of this project; can be repeated.
    #[arg(long, value_name = "NAME")]
    project: Vec<String>,

    /// Only of this codebase; can be repeated.
    #[arg(long, value_name = "NAME")]
    codebase: Vec<String>,

    /// Only of an author whose name or address contains this.
    #[arg(long, value_name = "TEXT")]
    author: Vec<String>,

    /// Only received since then: how long ago (`30m`, `2h`, `7d`), or a time such as `2026-11-20T08:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    since: Option<Timestamp>,

    /// Only received until then.
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    until: Option<Timestamp>,

    /// How many at most.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
}

pub(super) fn run(config: &Path, args: &Asking<Command>, output: &mut Output<'_>) -> io::Result<Exit> {
    let Some(admin) = Admin::reach(config, &args.admin, output)? else { return Ok(Exit::Usage) };
    match &args.command {
        Command::List(list) => {
            let conditions = match list.conditions() {
                Ok(conditions) => conditions,
                Err(message) => {
                    fail(&message, output)?;
                    return Ok(Exit::Usage);
                }
            };
            // Revisions are indexed: one request, and not one for each window.
            let found = if !list.revision.is_empty() && list.limit <= records::MAX_LIMIT {
                records::some(&admin, CHANGES, &conditions, list.limit)
            } else {
                records::newest(&admin, CHANGES, &conditions, list.limit, Ok)
            };
            match found {
                Ok(changes) => print_list(&changes, args.json, output),
                Err(message) => fail(&message, output),
            }
        }
        Command::Show { id } => match read(&admin, *id) {
            Ok(change) => print_one(&change, args.json, output),
            Err(message) => fail(&message, output),
        },
    }
}

impl ListArgs {
    /// # Errors
    /// When both beginnings of hashes and other revisions are asked for: one query is for beginnings, or for none.
    fn conditions(&self) -> Result<Conditions, String> {
        let revisions = if self.revision.iter().any(|revision| revision::is_abbreviated(revision)) {
            if let Some(other) = self.revision.iter().find(|revision| !revision::is_beginning(revision)) {
                return Err(format!(
                    "`--revision {other}` is no hash: it cannot be asked for together with an abbreviated one"
                ));
            }
            self.revision.iter().fold(Conditions::default(), |all, beginning| all.of_revision(beginning))
        } else {
            Conditions::default().with_any("revision", &self.revision)
        };
        let fields = [
            ("repository", &self.repository),
            ("branch", &self.branch),
            ("category", &self.category),
            ("project", &self.project),
            ("codebase", &self.codebase),
            ("author__contains", &self.author),
        ];
        let all = fields.into_iter().fold(revisions, |all, (field, values)| all.with_any(field, values));
        Ok(all.received(self.since, self.until))
    }
}

/// A change, with what became of it at each sink in `sinks`.
fn read(admin: &Admin, id: i64) -> Result<Value, String> {
    let mut change = admin.get(&format!("/api/v2/changes/{id}"))?.success()?["changes"][0].take();
    change["sinks"] = admin.get(&format!("/api/v2/changes/{id}/sinks"))?.success()?["sinks"].take();
    Ok(change)
}

fn print_list(changes: &[Value], is_json: bool, output: &mut Output<'_>) -> io::Result<Exit> {
    if is_json {
        terminal::json(&json!({ "changes": changes }), output)?;
        return Ok(Exit::Ok);
    }
    let header = ["ID", "WHEN", "DELIVERY", "REPOSITORY", "BRANCH", "REVISION", "AUTHOR", "COMMENTS"];
    let mut rows = vec![header.map(str::to_owned)];
    for change in changes {
        let text = |key: &str| change[key].as_str().filter(|text| !text.is_empty()).unwrap_or("-").to_owned();
        let revision: String = text("revision").chars().take(12).collect();
        let comments = text("comments").lines().next().unwrap_or_default().to_owned();
        rows.push([
            change["changeid"].to_string(),
            time(&change["when_timestamp"]),
            change["deliveryid"].to_string(),
            text("repository"),
            text("branch"),
            revision,
            text("author"),
            comments,
        ]);
    }
    terminal::table(&rows, output)?;
    Ok(Exit::Ok)
}

fn print_one(change: &Value, is_json: bool, output: &mut Output<'_>) -> io::Result<Exit> {
    if is_json {
        terminal::json(change, output)?;
        return Ok(Exit::Ok);
    }
    let out = &mut output.out;
    writeln!(out, "change      {}, delivery {}", change["changeid"], change["deliveryid"])?;
    writeln!(out, "when        {}", time(&change["when_timestamp"]))?;
    let texts = [
        "author",
        "committer",
        "repository",
        "branch",
        "revision",
        "revlink",
        "src",
        "project",
        "codebase",
        "category",
    ];
    for key in texts {
        if let Some(text) = change[key].as_str().filter(|text| !text.is_empty()) {
            writeln!(out, "{key:10}  {}", shown(text))?;
        }
    }
    for line in change["comments"].as_str().unwrap_or_default().lines() {
        writeln!(out, "  | {}", shown(line))?;
    }
    for file in change["files"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        writeln!(out, "file        {}", shown(file))?;
    }
    for (name, value) in change["properties"].as_object().into_iter().flatten() {
        writeln!(out, "property    {}: {}", shown(name), shown(&value[0].to_string()))?;
    }
    why::print_sinks(&change["sinks"], "", output)?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use hookd_core::Change;
    use hookd_store::ChangeRecord;

    use super::*;

    #[test]
    fn shows_every_field_that_a_change_has() {
        let text = |name: &str| Some(format!("the-{name}"));
        let change = Change {
            author: "the-author".to_owned(),
            branch: text("branch"),
            category: text("category"),
            codebase: "the-codebase".to_owned(),
            comments: "the-comments".to_owned(),
            committer: text("committer"),
            files: vec!["the-files".to_owned()],
            project: "the-project".to_owned(),
            properties: [("one".to_owned(), Value::from("the-properties"))].into_iter().collect(),
            repository: "the-repository".to_owned(),
            revision: text("revision"),
            revlink: text("revlink"),
            src: text("src"),
            when_timestamp: Some(1_700_000_000),
        };
        let record = ChangeRecord {
            changeid: 7,
            deliveryid: 3,
            received_at: Timestamp::default(),
            hookd_id: String::new(),
            parent_changeid: None,
            change,
        };
        let mut out = Vec::new();
        print_one(&record.to_json(), false, &mut Output { out: &mut out, err: &mut Vec::new() }).unwrap();
        let shown = String::from_utf8(out).unwrap();
        for field in Change::FIELDS {
            let value = if field == "when_timestamp" { "2023-11-14".to_owned() } else { format!("the-{field}") };
            assert!(shown.contains(&value), "{field}: {shown}");
        }
    }
}
