//! `[store]`: where deliveries and changes are kept, and for how long.

use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names;
use super::restart::changed;
use crate::reading::reader::{Reader, steps};
use crate::values::keep::Keep;
use crate::values::store_url::StoreUrl;

/// Where deliveries and changes are kept, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Store {
    /// The database: `sqlite:PATH`. A relative path starts in the folder of this file.
    pub url: StoreUrl,

    /// How long the requests of deliveries are kept. As long as a request is kept, it can be inspected, and a redelivery
    /// of it is recognised.
    pub keep_payloads: Keep,

    /// How long changes and the records of deliveries are kept.
    pub keep_changes: Keep,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: StoreUrl::Sqlite("hookd.db".into()),
            keep_payloads: Keep::For(Duration::from_secs(14 * 24 * 60 * 60)),
            keep_changes: Keep::Forever,
        }
    }
}

/// Warns of what is valid and cannot work as it is meant.
pub(crate) fn check(reader: &mut Reader<'_>, store: &Store) {
    let Keep::For(changes) = store.keep_changes else { return };
    let is_longer = match store.keep_payloads {
        Keep::Forever => true,
        Keep::For(payloads) => payloads > changes,
    };
    let path = steps(&[names::STORE, "keep_payloads"]);
    if is_longer && reader.document().has(&path) {
        let message = format!(
            "section `store`: `keep_payloads` is longer than `keep_changes`, after which a delivery is deleted with its \
             request: {} counts for both",
            store.keep_changes
        );
        reader.warning(reader.document().at_value(&path, message));
    }
}

impl Store {
    /// The same section, with a relative path resolved in `folder`.
    pub(crate) fn in_folder(self, folder: &Path) -> Self {
        Self { url: self.url.in_folder(folder), ..self }
    }

    /// The options that differ in `new` and take effect after a restart only.
    pub(crate) fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let Self { url, keep_payloads: _, keep_changes: _ } = self;
        changed([("store.url", *url != new.url)])
    }
}
