//! A whole configuration: reading its file, and what its sections become.

use std::path::Path;
use std::sync::Arc;

use hookd_pollers::PollerSet;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::access::{Certificate, Checkers};
use crate::places::Places;
use crate::reading::document::Document;
use crate::reading::reader::{Reader, steps};
use crate::reading::report::{Finding, Report, Warning};
use crate::reading::sources::Sources;
use crate::reference::SECTIONS;
use crate::sections::admin::{self, Admin};
use crate::sections::dialect::DialectDefaults;
use crate::sections::dialects::{self, Dialects};
use crate::sections::server::{self, Server};
use crate::sections::sinks::{self, Sinks};
use crate::sections::store::{self, Store};
use crate::sections::tls::Tls;
use crate::sections::{change_hook_auth, names, pollers};

/// A valid configuration.
#[derive(Debug)]
pub struct Config {
    /// The public listener.
    pub server: Server,
    /// The private listener.
    pub admin: Admin,
    /// Where deliveries and changes are kept.
    pub store: Store,
    /// The dialects that are served, by the name in their URL.
    pub dialects: Dialects,
    /// The sinks that changes are delivered to, in the order of the file.
    pub sinks: Sinks,
    /// The repositories that are polled, in the order of the file.
    pub pollers: PollerSet,
    /// Checks credentials of requests for the hooks; a dialect may have its own. `None` if no password is needed.
    pub auth: Option<Arc<Checkers>>,
    /// What was read from other files.
    pub files: Files,
    /// Where options stand whose values may turn out wrong only where hookd runs.
    pub places: Places,
    /// What an operator should know, sorted by position.
    pub warnings: Vec<Warning>,
}

/// What a configuration reads from other files.
#[derive(Debug, Default)]
pub struct Files {
    /// The certificate of the public listener.
    pub server_certificate: Option<Arc<Certificate>>,
    /// The certificate of the private listener.
    pub admin_certificate: Option<Arc<Certificate>>,
    /// Checks credentials of requests for the private listener; `None` if no password is needed.
    pub admin_auth: Option<Arc<Checkers>>,
}

impl Config {
    /// Reads a configuration from its file.
    ///
    /// # Errors
    /// All its problems; also if the file cannot be read.
    pub fn load(path: &Path) -> Result<Self, Report> {
        Self::read(&Sources::load(path)?, path.parent().unwrap_or(path))
    }

    /// Reads only the private listener, for commands that talk to a running hookd: the rest of the file may need what
    /// only that process has, such as its environment.
    ///
    /// # Errors
    /// The problems of that section, or that the file cannot be read.
    pub fn load_admin(path: &Path) -> Result<Admin, Report> {
        load_section(path, names::ADMIN)
    }

    /// Reads only the store, for commands that look at it even if the rest of the file is invalid.
    ///
    /// # Errors
    /// The problems of that section, or that the file cannot be read.
    pub fn load_store(path: &Path) -> Result<Store, Report> {
        let sources = Sources::load(path)?;
        let document = Document::parse(&sources.all)?;
        let mut reader = Reader::new(&document);
        let store = reader.section::<Store>(names::STORE);
        let store = store.and_then(|store| store::open(&mut reader, store, path.parent().unwrap_or(path)));
        reader.finish()?;
        Ok(store.unwrap_or_default())
    }

    /// Reads a configuration from its text. `name` is the name of the file in messages; relative paths start in
    /// `folder`, those of files that it includes as well.
    ///
    /// # Errors
    /// All its problems.
    pub fn parse(name: &str, text: &str, folder: &Path) -> Result<Self, Report> {
        Self::read(&Sources::of_text(name, text, folder)?, folder)
    }

    fn read(sources: &Sources, folder: &Path) -> Result<Self, Report> {
        // Absolute, since the process may change to another folder later. The parent of a bare file name is empty.
        let folder = std::path::absolute(Path::new(".").join(folder)).unwrap_or_else(|_| folder.to_owned());
        let document = Document::parse(&sources.all)?;
        let mut reader = Reader::new(&document);
        sources.warnings.iter().for_each(|warning| reader.warning(warning.clone()));
        let mut sections: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
        sections.push(names::DIALECTS);
        reader.report_unknown(&sections, &names::LISTS, &[names::AUTH, names::INCLUDE]);
        let server = reader.section::<Server>(names::SERVER);
        let admin = reader.section::<Admin>(names::ADMIN);
        let store = reader.section::<Store>(names::STORE);
        let store = store.and_then(|store| store::open(&mut reader, store, &folder));
        let auth = change_hook_auth::read(&mut reader, &folder);
        let allow_from = server.as_ref().and_then(|server| server.allow_from.clone());
        let pollers = {
            let store = store.clone().unwrap_or_default();
            pollers::read(&mut reader, &folder, &store)
        };
        let defaults =
            DialectDefaults { folder: &folder, auth: auth.clone(), allow_from, pollers: Arc::new(pollers.clone()) };
        let dialects = dialects::read(&mut reader, &defaults);
        let sinks = sinks::read(&mut reader, &folder);
        sinks::check(&mut reader, &sinks, &dialects, &pollers);
        let mut files = Files::default();
        if let Some(server) = &server {
            files.server_certificate = open_tls(&mut reader, names::SERVER, server.tls.as_ref(), &folder);
        }
        if let Some(admin) = &admin {
            files.admin_certificate = open_tls(&mut reader, names::ADMIN, admin.tls.as_ref(), &folder);
            files.admin_auth = open_admin_auth(&mut reader, admin, &folder);
        }
        if let (Some(server), Some(admin)) = (&server, &admin) {
            admin::check(&mut reader, admin, server);
            server::check(&mut reader, server);
        }
        if let Some(store) = &store {
            store::check(&mut reader, store);
        }
        let warnings = reader.finish()?;
        match (server, admin, store) {
            (Some(server), Some(admin), Some(store)) => {
                let places = Places::new(&document, &sinks);
                Ok(Self { server, admin, store, dialects, sinks, pollers, auth, files, places, warnings })
            }
            // A section without a value has a problem, and `finish` returned it.
            _ => Err(Report::single(Finding::in_file(document.name(), "the configuration could not be read"))),
        }
    }

    /// The options that differ in `new` and take effect after a restart only, as `section.option`.
    pub(crate) fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        let Self { server, admin, store, dialects: _, sinks: _, pollers: _, auth: _, files: _, places: _, warnings: _ } =
            self;
        let mut options = server.needs_restart(&new.server);
        options.extend(admin.needs_restart(&new.admin));
        options.extend(store.needs_restart(&new.store));
        options
    }
}

fn load_section<T: DeserializeOwned + JsonSchema + Default>(path: &Path, section: &str) -> Result<T, Report> {
    let sources = Sources::load(path)?;
    let document = Document::parse(&sources.all)?;
    let mut reader = Reader::new(&document);
    let section = reader.section(section);
    reader.finish()?;
    Ok(section.unwrap_or_default())
}

fn open_tls(reader: &mut Reader<'_>, section: &str, tls: Option<&Tls>, folder: &Path) -> Option<Arc<Certificate>> {
    match tls?.open(folder) {
        Ok(certificate) => Some(certificate),
        Err(problem) => {
            let context = format!("section `{section}`");
            reader.report(&context, &steps(&[section]), &names::may_hold_secret, Vec::new(), vec![problem]);
            None
        }
    }
}

fn open_admin_auth(reader: &mut Reader<'_>, admin: &Admin, folder: &Path) -> Option<Arc<Checkers>> {
    match admin.change_hook_auth.as_ref()?.checkers(folder) {
        Ok(checkers) => {
            change_hook_auth::warn(reader, &steps(&[names::ADMIN]), &checkers);
            Some(checkers)
        }
        Err(problems) => {
            let context = format!("section `{}`", names::ADMIN);
            reader.report(&context, &steps(&[names::ADMIN]), &names::may_hold_secret, Vec::new(), problems);
            None
        }
    }
}
