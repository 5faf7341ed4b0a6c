//! A change as it lies in the records. The layout is in [`super::block`].

use std::sync::Arc;

use hookd_core::{Change, Properties};
use serde_json::{Map, Value};

use super::wire::{Input, broken, write_length, write_map, write_optional_integer, write_optional_text, write_text};
use crate::error::Failure;

/// What a change has in common with its parent, and with the changes that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lineage<'b> {
    pub(crate) branch: Option<&'b str>,
    pub(crate) codebase: &'b str,
    pub(crate) project: &'b str,
    pub(crate) repository: &'b str,
}

impl<'b> Lineage<'b> {
    pub(crate) fn new(change: &'b Change) -> Self {
        let Change { branch, codebase, project, repository, .. } = change;
        Self { branch: branch.as_deref(), codebase, project, repository }
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
    let properties = Properties::from_layers(layer.cloned(), input.map()?);
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
pub(super) fn pass<'b>(input: &mut Input<'b>) -> Result<Lineage<'b>, Failure> {
    input.pass_text()?; // author
    let branch = input.optional_text()?;
    input.pass_optional_text()?; // category
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
    input.pass_optional_text()?; // revision
    input.pass_optional_text()?; // revlink
    input.pass_optional_text()?; // src
    input.optional_integer()?; // when_timestamp
    Ok(Lineage { branch, codebase, project, repository })
}
