//! A sink behind TLS whose certificate has expired. The other side is a second hookd, which takes changes as a master does.

use hookd_tests::{Home, until};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};

use super::{dead_letters, logged_once, position, send, tables, wait_for_position};

const COUNT: usize = 10;

const OTHER: &str = "[server]\nlisten = '127.0.0.1:0'\ntls = { certificate = 'public.pem', key = 'public.key' }\n\
    [admin]\nlisten = '127.0.0.1:0'\n[store]\nurl = 'sqlite:hookd.db'\n[change_hook_dialects]\nbase = true\n";

/// Writes a certificate of this authority and its key.
fn write_certificate(home: &Home, authority: &CertifiedIssuer<'static, KeyPair>, has_expired: bool) {
    let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).expect("an address is a name");
    if has_expired {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
    }
    let key = KeyPair::generate().expect("a key can be made");
    let certificate = params.signed_by(&key, authority).expect("it can be signed");
    home.write("public.key", key.serialize_pem());
    home.write("public.pem", certificate.pem());
}

#[test]
fn an_expired_certificate_gives_nothing_up_and_a_renewed_one_delivers() {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "ours");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key can be made");
    let authority = CertifiedIssuer::self_signed(params, key).expect("it can be signed");
    let other = Home::with_config(OTHER);
    write_certificate(&other, &authority, true);
    let other = other.start();

    let url = format!("https://{}/change_hook/base", other.public());
    let sink = format!("type = \"buildbot\"\nurl = \"{url}\"\nproxy = false\napi_url = false\nca = \"ca.pem\"");
    let home = Home::serving(&tables(&sink));
    home.write("ca.pem", authority.pem());
    let hookd = home.start();
    send(hookd.public(), COUNT);
    logged_once(&hookd, "does not take changes, will retry");
    assert!(hookd.log().iter().any(|line| line.contains("expired")), "{:#?}", hookd.log());
    assert_eq!(position(hookd.home()), 0);

    write_certificate(other.home(), &authority, false);
    wait_for_position(&hookd, COUNT);
    logged_once(&hookd, "takes changes again");
    assert!(dead_letters(hookd.home()).is_empty());
    let revisions = until("all have arrived", || Some(other.admin().changes()).filter(|all| all.len() == COUNT));
    let revisions: Vec<_> = revisions.iter().map(|change| change["revision"].as_str().unwrap_or_default()).collect();
    assert_eq!(revisions, super::numbers_without(COUNT, &[]));
}
