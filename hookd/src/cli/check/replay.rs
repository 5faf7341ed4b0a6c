//! `hookd check --replay`: what a configuration would make of deliveries that are stored.
//!
//! The store is read, whether a hookd is at work on it or not, and nothing is written. Deliveries are translated one after the
//! other by the dialects of the configuration that is checked.

use std::io;
use std::path::PathBuf;

use clap::Args;
use hookd_admin::CannotReplay;
use hookd_config::{Config, Store, StoreUrl};
use hookd_store::{Browse, DeliveryField, DeliveryRecord, Operator, Query, Timestamp};
use serde_json::{Value, json};

use crate::cli::deliveries::print_preview;
use crate::cli::terminal::grouped;
use crate::cli::{Exit, Output, fail, moment};
use crate::log::chain;
use crate::replays::{self, Comparison};
use crate::stores;
use crate::translator::Translator;

/// How many deliveries are listed at a time.
const PAGE: u64 = 1000;

/// Arguments of `hookd check` about stored deliveries.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReplayArgs {
    /// Translate the deliveries that were received since then with this configuration, and print which of them would be
    /// translated differently: how long ago (`7d`, `12h`), or a time such as `2026-11-20T08:00:00Z`. Nothing is stored or
    /// sent. Exit code 4 if there is a difference.
    ///
    /// Deliveries whose request has expired (`keep_payloads`), or that need calls to a forge's API, cannot be compared, and
    /// are counted.
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    replay: Option<Timestamp>,

    /// The store of these deliveries; by default that of the configuration. A hookd may be at work on it.
    #[arg(long, value_name = "FILE", requires = "replay")]
    store: Option<PathBuf>,
}

/// What was found out.
#[derive(Default)]
struct Counts {
    all: u64,
    different: u64,
    unknown: u64,
}

/// Compares, if it is asked for. The result for `--json`, and the exit code.
pub(super) fn run(
    config: &Config,
    args: &ReplayArgs,
    is_json: bool,
    output: &mut Output<'_>,
) -> io::Result<Option<(Exit, Value)>> {
    let Some(since) = args.replay else { return Ok(None) };
    let section = match &args.store {
        Some(file) => Store { url: StoreUrl::Sqlite(file.clone()), ..Store::default() },
        None => config.store.clone(),
    };
    let failed = |message: &str, output: &mut Output<'_>| Ok(Some((fail(message, output)?, Value::Null)));
    let store = match stores::open_reader(&section) {
        Ok(store) => store,
        Err(error) => return failed(&chain(&error), output),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&chain(&error), output),
    };
    let (mut counts, mut shown) = (Counts::default(), Vec::new());
    let compared = runtime.block_on(compare_all(config, &*store, since, &mut counts, |preview| {
        if is_json {
            shown.push(preview);
            return Ok(());
        }
        print_preview(&preview, output)
    }));
    match compared {
        Ok(printed) => printed?,
        Err(error) => return failed(&format!("`{}`: {error}", section.url), output),
    }
    let Counts { all, different, unknown } = counts;
    if !is_json {
        writeln!(
            output.out,
            "{} of {} deliveries would change, {} cannot be compared",
            grouped(different),
            grouped(all),
            grouped(unknown)
        )?;
    }
    let exit = if different > 0 { Exit::Differs } else { Exit::Ok };
    let result = json!({ "deliveries": all, "different": different, "unknown": unknown, "replays": shown });
    Ok(Some((exit, result)))
}

/// Hands over all that are not the same, oldest first. The inner error is that of handing over.
async fn compare_all(
    config: &Config,
    store: &dyn Browse,
    since: Timestamp,
    counts: &mut Counts,
    mut hand_over: impl FnMut(Value) -> io::Result<()>,
) -> Result<io::Result<()>, hookd_store::StoreError> {
    let translator = Translator::default();
    let mut last = 0;
    loop {
        let query = Query::default().filter(DeliveryField::Deliveryid, Operator::Gt, last);
        let query = query.ascending(DeliveryField::Deliveryid).limit(PAGE);
        let page = store.deliveries(&query)?.rows;
        let Some(newest) = page.last() else { return Ok(Ok(())) };
        last = newest.deliveryid;
        // Not by the query, which would search all of the store for each page.
        let is_received = |record: &&DeliveryRecord| record.replay_of.is_none() && record.polled_by().is_none();
        for record in page.iter().filter(|record| record.received_at >= since).filter(is_received) {
            counts.all += 1;
            let preview =
                match replays::compare(store, &translator, config.dialects.get(&record.dialect), record.deliveryid)
                    .await
                {
                    Ok((_, Comparison::Same)) => continue,
                    Ok((original, comparison)) => comparison.to_json(&original.record),
                    Err(CannotReplay::Refused(reason)) => Comparison::Unknown(reason).to_json(record),
                    // It has expired meanwhile.
                    Err(CannotReplay::NoDelivery) => unknown(record),
                    Err(CannotReplay::Unavailable(error)) => return Err(error),
                };
            if preview["result"] == "different" {
                counts.different += 1;
            } else {
                counts.unknown += 1;
            }
            if let Err(error) = hand_over(preview) {
                return Ok(Err(error));
            }
        }
    }
}

fn unknown(record: &DeliveryRecord) -> Value {
    Comparison::Unknown("it has expired".to_owned()).to_json(record)
}

#[cfg(test)]
mod tests {
    use hookd_core::HookRequest;
    use hookd_store::{Log as _, NewDelivery, NewState, Origin, StoredRequest};
    use hookd_store_sqlite::SqliteStore;

    use super::*;
    use crate::cli::tests::hookd;

    /// Ports that are free.
    const LISTEN: &str = "server = { listen = '127.0.0.1:0' }\nadmin = { listen = '127.0.0.1:0' }\n";

    /// A delivery of `base` whose change has this branch, or has had another one.
    fn delivery(branch: &str, was: &str, received_at: Timestamp) -> NewDelivery {
        let request = HookRequest::post("/change_hook/base")
            .with_header("Content-Type", "application/x-www-form-urlencoded")
            .with_body(format!("author=a&branch={branch}"));
        let change = hookd_core::Change {
            author: "a".to_owned(),
            branch: Some(was.to_owned()),
            ..hookd_core::Change::default()
        };
        NewDelivery {
            received_at,
            dialect: "base".to_owned(),
            event: None,
            forge_id: None,
            deduplicate: false,
            origin: Origin::NONE,
            replay: None,
            positions: None,
            note: None,
            request: Some(StoredRequest::new(&request, &[])),
            state: NewState::Accepted(vec![change]),
        }
    }

    #[test]
    fn compares_a_candidate_with_what_is_stored_while_the_store_is_in_use() {
        let folder = tempfile::tempdir().unwrap();
        let (file, path) = (folder.path().join("other.db"), folder.path().join("hookd.toml"));
        std::fs::write(&path, LISTEN.to_owned() + "[change_hook_dialects]\nbase = true\n").unwrap();
        let (file, path) = (file.to_str().unwrap(), path.to_str().unwrap());
        let args = ["check", "--config", path, "--replay", "7d", "--store", file];
        let (exit, _, err) = hookd(&args);
        assert_eq!(exit, Exit::Failure, "{err}");
        assert!(err.contains("error: ") && err.contains(file), "{err}");

        let store = SqliteStore::open(file.as_ref()).unwrap();
        let now = Timestamp::now();
        store.append(delivery("main", "old", Timestamp::from_micros(1_000_000))).wait().unwrap();
        store.append(delivery("main", "main", now)).wait().unwrap();
        let (exit, out, err) = hookd(&args);
        assert_eq!(exit, Exit::Ok, "{out}{err}");
        assert!(out.ends_with("0 of 1 deliveries would change, 0 cannot be compared\n"), "{out}");
        store.append(delivery("main", "master", now)).wait().unwrap();
        store.append(NewDelivery { request: None, ..delivery("main", "main", now) }).wait().unwrap();
        let (exit, out, err) = hookd(&args);
        assert_eq!(exit, Exit::Differs, "{out}{err}");
        assert!(out.contains("    branch: \"master\" -> \"main\"\n"), "{out}");
        assert!(out.contains("delivery 4, base -, received "), "{out}");
        assert!(out.ends_with("1 of 3 deliveries would change, 1 cannot be compared\n"), "{out}");
        // A closed store is read as well, and a candidate without the dialect refuses everything.
        drop(store);
        std::fs::write(path, LISTEN.to_owned() + "[change_hook_dialects]\nbase = false\n").unwrap();
        let (exit, out, _) = hookd(&[&args[..], &["--json"]].concat());
        let checked: Value = serde_json::from_str(&out).unwrap();
        let replay = &checked["replay"];
        assert_eq!((exit, &replay["different"], &replay["deliveries"]), (Exit::Differs, &json!(2), &json!(3)));
        let text = replay["replays"][0]["text"][0].as_str().unwrap();
        assert!(text.ends_with("refused: the dialect `base` is not configured"), "{text}");
    }
}
