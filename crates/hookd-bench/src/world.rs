//! The world of the pushes: its people and repositories.

use std::collections::HashSet;

use fastrand::Rng;

use crate::person::Person;
use crate::phrases::topic;
use crate::repository::Repository;
use crate::words::{NOUNS, one};

/// How many people there are; each repository has a few of them.
const PEOPLE: usize = 2000;

/// The world of the pushes. The same seed makes the same world.
pub struct World {
    pub(crate) people: Vec<Person>,
    pub(crate) repositories: Vec<Repository>,
}

impl World {
    /// A world of this many repositories (at least one), with this many branches in total, but at least one per
    /// repository.
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
