//! TLS to the servers: whom they are trusted by, and what hookd shows of itself.
//!
//! The files are checked with the configuration, and read at each connection. The certificates of the system are read where TLS
//! is used without `ca`, so that a machine without any will do otherwise.

use std::fs;
use std::path::{Path, PathBuf};

use async_nats::ConnectOptions;
use hookd_core::Problem;
use hookd_sinks::SinkContext;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// The files about it.
pub(crate) struct Files {
    ca: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
}

impl Files {
    /// These files, after a look at what is in them.
    ///
    /// # Errors
    /// Files that cannot be read, or are not what they should be, each with its option.
    pub(crate) fn new(
        ca: Option<&Path>,
        client_certificate: Option<&Path>,
        context: &SinkContext<'_>,
    ) -> Result<Self, Vec<Problem>> {
        // The client takes the provider of the process. A second installation changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let roots = ca.map(|path| roots(path, context)).transpose();
        let identity = client_certificate.map(|path| identity(path, context)).transpose();
        let (roots, identity) = match (roots, identity) {
            (Ok(roots), Ok(identity)) => (roots, identity),
            (roots, identity) => return Err(roots.err().into_iter().chain(identity.err()).collect()),
        };
        if let Some((chain, key)) = identity {
            let builder = ClientConfig::builder().with_root_certificates(roots.unwrap_or_else(RootCertStore::empty));
            builder.with_client_auth_cert(chain, key).map_err(|error| {
                vec![Problem::with("client_certificate", format!("certificate and key do not go together: {error}"))]
            })?;
        }
        let path = |path: Option<&Path>| path.map(|path| context.path(path));
        Ok(Self { ca: path(ca), client_certificate: path(client_certificate) })
    }

    /// Whether there is one, so that TLS is wanted.
    pub(crate) fn is_some(&self) -> bool {
        self.ca.is_some() || self.client_certificate.is_some()
    }

    /// Whether the authorities of the system are not used.
    pub(crate) fn has_ca(&self) -> bool {
        self.ca.is_some()
    }

    /// Adds them to the options of a connection.
    pub(crate) fn add_to(&self, mut options: ConnectOptions) -> ConnectOptions {
        if let Some(path) = &self.ca {
            options = options.add_root_certificates(path.clone());
        }
        if let Some(path) = &self.client_certificate {
            options = options.add_client_certificate(path.clone(), path.clone());
        }
        options
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
