//! `include`: more files of the same configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};
use hookd_core::PathStep;
use toml::de::DeValue;

use super::names;
use crate::io_error::{reason, shown};
use crate::reading::document::Document;
use crate::reading::reader::{a_value, steps};
use crate::reading::report::{Finding, Report, Warning};
use crate::reading::sources::{Source, read_text};

/// The documentation of the option at the top of the file.
pub(crate) const ABOUT: &str = "More files whose sections and options count as if they stood in this one: a list of paths, \
    relative to the folder of this file, with `*`, `?`, `[…]` and `**` as in a shell: `[\"conf.d/*.toml\"]`. They are read in \
    the order of their paths, and so are their `[[sinks]]` and `[[pollers]]`. Sections and the tables of dialects may be spread over files; an \
    option that is given twice is an error. Files whose names begin with a dot are left out where the pattern does not say so. \
    Paths in an included file are relative to the folder of this file as well. An included file includes no others.";

/// As a shell does it: `*` crosses no slash, and does not match hidden files, such as those of editors.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Reads the files that a configuration includes, in the order of their paths. `folder` is that of the file itself, at
/// `own`.
///
/// # Errors
/// Wrong patterns, and files that are not there or cannot be read.
pub(crate) fn read(
    document: &Document<'_>,
    folder: &Path,
    own: Option<&Path>,
) -> Result<(Vec<Source>, Vec<Warning>), Report> {
    let (mut paths, mut problems, mut warnings) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (place, pattern) in patterns(document, &mut problems) {
        let say = |message: String| document.at_value(&place, format!("`{}`: {message}", names::INCLUDE));
        let is_literal = Pattern::escape(&pattern) == pattern;
        match matches(folder, &pattern) {
            Ok(found) if found.is_empty() && is_literal => {
                let path = folder.join(&pattern);
                problems.push(say(format!("the file {} cannot be read: it does not exist", shown(&path))));
            }
            Ok(found) if found.is_empty() && !beginning(folder, &pattern).is_dir() => {
                warnings.push(say(format!("the folder {} does not exist", shown(&beginning(folder, &pattern)))));
            }
            // Of two patterns that match a file, the first is named where it cannot be read.
            Ok(found) => found.into_iter().for_each(|path| {
                paths.entry(path).or_insert_with(|| place.clone());
            }),
            Err(message) => problems.push(say(message)),
        }
    }
    let own = own.and_then(|own| own.canonicalize().ok());
    let mut sources: Vec<Source> = Vec::new();
    for (path, place) in paths {
        let name = path.display().to_string();
        // `*.toml` means the others.
        if own.is_some() && path.canonicalize().ok() == own {
            continue;
        }
        match read_text(&path) {
            Ok(text) => sources.push(Source { name, text }),
            Err(why) => {
                let message = format!("`{}`: the file {} {why}", names::INCLUDE, shown(&path));
                problems.push(document.at_value(&place, message));
            }
        }
    }
    if problems.is_empty() { Ok((sources, warnings)) } else { Err(Report::new(problems, &[document.name()])) }
}

/// The patterns, with the way to each.
fn patterns(document: &Document<'_>, problems: &mut Vec<Finding>) -> Vec<(Vec<PathStep>, String)> {
    let path = steps(&[names::INCLUDE]);
    let mut patterns = Vec::new();
    let mut take = |place: &[PathStep], value: &DeValue<'_>| match value {
        DeValue::String(text) if !text.is_empty() => patterns.push((place.to_vec(), text.to_string())),
        other => {
            let what = if other.is_str() { "an empty string" } else { a_value(other) };
            let message = format!("`{}` is {what}, expected a list of paths such as `conf.d/*.toml`", names::INCLUDE);
            problems.push(document.at_value(place, message));
        }
    };
    match document.value(names::INCLUDE) {
        None => {}
        Some(DeValue::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                take(&[&path[..], &[PathStep::Index(index)]].concat(), item.get_ref());
            }
        }
        Some(single) => take(&path, single),
    }
    patterns
}

/// The files that a pattern matches.
fn matches(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let text = folder.to_str().ok_or("the folder of the configuration has a name that is not UTF-8")?;
    let whole = if Path::new(pattern).is_absolute() || text.is_empty() {
        pattern.to_owned()
    } else {
        format!("{}/{pattern}", Pattern::escape(text.trim_end_matches('/')))
    };
    let found = glob::glob_with(&whole, OPTIONS).map_err(|error| format!("bad pattern `{pattern}`: {}", error.msg))?;
    let mut files = Vec::new();
    for path in found {
        let path =
            path.map_err(|error| format!("{} cannot be read: {}", shown(error.path()), reason(error.error())))?;
        if !path.is_dir() {
            files.push(path);
        }
    }
    Ok(files)
}

/// The folder that a pattern begins with, before anything in it that may be several things.
fn beginning(folder: &Path, pattern: &str) -> PathBuf {
    let is_plain = |part: &&std::ffi::OsStr| part.to_str().is_some_and(|part| Pattern::escape(part) == part);
    let whole = folder.join(pattern);
    let parent = whole.parent().unwrap_or(folder);
    let plain: PathBuf = parent.iter().take_while(is_plain).collect();
    if plain.as_os_str().is_empty() { PathBuf::from(".") } else { plain }
}
