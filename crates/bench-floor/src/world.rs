//! Who pushes, and where to: people, owners, repositories with branches and trees of files.

use std::collections::HashSet;

use fastrand::Rng;

use crate::github::{organization, repository_beginning, user};
use crate::message::topic;
use crate::words::{FAMILY, FOLDERS, GIVEN, LANGUAGES, NOUNS, OTHER_ENDINGS, one};

/// How many people there are; each repository has a few of them.
const PEOPLE: usize = 2000;

/// The world of the pushes. The same seed makes the same world.
pub struct World {
    pub(crate) people: Vec<Person>,
    pub(crate) repositories: Vec<Repository>,
}

/// One who writes commits.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) login: String,
    id: u32,
    /// The user object of GitHub, as JSON.
    pub(crate) user: String,
}

pub(crate) struct Repository {
    pub(crate) html_url: String,
    /// The beginning of the repository object, as JSON, up to what changes with each push.
    pub(crate) beginning: String,
    /// The organization object, as JSON, where an organization owns it.
    pub(crate) organization: Option<String>,
    pub(crate) created_at: i64,
    pub(crate) language: &'static str,
    pub(crate) size: u32,
    pub(crate) stars: u32,
    pub(crate) default_branch: &'static str,
    /// All branches; the default branch is the first.
    pub(crate) branches: Vec<String>,
    pub(crate) files: Vec<String>,
    /// Indexes of those who push to it.
    pub(crate) members: Vec<usize>,
}

impl World {
    /// A world of this many repositories, with this many branches in all or one for each.
    pub fn new(seed: u64, repositories: usize, branches: usize) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut logins = HashSet::new();
        let people: Vec<Person> = (0..PEOPLE).map(|_| Person::new(&mut rng, &mut logins)).collect();
        let mut names = HashSet::new();
        let mut repositories: Vec<Repository> =
            (0..repositories.max(1)).map(|_| Repository::new(&mut rng, &people, &mut logins, &mut names)).collect();
        for _ in repositories.len()..branches {
            let index = rng.usize(..repositories.len());
            let name = branch_name(&mut rng, &people[repositories[index].members[0]].login);
            repositories[index].branches.push(name);
        }
        Self { people, repositories }
    }
}

impl Person {
    fn new(rng: &mut Rng, logins: &mut HashSet<String>) -> Self {
        let (given, family) = (one(rng, GIVEN), one(rng, FAMILY));
        let plain: String = format!("{given}{family}").chars().filter(char::is_ascii_alphabetic).collect();
        let login = loop {
            let login = match rng.u8(..4) {
                0 => plain.to_lowercase(),
                1 => format!("{}{}", plain.to_lowercase(), rng.u16(1..2000)),
                2 => format!("{}-{}", one(rng, NOUNS).replace(' ', "-"), rng.u8(..100)),
                _ => format!("{}{}", plain[..2].to_lowercase(), one(rng, NOUNS).replace(' ', "")),
            };
            if logins.insert(login.clone()) {
                break login;
            }
        };
        let id = rng.u32(1000..180_000_000);
        let email = match rng.u8(..3) {
            0 => format!("{id}+{login}@users.noreply.github.com"),
            1 => format!("{}@{}.example.org", plain.to_lowercase(), one(rng, NOUNS).replace(' ', "-")),
            _ => format!("{login}@{}.example", one(rng, FOLDERS)),
        };
        let user = user(rng, &login, id, "User", None);
        Self { name: format!("{given} {family}"), email, login, id, user }
    }
}

impl Repository {
    fn new(rng: &mut Rng, people: &[Person], logins: &mut HashSet<String>, names: &mut HashSet<String>) -> Self {
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

fn branch_name(rng: &mut Rng, login: &str) -> String {
    match rng.u8(..6) {
        0 => format!("release/{}.{}", rng.u8(..20), rng.u8(..30)),
        1 => format!("dependabot/npm_and_yarn/{}-{}.{}.{}", one(rng, NOUNS), rng.u8(..9), rng.u8(..30), rng.u8(..30)),
        2 => format!("{login}/{}", topic(rng)),
        3 => format!("feature/{}-{}", rng.u16(100..9999), topic(rng)),
        4 => format!("fix/{}", topic(rng)),
        _ => topic(rng),
    }
    .replace(' ', "-")
}

/// Paths of a made-up source tree.
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
