//! A change as it lies in the records. The layout is in [`super::block`].

use hookd_core::Change;

use super::wire::{Input, write_length, write_map, write_optional_integer, write_optional_text, write_text};
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

pub(super) fn write(to: &mut Vec<u8>, change: &Change) {
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
    write_map(to, properties);
    write_text(to, repository);
    write_optional_text(to, revision.as_deref());
    write_optional_text(to, revlink.as_deref());
    write_optional_text(to, src.as_deref());
    write_optional_integer(to, *when_timestamp);
}

pub(super) fn read(input: &mut Input<'_>) -> Result<Change, Failure> {
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
    let properties = input.map()?;
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
    input.pass_map()?; // properties
    let repository = input.text()?;
    input.pass_optional_text()?; // revision
    input.pass_optional_text()?; // revlink
    input.pass_optional_text()?; // src
    input.optional_integer()?; // when_timestamp
    Ok(Lineage { branch, codebase, project, repository })
}
