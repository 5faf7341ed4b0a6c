//! What a client trusts, and its configuration.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::verifier::{Trusted, Verifier};

/// How the error begins of a server that would have to be verified by what the system trusts, where that is nothing.
pub const NO_AUTHORITIES: &str = "this system has no certificates of authorities";

/// Whose certificates a client trusts.
#[derive(Debug)]
pub enum Trust {
    /// Anyone's: whoever has the key of its certificate is whom the client talks to.
    Anyone,
    /// Those of these authorities and no others.
    Only(Vec<CertificateDer<'static>>),
    /// Those of the authorities that the system trusts.
    System {
        /// Further authorities.
        authorities: Vec<CertificateDer<'static>>,
        /// One certificate that is trusted whatever is in it.
        one: Option<CertificateDer<'static>>,
    },
}

impl Trust {
    /// What the system trusts and no more.
    pub fn system() -> Self {
        Self::System { authorities: Vec::new(), one: None }
    }

    /// The configuration of a client that trusts these, and has no certificate of its own.
    ///
    /// # Errors
    /// Why one of the certificates of [`Only`](Self::Only) cannot be an authority's.
    pub fn client_config(self) -> Result<ClientConfig, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
        let trusted = match self {
            Self::Only(authorities) => {
                let mut roots = RootCertStore::empty();
                authorities.into_iter().try_for_each(|certificate| roots.add(certificate))?;
                return Ok(builder.with_root_certificates(roots).with_no_client_auth());
            }
            Self::Anyone => Trusted::Anyone,
            Self::System { authorities, one } => Trusted::system_and(authorities, one),
        };
        let verifier = Arc::new(Verifier { trusted, provider });
        Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
    }
}
