//! What every poller has, whatever its type: a name, a schedule, and what its changes get.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hookd_core::{Pollers, Problem, duration};
use hookd_store::MAX_POLLER_BYTES;
use schemars::JsonSchema;

use crate::{Poke, Poller, without_credentials};

/// The shortest interval: below it a poll would hardly ever be over before the next is due.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// The options that every poller takes, beside those of its type.
#[derive(Clone, Debug, serde::Deserialize, JsonSchema)]
#[serde(default)]
pub struct EveryPoller {
    /// The name of the poller, which the dialect `poller` and `hookd pollers` know it by; without it, the address that it
    /// polls. Its positions in the store have it, so that a poller that is renamed is a new one.
    pub name: Option<String>,

    /// The type of the poller, which decides what other options it takes.
    #[serde(rename = "type")]
    pub poller_type: String,

    /// How often it polls, from the beginning of one poll to that of the next. A poll that fails is repeated sooner, with
    /// growing pauses.
    #[serde(with = "duration")]
    #[schemars(with = "duration::DurationSchema")]
    pub poll_interval: Duration,

    /// Whether it polls when hookd starts, and not only when the interval since its last poll has passed. A poller that has
    /// never polled does so in any case, to know where it begins.
    pub poll_at_launch: bool,

    /// The shortest time by which each poll is delayed at random, so that many pollers of one server do not poll it at once.
    #[serde(with = "duration")]
    #[schemars(with = "duration::DurationSchema")]
    pub poll_random_delay_min: Duration,

    /// The longest time by which each poll is delayed at random.
    #[serde(with = "duration")]
    #[schemars(with = "duration::DurationSchema")]
    pub poll_random_delay_max: Duration,

    /// How long a poll may take, with all the commands that it runs. After that they are killed, and the poll has failed.
    #[serde(with = "duration")]
    #[schemars(with = "duration::DurationSchema")]
    pub poll_timeout: Duration,

    /// The folder in which it keeps what it can make anew, such as a clone; without it, a folder beside the store. It must be
    /// no other poller's. A relative path starts in the folder of this file.
    pub workdir: Option<PathBuf>,

    /// The category of its changes.
    pub category: Option<String>,

    /// The project of its changes.
    pub project: String,

    /// The codebase of its changes.
    pub codebase: String,
}

impl Default for EveryPoller {
    fn default() -> Self {
        Self {
            name: None,
            poller_type: String::new(),
            poll_interval: Duration::from_secs(10 * 60),
            poll_at_launch: false,
            poll_random_delay_min: Duration::ZERO,
            poll_random_delay_max: Duration::ZERO,
            poll_timeout: Duration::from_secs(60 * 60),
            workdir: None,
            category: None,
            project: String::new(),
            codebase: String::new(),
        }
    }
}

/// A poller and how it is served.
pub struct PollerSettings {
    /// Its name, which is that of its positions.
    pub name: String,
    /// Its type.
    pub poller_type: &'static str,
    /// What polls.
    pub poller: Box<dyn Poller>,
    /// Its schedule and what its changes get.
    pub every: EveryPoller,
    /// Whether it was asked to poll now.
    pub poke: Arc<Poke>,
    /// Of all that it was made from; `None` if that is not known. One of the same name and the same fingerprint is the same.
    fingerprint: Option<[u8; 32]>,
}

impl fmt::Debug for PollerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The poller holds secrets.
        f.debug_struct("PollerSettings")
            .field("name", &self.name)
            .field("poller_type", &self.poller_type)
            .field("every", &self.every)
            .finish_non_exhaustive()
    }
}

impl PollerSettings {
    /// A poller of this type and name, served as these options say.
    ///
    /// # Errors
    /// Options that do not go together, each with its place.
    pub fn new(
        poller_type: &'static str,
        name: String,
        poller: Box<dyn Poller>,
        every: EveryPoller,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if name.is_empty() || name.len() > MAX_POLLER_BYTES || name.chars().any(char::is_control) {
            let message = format!("a name has 1 to {MAX_POLLER_BYTES} bytes, without control characters");
            problems.push(Problem::with("name", message));
        } else if without_credentials(&name) != name {
            problems.push(Problem::with("name", "it is shown everywhere, so it must have no credentials in it"));
        }
        if every.poll_interval < MIN_INTERVAL {
            problems.push(Problem::with("poll_interval", "expected at least `1s`"));
        }
        if every.poll_timeout.is_zero() {
            problems.push(Problem::with("poll_timeout", "a poll needs more time than `0s`"));
        }
        let (least, most) = (every.poll_random_delay_min, every.poll_random_delay_max);
        if least > most {
            problems.push(Problem::with("poll_random_delay_min", "it is larger than `poll_random_delay_max`"));
        } else if most >= every.poll_interval {
            problems.push(Problem::with("poll_random_delay_max", "expected less than `poll_interval`"));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let poll_at_launch = every.poll_at_launch || poller.polls_at_launch();
        let every = EveryPoller { poll_at_launch, ..every };
        Ok(Self { name, poller_type, poller, every, poke: Arc::default(), fingerprint: None })
    }

    /// The same, with a digest of everything that it was made from, secrets included: a poller that a reload makes again
    /// with the same fingerprint is not stopped.
    pub fn with_fingerprint(self, fingerprint: [u8; 32]) -> Self {
        Self { fingerprint: Some(fingerprint), ..self }
    }

    /// Whether this is the same poller, and need not be stopped to put the other in its place.
    pub fn is_same(&self, other: &Self) -> bool {
        self.name == other.name && self.fingerprint.is_some() && self.fingerprint == other.fingerprint
    }
}

/// The pollers of one configuration, as the dialect `poller` knows them.
#[derive(Clone, Debug, Default)]
pub struct PollerSet(pub Vec<Arc<PollerSettings>>);

impl Pollers for PollerSet {
    fn names(&self) -> Vec<String> {
        self.0.iter().map(|poller| poller.name.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn poll(&self, name: &str) {
        self.0.iter().filter(|poller| poller.name == name).for_each(|poller| poller.poke.poke());
    }
}
