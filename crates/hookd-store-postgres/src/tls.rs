//! TLS to the database.

use hookd_tls::Trust;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::{OpenError, Options, Protection};

/// What makes connections. It is also given where the connection is not protected, and then not used.
pub(crate) fn connector(options: &Options) -> Result<MakeRustlsConnect, OpenError> {
    let trust = match (options.protection, &options.root_certificates) {
        (Protection::Verified, Some(path)) => {
            let wrong = |why| OpenError::Certificates { path: path.clone(), why };
            let trust = Trust::Only(hookd_tls::certificates(path).map_err(wrong)?);
            return trust.client_config().map(MakeRustlsConnect::new).map_err(|error| wrong(error.to_string()));
        }
        (Protection::Verified, None) => Trust::system(),
        (Protection::Plain | Protection::Encrypted, _) => Trust::Anyone,
    };
    trust.client_config().map(MakeRustlsConnect::new).map_err(OpenError::Tls)
}
