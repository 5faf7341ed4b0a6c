//! Links to revisions at the hosts that Buildbot's `revlinks.py` knows.

use std::sync::LazyLock;

use regex::Regex;

/// A pattern for repository URLs, and the text of the link before and after the revision, with `$1`-style groups.
struct Host {
    repository: Regex,
    before: &'static str,
    after: &'static str,
}

static HOSTS: LazyLock<Vec<Host>> = LazyLock::new(|| {
    const GITHUB: (&str, &str) = ("https://github.com/${1}/${2}/commit/", "");
    const BITBUCKET: (&str, &str) = ("https://bitbucket.org/${1}/${2}/commits/", "");
    const GITWEB: (&str, &str) = ("http://${1}.git.sourceforge.net/git/gitweb.cgi?p=${repo};a=commit;h=", "");
    const ALLURA: (&str, &str) = ("https://sourceforge.net/p/${1}/ci/", "/");
    [
        (r"^https://github.com/([^/]*)/([^/]*?)(?:\.git)?\n?$", GITHUB),
        (r"^git://github.com/([^/]*)/([^/]*?)(?:\.git)?\n?$", GITHUB),
        (r"^git@github.com:([^/]*)/([^/]*?)(?:\.git)?\n?$", GITHUB),
        (r"^ssh://git@github.com/([^/]*)/([^/]*?)(?:\.git)?\n?$", GITHUB),
        (r"^https://[^@]*@bitbucket.org/([^/]*)/([^/]*?)(?:\.git)?\n?$", BITBUCKET),
        (r"^git@bitbucket.org:([^/]*)/([^/]*?)(?:\.git)?\n?$", BITBUCKET),
        (r"^git://([^.]*).git.sourceforge.net/gitroot/(?P<repo>.*)\n?$", GITWEB),
        (r"^[^@]*@([^.]*).git.sourceforge.net:gitroot/(?P<repo>.*)\n?$", GITWEB),
        (r"^ssh://(?:[^@]*@)?([^.]*).git.sourceforge.net/gitroot/(?P<repo>.*)\n?$", GITWEB),
        (r"^git://git.code.sf.net/p/(?P<repo>.*)\n?$", ALLURA),
        (r"^http://git.code.sf.net/p/(?P<repo>.*)\n?$", ALLURA),
        (r"^ssh://(?:[^@]*@)?git.code.sf.net/p/(?P<repo>.*)\n?$", ALLURA),
    ]
    .into_iter()
    .map(|(pattern, (before, after))| Host {
        repository: Regex::new(pattern).expect("the host patterns are constant and tested"),
        before,
        after,
    })
    .collect()
});

/// The link to `revision` in `repository`, or `None` where the host is not known.
pub(crate) fn find(revision: &str, repository: &str) -> Option<String> {
    HOSTS.iter().find_map(|host| {
        let groups = host.repository.captures(repository)?;
        let mut link = String::new();
        groups.expand(host.before, &mut link);
        link.push_str(revision);
        link.push_str(host.after);
        Some(link)
    })
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn links_the_hosts_that_buildbot_knows() {
        for (repository, link) in [
            ("https://github.com/o/r.git", Some("https://github.com/o/r/commit/R")),
            ("git@github.com:o/r", Some("https://github.com/o/r/commit/R")),
            ("https://user@bitbucket.org/o/r.git", Some("https://bitbucket.org/o/r/commits/R")),
            (
                "git://x.git.sourceforge.net/gitroot/x/y",
                Some("http://x.git.sourceforge.net/git/gitweb.cgi?p=x/y;a=commit;h=R"),
            ),
            ("git://git.code.sf.net/p/klusters/klusters", Some("https://sourceforge.net/p/klusters/klusters/ci/R/")),
            ("https://git.example.org/o/r.git", None),
        ] {
            assert_eq!(find("R", repository).as_deref(), link, "{repository}");
        }
    }
}
