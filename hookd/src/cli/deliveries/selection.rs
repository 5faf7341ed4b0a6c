//! Which deliveries a command is about.

use std::collections::HashSet;

use clap::Args;
use hookd_store::{State, Timestamp};
use serde_json::Value;

use crate::cli::admin::Admin;
use crate::cli::moment;
use crate::cli::records::{self, CHANGES, Conditions, DELIVERIES, WINDOW};

/// Conditions, all of which a delivery meets; of one that is repeated, any.
#[derive(Clone, Debug, Default, Args)]
pub(in crate::cli) struct SelectionArgs {
    /// Only of this dialect; can be repeated.
    #[arg(long, value_name = "NAME")]
    dialect: Vec<String>,

    /// Only of this event; can be repeated.
    #[arg(long, value_name = "NAME")]
    event: Vec<String>,

    /// Only in this state: `pending`, `accepted`, `ignored` or `refused`; can be repeated.
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Vec<String>,

    /// Only received since then: how long ago (`30m`, `2h`, `7d`), or a time such as `2026-11-20T08:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    since: Option<Timestamp>,

    /// Only received until then.
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    until: Option<Timestamp>,

    /// Only with a change of this repository; can be repeated.
    #[arg(long, value_name = "URL")]
    repository: Vec<String>,

    /// Only with a change of this branch; can be repeated.
    #[arg(long, value_name = "NAME")]
    branch: Vec<String>,
}

fn state(text: &str) -> Result<String, String> {
    match State::from_name(text) {
        Some(state) => Ok(state.name().to_owned()),
        None => {
            let names = State::ALL.map(|state| format!("`{}`", state.name()));
            Err(format!("unknown state `{text}`, expected one of {}", names.join(", ")))
        }
    }
}

impl SelectionArgs {
    /// Whether it selects all.
    pub(super) fn is_empty(&self) -> bool {
        self.conditions().is_empty() && !self.is_about_changes()
    }

    fn is_about_changes(&self) -> bool {
        !self.repository.is_empty() || !self.branch.is_empty()
    }

    fn conditions(&self) -> Conditions {
        let conditions = Conditions::default().with_any("dialect", &self.dialect).with_any("event", &self.event);
        conditions.with_any("state", &self.state).received(self.since, self.until)
    }

    /// The newest deliveries that it selects, newest first.
    ///
    /// # Errors
    /// Why hookd cannot be asked.
    pub(super) fn newest(&self, admin: &Admin, limit: usize) -> Result<Vec<Value>, String> {
        let keep = |deliveries| self.with_changes(admin, deliveries);
        records::newest(admin, DELIVERIES, &self.conditions(), limit, keep)
    }

    /// The deliveries from one number to another that it selects, in their order; at most [`WINDOW`] numbers.
    ///
    /// # Errors
    /// Why hookd cannot be asked.
    pub(super) fn window(&self, admin: &Admin, first: i64, last: i64) -> Result<Vec<Value>, String> {
        let found = records::window(admin, DELIVERIES, first, last, &self.conditions())?;
        self.with_changes(admin, found)
    }

    /// Those of these deliveries that have a change of the repositories and branches that are asked for.
    fn with_changes(&self, admin: &Admin, deliveries: Vec<Value>) -> Result<Vec<Value>, String> {
        if !self.is_about_changes() {
            return Ok(deliveries);
        }
        let ids = |delivery: &Value| {
            let ids = delivery["changeids"].as_array().into_iter().flatten();
            ids.filter_map(Value::as_i64).collect::<Vec<_>>()
        };
        let all: Vec<i64> = deliveries.iter().flat_map(ids).collect();
        let (Some(first), Some(last)) = (all.iter().min(), all.iter().max()) else { return Ok(Vec::new()) };
        let conditions =
            Conditions::default().with_any("repository", &self.repository).with_any("branch", &self.branch);
        let mut matching = HashSet::new();
        let mut begin = *first;
        while begin <= *last {
            let end = (*last).min(begin + WINDOW - 1);
            let changes = records::window(admin, CHANGES, begin, end, &conditions)?;
            matching.extend(changes.iter().filter_map(|change| change["deliveryid"].as_i64()));
            begin = end + 1;
        }
        let matches = |delivery: &Value| matching.contains(&records::number(DELIVERIES, delivery));
        Ok(deliveries.into_iter().filter(matches).collect())
    }
}
