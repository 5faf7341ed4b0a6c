//! The pages: the Markdown files of the project.

use std::fs;
use std::path::{Path, PathBuf};

use super::MANUAL;

/// One page.
pub(super) struct Page {
    /// Its path relative to the root.
    pub(super) path: PathBuf,
    /// Its content.
    pub(super) text: String,
}

impl Page {
    /// Whether it belongs to the manual.
    pub(super) fn is_in_manual(&self) -> bool {
        self.path.starts_with(MANUAL)
    }
}

/// The pages in the root and in the manual, sorted by path.
pub(super) fn all(root: &Path) -> Result<Vec<Page>, String> {
    let mut paths = markdown_in(root, Path::new(""))?;
    let mut folders = vec![PathBuf::from(MANUAL)];
    while let Some(folder) = folders.pop() {
        paths.extend(markdown_in(root, &folder)?);
        folders.extend(entries(root, &folder)?.into_iter().filter(|path| root.join(path).is_dir()));
    }
    paths.sort();
    let read = |path: PathBuf| match fs::read_to_string(root.join(&path)) {
        Ok(text) => Ok(Page { path, text }),
        Err(error) => Err(format!("{}: {error}", path.display())),
    };
    paths.into_iter().map(read).collect()
}

fn markdown_in(root: &Path, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = entries(root, folder)?;
    Ok(entries.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "md")).collect())
}

fn entries(root: &Path, folder: &Path) -> Result<Vec<PathBuf>, String> {
    let unreadable = |error| format!("{}: {error}", folder.display());
    let entries = fs::read_dir(root.join(folder)).map_err(unreadable)?;
    entries.map(|entry| Ok(folder.join(entry.map_err(unreadable)?.file_name()))).collect()
}
