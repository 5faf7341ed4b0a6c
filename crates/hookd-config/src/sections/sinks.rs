//! `[[sinks]]`: where changes are delivered to.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use hookd_core::PathStep;
use hookd_core::registry::Named as _;
use hookd_pollers::PollerSet;
use hookd_sinks::{EverySink, SinkContext, SinkSettings, SinkType};
use schemars::{Schema, SchemaGenerator};
use toml::de::DeTable;

use super::dialects::Dialects;
use super::names;
use super::typed_table::{self, TableType, TypedTable};
use crate::reading::guarded::guarded;
use crate::reading::reader::{Reader, steps};
use crate::reading::secrets::Secrets;

/// The documentation of the section.
pub(crate) const ABOUT: &str = "Where changes are delivered to. Each `[[sinks]]` table is a sink: it reads the log of \
    changes with a cursor of its own, and no sink waits for another. Its `type` decides which options it takes beside \
    those of every sink.";

/// The sinks, in the order of the file.
pub type Sinks = Vec<Arc<SinkSettings>>;

impl TableType for SinkType {
    type Every = EverySink;

    const SECTION: &'static str = names::SINKS;
    const NOUN: &'static str = "sink";
    const REQUIRED: &'static [&'static str] = &["name", "type"];

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn schema(&self) -> fn(&mut SchemaGenerator) -> Schema {
        self.schema
    }
}

/// Reads the sinks.
pub(crate) fn read(reader: &mut Reader<'_>, folder: &Path) -> Sinks {
    let mut sinks = Sinks::new();
    for (place, table) in typed_table::tables::<SinkType>(reader) {
        let Some(sink) = read_sink(reader, &place, table, folder) else { continue };
        if sinks.iter().any(|other| other.name == sink.name) {
            let message = format!("sink `{}`: there is another sink of this name", sink.name);
            let place = [place, steps(&["name"])].concat();
            reader.problem(reader.document().at_value(&place, message));
            continue;
        }
        sinks.push(sink);
    }
    sinks
}

/// Reads one sink; `None` if it has problems.
fn read_sink(
    reader: &mut Reader<'_>,
    place: &[PathStep],
    table: &DeTable<'_>,
    folder: &Path,
) -> Option<Arc<SinkSettings>> {
    let mut table = TypedTable::<SinkType>::new(table);
    let name = table.name.clone().unwrap_or_default();
    let context = if name.is_empty() { "sink".to_owned() } else { format!("sink `{name}`") };
    let secrets = Secrets::new(folder);
    let sink = table.table_type.and_then(|sink_type| {
        let context = SinkContext { name: &name, folder, secrets: &secrets };
        let options = std::mem::take(&mut table.options);
        let built = guarded(SinkType::KIND, sink_type.name, || (sink_type.build)(options, &context));
        built.map(|sink| (sink_type, sink)).map_err(|wrong| table.problems.extend(wrong)).ok()
    });
    // Options that conflict are found only where each of them is valid by itself.
    let settings = match (sink, table.every.take()) {
        (Some((sink_type, sink)), Some(every)) if table.problems.is_empty() => {
            SinkSettings::new(sink_type.name, sink, every).map_err(|wrong| table.problems.extend(wrong)).ok()
        }
        _ => None,
    };
    let is_valid = table.report(reader, &context, place);
    let settings = settings.filter(|_| is_valid)?;
    for warning in settings.sink.warnings().into_iter().chain(secrets.into_warnings()) {
        reader.warning(reader.document().at_value(place, format!("{context}: {warning}")));
    }
    Some(settings)
}

/// Warns of filters that no change passes.
pub(crate) fn check(reader: &mut Reader<'_>, sinks: &Sinks, dialects: &Dialects, pollers: &PollerSet) {
    // What deliveries name as their dialect: for those of polls it is the type of the poller.
    let types = pollers.0.iter().map(|poller| poller.poller_type);
    let served: BTreeSet<&str> = dialects.keys().map(String::as_str).chain(types).collect();
    // The sinks are those of the file, one for one: with fewer there are problems, and warnings do not matter.
    for (index, sink) in sinks.iter().enumerate() {
        let filter = &sink.filter;
        let place = |option: &str| {
            let mut place = vec![PathStep::Key(names::SINKS.to_owned()), PathStep::Index(index)];
            place.extend(steps(&["filter", option]));
            place
        };
        let mut warn = |option: &str, why: String| {
            let message = format!("sink `{}`: `filter.{option}`: {why}, so that no change passes", sink.name);
            reader.warning(reader.document().at_value(&place(option), message));
        };
        let wanted = filter.dialects();
        if !wanted.is_empty() && wanted.iter().all(|wanted| !served.contains(*wanted)) {
            let served: Vec<String> = served.iter().map(|name| format!("`{name}`")).collect();
            let served = if served.is_empty() { "none".to_owned() } else { served.join(", ") };
            warn("dialect", format!("no such dialect is served, only {served}"));
        }
        if let Some(field) = filter.contradiction() {
            warn(field, format!("the other conditions on `{field}` exclude each of these"));
        }
    }
}
