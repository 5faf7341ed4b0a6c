//! The texts of a configuration: its file, and the files that it includes.

use std::path::Path;

use super::document::Document;
use super::report::{Finding, Report, Warning};
use crate::io_error::reason;
use crate::sections::include;

/// The text of one file.
#[derive(Debug)]
pub(crate) struct Source {
    /// The name of the file in messages.
    pub(crate) name: String,
    /// What is in it.
    pub(crate) text: String,
}

/// All texts of a configuration: its file first, then those that it includes, in the order of their paths.
#[derive(Debug)]
pub(crate) struct Sources {
    /// At least one.
    pub(crate) all: Vec<Source>,
    /// What an operator should know about which files were read.
    pub(crate) warnings: Vec<Warning>,
}

impl Sources {
    /// Reads a configuration from its file.
    ///
    /// # Errors
    /// The problems of which files are to be read, or syntax errors where that is unknown.
    pub(crate) fn load(path: &Path) -> Result<Self, Report> {
        let name = path.display().to_string();
        let text = read_text(path)
            .map_err(|why| Report::single(Finding::in_file(&name, format!("the configuration {why}"))))?;
        Self::with_included(Source { name, text }, path.parent().unwrap_or(path), Some(path))
    }

    /// The same for a text, which lies in this folder.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub(crate) fn of_text(name: &str, text: &str, folder: &Path) -> Result<Self, Report> {
        Self::with_included(Source { name: name.to_owned(), text: text.to_owned() }, folder, None)
    }

    fn with_included(own: Source, folder: &Path, path: Option<&Path>) -> Result<Self, Report> {
        let document = Document::parse(std::slice::from_ref(&own))?;
        let (included, warnings) = include::read(&document, folder, path)?;
        drop(document);
        let mut all = vec![own];
        all.extend(included);
        Ok(Self { all, warnings })
    }
}

/// The text of a file.
///
/// # Errors
/// Why it cannot be read, as the rest of a sentence about it.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {}", reason(&error)))?;
    String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
}
