//! `hookd.toml`: read whole, checked whole, or refused with one [`Report`] of all that is wrong.
//!
//! What holds here: every option is documented on its field, and the manual, the JSON Schema and `hookd dialects` come
//! from there. Every problem has its `file:line:column`. No message and no `Debug` output holds a secret.

mod address;
mod admin;
mod dialect;
pub(crate) mod dialects;
mod document;
mod duration;
pub(crate) mod entry;
mod keep;
mod reader;
mod report;
pub(crate) mod schema;
mod secrets;
mod server;
pub(crate) mod size;
mod store;
mod store_url;
mod suggestion;
mod text;

use std::path::Path;

pub use admin::Admin;
pub use dialect::{EveryDialect, ServedDialect};
pub use dialects::Dialects;
pub use keep::Keep;
pub use report::{Finding, Report, Warning};
pub use server::Server;
pub use store::Store;
pub use store_url::StoreUrl;

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
    /// What an operator should know, sorted by position.
    pub warnings: Vec<Warning>,
}

impl Config {
    /// Reads a configuration from its file.
    ///
    /// # Errors
    /// All that is wrong with it; also when it cannot be read at all.
    pub fn load(path: &Path) -> Result<Self, Report> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| {
            Report::of(Finding::of_file(
                &name,
                format!("the configuration cannot be read: {}", secrets::reason(&error)),
            ))
        })?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Report::of(Finding::of_file(&name, "the configuration is not UTF-8")))?;
        Self::parse(&name, &text, path.parent().unwrap_or(path))
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
        reader.refuse_unknown_sections(&sections);
        let server = reader.section::<Server>(server::NAME);
        let admin = reader.section::<Admin>(admin::NAME);
        let store = reader.section::<Store>(store::NAME);
        let dialects = dialects::read(&mut reader, &folder);
        if let (Some(server), Some(admin)) = (&server, &admin) {
            admin::check(&mut reader, admin, server);
        }
        let warnings = reader.finish()?;
        match (server, admin, store) {
            (Some(server), Some(admin), Some(store)) => {
                Ok(Self { server, admin, store: store.in_folder(&folder), dialects, warnings })
            }
            // A section without a value has a problem, and `finish` returned it.
            _ => Err(Report::of(Finding::of_file(name, "the configuration could not be read"))),
        }
    }
}

#[cfg(test)]
mod tests;
