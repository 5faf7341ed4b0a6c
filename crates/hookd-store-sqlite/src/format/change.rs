//! A change as it lies in the records. The layout is in [`super::block`].

use std::sync::Arc;

use hookd_core::{Change, Properties};
use serde_json::{Map, Value};

use super::wire::{Input, broken, write_length, write_map, write_optional_integer, write_optional_text, write_text};
use crate::error::Failure;

/// What is seen of a change without reading it: what it is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passed<'b> {
    pub(crate) author: &'b str,
    pub(crate) branch: Option<&'b str>,
    pub(crate) category: Option<&'b str>,
    pub(crate) codebase: &'b str,
    pub(crate) project: &'b str,
    pub(crate) repository: &'b str,
    pub(crate) revision: Option<&'b str>,
}

impl<'b> Passed<'b> {
    /// The same of a change that was read.
    pub(crate) fn of(change: &'b Change) -> Self {
        let Change { author, branch, category, codebase, project, repository, revision, .. } = change;
        let (branch, category, revision) = (branch.as_deref(), category.as_deref(), revision.as_deref());
        Self { author, branch, category, codebase, project, repository, revision }
    }

    /// Whether it is of the same line as another, so that it may be its parent.
    pub(crate) fn is_same_line(&self, other: &Passed<'_>) -> bool {
        self.branch == other.branch
            && self.codebase == other.codebase
            && self.project == other.project
            && self.repository == other.repository
    }
}

/// Writes a change, which shares the properties of this number among those of its group; 0 is none.
pub(super) fn write(to: &mut Vec<u8>, change: &Change, shared: usize) {
    // Without `..`: a new field is a new version of the format.
    let Change {
        author,
        branch,
        category,
        codebase,
        comments,
        committer,
        files,
        project,
        properties,
        repository,
        revision,
        revlink,
        src,
        when_timestamp,
    } = change;
    write_text(to, author);
    write_optional_text(to, branch.as_deref());
    write_optional_text(to, category.as_deref());
    write_text(to, codebase);
    write_text(to, comments);
    write_optional_text(to, committer.as_deref());
    write_length(to, files.len());
    files.iter().for_each(|file| write_text(to, file));
    write_text(to, project);
    write_length(to, shared);
    write_map(to, properties.own());
    write_text(to, repository);
    write_optional_text(to, revision.as_deref());
    write_optional_text(to, revlink.as_deref());
    write_optional_text(to, src.as_deref());
    write_optional_integer(to, *when_timestamp);
}

/// Reads a change of a group that shares these properties.
pub(super) fn read(input: &mut Input<'_>, shared: &[Arc<Map<String, Value>>]) -> Result<Change, Failure> {
    let text = |text: &str| text.to_owned();
    // In the order in which they were written, whatever the order of the fields in the core.
    let author = text(input.text()?);
    let branch = input.optional_text()?.map(text);
    let category = input.optional_text()?.map(text);
    let codebase = text(input.text()?);
    let comments = text(input.text()?);
    let committer = input.optional_text()?.map(text);
    let files = input.texts()?;
    let project = text(input.text()?);
    let layer = match input.size()? {
        0 => None,
        number => Some(shared.get(number - 1).ok_or_else(|| broken("a change shares properties that are missing"))?),
    };
    let properties = Properties::from_layers(layer.cloned(), input.entries()?);
    let repository = text(input.text()?);
    let revision = input.optional_text()?.map(text);
    let revlink = input.optional_text()?.map(text);
    let src = input.optional_text()?.map(text);
    let when_timestamp = input.optional_integer()?;
    Ok(Change {
        author,
        branch,
        category,
        codebase,
        comments,
        committer,
        files,
        project,
        properties,
        repository,
        revision,
        revlink,
        src,
        when_timestamp,
    })
}

/// Passes over a change. Allocates nothing.
pub(super) fn pass<'b>(input: &mut Input<'b>) -> Result<Passed<'b>, Failure> {
    let author = input.text()?;
    let branch = input.optional_text()?;
    let category = input.optional_text()?;
    let codebase = input.text()?;
    input.pass_text()?; // comments
    input.pass_optional_text()?; // committer
    for _ in 0..input.length()? {
        input.pass_text()?; // files
    }
    let project = input.text()?;
    input.size()?; // the properties that it shares
    input.pass_map()?; // properties
    let repository = input.text()?;
    let revision = input.optional_text()?;
    input.pass_optional_text()?; // revlink
    input.pass_optional_text()?; // src
    input.optional_integer()?; // when_timestamp
    Ok(Passed { author, branch, category, codebase, project, repository, revision })
}
