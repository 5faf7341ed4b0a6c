//! TLS to the servers: whom they are trusted by, and what hookd shows of itself.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use hookd_core::Problem;
use hookd_sinks::SinkContext;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// The configuration for these files.
///
/// # Errors
/// Files that cannot be read, or are not what they should be, each with its option.
pub(crate) fn config(
    ca: Option<&Path>,
    client_certificate: Option<&Path>,
    context: &SinkContext<'_>,
) -> Result<ClientConfig, Vec<Problem>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let of_all = |error: rustls::Error| vec![Problem::of_all(format!("TLS cannot be set up: {error}"))];
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(of_all)?;
    let roots = ca.map(|path| roots(path, context)).transpose();
    let identity = client_certificate.map(|path| identity(path, context)).transpose();
    let (roots, identity) = match (roots, identity) {
        (Ok(roots), Ok(identity)) => (roots, identity),
        (roots, identity) => return Err(roots.err().into_iter().chain(identity.err()).collect()),
    };
    let builder = match roots {
        Some(roots) => builder.with_root_certificates(roots),
        None => builder.with_platform_verifier().map_err(of_all)?,
    };
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
            vec![Problem::with("client_certificate", format!("certificate and key do not go together: {error}"))]
        }),
    }
}

fn roots(path: &Path, context: &SinkContext<'_>) -> Result<RootCertStore, Problem> {
    let mut roots = RootCertStore::empty();
    let certificates = certificates(&read("ca", path, context)?);
    let added = certificates.map(|list| roots.add_parsable_certificates(list).0);
    match added {
        Some(1..) => Ok(roots),
        _ => Err(Problem::with("ca", format!("`{}` must have at least one certificate, in PEM", path.display()))),
    }
}

fn identity(
    path: &Path,
    context: &SinkContext<'_>,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Problem> {
    let pem = read("client_certificate", path, context)?;
    match (certificates(&pem), PrivateKeyDer::from_pem_slice(&pem)) {
        (Some(chain), Ok(key)) if !chain.is_empty() => Ok((chain, key)),
        _ => {
            let message = format!("`{}` must have a certificate and its key, in PEM", path.display());
            Err(Problem::with("client_certificate", message))
        }
    }
}

fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()
}

fn read(option: &str, path: &Path, context: &SinkContext<'_>) -> Result<Vec<u8>, Problem> {
    let path = context.path(path);
    fs::read(&path).map_err(|error| Problem::with(option, format!("cannot read `{}`: {error}", path.display())))
}
