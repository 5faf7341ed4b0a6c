//! `hookd.toml`: read whole, checked whole, or refused with one [`Report`] of all that is wrong.
//!
//! What holds here: every option is documented on its field, and the manual, the JSON Schema and `hookd dialects` come
//! from there. Every problem has its `file:line:column`. No message and no `Debug` output holds a secret.

mod address;
mod admin;
pub(crate) mod auth;
mod dialect;
pub(crate) mod dialects;
mod document;
mod duration;
pub(crate) mod entry;
mod keep;
mod reader;
mod report;
pub(crate) mod schema;
pub(crate) mod secrets;
mod server;
pub(crate) mod size;
mod store;
mod store_url;
mod suggestion;
mod text;
mod tls;

use std::path::Path;
use std::sync::Arc;

pub use admin::Admin;
pub use auth::Auth;
pub use dialect::{EveryDialect, ServedDialect};
pub use dialects::Dialects;
pub use keep::Keep;
pub use report::{Finding, Report, Warning};
pub use server::Server;
pub use store::Store;
pub use store_url::StoreUrl;
pub use tls::Tls;

use crate::auth::Checkers;
use crate::tls::Certificate;
use dialect::Around;
use document::Document;
use reader::Reader;

/// A configuration that holds.
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
    /// Who may call the hooks; a dialect may have its own. `None` asks for no password.
    pub auth: Option<Arc<Checkers>>,
    /// What was read from other files.
    pub files: Files,
    /// What an operator should know, sorted by position.
    pub warnings: Vec<Warning>,
}

/// What a configuration has from other files.
#[derive(Debug, Default)]
pub struct Files {
    /// The certificate of the public listener.
    pub server_certificate: Option<Arc<Certificate>>,
    /// The certificate of the private listener.
    pub admin_certificate: Option<Arc<Certificate>>,
    /// Who may call the private listener; `None` asks for no password.
    pub admin_auth: Option<Arc<Checkers>>,
}

fn read_text(path: &Path, name: &str) -> Result<String, Report> {
    let bytes = std::fs::read(path).map_err(|error| {
        let message = format!("the configuration cannot be read: {}", secrets::reason(&error));
        Report::of(Finding::of_file(name, message))
    })?;
    String::from_utf8(bytes).map_err(|_| Report::of(Finding::of_file(name, "the configuration is not UTF-8")))
}

fn open_tls(reader: &mut Reader<'_>, section: &str, tls: Option<&Tls>, folder: &Path) -> Option<Arc<Certificate>> {
    match tls?.open(folder) {
        Ok(certificate) => Some(certificate),
        Err(problem) => {
            reader.problems_of(&format!("section `{section}`"), &[section], Vec::new(), vec![problem]);
            None
        }
    }
}

impl Config {
    /// Reads a configuration from its file.
    ///
    /// # Errors
    /// All that is wrong with it; also when it cannot be read at all.
    pub fn load(path: &Path) -> Result<Self, Report> {
        let name = path.display().to_string();
        let text = read_text(path, &name)?;
        Self::parse(&name, &text, path.parent().unwrap_or(path))
    }

    /// Reads only the private listener, for commands that talk to a hookd that runs: what else the file has may need
    /// what only that one has, such as its environment.
    ///
    /// # Errors
    /// What is wrong with that section, or that the file cannot be read.
    pub(crate) fn load_admin(path: &Path) -> Result<Admin, Report> {
        let name = path.display().to_string();
        let text = read_text(path, &name)?;
        let document = Document::parse(&name, &text)?;
        let mut reader = Reader::new(&document);
        let admin = reader.section::<Admin>(admin::NAME);
        reader.finish()?;
        Ok(admin.unwrap_or_default())
    }

    /// Reads only where the store is, for commands that look at it when nothing else has to hold.
    ///
    /// # Errors
    /// What is wrong with that section, or that the file cannot be read.
    pub(crate) fn load_store(path: &Path) -> Result<Store, Report> {
        let name = path.display().to_string();
        let text = read_text(path, &name)?;
        let document = Document::parse(&name, &text)?;
        let mut reader = Reader::new(&document);
        let store = reader.section::<Store>(store::NAME);
        reader.finish()?;
        Ok(store.unwrap_or_default().in_folder(path.parent().unwrap_or(path)))
    }

    /// Reads a configuration from its text. `name` is what messages call the file, and relative paths start in
    /// `folder`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(name: &str, text: &str, folder: &Path) -> Result<Self, Report> {
        // Absolute, for who changes to another folder later; the parent of a bare file name is empty.
        let folder = std::path::absolute(Path::new(".").join(folder)).unwrap_or_else(|_| folder.to_owned());
        let document = Document::parse(name, text)?;
        let mut reader = Reader::new(&document);
        let mut sections: Vec<&str> = schema::SECTIONS.iter().map(|(name, _)| *name).collect();
        sections.push(dialects::NAME);
        reader.refuse_unknown(&sections, &[auth::NAME]);
        let server = reader.section::<Server>(server::NAME);
        let admin = reader.section::<Admin>(admin::NAME);
        let store = reader.section::<Store>(store::NAME);
        let auth = auth::read(&mut reader, &folder);
        let allow_from = server.as_ref().and_then(|server| server.allow_from.clone());
        let dialects = dialects::read(&mut reader, &Around { folder: &folder, auth: auth.clone(), allow_from });
        let mut files = Files::default();
        if let Some(server) = &server {
            files.server_certificate = open_tls(&mut reader, server::NAME, server.tls.as_ref(), &folder);
        }
        if let Some(admin) = &admin {
            files.admin_certificate = open_tls(&mut reader, admin::NAME, admin.tls.as_ref(), &folder);
            files.admin_auth = admin.change_hook_auth.as_ref().and_then(|auth| match auth.checkers(&folder) {
                Ok(checkers) => Some(checkers),
                Err(problems) => {
                    reader.problems_of(&format!("section `{}`", admin::NAME), &[admin::NAME], Vec::new(), problems);
                    None
                }
            });
        }
        if let (Some(server), Some(admin)) = (&server, &admin) {
            admin::check(&mut reader, admin, server);
        }
        let warnings = reader.finish()?;
        match (server, admin, store) {
            (Some(server), Some(admin), Some(store)) => {
                Ok(Self { server, admin, store: store.in_folder(&folder), dialects, auth, files, warnings })
            }
            // A section without a value has a problem, and `finish` returned it.
            _ => Err(Report::of(Finding::of_file(name, "the configuration could not be read"))),
        }
    }
}

#[cfg(test)]
mod tests;
