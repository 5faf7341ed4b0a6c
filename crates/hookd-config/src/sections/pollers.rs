//! `[[pollers]]`: repositories that are polled.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hookd_core::registry::Named as _;
use hookd_core::{PathStep, Problem};
use hookd_pollers::{EveryPoller, PollerContext, PollerSet, PollerSettings, PollerType, without_credentials};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use toml::de::DeTable;

use super::names;
use super::store::Store;
use super::typed_table::{self, TableType, TypedTable};
use crate::reading::guarded::guarded;
use crate::reading::reader::{Reader, steps};
use crate::reading::secrets::Secrets;
use crate::values::store_url::StoreUrl;

/// The documentation of the section.
pub(crate) const ABOUT: &str = "Repositories that are polled for changes, for those that send no webhooks. Each `[[pollers]]` \
    table is a poller, with positions of its own in the store. Its `type` decides which options it takes beside those of \
    every poller.";

/// How much of the name of a poller is in that of its folder, for people.
const MAX_READABLE_BYTES: usize = 40;

impl TableType for PollerType {
    type Every = EveryPoller;

    const SECTION: &'static str = names::POLLERS;
    const NOUN: &'static str = "poller";
    const REQUIRED: &'static [&'static str] = &["type"];

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn schema(&self) -> fn(&mut SchemaGenerator) -> Schema {
        self.schema
    }
}

/// A poller that was read before, with what another one must not have as well.
struct Known {
    place: Vec<PathStep>,
    name: String,
    /// What it polls, and what its changes get: whoever has the same reports each change twice.
    subject: Subject,
    folder: PathBuf,
}

#[derive(PartialEq)]
struct Subject {
    poller_type: &'static str,
    options: Map<String, Value>,
    category: Option<String>,
    project: String,
    codebase: String,
}

/// Reads the pollers.
pub(crate) fn read(reader: &mut Reader<'_>, config_folder: &Path, store: &Store) -> PollerSet {
    let base = base_folder(store, config_folder);
    let mut pollers = Vec::new();
    let mut known: Vec<Known> = Vec::new();
    for (place, table) in typed_table::tables::<PollerType>(reader) {
        let Some((poller, this)) = read_poller(reader, place, table, config_folder, &base) else { continue };
        if let Some(problem) = known.iter().find_map(|other| conflict(reader, &this, other)) {
            let place = [this.place, problem.path].concat();
            let message = format!("poller `{}`: {}", this.name, problem.message);
            reader.problem(reader.document().at_value(&place, message));
            continue;
        }
        known.push(this);
        pollers.push(poller);
    }
    PollerSet(pollers)
}

/// Why two pollers cannot both be there.
fn conflict(reader: &Reader<'_>, this: &Known, other: &Known) -> Option<Problem> {
    let at = reader.document().at_value(&other.place, "").place();
    if this.name == other.name {
        let message = format!("there is another poller of this name, at {at}: give one of them another `name`");
        return Some(Problem { path: steps(&["name"]), message });
    }
    if this.folder == other.folder {
        let message = format!("`workdir`: poller `{}` has the same folder, at {at}", other.name);
        return Some(Problem { path: steps(&["workdir"]), message });
    }
    let is_same = this.subject == other.subject;
    is_same.then(|| Problem {
        path: Vec::new(),
        message: format!(
            "it polls the same as poller `{}`, at {at}, so that each change would be reported twice",
            other.name
        ),
    })
}

/// Reads one poller; `None` if it has problems.
fn read_poller(
    reader: &mut Reader<'_>,
    place: Vec<PathStep>,
    table: &DeTable<'_>,
    config_folder: &Path,
    base: &Path,
) -> Option<(Arc<PollerSettings>, Known)> {
    let mut table = TypedTable::<PollerType>::new(table);
    let default_name = table.table_type.and_then(|poller_type| (poller_type.default_name)(&table.options));
    let name = table.name.clone().or_else(|| default_name.as_deref().map(without_credentials));
    // Whatever is given as its name.
    let shown = name.as_deref().map(without_credentials);
    let context = shown.map_or_else(|| "poller".to_owned(), |shown| format!("poller `{shown}`"));
    let secrets = Secrets::new(config_folder);
    let name = name.unwrap_or_default();
    let workdir = table.every.as_ref().and_then(|every| every.workdir.as_ref());
    let folder = workdir.map_or_else(|| base.join(folder_name(&name)), |workdir| config_folder.join(workdir));
    let options = table.options.clone();
    let poller = table.table_type.and_then(|poller_type| {
        let context = PollerContext { name: &name, folder: &folder, config_folder, secrets: &secrets };
        let options = std::mem::take(&mut table.options);
        let built = guarded(PollerType::KIND, poller_type.name, || (poller_type.build)(options, &context));
        built.map(|poller| (poller_type, poller)).map_err(|wrong| table.problems.extend(wrong)).ok()
    });
    // Options that conflict are found only where each of them is valid by itself.
    let settings = match (poller, table.every.take()) {
        (Some((poller_type, poller)), Some(every)) if table.problems.is_empty() => {
            let subject = Subject {
                poller_type: poller_type.name,
                options,
                category: every.category.clone(),
                project: every.project.clone(),
                codebase: every.codebase.clone(),
            };
            let fingerprint = fingerprint(&subject.options, &every, &folder, &secrets);
            PollerSettings::new(poller_type.name, name.clone(), poller, every)
                .map(|settings| (Arc::new(settings.with_fingerprint(fingerprint)), subject))
                .map_err(|wrong| table.problems.extend(wrong))
                .ok()
        }
        _ => None,
    };
    let is_valid = table.report(reader, &context, &place);
    let (settings, subject) = settings.filter(|_| is_valid)?;
    for warning in settings.poller.warnings().into_iter().chain(secrets.into_warnings()) {
        reader.warning(reader.document().at_value(&place, format!("{context}: {warning}")));
    }
    Some((settings, Known { place, name, subject, folder }))
}

/// What a poller is made of: with the same, one that is at work need not be stopped by a reload.
fn fingerprint(options: &Map<String, Value>, every: &EveryPoller, folder: &Path, secrets: &Secrets<'_>) -> [u8; 32] {
    let mut digest = Sha256::new();
    // Maps of JSON are sorted, and so is what `Debug` shows of a struct.
    digest.update(format!("{options:?}\n{every:?}\n{folder:?}\n"));
    digest.update(secrets.digest());
    digest.finalize().into()
}

/// Where pollers have their folders: beside the store, or beside the configuration if the store is no file.
fn base_folder(store: &Store, config_folder: &Path) -> PathBuf {
    let StoreUrl::Sqlite(path) = &store.url else { return config_folder.join("hookd.pollers") };
    let mut base = OsString::from(path);
    base.push(".pollers");
    PathBuf::from(base)
}

/// The name of the folder of a poller: one that people recognise, and unique.
fn folder_name(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_');
    let mut readable: String = name.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    if let Some((_, rest)) = readable.split_once("---") {
        // What follows a scheme.
        readable = rest.to_owned();
    }
    readable.truncate(MAX_READABLE_BYTES);
    let hash = Sha256::digest(name);
    let hash: String = hash[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{hash}", readable.trim_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_folder_is_readable_and_safe() {
        let readable =
            |name: &str| folder_name(name).rsplit_once('-').map(|(readable, _)| readable.to_owned()).unwrap();
        assert_eq!(readable("https://svn.example.org/repo"), "svn.example.org-repo");
        assert_eq!(readable("git@example.org:acme/app.git"), "git-example.org-acme-app.git");
        assert_eq!(readable("../../etc/passwd\0\u{e9}"), "etc-passwd");
        assert_eq!(readable(".."), "");
        assert!(folder_name(&"long".repeat(99)).len() < 60);
        assert_ne!(folder_name("a b"), folder_name("a-b"));
    }
}
