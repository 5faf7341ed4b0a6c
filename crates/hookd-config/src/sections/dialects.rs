//! `[change_hook_dialects]`: the whitelist of dialects.

use std::collections::BTreeMap;
use std::sync::Arc;

use hookd_core::{Dialect, options, registry};
use toml::de::{DeTable, DeValue};

use super::class_options::ClassOptions;
use super::dialect::{self, DialectDefaults, EveryDialect, ServedDialect};
use super::names;
use crate::reading::reader::{Reader, a_value, steps};
use crate::reading::report::Finding;

/// The documentation of the section.
pub(crate) const ABOUT: &str = "The whitelist of dialects: a dialect that is not named here is not served. `true` or a table \
    of options enables a dialect, `false` disables it. The key is the name in the URL, `/change_hook/NAME`.";

/// The dialects that are served, by the name in their URL.
pub type Dialects = BTreeMap<String, Arc<ServedDialect>>;

/// Reads the section.
pub(crate) fn read(reader: &mut Reader<'_>, defaults: &DialectDefaults<'_>) -> Dialects {
    reject_flaws(reader);
    let document = reader.document();
    let mut dialects = Dialects::new();
    let none = DeTable::new();
    let table = match document.value(names::DIALECTS) {
        None => &none,
        Some(DeValue::Table(table)) => table,
        Some(other) => {
            let message = format!("section `{}` is {}, expected a table", names::DIALECTS, a_value(other));
            reader.problem(document.at_key(&steps(&[names::DIALECTS]), message));
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
                reader.problem(document.at_value(&steps(&[names::DIALECTS, name]), message));
                continue;
            }
        };
        is_any_enabled = true;
        if let Some(dialect) = dialect::read(reader, name, options, defaults) {
            dialects.insert(name.to_owned(), Arc::new(dialect));
        }
    }
    if !is_any_enabled {
        let section = names::DIALECTS;
        let message = format!("no dialect is enabled, so every webhook is refused: name one in section `{section}`");
        reader.warning(document.at_key(&steps(&[names::DIALECTS]), message));
    }
    dialects
}

/// Rejects a build in which something is registered twice, or cannot work as it is registered, or a class whose options hide the
/// common ones.
fn reject_flaws(reader: &mut Reader<'_>) {
    let mut messages = registry::flaws();
    let every = options::names::<EveryDialect>();
    for class in registry::all::<Dialect>() {
        for option in ClassOptions::new(class).names().iter().filter(|option| every.contains(option)) {
            let class = class.name;
            messages.push(format!("dialect `{class}` of this build redefines the option `{option}` of every dialect"));
        }
    }
    for message in messages {
        reader.problem(Finding::in_file(reader.document().name(), message));
    }
}
