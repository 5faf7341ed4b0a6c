//! What `hookd serve` would fail on, here and now, with a configuration that is valid: for `hookd check`.
//!
//! Invariant: nothing is made or changed. What a running hookd uses (its store, its ports) is no problem, since a
//! configuration is checked before it is reloaded.

use std::net::SocketAddr;
use std::sync::Arc;

use hookd_config::{Certificate, Config, Finding, Place, Validness};
use hookd_store::Timestamp;

use crate::listening::listen;
use crate::log::chain;
use crate::stores;

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
