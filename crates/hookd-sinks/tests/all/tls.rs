//! TLS: private authorities, client certificates, and what is wrong in plain words.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use hookd_sinks::{Attempt, Verdict};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::{Value, json};

use crate::peer::{Peer, answer};
use crate::sinks::{LATER, build_in, change, expect, try_build_in};

struct Authority(CertifiedIssuer<'static, KeyPair>);

struct Issued {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn issue(&self, name: &str, has_expired: bool) -> Issued {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        if has_expired {
            params.not_before = date_time_ymd(2000, 1, 1);
            params.not_after = date_time_ymd(2001, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
        let der = PrivatePkcs8KeyDer::from(key.serialize_der());
        Issued { certificate: certificate.der().clone(), key: der.into(), pem }
    }

    /// Writes its certificate for the clients that trust it.
    fn write(&self, folder: &Path) {
        fs::write(folder.join("ca.pem"), self.0.pem()).unwrap();
    }
}

fn server(issued: Issued, clients_of: Option<&Authority>) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let builder = match clients_of {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.0.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder.with_single_cert(vec![issued.certificate], issued.key).unwrap()
}

/// One attempt at a server with this configuration, by a sink with these options besides.
async fn attempt(folder: &Path, config: ServerConfig, more: Value) -> (Attempt, Peer) {
    let peer = Peer::start_tls(config, |_| answer("200 OK", ""));
    let mut options = json!({"url": format!("https://localhost:{}/", peer.port()), "proxy": false});
    options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let attempt = build_in(folder, "webhook", options).deliver(&change()).await;
    (attempt, peer)
}

#[tokio::test]
async fn trusts_the_authority_of_its_options() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    authority.write(folder.path());
    let config = server(authority.issue("localhost", false), None);
    let (attempt, _) = attempt(folder.path(), config, json!({"ca": "ca.pem"})).await;
    expect(&attempt, Verdict::Delivered, false, "200 OK");
}

#[tokio::test]
async fn says_what_is_wrong_with_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (authority, stranger) = (Authority::new("ours"), Authority::new("theirs"));
    authority.write(folder.path());
    let renewed = Authority::new("ours");
    let cases = [
        (
            renewed.issue("localhost", false),
            "was signed with another key than that of the authority: is `ca` out of date?",
        ),
        (authority.issue("localhost", true), "has expired: it must be renewed there"),
        (authority.issue("example.org", false), "is for another name: use a name in `url` that the certificate has"),
        (stranger.issue("localhost", false), "is not trusted: name the authority's certificate in `ca`"),
    ];
    for (issued, words) in cases {
        let (attempt, peer) = attempt(folder.path(), server(issued, None), json!({"ca": "ca.pem"})).await;
        expect(&attempt, LATER, false, words);
        assert!(peer.requests().is_empty());
    }
}

#[tokio::test]
async fn an_authority_of_nobody_is_not_trusted_by_default() {
    let folder = tempfile::tempdir().unwrap();
    let config = server(Authority::new("ours").issue("localhost", false), None);
    let (attempt, _) = attempt(folder.path(), config, json!({})).await;
    expect(&attempt, LATER, false, "name the authority's certificate in `ca`");
}

#[tokio::test]
async fn shows_its_certificate_to_servers_that_ask() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("ours");
    authority.write(folder.path());
    fs::write(folder.path().join("client.pem"), authority.issue("hookd", false).pem).unwrap();
    let config = || server(authority.issue("localhost", false), Some(&authority));

    let with = json!({"ca": "ca.pem", "client_certificate": "client.pem"});
    let (attempted, _) = attempt(folder.path(), config(), with).await;
    expect(&attempted, Verdict::Delivered, false, "200 OK");

    let (attempted, peer) = attempt(folder.path(), config(), json!({"ca": "ca.pem"})).await;
    expect(&attempted, LATER, false, "wants another certificate of its clients (CertificateRequired)");
    assert!(peer.requests().is_empty());
}

#[tokio::test]
async fn a_server_without_tls_is_reported_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    // As a web server does that takes a greeting of TLS for a bad request.
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut greeting = [0; 16];
        stream.read_exact(&mut greeting).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
        stream
    });
    let folder = tempfile::tempdir().unwrap();
    let options = json!({"url": format!("https://localhost:{port}/"), "proxy": false});
    let attempt = build_in(folder.path(), "webhook", options).deliver(&change()).await;
    expect(&attempt, LATER, false, "does not speak TLS: is `https://` right in `url`?");
    server.join().unwrap();
}

#[test]
fn certificates_that_cannot_be_read_are_problems() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("empty.pem"), "").unwrap();
    let options = json!({"url": "https://localhost/", "ca": "empty.pem", "client_certificate": "empty.pem"});
    let problems = try_build_in(folder.path(), "webhook", options).err().unwrap();
    assert_eq!(
        problems,
        [
            "ca: `empty.pem` must have at least one certificate, in PEM",
            "client_certificate: `empty.pem` must have a certificate and its key, in PEM"
        ]
    );
}
