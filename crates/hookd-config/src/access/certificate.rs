//! The certificate and key of a listener, read again when their files change.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::stamp::Stamp;
use super::validity::Validity;
use crate::io_error::{reason, shown};

/// How often the files are checked for changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// A certificate and its key. Files that change are read again; if they are invalid then, an error is logged and the
/// previous certificate stays in use.
pub struct Certificate {
    certificate: PathBuf,
    key: PathBuf,
    loaded: Mutex<Loaded>,
}

struct Loaded {
    certified: Arc<CertifiedKey>,
    /// What was read; `None` while the files are invalid.
    stamps: Option<[Stamp; 2]>,
    problem: Option<String>,
    checked_at: Instant,
}

impl Certificate {
    /// Reads a chain of certificates and a key, both in PEM.
    ///
    /// # Errors
    /// Which file is invalid, and why.
    pub fn open(certificate: PathBuf, key: PathBuf) -> Result<Self, String> {
        // Before reading: a change in between is then seen by the next check.
        let stamps = stamps(&certificate, &key);
        let certified = Arc::new(load(&certificate, &key)?);
        let loaded = Loaded { certified, stamps, problem: None, checked_at: Instant::now() };
        Ok(Self { certificate, key, loaded: Mutex::new(loaded) })
    }

    /// The configuration of a listener with this certificate.
    ///
    /// # Errors
    /// When TLS cannot be set up at all.
    pub fn server_config(self: Arc<Self>) -> Result<ServerConfig, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        Ok(builder.with_safe_default_protocol_versions()?.with_no_client_auth().with_cert_resolver(self))
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.look().certified)
    }

    /// From when to when the certificate is valid that is in use now; `None` if it does not say.
    pub fn validity(&self) -> Option<Validity> {
        self.look().certified.end_entity_cert().ok().and_then(Validity::of)
    }

    /// The file of the certificate.
    pub fn path(&self) -> &Path {
        &self.certificate
    }

    /// What is loaded, after a look at the files if one is due.
    fn look(&self) -> MutexGuard<'_, Loaded> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.checked_at.elapsed() >= CHECK_INTERVAL {
            loaded.checked_at = Instant::now();
            let stamps = stamps(&self.certificate, &self.key);
            let is_current = match (&loaded.stamps, &stamps) {
                (Some(read), Some(now)) => read.iter().zip(now).all(|(read, now)| !read.may_differ(now)),
                _ => false,
            };
            if !is_current {
                self.reload(&mut loaded, stamps);
            }
        }
        loaded
    }
}

impl Certificate {
    /// Reads the files again, and looks again and again until they are valid.
    fn reload(&self, loaded: &mut Loaded, stamps: Option<[Stamp; 2]>) {
        match load(&self.certificate, &self.key) {
            Ok(certified) => {
                let is_new = certified.cert != loaded.certified.cert;
                if loaded.problem.take().is_some() || is_new {
                    tracing::info!(certificate = %self.certificate.display(), "certificate reloaded");
                }
                loaded.certified = Arc::new(certified);
                loaded.stamps = stamps;
            }
            Err(problem) => {
                if loaded.problem.as_ref() != Some(&problem) {
                    tracing::error!("certificate rejected, keeping the previous one: {problem}");
                }
                loaded.problem = Some(problem);
                loaded.stamps = None;
            }
        }
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}

fn stamps(certificate: &Path, key: &Path) -> Option<[Stamp; 2]> {
    Some([Stamp::of(certificate).ok()?, Stamp::of(key).ok()?])
}

fn load(certificate: &Path, key: &Path) -> Result<CertifiedKey, String> {
    let wrong = |path: &Path, error: &dyn fmt::Display| format!("{}: {error}", shown(path));
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| format!("{} cannot be read: {}", shown(path), reason(&error)))
    };
    let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(certificate, &error))?;
    if chain.is_empty() {
        return Err(wrong(certificate, &"no certificate found"));
    }
    let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| wrong(key, &error))?;
    CertifiedKey::from_der(chain, private, &ring::default_provider())
        .map_err(|error| format!("{} and {} do not belong together: {error}", shown(certificate), shown(key)))
}
