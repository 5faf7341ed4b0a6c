//! Fills a store with the changes of distinct pushes, through hookd's own dialect and store.
//!
//! Run as `bench-fill FILE CHANGES SEED`; an interrupted run is resumed.

#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use hookd_bench::{Pusher, World};
use hookd_core::{BuildContext, Compat, Hook, HookOptions, HookRequest, Outcome, Secret, SecretSource};
use hookd_store::{
    Log as _, NewDelivery, NewState, Origin, Query, Receipt, Reply, Store as _, StoredRequest, Timestamp,
};
use hookd_store_sqlite::SqliteStore;

/// The most writes in flight: enough for large transactions, too few to fill the store's queue.
const MAX_PENDING_WRITES: usize = 2048;

/// Repositories and branches of the pushes: more than in the measured load.
const REPOSITORIES: usize = 2000;
const BRANCHES: usize = 10_000;

/// The time over which the deliveries are dated.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench-fill: {message}");
            ExitCode::FAILURE
        }
    }
}

struct NoSecrets;

impl SecretSource for NoSecrets {
    fn read(&self, _: &Secret) -> Result<Vec<u8>, String> {
        Err("there are none".to_owned())
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let [path, changes, seed] = arguments else { return Err("expected FILE CHANGES SEED".to_owned()) };
    let number = |text: &String| text.parse::<u64>().map_err(|error| format!("`{text}`: {error}"));
    let (wanted, seed) = (number(changes)?, number(seed)?);
    let context = BuildContext::new("github", Compat::Off, &NoSecrets);
    let hook = hookd_github::Options::default().build(&context).map_err(|problems| format!("{problems:?}"))?;
    let store = SqliteStore::open(Path::new(path)).map_err(|error| error.to_string())?;
    let mut stored = store.reader().changes(&Query::default().limit(0)).map_err(|error| error.to_string())?.total;

    let world = World::new(seed, REPOSITORIES, BRANCHES);
    // A resumed run must not repeat earlier pushes, so its seed differs.
    let mut pushes = Pusher::new(&world, seed ^ stored.rotate_left(32));
    let mut rng = fastrand::Rng::with_seed(seed ^ stored);
    let mut waiting = VecDeque::new();
    let (started, mut reported_tenths) = (Instant::now(), 0);
    // Everything is dated within the last day, so that nothing expires.
    let now = Timestamp::now();
    while stored < wanted {
        let received_at = now.saturating_sub(DAY.mul_f64(1.0 - stored as f64 / wanted as f64));
        let body = pushes.next().ok_or("no more pushes")?;
        stored += append(&store, &*hook, body, &mut rng, received_at, &mut waiting)?;
        if waiting.len() == MAX_PENDING_WRITES {
            committed(waiting.pop_front())?;
        }
        if stored * 10 / wanted > reported_tenths {
            reported_tenths = stored * 10 / wanted;
            eprintln!("{stored} changes after {} s", started.elapsed().as_secs());
        }
    }
    while !waiting.is_empty() {
        committed(waiting.pop_front())?;
    }
    store.close();
    Ok(())
}

/// Queues a push and returns how many changes it has.
fn append(
    store: &SqliteStore,
    hook: &dyn Hook,
    body: String,
    rng: &mut fastrand::Rng,
    received_at: Timestamp,
    waiting: &mut VecDeque<Reply<Receipt>>,
) -> Result<u64, String> {
    let forge_id = delivery_id(rng);
    let request = HookRequest::post("/change_hook/github")
        .with_header("X-GitHub-Event", "push")
        .with_header("X-GitHub-Delivery", forge_id.clone())
        .with_header("User-Agent", "GitHub-Hookshot/044aadd")
        .with_header("Content-Type", "application/json")
        .with_body(body);
    let Ok(Outcome::Changes(mut changes)) = hook.translate(&request) else {
        return Err("the dialect did not translate a push".to_owned());
    };
    changes.iter_mut().for_each(hookd_core::Change::fill_revlink);
    let count = changes.len() as u64;
    waiting.push_back(store.append(NewDelivery {
        received_at,
        dialect: "github".to_owned(),
        event: Some("push".to_owned()),
        forge_id: Some(forge_id),
        deduplicate: true,
        origin: Origin::NONE,
        replay: None,
        positions: None,
        note: None,
        request: Some(StoredRequest::new(&request, hook.headers())),
        state: NewState::Accepted(changes),
    }));
    Ok(count)
}

fn committed(reply: Option<Reply<Receipt>>) -> Result<(), String> {
    reply.map_or(Ok(()), |reply| reply.wait().map(drop).map_err(|error| error.to_string()))
}

fn delivery_id(rng: &mut fastrand::Rng) -> String {
    let (high, low) = (rng.u64(..), rng.u64(..));
    format!("{:08x}-{:04x}-11f0-{:04x}-{:012x}", high >> 32, high & 0xffff, low >> 48, low & 0xffff_ffff_ffff)
}
