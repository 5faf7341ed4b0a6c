//! What every sink has, whatever its type: name, filter, order, and how it is retried.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hookd_core::{Problem, duration};
use hookd_store::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserialize, Deserializer};

use crate::{Backoff, ChangeFilter, Order, Sink};

/// How long the other side may be at a change after its answer was lost: a "no" to whether it has it counts after that.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(2);

/// The longest name: it is a label of metrics and part of URLs.
const MAX_NAME_BYTES: usize = 64;

/// The most attempts that a sink may have under way at a time.
const MAX_CONCURRENCY: usize = 64;

/// The options that every sink takes, beside those of its type.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(default)]
pub struct EverySink {
    /// The name of the sink: its cursor in the store has it, so that a sink that is renamed is a new one.
    pub name: String,

    /// The type of the sink, which decides what other options it takes.
    #[serde(rename = "type")]
    pub sink_type: String,

    /// Which changes it takes, in the terms of Buildbot's `ChangeFilter`; all of them without it. Those that the filter
    /// drops are noted with the condition that did it.
    pub filter: ChangeFilter,

    /// Which changes keep their order. `"all"`: all of them, so that one that fails holds up all others. `"branch"`: those
    /// of the same codebase, repository and branch; others overtake one that fails.
    pub order: Order,

    /// How many changes may be under way at a time, with `order = "branch"`; at most 64.
    pub concurrency: Option<usize>,

    /// Where a sink that is new begins: `"end"` of the log, with the next change; `"beginning"`, with the oldest change
    /// that is kept; or with the first change received at a time or after, such as `"2026-11-26T12:00:00Z"`. A sink that
    /// has run before continues where it was.
    pub from: From,

    /// After so many failed attempts that blame the change (a 5xx answer), while the sink is otherwise healthy, the change
    /// becomes a dead letter.
    pub head_attempts: u32,

    /// How long a change is tried before it becomes a dead letter, counted from its first failed attempt. Without it, for
    /// ever.
    #[serde(deserialize_with = "some_duration")]
    #[schemars(with = "Option<duration::DurationSchema>")]
    pub give_up_after: Option<Duration>,

    /// The pause after the first failed attempt. It doubles after each other.
    #[serde(with = "duration")]
    #[schemars(with = "duration::DurationSchema")]
    pub retry_min: Duration,

    /// The longest pause between two attempts, and how often a sink that is misconfigured is probed.
    #[serde(with = "duration")]
    #[schemars(with = "duration::DurationSchema")]
    pub retry_max: Duration,

    /// How long changes are kept for a sink that does not take them: older ones become dead letters. Without it, changes
    /// are kept until the sink has had them, whatever `keep_changes` says.
    #[serde(deserialize_with = "some_duration")]
    #[schemars(with = "Option<duration::DurationSchema>")]
    pub max_lag: Option<Duration>,
}

impl Default for EverySink {
    fn default() -> Self {
        Self {
            name: String::new(),
            sink_type: String::new(),
            filter: ChangeFilter::default(),
            order: Order::All,
            concurrency: None,
            from: From::End,
            head_attempts: 10,
            give_up_after: None,
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(300),
            max_lag: None,
        }
    }
}

/// Where a sink that is new begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// With the next change.
    End,
    /// With the oldest change that is kept.
    Beginning,
    /// With the first change that was received then or later.
    Time(Timestamp),
}

impl<'de> Deserialize<'de> for From {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "end" => Ok(Self::End),
            "beginning" => Ok(Self::Beginning),
            time => match time.parse::<jiff::Timestamp>() {
                Ok(time) => Ok(Self::Time(Timestamp::from_micros(time.as_microsecond()))),
                Err(_) => Err(de::Error::custom(format_args!(
                    "bad start `{time}`, expected `end`, `beginning`, or a time such as `2026-11-26T12:00:00Z`"
                ))),
            },
        }
    }
}

impl JsonSchema for From {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "From".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "title": "`end`, `beginning` or a time", "type": "string" })
    }
}

fn some_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration::deserialize(deserializer).map(Some)
}

/// A sink and how it is served.
pub struct SinkSettings {
    /// Its name, which is that of its cursor.
    pub name: String,
    /// Its type.
    pub sink_type: &'static str,
    /// What delivers.
    pub sink: Box<dyn Sink>,
    /// Which changes it takes.
    pub filter: ChangeFilter,
    /// Which changes keep their order.
    pub order: Order,
    /// How many changes may be under way at a time.
    pub concurrency: usize,
    /// Where it begins when it is new.
    pub from: From,
    /// After so many failed attempts that blame the change it may become a dead letter.
    pub head_attempts: u32,
    /// How long a change is tried; `None` is for ever.
    pub give_up_after: Option<Duration>,
    /// The pauses between attempts.
    pub backoff: Backoff,
    /// How long it may lag; `None` is for ever.
    pub max_lag: Option<Duration>,
    /// How long the other side may be at a change whose answer was lost.
    pub ask_again_after: Duration,
}

impl fmt::Debug for SinkSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The sink holds secrets.
        f.debug_struct("SinkSettings")
            .field("name", &self.name)
            .field("sink_type", &self.sink_type)
            .field("order", &self.order)
            .field("concurrency", &self.concurrency)
            .finish_non_exhaustive()
    }
}

impl SinkSettings {
    /// A sink of this type, served as these options say.
    ///
    /// # Errors
    /// Options that do not go together, each with its place.
    pub fn new(sink_type: &'static str, sink: Box<dyn Sink>, every: EverySink) -> Result<Arc<Self>, Vec<Problem>> {
        let mut problems = Vec::new();
        if every.name.is_empty() {
            problems.push(Problem { path: Vec::new(), message: "option `name` is missing".to_owned() });
        } else if every.name.len() > MAX_NAME_BYTES || every.name.chars().any(|c| c.is_control() || c == '/') {
            let message = format!("a name has at most {MAX_NAME_BYTES} bytes, without `/` and control characters");
            problems.push(Problem::with("name", message));
        }
        if every.concurrency.is_some() && every.order == Order::All {
            problems.push(Problem::with("concurrency", "with `order = \"all\"` one change is under way at a time"));
        }
        let concurrency = every.concurrency.unwrap_or(if every.order == Order::All { 1 } else { 4 });
        if !(1..=MAX_CONCURRENCY).contains(&concurrency) {
            problems.push(Problem::with("concurrency", format!("expected 1 to {MAX_CONCURRENCY}")));
        }
        if every.head_attempts == 0 {
            problems.push(Problem::with("head_attempts", "expected at least 1"));
        }
        let backoff = Backoff::new(every.retry_min, every.retry_max);
        let backoff = backoff.map_err(|message| problems.push(Problem::with("retry_min", message)));
        let (Ok(backoff), true) = (backoff, problems.is_empty()) else { return Err(problems) };
        Ok(Arc::new(Self {
            name: every.name,
            sink_type,
            sink,
            filter: every.filter,
            order: every.order,
            concurrency,
            from: every.from,
            head_attempts: every.head_attempts,
            give_up_after: every.give_up_after,
            backoff,
            max_lag: every.max_lag,
            ask_again_after: ASK_AGAIN_AFTER,
        }))
    }
}
