//! `tls = { certificate = "PATH", key = "PATH" }`: the certificate of a listener.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hookd_core::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names;
use crate::access::Certificate;

/// The certificate of a listener. Both files are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table `{ certificate = \"PATH\", key = \"PATH\" }`")]
pub struct Tls {
    /// The file with the certificate, followed by its intermediate certificates, in PEM.
    pub certificate: PathBuf,
    /// The file with the private key, in PEM.
    pub key: PathBuf,
}

impl Tls {
    /// Reads the files; relative paths start in `folder`.
    pub(crate) fn open(&self, folder: &Path) -> Result<Arc<Certificate>, Problem> {
        Certificate::open(folder.join(&self.certificate), folder.join(&self.key))
            .map(Arc::new)
            .map_err(|message| Problem::with(names::TLS, message))
    }
}
