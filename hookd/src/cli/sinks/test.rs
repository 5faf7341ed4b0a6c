//! `hookd sinks test`: a sink of a configuration, tried without the engine of a running hookd.

use std::io;
use std::path::Path;
use std::sync::Arc;

use clap::Args;
use hookd_config::Config;
use hookd_core::Change;
use hookd_sinks::{SinkSettings, Verdict};
use hookd_store::{LoggedChange, Timestamp};
use serde_json::{Value, json};

use crate::cli::admin::{Admin, AdminArgs};
use crate::cli::{Exit, Output, fail};
use crate::log::chain;

/// Arguments of `hookd sinks test`.
#[derive(Debug, Args)]
pub(in crate::cli) struct TestArgs {
    /// The sink.
    name: String,
    /// Show what the filter does with this change of the running hookd.
    #[arg(long, value_name = "ID")]
    change: Option<i64>,
    /// Deliver the change, even if it was delivered before: a Buildbot builds it. hookd does not note it.
    #[arg(long, requires = "change")]
    send: bool,
}

pub(super) fn run(
    config: &Path,
    admin: &AdminArgs,
    args: &TestArgs,
    is_json: bool,
    output: &mut Output<'_>,
) -> io::Result<Exit> {
    let loaded = match Config::load(config) {
        Ok(loaded) => loaded,
        Err(report) => {
            writeln!(output.err, "{report}")?;
            return Ok(Exit::Usage);
        }
    };
    let Some(settings) = loaded.sinks.iter().find(|sink| sink.name == args.name) else {
        return fail(&format!("{} has no sink `{}`", config.display(), args.name), output);
    };
    let change = match args.change {
        None => None,
        Some(changeid) => {
            let Some(admin) = Admin::reach(config, admin, output)? else { return Ok(Exit::Usage) };
            match find(&admin, changeid) {
                Ok(change) => Some(change),
                Err(message) => return fail(&message, output),
            }
        }
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&chain(&error), output),
    };
    let tried = runtime.block_on(try_out(settings, change.as_ref(), args.send));
    if is_json {
        let shown = json!({
            "name": settings.name,
            "type": settings.sink_type,
            "destination": settings.sink.destination(),
            "healthy": tried.is_healthy,
            "dropped_by": tried.dropped_by,
            "sent": tried.sent.as_ref().map(|(verdict, answer)| json!({ "verdict": verdict, "answer": answer })),
        });
        serde_json::to_writer_pretty(&mut *output.out, &shown)?;
        writeln!(output.out)?;
    } else {
        print(settings, change.as_ref(), &tried, output)?;
    }
    let is_taken = tried.sent.is_none_or(|(verdict, _)| verdict == DELIVERED);
    Ok(if tried.is_healthy != Some(false) && is_taken { Exit::Ok } else { Exit::Failure })
}

const DELIVERED: &str = "delivered";

/// What was found out.
struct Tried {
    /// Whether the other side works; `None` where it cannot be asked.
    is_healthy: Option<bool>,
    /// The option of the filter that drops the change.
    dropped_by: Option<&'static str>,
    /// The verdict and the answer of a delivery.
    sent: Option<(&'static str, String)>,
}

async fn try_out(settings: &Arc<SinkSettings>, change: Option<&LoggedChange>, send: bool) -> Tried {
    let sink = &settings.sink;
    let is_healthy = if sink.can_be_asked() { Some(sink.is_healthy().await) } else { None };
    let dropped_by = change.and_then(|change| settings.filter.dropped_by(change));
    let mut sent = None;
    if let Some(change) = change.filter(|_| send && dropped_by.is_none()) {
        let attempt = sink.deliver(change).await;
        let verdict = match attempt.verdict {
            Verdict::Delivered => DELIVERED,
            Verdict::Later { .. } => "later",
            Verdict::ThisChange => "this_change",
            Verdict::ThisSink => "this_sink",
        };
        sent = Some((verdict, attempt.answer));
        if let Err(error) = sink.flush().await {
            sent = Some(("later", error));
        }
    }
    Tried { is_healthy, dropped_by, sent }
}

fn print(
    settings: &SinkSettings,
    change: Option<&LoggedChange>,
    tried: &Tried,
    output: &mut Output<'_>,
) -> io::Result<()> {
    let out = &mut output.out;
    writeln!(out, "sink    {}, {} to {}", settings.name, settings.sink_type, settings.sink.destination())?;
    let health = match tried.is_healthy {
        Some(true) => "the other side works",
        Some(false) => "the other side does not answer, or not as it should",
        None => "cannot be asked without sending a change",
    };
    writeln!(out, "health  {health}")?;
    if let Some(change) = change {
        match tried.dropped_by {
            None => writeln!(out, "filter  takes change {}", change.changeid)?,
            Some(option) => writeln!(out, "filter  drops change {}, option `{option}`", change.changeid)?,
        }
    }
    match &tried.sent {
        Some((verdict, answer)) => writeln!(out, "sent    {verdict}: {answer}"),
        None => Ok(()),
    }
}

/// A change of the running hookd.
fn find(admin: &Admin, changeid: i64) -> Result<LoggedChange, String> {
    let mut record = admin.get(&format!("/api/v2/changes/{changeid}"))?.success()?["changes"][0].take();
    let deliveryid = record["deliveryid"].as_i64().unwrap_or_default();
    let delivery = admin.get(&format!("/api/v2/deliveries/{deliveryid}"))?.success()?["deliveries"][0].take();
    let received_at = delivery["received_at"].as_f64().unwrap_or_default();
    let hookd_id = record["hookd_id"].as_str().unwrap_or_default().to_owned();
    // The API shows each with its source: `[value, "Change"]`.
    for property in record["properties"].as_object_mut().into_iter().flat_map(serde_json::Map::values_mut) {
        *property = property[0].take();
    }
    let change = serde_json::from_value::<Change>(fields_of_a_change(record)).map_err(|error| error.to_string())?;
    #[expect(clippy::cast_possible_truncation, reason = "microseconds since 1970 fit")]
    let received_at = Timestamp::from_micros((received_at * 1_000_000.0).round() as i64);
    let dialect = delivery["dialect"].as_str().unwrap_or_default().into();
    Ok(LoggedChange { changeid, deliveryid, received_at, dialect, hookd_id, change })
}

/// Only what a change has by itself: the record has more.
fn fields_of_a_change(mut record: Value) -> Value {
    if let (Some(fields), Ok(Value::Object(known))) = (record.as_object_mut(), serde_json::to_value(Change::default()))
    {
        fields.retain(|name, _| known.contains_key(name));
    }
    record
}
