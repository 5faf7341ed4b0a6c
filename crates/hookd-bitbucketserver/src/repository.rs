//! Addresses and pages of repositories.

use hookd_core::{Json, Refusal, View};

use crate::hook::BitbucketServer;

impl BitbucketServer {
    /// Where to fetch a repository from: over HTTP, or as Bitbucket names it otherwise; its page; where there are no links,
    /// as in older versions and with pull requests, what `base_url` makes of it, or else `PROJECT/SLUG`.
    pub(crate) fn address_of(&self, repository: &View<'_>) -> Result<String, Refusal> {
        let mut clones = repository.maybe_list("links.clone")?;
        // `sort` keeps the order of the others.
        clones.sort_by_key(|link| link.get("name") != Some(&Json::Text("http")));
        for link in clones {
            if let Some(address) = link.maybe_nonempty("href")? {
                return Ok(address.to_owned());
            }
        }
        match (&self.base_url, own_page(repository)?) {
            (Some(base), _) => base.address(repository),
            (None, Some(page)) => Ok(page),
            (None, None) => Ok(format!("{}/{}", repository.text("project.key")?, repository.text("slug")?)),
        }
    }

    /// The page of a repository, without `/browse`; `None` where neither the payload nor `base_url` says.
    pub(crate) fn page_of(&self, repository: &View<'_>) -> Result<Option<String>, Refusal> {
        match (own_page(repository)?, &self.base_url) {
            (Some(page), _) => Ok(Some(page)),
            (None, Some(base)) => base.page(repository).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// The page of a repository that the payload names, without `/browse`.
fn own_page(repository: &View<'_>) -> Result<Option<String>, Refusal> {
    let page = link_of(repository)?;
    Ok(page.map(|page| page.strip_suffix("/browse").unwrap_or(page).trim_end_matches('/').to_owned()))
}

/// The page of what is at `place`: its first link to itself.
pub(crate) fn link_of<'p>(place: &View<'p>) -> Result<Option<&'p str>, Refusal> {
    match place.maybe_list("links.self")?.first() {
        Some(link) => link.maybe_nonempty("href"),
        None => Ok(None),
    }
}

/// The page of a commit, where that of its repository is known.
pub(crate) fn commit_page(repository_page: Option<&str>, revision: &str) -> Option<String> {
    repository_page.map(|page| format!("{page}/commits/{revision}"))
}
