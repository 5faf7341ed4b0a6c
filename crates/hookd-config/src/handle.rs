//! The current configuration, and replacing it while hookd runs.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio::sync::watch;

use crate::config::Config;
use crate::reading::report::Report;

/// Holds the current configuration. Whoever takes a snapshot keeps it until the end of its work, whatever is loaded
/// meanwhile.
#[derive(Debug)]
pub struct ConfigHandle {
    path: PathBuf,
    /// What was bound, opened or started follows this one until a restart.
    at_start: Arc<Config>,
    current: watch::Sender<Arc<Config>>,
    last: Mutex<LastReload>,
    /// Held while the file is read, so that what was read last becomes current last.
    reloading: Mutex<()>,
}

/// The result of the last attempt to load the configuration; the start counts as one.
#[derive(Clone, Copy, Debug)]
pub struct LastReload {
    /// Whether it succeeded.
    pub is_successful: bool,
    /// When the current configuration was loaded.
    pub succeeded_at: SystemTime,
}

/// What a successful reload produced.
#[derive(Debug)]
pub struct Reloaded {
    /// The new configuration, with its warnings.
    pub config: Arc<Config>,
    /// The options that differ from those at the start and take effect after a restart, as `section.option`.
    pub needs_restart: Vec<&'static str>,
}

impl ConfigHandle {
    /// A handle of the configuration at the start, which was read from the file at `path`.
    pub fn new(path: PathBuf, config: Config) -> Self {
        let config = Arc::new(config);
        let last = Mutex::new(LastReload { is_successful: true, succeeded_at: SystemTime::now() });
        Self {
            path,
            at_start: Arc::clone(&config),
            current: watch::Sender::new(config),
            last,
            reloading: Mutex::default(),
        }
    }

    /// The configuration at the start, which listeners and the store follow.
    pub fn at_start(&self) -> &Config {
        &self.at_start
    }

    /// How the last reload ended.
    pub fn last_reload(&self) -> LastReload {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, is_successful: bool) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_successful = is_successful;
        if is_successful {
            last.succeeded_at = SystemTime::now();
        }
    }

    /// A snapshot of the current configuration.
    pub fn current(&self) -> Arc<Config> {
        Arc::clone(&self.current.borrow())
    }

    /// Follows the current configuration, for what has to be changed when another one becomes current.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Config>> {
        self.current.subscribe()
    }

    /// Reads the file again and makes it current for new requests; an invalid file changes nothing. Logs the result.
    /// Blocks on the file system.
    ///
    /// # Errors
    /// All problems of the file.
    pub fn reload(&self) -> Result<Reloaded, Report> {
        let _alone = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = Config::load(&self.path).inspect_err(|report| {
            self.note(false);
            tracing::error!("configuration rejected, keeping the previous one: {report}");
        })?;
        let config = Arc::new(loaded);
        let needs_restart = self.at_start.needs_restart(&config);
        self.current.send_replace(Arc::clone(&config));
        self.note(true);
        let dialects = config.dialects.keys().map(String::as_str).collect::<Vec<_>>().join(",");
        tracing::info!(dialects, "configuration reloaded");
        for warning in &config.warnings {
            tracing::warn!("{warning}");
        }
        for option in &needs_restart {
            tracing::warn!(option, "changed; takes effect after a restart");
        }
        Ok(Reloaded { config, needs_restart })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_file_changes_nothing_and_a_valid_one_becomes_current() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("hookd.toml");
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write("[change_hook_dialects]\nbase = true\n");
        let handle = ConfigHandle::new(path.clone(), Config::load(&path).unwrap());
        let before = handle.current();
        write("[change_hook_dialects]\nbase = 1\n");
        assert_eq!(handle.reload().unwrap_err().problems().len(), 1);
        assert!(Arc::ptr_eq(&before, &handle.current()));
        let failed = handle.last_reload();
        assert!(!failed.is_successful);
        write(
            "[server]\nlisten = '127.0.0.1:9'\nmax_body = 7\n[change_hook_dialects]\nacme = { custom_class = 'base' }\n",
        );
        let reloaded = handle.reload().unwrap();
        assert_eq!(reloaded.needs_restart, ["server.listen"]);
        assert!(handle.last_reload().is_successful && handle.last_reload().succeeded_at >= failed.succeeded_at);
        assert!(Arc::ptr_eq(&reloaded.config, &handle.current()));
        assert_eq!(handle.current().server.max_body, 7);
        assert_eq!(handle.current().dialects.keys().collect::<Vec<_>>(), ["acme"]);
        // A snapshot stays as it was.
        assert!(before.dialects.contains_key("base"));
        // The comparison is with the start, not with the last reload.
        assert_eq!(handle.reload().unwrap().needs_restart, ["server.listen"]);
        write("[admin]\nlisten = '127.0.0.1:9'\n[store]\nurl = 'sqlite:other.db'\n");
        assert_eq!(handle.reload().unwrap().needs_restart, ["admin.listen", "store.url"]);
    }
}
