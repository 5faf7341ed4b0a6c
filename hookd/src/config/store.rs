//! `[store]`: where deliveries and changes are kept, and for how long.

use std::path::Path;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Keep, StoreUrl};

/// The name of the section.
pub(super) const NAME: &str = "store";

/// Where deliveries and changes are kept, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Store {
    /// The database: `sqlite:PATH`, where a relative path starts in the folder of this file.
    pub url: StoreUrl,

    /// How long the requests of deliveries are kept, to be looked at, and to know one that is sent again.
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
    /// The same store, with a relative path started in `folder`.
    pub(super) fn in_folder(self, folder: &Path) -> Self {
        Self { url: self.url.in_folder(folder), ..self }
    }
}
