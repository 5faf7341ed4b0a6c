//! Files of certificates.

use std::fs;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// The certificates in a file, at least one.
///
/// # Errors
/// Why it cannot be used, without its name.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err("no certificate found, expected one or more in PEM".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("no valid PEM: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        assert!(certificates(&path).unwrap_err().starts_with("cannot be read: "));
        for (text, message) in [
            ("", "no certificate found, expected one or more in PEM"),
            ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "no valid PEM: "),
        ] {
            fs::write(&path, text).unwrap();
            let error = certificates(&path).unwrap_err();
            assert!(error.starts_with(message), "{error}");
        }
        let pem = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
        fs::write(&path, pem.repeat(2)).unwrap();
        assert_eq!(certificates(&path).unwrap().len(), 2);
    }
}
