//! Addresses and pages of repositories.

use hookd_core::{Json, Refusal, View};

/// Where to fetch a repository from: over HTTP, or as Bitbucket names it otherwise; its page; where there are no links,
/// as in older versions, `PROJECT/SLUG`.
pub(crate) fn address_of(repository: &View<'_>) -> Result<String, Refusal> {
    let mut clones = repository.list_or_empty("links.clone")?;
    // `sort` keeps the order of the others.
    clones.sort_by_key(|link| link.get("name") != Some(&Json::Text("http")));
    for link in clones {
        if let Some(address) = link.nonempty_text("href")? {
            return Ok(address.to_owned());
        }
    }
    match page_of(repository)? {
        Some(page) => Ok(page),
        None => Ok(format!("{}/{}", repository.text("project.key")?, repository.text("slug")?)),
    }
}

/// The page of a repository, without `/browse`; `None` where the payload does not name it.
pub(crate) fn page_of(repository: &View<'_>) -> Result<Option<String>, Refusal> {
    let page = link_of(repository)?;
    Ok(page.map(|page| page.strip_suffix("/browse").unwrap_or(page).trim_end_matches('/').to_owned()))
}

/// The page of what is at `place`: its first link to itself.
pub(crate) fn link_of<'p>(place: &View<'p>) -> Result<Option<&'p str>, Refusal> {
    match place.list_or_empty("links.self")?.first() {
        Some(link) => link.nonempty_text("href"),
        None => Ok(None),
    }
}

/// The page of a commit, where that of its repository is known.
pub(crate) fn commit_page(repository_page: Option<&str>, revision: &str) -> Option<String> {
    repository_page.map(|page| format!("{page}/commits/{revision}"))
}
