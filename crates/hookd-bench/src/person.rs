//! People who push, with their accounts.

use std::collections::HashSet;

use fastrand::Rng;

use crate::github::user;
use crate::words::{FAMILY, FOLDERS, GIVEN, NOUNS, one};

/// A person who writes commits.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) login: String,
    pub(crate) id: u32,
    /// The user object of GitHub, as JSON.
    pub(crate) user: String,
}

impl Person {
    /// Somebody whose login is not among `logins` yet.
    pub(crate) fn new(rng: &mut Rng, logins: &mut HashSet<String>) -> Self {
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
