//! What `hookd serve` would fail on, here and now, with a configuration that is valid: for `hookd check`.
//!
//! Invariant: nothing is made or changed. What a running hookd uses (its store, its ports) is no problem, since a
//! configuration is checked before it is reloaded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hookd_config::{Certificate, Config, Finding, Place, Validness};
use hookd_store::Timestamp;

use crate::listening::listen;
use crate::log::chain;
use crate::stores;

/// How long the sinks may take, all of them.
const SINKS_TIMEOUT: Duration = Duration::from_secs(10);

/// What was found.
#[derive(Default)]
pub(crate) struct Found {
    /// What `serve` would end with, or what no client would accept.
    pub(crate) problems: Vec<Finding>,
    /// What will become one.
    pub(crate) warnings: Vec<Finding>,
    /// Whether a hookd runs on this store.
    pub(crate) is_running: bool,
}

/// Looks at everything that `serve` opens.
pub(crate) fn look(config: &Config) -> Found {
    let mut found = Found::default();
    let places = &config.places;
    match stores::look(&config.store) {
        Ok(stores::Found::Free) => {}
        Ok(stores::Found::InUse) => found.is_running = true,
        Err(error) => found.problems.push(places.store_url.finding(&chain(&error))),
    }
    found.listener(config.server.listen, &places.server_listen);
    found.listener(config.admin.listen, &places.admin_listen);
    found.certificate(config.files.server_certificate.as_ref(), &places.server_tls);
    found.certificate(config.files.admin_certificate.as_ref(), &places.admin_tls);
    found.sinks(config);
    found
}

impl Found {
    fn listener(&mut self, address: SocketAddr, place: &Place) {
        match listen(address) {
            Ok(_) => {}
            // By the hookd that runs: whether another process has the port is not known before that one has stopped.
            Err(error) if error.is_in_use() && self.is_running => {}
            Err(error) => self.problems.push(place.finding(&error.to_string())),
        }
    }

    /// What the other sides say. Whatever that is, `serve` starts: changes wait in the store.
    fn sinks(&mut self, config: &Config) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        let looks = config.sinks.iter().map(|sink| {
            let sink = Arc::clone(sink);
            runtime.spawn(async move { tokio::time::timeout(SINKS_TIMEOUT, sink.sink.look()).await })
        });
        let looks: Vec<_> = looks.collect();
        for (look, place) in looks.into_iter().zip(&config.places.sinks) {
            // One that panicked has said so.
            let Ok(said) = runtime.block_on(look) else { continue };
            let said = said.unwrap_or_else(|_| vec!["the other side does not answer".to_owned()]);
            self.warnings.extend(said.iter().map(|warning| place.finding(warning)));
        }
    }

    fn certificate(&mut self, certificate: Option<&Arc<Certificate>>, place: &Place) {
        let Some(certificate) = certificate else { return };
        if let Err(error) = Arc::clone(certificate).server_config() {
            self.problems.push(place.finding(&format!("TLS cannot be set up: {error}")));
        }
        let now = Timestamp::now().as_seconds();
        let Some(validity) = certificate.validity() else { return };
        let Some(notice) = validity.notice(now) else { return };
        let finding = place.finding(&format!("`{}`: {notice}", certificate.path().display()));
        match validity.at(now) {
            Validness::NotYet | Validness::Expired => self.problems.push(finding),
            Validness::Valid | Validness::EndsSoon => self.warnings.push(finding),
        }
    }
}
