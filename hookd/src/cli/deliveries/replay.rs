//! `hookd deliveries replay`: deliveries one by one, so that it can be interrupted, and goes on where it was.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::io;
use std::thread;
use std::time::Duration;

use clap::{ArgGroup, Args};
use serde_json::{Value, json};

use super::selection::SelectionArgs;
use super::show;
use crate::cli::admin::Admin;
use crate::cli::records::{self, DELIVERIES, WINDOW};
use crate::cli::terminal::{grouped, shown, shown_lines, time};
use crate::cli::{Exit, Output, fail};

/// How often hookd is asked again for a delivery of which it is not known whether it was replayed.
const MAX_ATTEMPTS: u32 = 30;

/// The pause before it is asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// After how many deliveries the progress is reported.
const PROGRESS: u64 = 500;

/// Arguments of `hookd deliveries replay`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("numbers").args(["ids"])
    .conflicts_with_all(["dialect", "event", "state", "since", "until", "repository", "branch"])))]
pub(in crate::cli) struct ReplayArgs {
    /// The numbers of deliveries.
    #[arg(value_name = "ID")]
    ids: Vec<i64>,

    #[command(flatten)]
    selection: SelectionArgs,

    /// Print what would be different from the first translation, and submit nothing. API calls are not made.
    #[arg(long)]
    dry_run: bool,

    /// The name of an earlier run that was interrupted: what it has replayed is not replayed again.
    #[arg(long, value_name = "NAME", conflicts_with = "dry_run")]
    request_id: Option<String>,
}

/// What is counted.
#[derive(Default)]
struct Counts {
    all: u64,
    /// Different, or replayed.
    done: u64,
    /// Replayed before, by the same request.
    repeated: u64,
    /// Not replayed, or not comparable.
    not: u64,
}

/// One run of the command.
struct Run<'a> {
    admin: &'a Admin,
    /// `None` for a dry run.
    request: Option<String>,
    is_json: bool,
    counts: Counts,
}

pub(super) fn run(admin: &Admin, args: &ReplayArgs, is_json: bool, output: &mut Output<'_>) -> io::Result<Exit> {
    if args.ids.is_empty() && args.selection.is_empty() {
        writeln!(
            output.err,
            "error: which deliveries? Name their numbers, or at least one condition, such as `--since 2h`"
        )?;
        return Ok(Exit::Usage);
    }
    let request = (!args.dry_run).then(|| args.request_id.clone().unwrap_or_else(new_request));
    if let Some(request) = &request
        && args.ids.len() != 1
    {
        writeln!(
            output.err,
            "request {request}: if this is interrupted, the same command with `--request-id {request}` goes on"
        )?;
    }
    let mut run = Run { admin, request, is_json, counts: Counts::default() };
    let result = if args.ids.is_empty() {
        run.selected(&args.selection, output)?
    } else {
        let mut ids = args.ids.clone();
        let mut known = std::collections::HashSet::new();
        ids.retain(|id| known.insert(*id));
        run.each(&ids, output)?
    };
    run.summary(output)?;
    match result {
        Err(message) => fail(&message, output),
        Ok(()) if run.request.is_some() && run.counts.not > 0 => Ok(Exit::Failure),
        Ok(()) => Ok(Exit::Ok),
    }
}

/// A name that no other run has.
fn new_request() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

impl Run<'_> {
    /// Those that are selected, oldest first, up to the newest of now: what is replayed is not replayed again.
    fn selected(&mut self, selection: &SelectionArgs, output: &mut Output<'_>) -> io::Result<Result<(), String>> {
        let ends = match records::ends(self.admin, DELIVERIES) {
            Ok(ends) => ends,
            Err(message) => return Ok(Err(message)),
        };
        let Some((first, last)) = ends else { return Ok(Ok(())) };
        let mut begin = first;
        while begin <= last {
            let end = last.min(begin + WINDOW - 1);
            let found = match selection.window(self.admin, begin, end) {
                Ok(found) => found,
                Err(message) => return Ok(Err(message)),
            };
            let is_received = |delivery: &&Value| delivery["replay_of"].is_null() && show::poller(delivery).is_none();
            let received = found.iter().filter(is_received);
            let ids: Vec<i64> = received.map(|delivery| records::number(DELIVERIES, delivery)).collect();
            if let Err(message) = self.each(&ids, output)? {
                return Ok(Err(message));
            }
            begin = end + 1;
        }
        Ok(Ok(()))
    }

    fn each(&mut self, ids: &[i64], output: &mut Output<'_>) -> io::Result<Result<(), String>> {
        for id in ids {
            match self.ask(*id, output)? {
                Ok(()) => {}
                Err(message) => return Ok(Err(message)),
            }
            if self.counts.all.is_multiple_of(PROGRESS) {
                writeln!(output.err, "{} deliveries so far, the last is {id}", grouped(self.counts.all))?;
            }
        }
        Ok(Ok(()))
    }

    /// Asks for one delivery. An answer that got lost is asked for again, under the same name.
    fn ask(&mut self, id: i64, output: &mut Output<'_>) -> io::Result<Result<(), String>> {
        let mut attempts = 0;
        let answer = loop {
            attempts += 1;
            let answer = match &self.request {
                None => self.admin.get(&format!("/api/v2/deliveries/{id}/replay")),
                Some(request) => self.admin.post(&format!("/api/v2/deliveries/{id}/replay?request={request}")),
            };
            let problem = match answer {
                Ok(answer) if answer.status != 503 => break answer,
                Ok(answer) => answer.success().err().unwrap_or_default(),
                Err(problem) => problem,
            };
            if attempts == MAX_ATTEMPTS {
                return Ok(Err(format!("delivery {id}: {problem}")));
            }
            if attempts == 1 {
                writeln!(output.err, "delivery {id}: {problem}; will ask again")?;
            }
            thread::sleep(PAUSE);
        };
        self.counts.all += 1;
        match answer.status {
            200 => self.print(id, &answer.json["replay"], output)?,
            404 | 409 => {
                self.counts.not += 1;
                let reason = match answer.status {
                    404 => "there is no delivery of this number, or it has expired",
                    _ => answer.json["error"].as_str().unwrap_or_default(),
                };
                if self.is_json {
                    writeln!(
                        output.out,
                        "{}",
                        json!({ "deliveryid": id, "result": "not_replayed", "reason": reason })
                    )?;
                } else {
                    writeln!(output.err, "delivery {id}: not replayed: {}", shown(reason))?;
                }
            }
            _ => return Ok(Err(answer.success().err().unwrap_or_default())),
        }
        Ok(Ok(()))
    }

    fn print(&mut self, id: i64, replay: &Value, output: &mut Output<'_>) -> io::Result<()> {
        let is_known = match self.request {
            None => replay["result"] == "same",
            Some(_) => replay["repeated"] == true,
        };
        match (self.request.is_none(), is_known) {
            (true, true) => {}
            (true, false) if replay["result"] == "unknown" => self.counts.not += 1,
            (_, false) => self.counts.done += 1,
            (false, true) => self.counts.repeated += 1,
        }
        if self.is_json {
            return writeln!(output.out, "{replay}");
        }
        if self.request.is_none() {
            return print_preview(replay, output);
        }
        let outcome = match (replay["state"].as_str(), replay["reason"].as_str()) {
            (Some("accepted"), _) => changes(&replay["changes"]),
            (Some("pending"), _) => "waits for the forge's API".to_owned(),
            (Some(state), Some(reason)) => format!("{state}: {}", shown(reason)),
            (state, _) => state.unwrap_or_default().to_owned(),
        };
        let repeated = if is_known { ", by an earlier request of this name" } else { "" };
        writeln!(output.out, "delivery {id}: replayed as {}{repeated}, {outcome}", replay["deliveryid"])
    }

    fn summary(&self, output: &mut Output<'_>) -> io::Result<()> {
        let Counts { all, done, repeated, not } = &self.counts;
        if self.is_json {
            return Ok(());
        }
        let all = grouped(*all);
        if self.request.is_none() {
            return writeln!(
                output.out,
                "{} of {all} deliveries would be translated differently, {} cannot be compared",
                grouped(*done),
                grouped(*not)
            );
        }
        let repeated = match repeated {
            0 => String::new(),
            count => format!(", {} had been replayed before", grouped(*count)),
        };
        writeln!(output.out, "{} of {all} deliveries replayed{repeated}, {} not", grouped(*done), grouped(*not))
    }
}

fn changes(count: &Value) -> String {
    if *count == 1 { "1 change".to_owned() } else { format!("{count} changes") }
}

/// Prints what would be different for one delivery; nothing where nothing would.
pub(in crate::cli) fn print_preview(preview: &Value, output: &mut Output<'_>) -> io::Result<()> {
    let text = |key: &str| shown(preview[key].as_str().unwrap_or("-"));
    let head = format!(
        "delivery {}, {} {}, received {}",
        preview["deliveryid"],
        text("dialect"),
        text("event"),
        time(&preview["received_at"])
    );
    match preview["result"].as_str() {
        Some("unknown") => writeln!(output.out, "{head}: cannot be compared: {}", text("reason")),
        Some("different") => {
            writeln!(output.out, "{head}")?;
            for difference in preview["text"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                for line in shown_lines(difference).lines() {
                    writeln!(output.out, "  {line}")?;
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
