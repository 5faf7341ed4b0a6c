//! The report of a run: a readable summary in Markdown, and all figures as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::delivery::Delivery;
use super::figures::{Figures, Goal, Round, Spread, p99, rate};
use super::million::Million;
use super::onward::Onward;
use super::postgres::{self, POSTGRES, Stored};
use super::searches::Searches;
use super::servers::{BASELINE, BUILDBOT, FLOOR, HOOKD, KINDS, SINK, SINK_DOWN, SINKS, STEPS};
use super::stored::{self, Starts};

/// All results of a run.
pub(super) struct Report {
    pub(super) machine: Value,
    /// The settings, in one line.
    pub(super) settings: String,
    pub(super) figures: Vec<Figures>,
    pub(super) million: Option<Million>,
    pub(super) starts: Option<Starts>,
    pub(super) onward: Option<Onward>,
    pub(super) searches: Option<Searches>,
    pub(super) delivery: Option<Delivery>,
    pub(super) postgres: Option<Stored>,
}

impl Report {
    pub(super) fn markdown(&self) -> String {
        let mut text = String::from("# Speed\n\n");
        let empty = Map::new();
        let machine = self.machine.as_object().unwrap_or(&empty);
        for (key, value) in machine {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            writeln!(text, "- {}: {value}", key.replace('_', " ")).expect("writing to a String does not fail");
        }
        writeln!(text, "- {}\n", self.settings).expect("writing to a String does not fail");
        if !self.figures.is_empty() {
            text.push_str(&self.table());
        }
        if let Some(million) = &self.million {
            writeln!(text, "\n{}", million.lines()).expect("writing to a String does not fail");
        }
        if let Some(starts) = &self.starts {
            writeln!(text, "\n{}", starts.lines()).expect("writing to a String does not fail");
        }
        if let Some(onward) = &self.onward {
            writeln!(text, "\n{}", onward.lines()).expect("writing to a String does not fail");
        }
        if let Some(searches) = &self.searches {
            writeln!(text, "\n{}", searches.lines()).expect("writing to a String does not fail");
        }
        if let Some(delivery) = &self.delivery {
            writeln!(text, "\n{}", delivery.lines()).expect("writing to a String does not fail");
        }
        if let Some(postgres) = &self.postgres {
            writeln!(text, "\n{}", postgres.lines()).expect("writing to a String does not fail");
        }
        text.push_str("\n| goal | result | met |\n|---|---|---|\n");
        for Goal { goal, result, is_met } in self.goals() {
            writeln!(text, "| {goal} | {result} | {} |", if is_met { "yes" } else { "**no**" })
                .expect("writing to a String does not fail");
        }
        text
    }

    fn table(&self) -> String {
        let mut text = String::from(
            "| server | requests/s | of the floor | p50 ms | p99 ms | p99 of the floor's | CPU µs/request | wrk's | MiB |\n\
             |---|---|---|---|---|---|---|---|---|\n",
        );
        for own in &self.figures {
            let of_floor = |figure: fn(&Round) -> f64, digits| shown(self.ratio(own.name, FLOOR, figure), digits);
            writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {:.1} |",
                own.name,
                shown(own.spread(rate), 0),
                of_floor(rate, 4),
                shown(own.spread(|round| round.measured.p50), 2),
                shown(own.spread(p99), 2),
                of_floor(p99, 2),
                shown(own.spread(|round| round.cpu_per_request), 1),
                shown(own.spread(Round::wrk_cpu_per_request), 1),
                own.usage.resident as f64 / 1024.0 / 1024.0,
            )
            .expect("writing to a String does not fail");
        }
        text.push_str("\nMedian (minimum–maximum) of the rounds; ratios compare servers within the same round.\n\n");
        for kind in
            KINDS.iter().chain(STEPS).chain(SINKS).chain(POSTGRES).filter(|kind| self.named(kind.name).is_some())
        {
            writeln!(text, "- {}: {}", kind.name, kind.about).expect("writing to a String does not fail");
        }
        text
    }

    fn goals(&self) -> Vec<Goal> {
        let at_least = |goal, ratio: Option<Spread>, minimum: f64, digits| {
            ratio.map(|ratio| Goal { goal, result: ratio.shown(digits), is_met: ratio.median >= minimum })
        };
        let mut goals = Vec::new();
        goals.extend(at_least("at least 0.5 of the floor", self.ratio(HOOKD, FLOOR, rate), 0.5, 3));
        goals.extend(at_least("at least 100 times Buildbot", self.ratio(HOOKD, BUILDBOT, rate), 100.0, 0));
        goals.extend(at_least("no slower than the baseline", self.ratio(HOOKD, BASELINE, rate), 1.0, 3));
        goals.extend(at_least("0.9 of its speed with a sink that keeps up", self.ratio(SINK, HOOKD, rate), 0.9, 3));
        goals.extend(at_least(
            "0.97 of its speed with a sink that is down",
            self.ratio(SINK_DOWN, HOOKD, rate),
            0.97,
            3,
        ));
        goals.extend(self.ratio(HOOKD, FLOOR, p99).map(|ratio| Goal {
            goal: "p99 at most 5 times the floor's",
            result: ratio.shown(2),
            is_met: ratio.median <= 5.0,
        }));
        goals.extend(self.million.iter().flat_map(Million::goals));
        let stored = self.starts.as_ref().zip(self.ratio(stored::NAME, HOOKD, rate));
        goals.extend(stored.map(|(starts, ratio)| Goal {
            goal: "no slower than 10 % with ten million changes stored",
            result: format!("{} with {} changes", ratio.shown(3), starts.changes),
            is_met: ratio.median >= 0.9 && starts.changes >= 10_000_000,
        }));
        goals.extend(self.starts.iter().map(Starts::goal));
        goals.extend(self.onward.iter().map(Onward::goal));
        goals.extend(self.searches.as_ref().and_then(Searches::goal));
        goals
    }

    pub(super) fn to_json(&self) -> Value {
        let servers: Map<String, Value> =
            self.figures.iter().map(|figures| (figures.name.to_owned(), figures.to_json())).collect();
        json!({
            "machine": self.machine,
            "settings": self.settings,
            "servers": servers,
            "ratios": {
                "rate_to_floor": self.ratio(HOOKD, FLOOR, rate).map(Spread::to_json),
                "rate_to_buildbot": self.ratio(HOOKD, BUILDBOT, rate).map(Spread::to_json),
                "rate_to_baseline": self.ratio(HOOKD, BASELINE, rate).map(Spread::to_json),
                "rate_postgres_to_sqlite": self.ratio(postgres::ONE, HOOKD, rate).map(Spread::to_json),
                "rate_postgres_2_to_1": self.ratio(postgres::TWO, postgres::ONE, rate).map(Spread::to_json),
                "rate_postgres_to_buildbot": self.ratio(postgres::ONE, postgres::BUILDBOT, rate).map(Spread::to_json),
                "rate_with_sink": self.ratio(SINK, HOOKD, rate).map(Spread::to_json),
                "rate_with_sink_down": self.ratio(SINK_DOWN, HOOKD, rate).map(Spread::to_json),
                "p99_to_floor": self.ratio(HOOKD, FLOOR, p99).map(Spread::to_json),
                "rate_stored_to_empty": self.ratio(stored::NAME, HOOKD, rate).map(Spread::to_json),
            },
            "postgres": self.postgres.as_ref().map(Stored::to_json),
            "million": self.million.as_ref().map(Million::to_json),
            "stored": self.starts.as_ref().map(Starts::to_json),
            "onward": self.onward.as_ref().map(Onward::to_json),
            "searches": self.searches.as_ref().map(Searches::to_json),
            "delivery": self.delivery.as_ref().map(Delivery::to_json),
            "goals": self.goals().iter().map(Goal::to_json).collect::<Vec<_>>(),
        })
    }

    fn ratio(&self, name: &str, other: &str, figure: fn(&Round) -> f64) -> Option<Spread> {
        self.named(name)?.ratio(self.named(other)?, figure)
    }

    fn named(&self, name: &str) -> Option<&Figures> {
        self.figures.iter().find(|figures| figures.name == name && !figures.rounds.is_empty())
    }
}

fn shown(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or_else(|| "–".to_owned(), |spread| spread.shown(digits))
}
