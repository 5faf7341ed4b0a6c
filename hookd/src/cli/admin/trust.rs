//! Which certificates of a running hookd are trusted: that which `hookd.toml` names, whatever is in it, since whoever reads
//! that file is on hookd's machine and trusts it; those of authorities that the command line names; and those that the
//! system trusts.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

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
        let provider = Arc::new(ring::default_provider());
        let own = self.own.as_deref().and_then(|path| certificates(path).ok()?.into_iter().next());
        let authorities = self.authorities.as_deref().map_or_else(|| Ok(Vec::new()), certificates)?;
        let others = Verifier::new_with_extra_roots(authorities, Arc::clone(&provider));
        let verifier = OwnOrTrusted { own, others: others.map_err(|error| error.to_string()), provider };
        let builder = ClientConfig::builder_with_provider(Arc::clone(&verifier.provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
    }
}

/// The certificates in a file.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: &dyn fmt::Display| format!("`{}`: {error}", path.display());
    let bytes = std::fs::read(path).map_err(|error| wrong(&format_args!("cannot be read: {error}")))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err(wrong(&"no certificate found, expected one or more in PEM")),
        Ok(found) => Ok(found),
        Err(error) => Err(wrong(&error)),
    }
}

/// Verifies that a server has the one certificate, or one that is trusted for its name. That it has the key of its
/// certificate is verified in both cases.
#[derive(Debug)]
struct OwnOrTrusted {
    own: Option<CertificateDer<'static>>,
    /// The verifier of the system, or why there is none.
    others: Result<Verifier, String>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OwnOrTrusted {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.own.as_ref() == Some(end_entity) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.others {
            Ok(others) => others.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            Err(why) => Err(Error::General(why.clone())),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
