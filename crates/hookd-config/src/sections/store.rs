//! `[store]`: where deliveries and changes are kept, and for how long.

use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::restart::changed;
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
