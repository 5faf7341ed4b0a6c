//! What of a configuration is in force, and how another comes into force while hookd runs.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::allow::Networks;
use crate::auth::Checkers;
use crate::config::{Config, Dialects, Report, Server, Store, StoreUrl, Warning};

/// All that a request is judged by. Who has one keeps it for a whole request, whatever is loaded meanwhile.
pub(crate) struct Live {
    /// The dialects that are served.
    pub(crate) dialects: Dialects,
    /// Who may call what is no dialect.
    pub(crate) auth: Option<Arc<Checkers>>,
    /// From where what is no dialect may be called.
    pub(crate) allow_from: Option<Networks>,
    /// Who may call the private listener.
    pub(crate) admin_auth: Option<Arc<Checkers>>,
    /// Whose word on the sender's address counts.
    pub(crate) trusted_proxies: Networks,
    /// The most bytes of a body.
    pub(crate) max_body: usize,
    /// The most bytes of all bodies that are held at a time.
    pub(crate) max_buffered: usize,
    /// The longest time in which a body comes.
    pub(crate) request_timeout: Duration,
    /// How long things are kept.
    pub(crate) store: Store,
}

impl Live {
    fn of(config: &Config) -> Self {
        Self {
            dialects: config.dialects.clone(),
            auth: config.auth.clone(),
            allow_from: config.server.allow_from.clone(),
            admin_auth: config.files.admin_auth.clone(),
            trusted_proxies: config.server.trusted_proxies.clone(),
            max_body: config.server.max_body,
            max_buffered: config.server.max_buffered,
            request_timeout: config.server.request_timeout,
            store: config.store.clone(),
        }
    }
}

/// The configuration in force.
pub(crate) struct Active {
    path: PathBuf,
    live: RwLock<Arc<Live>>,
    /// What was bound, opened or started, and needs a restart to change.
    fixed: Fixed,
}

/// What cannot change without a restart.
#[derive(PartialEq)]
struct Fixed {
    server: Server,
    admin: crate::config::Admin,
    store: StoreUrl,
}

/// What a reload gave.
#[derive(Debug, Default)]
pub(crate) struct Reloaded {
    /// What an operator should know of the new configuration.
    pub(crate) warnings: Vec<Warning>,
    /// The options that were changed in the file, and are in force after a restart only.
    pub(crate) after_restart: Vec<&'static str>,
}

impl Active {
    /// This configuration, read from that file.
    pub(crate) fn new(path: PathBuf, config: &Config) -> Self {
        let fixed =
            Fixed { server: config.server.clone(), admin: config.admin.clone(), store: config.store.url.clone() };
        Self { path, live: RwLock::new(Arc::new(Live::of(config))), fixed }
    }

    /// What is in force now.
    pub(crate) fn live(&self) -> Arc<Live> {
        Arc::clone(&self.live.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the file again and puts it in force for new requests; one that does not hold changes nothing. Blocks on
    /// the file system.
    ///
    /// # Errors
    /// All that is wrong with the file.
    pub(crate) fn reload(&self) -> Result<Reloaded, Report> {
        let loaded = Config::load(&self.path).inspect_err(|report| {
            tracing::error!("the configuration in force stays, since the file does not hold: {report}");
        })?;
        let after_restart = self.fixed.changed_in(&loaded);
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Live::of(&loaded));
        let dialects = loaded.dialects.keys().map(String::as_str).collect::<Vec<_>>().join(",");
        tracing::info!(dialects, "the configuration was read again");
        for warning in &loaded.warnings {
            tracing::warn!("{warning}");
        }
        for option in &after_restart {
            tracing::warn!(option, "changed in the file, and in force after a restart only");
        }
        Ok(Reloaded { warnings: loaded.warnings, after_restart })
    }
}

impl Fixed {
    fn changed_in(&self, config: &Config) -> Vec<&'static str> {
        let (old, new) = (&self.server, &config.server);
        let changes = [
            ("server.listen", old.listen != new.listen),
            ("server.tls", old.tls != new.tls),
            ("server.workers", old.workers != new.workers),
            ("server.max_connections", old.max_connections != new.max_connections),
            ("server.request_timeout (of heads)", old.request_timeout != new.request_timeout),
            ("server.shutdown_timeout", old.shutdown_timeout != new.shutdown_timeout),
            ("admin.listen", self.admin.listen != config.admin.listen),
            ("admin.tls", self.admin.tls != config.admin.tls),
            ("store.url", self.store != config.store.url),
        ];
        changes.into_iter().filter(|(_, is_changed)| *is_changed).map(|(option, _)| option).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_does_not_hold_changes_nothing_and_one_that_holds_is_in_force() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("hookd.toml");
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write("[change_hook_dialects]\nbase = true\n");
        let active = Active::new(path.clone(), &Config::load(&path).unwrap());
        let before = active.live();
        write("[change_hook_dialects]\nbase = 1\n");
        assert_eq!(active.reload().unwrap_err().problems().len(), 1);
        assert!(Arc::ptr_eq(&before, &active.live()));
        write(
            "[server]\nlisten = '127.0.0.1:9'\nmax_body = 7\n[change_hook_dialects]\nacme = { custom_class = 'base' }\n",
        );
        let reloaded = active.reload().unwrap();
        assert_eq!(reloaded.after_restart, ["server.listen"]);
        assert_eq!(active.live().max_body, 7);
        assert_eq!(active.live().dialects.keys().collect::<Vec<_>>(), ["acme"]);
        // Who has the old one keeps it.
        assert!(before.dialects.contains_key("base"));
    }
}
