//! `[change_hook_dialects]`: the whitelist of what is served under `/change_hook/`.

use std::collections::BTreeMap;
use std::sync::Arc;

use hookd_core::{CodebaseFunction, Dialect, options, registry};
use toml::de::{DeTable, DeValue};

use super::dialect::{self, Around, EveryDialect, ServedDialect};
use super::reader::{Reader, a_value, steps};
use super::report::Finding;
use super::schema::ClassOptions;

/// The name of the section.
pub(crate) const NAME: &str = "change_hook_dialects";

/// What the section is for.
pub(crate) const ABOUT: &str = "The whitelist of dialects: one that is not named here does not exist. `true` or a table \
    of options enables a dialect, `false` disables it. The key is the name in the URL, `/change_hook/NAME`.";

/// The dialects that are served, by the name in their URL.
pub type Dialects = BTreeMap<String, Arc<ServedDialect>>;

/// Reads the section.
pub(super) fn read(reader: &mut Reader<'_>, around: &Around<'_>) -> Dialects {
    refuse_duplicates(reader);
    let document = reader.document();
    let mut dialects = Dialects::new();
    let none = DeTable::new();
    let table = match document.value(NAME) {
        None => &none,
        Some(DeValue::Table(table)) => table,
        Some(other) => {
            let message = format!("section `{NAME}` is {}, expected a table", a_value(other));
            reader.problem(document.at_key(&steps(&[NAME]), message));
            return dialects;
        }
    };
    let mut is_any_enabled = false;
    for (name, value) in table {
        let name = name.get_ref().as_ref();
        let options = match value.get_ref() {
            DeValue::Boolean(false) => continue,
            DeValue::Boolean(true) => &none,
            DeValue::Table(table) => table,
            other => {
                let kind = a_value(other);
                let message = format!(
                    "dialect `{name}` is {kind}, expected `true` or a table of options to enable it, `false` to disable it"
                );
                reader.problem(document.at_value(&steps(&[NAME, name]), message));
                continue;
            }
        };
        is_any_enabled = true;
        if let Some(dialect) = dialect::read(reader, name, options, around) {
            dialects.insert(name.to_owned(), Arc::new(dialect));
        }
    }
    if !is_any_enabled {
        let message = format!("no dialect is enabled, so every webhook will be refused: name one in section `{NAME}`");
        reader.warning(document.at_key(&steps(&[NAME]), message));
    }
    dialects
}

/// Refuses a build that has two of a name, which no configuration could tell apart, or whose options hide each other.
fn refuse_duplicates(reader: &mut Reader<'_>) {
    let mut messages = Vec::new();
    for name in registry::duplicates::<Dialect>() {
        messages.push(format!("this build has more than one dialect `{name}`"));
    }
    for name in registry::duplicates::<CodebaseFunction>() {
        messages.push(format!("this build has more than one codebase function `{name}`"));
    }
    let every = options::names::<EveryDialect>();
    for class in registry::all::<Dialect>() {
        for option in ClassOptions::of(class).names().iter().filter(|option| every.contains(option)) {
            let class = class.name;
            messages.push(format!("dialect `{class}` of this build has an option `{option}`, which every dialect has"));
        }
    }
    for message in messages {
        reader.problem(Finding::of_file(reader.document().name(), message));
    }
}
