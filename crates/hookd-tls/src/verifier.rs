//! The verifier of certificates.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier as SystemVerifier;

use crate::NO_AUTHORITIES;

/// Whose certificates are trusted without regard to their authorities, or by the system. What only some authorities have signed
/// is verified by rustls itself.
#[derive(Debug)]
pub(crate) enum Trusted {
    Anyone,
    System(Box<System>),
}

/// What the system trusts, and more.
#[derive(Debug)]
pub(crate) struct System {
    authorities: Vec<CertificateDer<'static>>,
    one: Option<CertificateDer<'static>>,
    /// Once it was needed. The error is why there is none.
    verifier: OnceLock<Result<SystemVerifier, String>>,
}

impl Trusted {
    pub(crate) fn system_and(authorities: Vec<CertificateDer<'static>>, one: Option<CertificateDer<'static>>) -> Self {
        Self::System(Box::new(System { authorities, one, verifier: OnceLock::new() }))
    }
}

#[derive(Debug)]
pub(crate) struct Verifier {
    pub(crate) trusted: Trusted,
    pub(crate) provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn of_system<'s>(&self, system: &'s System) -> Result<&'s SystemVerifier, Error> {
        let read = || {
            let authorities = system.authorities.iter().cloned();
            SystemVerifier::new_with_extra_roots(authorities, Arc::clone(&self.provider)).map_err(|error| match error {
                Error::General(why) => why,
                other => other.to_string(),
            })
        };
        system.verifier.get_or_init(read).as_ref().map_err(|why| {
            Error::General(format!("{NO_AUTHORITIES} ({why}): install them, such as the package `ca-certificates`"))
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trusted {
            Trusted::Anyone => Ok(ServerCertVerified::assertion()),
            Trusted::System(system) if system.one.as_ref() == Some(end_entity) => Ok(ServerCertVerified::assertion()),
            Trusted::System(system) => {
                self.of_system(system)?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
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
