//! What is asked of GitHub's API about a pull request, and how its answers are read.
//!
//! Nothing here fails: what could not be fetched is named beside what was.

use hookd_core::{ApiAnswer, ApiAnswers, ApiCall, Json, Refusal, View};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::endpoint::Endpoint;

/// What escapes into a segment of a path: all but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// GitHub gives at most 3000 files, 100 a page: <https://docs.github.com/en/rest/pulls/pulls#list-pull-requests-files>.
const MAX_PAGES: usize = 30;
const MAX_FILES: u64 = 3000;

/// What stands for a commit's message that could not be fetched, as in Buildbot.
pub(crate) const NO_MESSAGE: &str = "No message field";

/// The paths at the API of one pull request.
pub(crate) struct Paths {
    commit: String,
    files: String,
}

impl Paths {
    /// The paths for the head commit `sha` of the pull request `number` of the repository `full_name`.
    ///
    /// # Errors
    /// The name of the field that would not make the path that it should.
    pub(crate) fn new(full_name: &str, number: &str, sha: &str) -> Result<Self, &'static str> {
        let (owner, name) = full_name.split_once('/').ok_or("repository.full_name")?;
        let repository = [segment(owner), segment(name)];
        let [Some(owner), Some(name)] = repository else { return Err("repository.full_name") };
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let number = if is_number { number } else { return Err("number") };
        let sha = segment(sha).ok_or("pull_request.head.sha")?;
        Ok(Self {
            commit: format!("/repos/{owner}/{name}/commits/{sha}"),
            files: format!("/repos/{owner}/{name}/pulls/{number}/files"),
        })
    }
}

/// `text` as one segment of a path; `None` where it is empty, a step up, or has a slash.
fn segment(text: &str) -> Option<String> {
    let is_segment = !matches!(text, "" | "." | "..") && !text.contains('/');
    is_segment.then(|| utf8_percent_encode(text, SEGMENT).to_string())
}

/// The API, as far as it has answered.
pub(crate) struct Api<'e> {
    pub(crate) endpoint: &'e Endpoint,
    pub(crate) token: Option<&'e str>,
    pub(crate) answers: &'e ApiAnswers,
    pub(crate) style: &'static ApiStyle,
}

/// How the API is asked.
pub(crate) struct ApiStyle {
    /// The `User-Agent`.
    pub(crate) agent: &'static str,
    /// The query of the first page of files.
    pub(crate) files_query: &'static str,
    /// Whether the following pages are read.
    pub(crate) follows_pages: bool,
}

/// What was fetched from the API.
#[derive(Default)]
pub(crate) struct Fetched<T> {
    /// As much as there is.
    pub(crate) value: T,
    /// What could not be fetched, and why.
    pub(crate) missing: Option<String>,
}

impl Api<'_> {
    /// The message of the head commit.
    ///
    /// # Errors
    /// The call that has to be made first.
    pub(crate) fn message(&self, paths: &Paths) -> Result<Fetched<String>, ApiCall> {
        let answer = self.answer(self.endpoint.url(&paths.commit))?;
        Ok(match message_in(answer) {
            Ok(value) => Fetched { value, missing: None },
            Err(why) => Fetched { value: NO_MESSAGE.to_owned(), missing: Some(format!("head commit message: {why}")) },
        })
    }

    /// The changed files, with the former names of those that were renamed; the payload says that there are `size`.
    ///
    /// # Errors
    /// The call that has to be made first.
    pub(crate) fn files(&self, paths: &Paths, size: Option<u64>) -> Result<Fetched<Vec<String>>, ApiCall> {
        let mut urls = vec![format!("{}{}", self.endpoint.url(&paths.files), self.style.files_query)];
        let mut files = Vec::new();
        let mut entries = 0;
        let missing = loop {
            let read = urls.len() - 1;
            let after = if read == 0 { String::new() } else { format!(" after page {read}") };
            let answer = self.answer(urls[read].clone())?;
            match files_in(answer) {
                Ok((page, length)) => {
                    files.extend(page);
                    entries += length;
                }
                Err(why) => break Some(format!("changed files{after}: {why}")),
            }
            let Some(next) = answer.next_page().filter(|_| self.style.follows_pages) else {
                let is_cut = entries >= MAX_FILES && size.is_some_and(|size| size > entries);
                break is_cut.then(|| format!("changed files after the first {MAX_FILES}: the API gives no more"));
            };
            let refused = if !self.endpoint.has_origin_of(next) {
                "the next page is not at `github_api_endpoint`"
            } else if urls.len() == MAX_PAGES {
                "there are more than hookd reads"
            } else if urls.iter().any(|url| url == next) {
                "the next page is one that was read"
            } else {
                urls.push(next.to_owned());
                continue;
            };
            break Some(format!("changed files after page {}: {refused}", urls.len()));
        };
        Ok(Fetched { value: files, missing })
    }

    fn answer(&self, url: String) -> Result<&ApiAnswer, ApiCall> {
        self.answers.get(&url).ok_or_else(|| {
            let call = ApiCall::get(url).announced();
            let call =
                call.with_header("User-Agent", self.style.agent).with_header("Accept", "application/vnd.github+json");
            match self.token {
                Some(token) => call.with_header("Authorization", format!("token {token}")),
                None => call,
            }
        })
    }
}

fn message_in(answer: &ApiAnswer) -> Result<String, String> {
    View::read(answer.success()?, |commit| commit.text("commit.message").map(str::to_owned)).map_err(in_answer)
}

/// The names in one page of files, and how many entries it has.
fn files_in(answer: &ApiAnswer) -> Result<(Vec<String>, u64), String> {
    let read = |page: View<'_>| {
        if !matches!(page.json(), Json::List(_)) {
            return Err(Refusal::new("not a list"));
        }
        let entries = page.items()?;
        let mut files = Vec::with_capacity(entries.len());
        for entry in &entries {
            files.push(entry.text("filename")?.to_owned());
            files.extend(entry.optional_text("previous_filename")?.map(str::to_owned));
        }
        Ok((files, entries.len() as u64))
    };
    View::read(answer.success()?, read).map_err(in_answer)
}

fn in_answer(cause: impl std::fmt::Display) -> String {
    format!("in the API's answer: {cause}")
}

#[cfg(test)]
mod tests {
    use super::Paths;

    #[test]
    fn paths_are_made_of_escaped_segments() {
        let paths = Paths::new("octo/t.e-a_~?#%2e", "7", "a b/../c");
        assert_eq!(paths.err(), Some("pull_request.head.sha"));
        let paths = Paths::new("octo/t.e-a_~?#%2e", "7", "é").ok().unwrap();
        assert_eq!(paths.commit, "/repos/octo/t.e-a_~%3F%23%252e/commits/%C3%A9");
        assert_eq!(paths.files, "/repos/octo/t.e-a_~%3F%23%252e/pulls/7/files");
        for name in
            ["", "/", "octo", "octo/", "/tea", "octo/..", "../tea", "./tea", "octo/tea/x", "octo/tea/../../user"]
        {
            assert_eq!(Paths::new(name, "7", "a").err(), Some("repository.full_name"), "{name}");
        }
        for number in ["", "-1", "None", "1.0", "7/../8", "７"] {
            assert_eq!(Paths::new("octo/tea", number, "a").err(), Some("number"), "{number}");
        }
        for sha in ["", ".", "..", "a/b"] {
            assert_eq!(Paths::new("octo/tea", "7", sha).err(), Some("pull_request.head.sha"), "{sha}");
        }
    }
}
