//! `hookd deliveries tail`: deliveries as they come.
//!
//! hookd is asked once a second for what is newer than the last that was printed. While it cannot be reached it is asked on.

use std::io;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::selection::SelectionArgs;
use super::show;
use crate::cli::admin::Admin;
use crate::cli::records::{self, DELIVERIES, WINDOW};
use crate::cli::{Exit, Output, fail};

/// The pause between two questions.
const PAUSE: Duration = Duration::from_secs(1);

/// How many pending deliveries are watched until they are complete; of more, the oldest are not printed again.
const MAX_WATCHED: usize = 100;

/// What was printed.
struct Printed {
    /// The last number that was looked at.
    last: i64,
    /// Those that were pending then.
    pending: Vec<i64>,
}

pub(super) fn run(
    admin: &Admin,
    selection: &SelectionArgs,
    limit: usize,
    is_json: bool,
    output: &mut Output<'_>,
) -> io::Result<Exit> {
    // What is wrong with the first question is wrong with all: the address, a password.
    let begun = records::ends(admin, DELIVERIES).and_then(|ends| Ok((ends, selection.newest(admin, limit)?)));
    let (ends, mut earlier) = match begun {
        Ok(begun) => begun,
        Err(message) => return fail(&message, output),
    };
    let mut printed = Printed { last: ends.map_or(0, |(_, last)| last), pending: Vec::new() };
    earlier.reverse();
    for delivery in &earlier {
        printed.last = printed.last.max(records::number(DELIVERIES, delivery));
    }
    printed.print(&earlier, is_json, output)?;
    let mut is_lost = false;
    loop {
        thread::sleep(PAUSE);
        match printed.look(admin, selection) {
            Ok(news) => {
                if std::mem::take(&mut is_lost) {
                    writeln!(output.err, "hookd answers again")?;
                }
                printed.print(&news, is_json, output)?;
            }
            Err(message) if !is_lost => {
                is_lost = true;
                writeln!(output.err, "{message}; will ask again")?;
            }
            Err(_) => {}
        }
    }
}

impl Printed {
    /// What is new, and what is no longer pending.
    fn look(&mut self, admin: &Admin, selection: &SelectionArgs) -> Result<Vec<Value>, String> {
        let mut news = Vec::new();
        if !self.pending.is_empty() {
            let ids: Vec<String> = self.pending.iter().map(|id| format!("deliveryid={id}")).collect();
            let path = format!("/api/v2/deliveries?{}&order=deliveryid", ids.join("&"));
            let watched = records::get(admin, &path, "deliveries")?;
            // Those that are gone are not waited for either.
            self.pending =
                watched.iter().filter(|one| is_pending(one)).map(|one| records::number(DELIVERIES, one)).collect();
            news.extend(watched.into_iter().filter(|one| !is_pending(one)));
        }
        if let Some((first, last)) = records::ends(admin, DELIVERIES)? {
            while self.last < last {
                let begin = first.max(self.last + 1);
                let end = last.min(begin + WINDOW - 1);
                news.extend(selection.window(admin, begin, end)?);
                self.last = end;
            }
        }
        Ok(news)
    }

    fn print(&mut self, deliveries: &[Value], is_json: bool, output: &mut Output<'_>) -> io::Result<()> {
        for delivery in deliveries {
            if is_pending(delivery) {
                self.pending.push(records::number(DELIVERIES, delivery));
            }
            if is_json {
                writeln!(output.out, "{delivery}")?;
            } else {
                writeln!(output.out, "{}", show::line(delivery))?;
            }
        }
        let surplus = self.pending.len().saturating_sub(MAX_WATCHED);
        self.pending.drain(..surplus);
        output.out.flush()
    }
}

fn is_pending(delivery: &Value) -> bool {
    delivery["state"] == "pending"
}
