//! Warns in the log, in time, of certificates of the listeners that end.
//!
//! hookd serves with a certificate that has expired all the same: some forges do not verify it, and a hookd that does not
//! start would lose their webhooks as well.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hookd_config::{Certificate, Config, Validness};
use hookd_store::Timestamp;

/// The time between two looks.
const CHECK_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How often the same certificate is warned of.
const WARNING_INTERVAL_SECONDS: i64 = 24 * 60 * 60;

/// A listener's certificate, and what was logged of it last.
struct Watched {
    listener: &'static str,
    certificate: Arc<Certificate>,
    logged: Option<(Validness, i64)>,
}

/// Looks at the certificates of the configuration at the start, which the listeners have, for as long as hookd runs.
pub(crate) async fn watch(config: &Config) {
    let of = |listener, certificate: &Option<Arc<Certificate>>| {
        certificate.clone().map(|certificate| Watched { listener, certificate, logged: None })
    };
    let files = &config.files;
    let mut watched: Vec<Watched> = [of("public", &files.server_certificate), of("admin", &files.admin_certificate)]
        .into_iter()
        .flatten()
        .collect();
    while !watched.is_empty() {
        watched = match actix_web::web::block(move || {
            watched.iter_mut().for_each(|watched| watched.look(Timestamp::now().as_seconds()));
            watched
        })
        .await
        {
            Ok(watched) => watched,
            // hookd stops.
            Err(_) => return,
        };
        tokio::time::sleep(CHECK_INTERVAL).await;
    }
}

impl Watched {
    /// Logs what an operator should know now, but not again within a day. Blocks on the file system.
    fn look(&mut self, now: i64) {
        let Some(validity) = self.certificate.validity() else { return };
        let validness = validity.at(now);
        let Some(notice) = validity.notice(now) else {
            self.logged = None;
            return;
        };
        let is_due = self.logged.is_none_or(|(last, at)| last != validness || now - at >= WARNING_INTERVAL_SECONDS);
        if !is_due {
            return;
        }
        self.logged = Some((validness, now));
        let (listener, certificate): (_, PathBuf) = (self.listener, self.certificate.path().to_owned());
        if validness == Validness::EndsSoon {
            tracing::warn!(listener, certificate = %certificate.display(), "{notice}");
        } else {
            tracing::error!(listener, certificate = %certificate.display(), "{notice}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    #[test]
    fn warns_once_a_day_and_at_once_when_it_gets_worse() {
        let folder = tempfile::tempdir().unwrap();
        let rcgen::CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let [certificate, key] = ["crt", "key"].map(|name| folder.path().join(name));
        std::fs::write(&certificate, cert.pem()).unwrap();
        std::fs::write(&key, signing_key.serialize_pem()).unwrap();
        let certificate = Arc::new(Certificate::open(certificate, key).unwrap());
        let end = certificate.validity().unwrap().not_after;
        let mut watched = Watched { listener: "public", certificate, logged: None };
        let mut logged = |now: i64| {
            let before = watched.logged;
            watched.look(now);
            watched.logged.filter(|_| watched.logged != before).map(|(validness, _)| validness)
        };
        assert_eq!(logged(end - 30 * DAY), None);
        assert_eq!(logged(end - 13 * DAY), Some(Validness::EndsSoon));
        assert_eq!(logged(end - 13 * DAY + 3600), None);
        assert_eq!(logged(end - 12 * DAY), Some(Validness::EndsSoon));
        assert_eq!(logged(end + 1), Some(Validness::Expired));
        assert_eq!(logged(end + 3600), None);
        assert_eq!(logged(end + DAY + 1), Some(Validness::Expired));
    }
}
