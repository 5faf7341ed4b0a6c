//! Bits of payloads that several events share.

use hookd_core::{Change, Json, Refusal, View, parse_date, person};

use crate::hook::{BitbucketServer, Event};

/// The years 1 to 9999, in seconds since 1970: what Buildbot's dates hold.
const TIMES: std::ops::Range<i64> = -62_135_596_800..253_402_300_800;

impl BitbucketServer {
    /// What every change of an event has besides its repository: project, codebase and `src`, as `repository` and the
    /// arguments of the URL tell.
    pub(crate) fn change(&self, event: &Event<'_>, repository: &View<'_>) -> Result<Change, Refusal> {
        let project = match argument(event, "project")? {
            Some(project) => Some(project),
            None => given(repository.optional_text("project.name")?),
        };
        let project = project.map_or_else(|| repository.optional_text("project.key"), |project| Ok(Some(project)))?;
        let src = repository.optional_text("scmId")?.unwrap_or("git");
        let codebase = argument(event, "codebase")?;
        Ok(Change {
            codebase: codebase.map_or_else(|| self.codebase(event), str::to_owned),
            project: project.unwrap_or_default().to_owned(),
            src: Some(src.to_owned()),
            ..Change::default()
        })
    }

    /// The codebase that the option gives.
    pub(crate) fn codebase(&self, event: &Event<'_>) -> String {
        self.codebase.as_ref().map(|codebase| codebase.of(event.payload.json())).unwrap_or_default()
    }
}

/// An argument of the URL; an empty one counts as not given.
fn argument<'e>(event: &Event<'e>, name: &str) -> Result<Option<&'e str>, Refusal> {
    Ok(event.request.argument(name)?.filter(|value| !value.is_empty()))
}

/// `displayName <emailAddress>` of a user at `path`, or of the author of a commit, who may be no user: then
/// `name <emailAddress>`. Who has no address has a user name.
pub(crate) fn user(place: &View<'_>, path: &'static str) -> Result<Option<String>, Refusal> {
    if !place.is_truthy(path) {
        return Ok(None);
    }
    let user = place.at(path)?;
    let (display, name) = (given(user.optional_text("displayName")?), given(user.optional_text("name")?));
    let address = given(user.optional_text("emailAddress")?);
    Ok(match display {
        Some(display) => person(Some(display), address.or(name)),
        None => person(name, address),
    })
}

/// Where a repository is to be had: over HTTP, or as else Bitbucket says; its page; where there are no links, as in older
/// versions, `PROJECT/SLUG`.
pub(crate) fn address_of(repository: &View<'_>) -> Result<String, Refusal> {
    let mut clones = match repository.get("links.clone") {
        None | Some(Json::Null) => Vec::new(),
        Some(_) => repository.list("links.clone")?,
    };
    // `sort` keeps the order of the others.
    clones.sort_by_key(|link| link.get("name") != Some(&Json::Text("http")));
    for link in clones {
        if let Some(address) = given(link.optional_text("href")?) {
            return Ok(address.to_owned());
        }
    }
    match page_of(repository)? {
        Some(page) => Ok(page),
        None => Ok(format!("{}/{}", repository.text("project.key")?, repository.text("slug")?)),
    }
}

/// The page of a repository, without `/browse`; `None` where it is not told.
pub(crate) fn page_of(repository: &View<'_>) -> Result<Option<String>, Refusal> {
    let page = link_of(repository)?;
    Ok(page.map(|page| page.strip_suffix("/browse").unwrap_or(page).trim_end_matches('/').to_owned()))
}

/// The page of what is at `place`: its first link to itself.
pub(crate) fn link_of<'p>(place: &View<'p>) -> Result<Option<&'p str>, Refusal> {
    match place.get("links.self") {
        None | Some(Json::Null) => Ok(None),
        Some(_) => match place.list("links.self")?.first() {
            Some(link) => Ok(given(link.optional_text("href")?)),
            None => Ok(None),
        },
    }
}

/// The page of a commit, where that of its repository is known.
pub(crate) fn commit_page(repository_page: Option<&str>, revision: &str) -> Option<String> {
    repository_page.map(|page| format!("{page}/commits/{revision}"))
}

/// The comments of a commit whose message is not known, or does not matter.
pub(crate) fn nameless(revision: &str) -> String {
    format!("Bitbucket Server commit {revision}")
}

/// The text, where it is not empty.
pub(crate) fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// The comments of a pull request: what it is, then its title and description, where it has them.
pub(crate) fn described(pull: &View<'_>, number: &str) -> Result<String, Refusal> {
    let mut comments = format!("Bitbucket Server Pull Request #{number}");
    for path in ["title", "description"] {
        if let Some(text) = given(pull.optional_text(path)?) {
            comments.push('\n');
            comments.push_str(text);
        }
    }
    Ok(comments)
}

/// The first of the dates at `paths` that is there, in whole seconds since 1970: milliseconds, or ISO 8601 as in the
/// newest versions.
pub(crate) fn first_time(place: &View<'_>, paths: &[&str]) -> Result<Option<i64>, Refusal> {
    for path in paths {
        let found = match place.get(path) {
            None | Some(Json::Null) => continue,
            Some(found) => found,
        };
        let seconds = match found {
            Json::Number(number) => number.as_i64().map(|milliseconds| milliseconds.div_euclid(1000)),
            Json::Text(date) => Some(parse_date(date)?),
            _ => None,
        };
        let is_date = seconds.is_some_and(|seconds| TIMES.contains(&seconds));
        return if is_date { Ok(seconds) } else { Err(place.unexpected(path, found, "a date")) };
    }
    Ok(None)
}
