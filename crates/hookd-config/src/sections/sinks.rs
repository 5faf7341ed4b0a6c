//! `[[sinks]]`: where changes are delivered to.

use std::path::Path;
use std::sync::Arc;

use hookd_core::{PathStep, Problem, options, registry};
use hookd_sinks::{EverySink, Sink, SinkContext, SinkSettings, SinkType};
use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

use super::class_options::ClassOptions;
use super::dialects::Dialects;
use super::names;
use crate::reading::document;
use crate::reading::reader::{Reader, a_value, steps, take_unknown};
use crate::reading::report::Finding;
use crate::reading::secrets::Secrets;
use crate::reading::suggestion::suggest;

/// The documentation of the section.
pub(crate) const ABOUT: &str = "Where changes are delivered to. Each `[[sinks]]` table is a sink: it reads the log of \
    changes with a cursor of its own, and no sink waits for another. Its `type` decides which options it takes beside \
    those of every sink.";

/// The sinks, in the order of the file.
pub type Sinks = Vec<Arc<SinkSettings>>;

/// Reads the sinks.
pub(crate) fn read(reader: &mut Reader<'_>, folder: &Path) -> Sinks {
    reject_duplicates(reader);
    let document = reader.document();
    let tables = match document.value(names::SINKS) {
        None => return Sinks::new(),
        Some(DeValue::Array(tables)) => tables,
        Some(other) => {
            let message = format!("section `{0}` is {1}, expected tables `[[{0}]]`", names::SINKS, a_value(other));
            reader.problem(document.at_key(&steps(&[names::SINKS]), message));
            return Sinks::new();
        }
    };
    let mut sinks = Sinks::new();
    for (index, table) in tables.iter().enumerate() {
        let place = [PathStep::Key(names::SINKS.to_owned()), PathStep::Index(index)];
        let DeValue::Table(table) = table.get_ref() else {
            let message = format!("a sink is {}, expected a table", a_value(table.get_ref()));
            reader.problem(document.at_value(&place, message));
            continue;
        };
        let Some(sink) = read_sink(reader, &place, table, folder) else { continue };
        if sinks.iter().any(|other| other.name == sink.name) {
            let message = format!("sink `{}`: there is another sink of this name", sink.name);
            let mut place = place.to_vec();
            place.push(PathStep::Key("name".to_owned()));
            reader.problem(document.at_value(&place, message));
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
    let (mut options, unsupported) = document::json_object(table);
    let name = options.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let context = if name.is_empty() { "sink".to_owned() } else { format!("sink `{name}`") };
    let mut problems = Vec::new();
    let sink_type = find_type(options.get("type"), &mut problems);
    let every = take_common(&mut options, &mut problems);
    let secrets = Secrets::new(folder);
    let sink = sink_type.and_then(|sink_type| {
        let context = SinkContext { name: &name, folder, secrets: &secrets };
        build(sink_type, options, &context, &mut problems).map(|sink| (sink_type, sink))
    });
    // Options that conflict are found only where each of them is valid by itself.
    let settings = match (sink, every) {
        (Some((sink_type, sink)), Some(every)) if problems.is_empty() => {
            SinkSettings::new(sink_type.name, sink, every).map_err(|wrong| problems.extend(wrong)).ok()
        }
        _ => None,
    };
    let is_valid = problems.is_empty() && unsupported.is_empty();
    let known = sink_type.map(|sink_type| ClassOptions::from_schema(sink_type.schema));
    let may_hold_secret =
        |option: &str| names::may_hold_secret(option) || known.as_ref().is_some_and(|known| known.is_secret(option));
    reader.report(&context, place, &may_hold_secret, unsupported, problems);
    let settings = settings.filter(|_| is_valid)?;
    for warning in settings.sink.warnings().into_iter().chain(secrets.into_warnings()) {
        reader.warning(reader.document().at_value(place, format!("{context}: {warning}")));
    }
    Some(settings)
}

/// Warns of filters that no change passes.
pub(crate) fn check(reader: &mut Reader<'_>, sinks: &Sinks, dialects: &Dialects) {
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
        if !wanted.is_empty() && wanted.iter().all(|wanted| !dialects.contains_key(*wanted)) {
            let served: Vec<String> = dialects.keys().map(|name| format!("`{name}`")).collect();
            let served = if served.is_empty() { "none".to_owned() } else { served.join(", ") };
            warn("dialect", format!("no such dialect is served, only {served}"));
        }
        if let Some(field) = filter.contradiction() {
            warn(field, format!("the other conditions on `{field}` exclude each of these"));
        }
    }
}

/// The type of a sink.
fn find_type(wanted: Option<&Value>, problems: &mut Vec<Problem>) -> Option<&'static SinkType> {
    let Some(wanted) = wanted else {
        problems.push(without_path(format!("option `type` is missing, expected one of {}", known_types())));
        return None;
    };
    // Any other kind of value is reported with the common options.
    let wanted = wanted.as_str()?;
    match registry::find::<SinkType>(wanted) {
        Ok(sink_type) => Some(sink_type),
        Err(message) => {
            let message = message + &suggest(wanted, registry::all::<SinkType>().iter().map(|known| known.name));
            problems.push(Problem::with("type", message));
            None
        }
    }
}

fn known_types() -> String {
    let names = registry::all::<SinkType>().into_iter().map(|known| format!("`{}`", known.name));
    names.collect::<Vec<_>>().join(", ")
}

/// Removes the common options from a table, so that those of the type remain; `None` if they have problems.
fn take_common(options: &mut Map<String, Value>, problems: &mut Vec<Problem>) -> Option<EverySink> {
    let own = options::names::<EverySink>().iter().filter_map(|name| options.remove_entry(name)).collect();
    options::read(own).map_err(|wrong| problems.extend(wrong)).ok()
}

/// Builds the sink of a type from the remaining options.
fn build(
    sink_type: &SinkType,
    mut options: Map<String, Value>,
    context: &SinkContext<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Box<dyn Sink>> {
    let known = ClassOptions::from_schema(sink_type.schema);
    if known.is_closed() {
        let mut names = known.names();
        names.extend(options::names::<EverySink>());
        names.sort();
        problems.extend(take_unknown(&mut options, &names));
    }
    let wrong = match (sink_type.build)(options, context) {
        Ok(sink) => return Some(sink),
        Err(wrong) => wrong,
    };
    problems.extend(wrong);
    None
}

/// Rejects a build with two types of sinks of one name, or a type whose options hide the common ones.
fn reject_duplicates(reader: &mut Reader<'_>) {
    let mut messages = Vec::new();
    for name in registry::duplicates::<SinkType>() {
        messages.push(format!("this build has more than one sink type `{name}`"));
    }
    let every = options::names::<EverySink>();
    for sink_type in registry::all::<SinkType>() {
        let own = ClassOptions::from_schema(sink_type.schema).names();
        for option in own.iter().filter(|option| every.contains(option)) {
            let name = sink_type.name;
            messages.push(format!("sink type `{name}` of this build redefines the option `{option}` of every sink"));
        }
    }
    for message in messages {
        reader.problem(Finding::in_file(reader.document().name(), message));
    }
}

fn without_path(message: String) -> Problem {
    Problem { path: Vec::new(), message }
}
