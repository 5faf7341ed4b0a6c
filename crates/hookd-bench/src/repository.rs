//! Repositories with branches and file trees.

use std::collections::HashSet;

use fastrand::Rng;

use crate::date::date;
use crate::github::{organization, repository_beginning, user};
use crate::json::Object;
use crate::person::Person;
use crate::words::{FOLDERS, LANGUAGES, NOUNS, OTHER_ENDINGS, one};

/// A repository to push to.
pub(crate) struct Repository {
    pub(crate) html_url: String,
    /// The beginning of the repository object, as JSON, up to the members that change with each push.
    beginning: String,
    /// The organization object, as JSON, if an organization owns it.
    pub(crate) organization: Option<String>,
    created_at: i64,
    language: &'static str,
    size: u32,
    stars: u32,
    default_branch: &'static str,
    /// All branches; the default branch is the first.
    pub(crate) branches: Vec<String>,
    pub(crate) files: Vec<String>,
    /// Indexes in [`World`](crate::World) of the people who push to it.
    pub(crate) members: Vec<usize>,
}

impl Repository {
    /// A repository of one of `people` or of a new organization; neither its login nor its name was taken.
    pub(crate) fn new(
        rng: &mut Rng,
        people: &[Person],
        logins: &mut HashSet<String>,
        names: &mut HashSet<String>,
    ) -> Self {
        let members: Vec<usize> = (0..rng.usize(2..24)).map(|_| rng.usize(..people.len())).collect();
        let is_organization = rng.u8(..3) == 0;
        let (login, owner, organization) = if is_organization {
            let login = new_name(rng, logins);
            let id = rng.u32(1000..180_000_000);
            (login.clone(), user(rng, &login, id, "Organization", Some("")), Some(organization(rng, &login, id)))
        } else {
            let person = &people[members[0]];
            let owner = user(rng, &person.login, person.id, "User", Some(&person.email));
            (person.login.clone(), owner, None)
        };
        let name = new_name(rng, names);
        let (language, ending) = *one(rng, LANGUAGES);
        let default_branch = one(rng, &["main", "master", "develop", "trunk"]);
        let branches = vec![(*default_branch).to_owned()];
        let html_url = format!("https://github.com/{login}/{name}");
        let beginning = repository_beginning(rng, &login, &name, &owner);
        Self {
            html_url,
            beginning,
            organization,
            created_at: rng.i64(1_300_000_000..1_700_000_000),
            language,
            size: rng.u32(100..900_000),
            stars: rng.u32(..40_000),
            default_branch,
            branches,
            files: tree(rng, ending),
            members,
        }
    }

    /// The repository object as of `now`, in seconds since 1970.
    pub(crate) fn to_json(&self, rng: &mut Rng, now: i64) -> String {
        let mut text = self.beginning.clone();
        let url = &self.html_url;
        let (issues, forks, stars) = (rng.u32(..3000), rng.u32(..5000), self.stars + rng.u32(..100));
        let bare = url.trim_start_matches("https://");
        let mut object = Object::resume(&mut text)
            .raw("created_at", self.created_at)
            .text("updated_at", &date(now - rng.i64(60..90_000), "Z", 0))
            .raw("pushed_at", now)
            .text("git_url", &format!("git://{bare}.git"))
            .text("ssh_url", &format!("git@{}.git", bare.replacen('/', ":", 1)))
            .text("clone_url", &format!("{url}.git"))
            .text("svn_url", url)
            .raw("homepage", "null")
            .raw("size", self.size + rng.u32(..1000))
            .raw("stargazers_count", stars)
            .raw("watchers_count", stars)
            .text("language", self.language);
        for (key, value) in REPOSITORY_FLAGS {
            object = object.raw(key, value);
        }
        object =
            object.raw("forks_count", forks).raw("mirror_url", "null").raw("archived", false).raw("disabled", false);
        object
            .raw("open_issues_count", issues)
            .raw("license", "null")
            .raw("allow_forking", true)
            .raw("is_template", false)
            .raw("web_commit_signoff_required", false)
            .texts("topics", [])
            .text("visibility", "public")
            .raw("forks", forks)
            .raw("open_issues", issues)
            .raw("watchers", stars)
            .text("default_branch", self.default_branch)
            .raw("stargazers", stars)
            .text("master_branch", self.default_branch)
            .raw("custom_properties", "{}")
            .end();
        text
    }
}

fn new_name(rng: &mut Rng, taken: &mut HashSet<String>) -> String {
    loop {
        let (first, second) = (one(rng, NOUNS).replace(' ', "-"), &one(rng, NOUNS)[..3]);
        let name = if rng.bool() { format!("{first}-{second}") } else { first };
        if taken.insert(name.clone()) {
            return name;
        }
    }
}

/// Paths of an invented source tree.
fn tree(rng: &mut Rng, ending: &str) -> Vec<String> {
    let folders: Vec<String> = (0..rng.usize(6..40))
        .map(|_| {
            let depth = rng.usize(1..4);
            (0..depth).map(|_| *one(rng, FOLDERS)).collect::<Vec<_>>().join("/")
        })
        .collect();
    let files = rng.usize(60..400);
    let mut paths: Vec<String> = (0..files)
        .map(|_| {
            let ending = if rng.u8(..4) == 0 { one(rng, OTHER_ENDINGS) } else { ending };
            let name = format!("{}_{}", one(rng, NOUNS), one(rng, NOUNS)).replace(' ', "_");
            format!("{}/{name}.{ending}", one(rng, &folders))
        })
        .collect();
    paths.extend(["README.md", "CHANGELOG.md", ".github/workflows/ci.yml", "LICENSE"].map(str::to_owned));
    paths
}

const REPOSITORY_FLAGS: [(&str, bool); 6] = [
    ("has_issues", true),
    ("has_projects", true),
    ("has_downloads", true),
    ("has_wiki", true),
    ("has_pages", false),
    ("has_discussions", false),
];
