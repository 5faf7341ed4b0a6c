//! Which certificates of a running hookd are trusted: that which `hookd.toml` names, whatever is in it, since whoever reads
//! that file is on hookd's machine and trusts it; those of authorities that the command line names; and those that the
//! system trusts.

use std::path::PathBuf;

use rustls::ClientConfig;

/// What is trusted, besides what the system trusts.
#[derive(Debug, Default)]
pub(super) struct Trust {
    /// The file of hookd's own certificate.
    pub(super) own: Option<PathBuf>,
    /// The file of further authorities.
    pub(super) authorities: Option<PathBuf>,
}

impl Trust {
    /// The configuration of a client.
    ///
    /// # Errors
    /// Why a file cannot be used. That of hookd's own certificate need not be readable: others may be trusted as well.
    pub(super) fn client_config(&self) -> Result<ClientConfig, String> {
        let own = self.own.as_deref().and_then(|path| hookd_tls::certificates(path).ok()?.into_iter().next());
        let authorities = match &self.authorities {
            Some(path) => hookd_tls::certificates(path).map_err(|why| format!("`{}`: {why}", path.display()))?,
            None => Vec::new(),
        };
        let trust = hookd_tls::Trust::System { authorities, one: own };
        trust.client_config().map_err(|error| error.to_string())
    }
}
