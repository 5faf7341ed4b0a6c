//! Pushes, as GitHub sends them.

use fastrand::Rng;

use crate::date::date;
use crate::json::Object;
use crate::message;
use crate::person::Person;
use crate::repository::Repository;
use crate::words::{hex, one};
use crate::world::World;

/// The smallest body of a push, in bytes.
pub const MIN_BODY_BYTES: usize = 7 * 1024;

/// The largest body of a push, in bytes.
pub const MAX_BODY_BYTES: usize = 9 * 1024;

/// Approximate size of a push without its repository, organization, sender and commits.
const FRAME_BYTES: usize = 512;

/// The offset from UTC, as text and in seconds.
const ZONES: &[(&str, i64)] =
    &[("Z", 0), ("+01:00", 3600), ("+02:00", 7200), ("-05:00", -18_000), ("-07:00", -25_200), ("+05:30", 19_800)];

/// Makes the people of a world push. The same seed gives the same pushes, and no push occurs twice.
pub struct Pusher<'w> {
    world: &'w World,
    rng: Rng,
    /// Seconds since 1970.
    now: i64,
}

impl<'w> Pusher<'w> {
    /// Starts a sequence of pushes.
    pub fn new(world: &'w World, seed: u64) -> Self {
        Self { world, rng: Rng::with_seed(seed), now: 1_760_000_000 }
    }

    /// A push that may be too small or too large.
    fn attempt(&mut self) -> String {
        let (rng, world) = (&mut self.rng, self.world);
        let target = one(rng, &world.repositories);
        let branch = one(rng, &target.branches);
        let pusher = &world.people[*one(rng, &target.members)];
        let repository = target.to_json(rng, self.now);
        let organization = target.organization.as_deref().unwrap_or_default();
        let room =
            MAX_BODY_BYTES.saturating_sub(FRAME_BYTES + repository.len() + organization.len() + pusher.user.len());
        let commits = self.commits(target, room);
        let rng = &mut self.rng;
        let (before, after) = (hex(rng, 40), &commits[commits.len() - 1][7..47]);

        let mut text = String::with_capacity(MAX_BODY_BYTES);
        let mut object = Object::new(&mut text)
            .text("ref", &format!("refs/heads/{branch}"))
            .text("before", &before)
            .text("after", after)
            .raw("repository", repository)
            .raw("pusher", account(pusher));
        if !organization.is_empty() {
            object = object.raw("organization", organization);
        }
        object
            .raw("sender", &pusher.user)
            .raw("created", false)
            .raw("deleted", false)
            .raw("forced", rng.u8(..16) == 0)
            .raw("base_ref", "null")
            .text("compare", &format!("{}/compare/{}...{}", target.html_url, &before[..12], &after[..12]))
            .raw("commits", format_args!("[{}]", commits.join(",")))
            .raw("head_commit", &commits[commits.len() - 1])
            .end();
        text
    }

    /// One to four commits, as many as fit into `room` bytes; always at least one.
    fn commits(&mut self, target: &Repository, room: usize) -> Vec<String> {
        let mut commits: Vec<String> = Vec::new();
        let mut length = 0;
        for number in 0..self.rng.i64(1..5) {
            let commit = commit(&mut self.rng, self.world, target, self.now - 600 * (4 - number));
            // The last one appears twice: it is also the head commit.
            if number > 0 && length + 2 * commit.len() > room {
                break;
            }
            length += commit.len();
            commits.push(commit);
        }
        commits
    }
}

impl Iterator for Pusher<'_> {
    type Item = String;

    /// The body of the next push, compact JSON of [`MIN_BODY_BYTES`] to [`MAX_BODY_BYTES`]; never ends.
    fn next(&mut self) -> Option<String> {
        self.now += self.rng.i64(1..20);
        loop {
            let text = self.attempt();
            if (MIN_BODY_BYTES..=MAX_BODY_BYTES).contains(&text.len()) {
                return Some(text);
            }
        }
    }
}

/// A commit object, which starts with the commit's id.
fn commit(rng: &mut Rng, world: &World, target: &Repository, time: i64) -> String {
    let author = &world.people[*one(rng, &target.members)];
    let other = &world.people[*one(rng, &target.members)];
    let id = hex(rng, 40);
    let (zone, ahead) = *one(rng, ZONES);
    let sentences = if rng.u8(..3) > 0 { 0 } else { rng.usize(1..5) };
    let files: Vec<&str> = (0..rng.usize(1..5)).map(|_| one(rng, &target.files).as_str()).collect();
    let (is_adding, is_removing) = (rng.u8(..4) == 0, rng.u8(..8) == 0);
    let is_of = |index: usize| match index {
        0 if is_adding => "added",
        1 if is_removing => "removed",
        _ => "modified",
    };
    let of = |kind: &str| {
        let chosen = files.iter().enumerate().filter(|(index, _)| is_of(*index) == kind);
        chosen.map(|(_, path)| *path).collect::<Vec<_>>()
    };
    let mut text = String::new();
    Object::new(&mut text)
        .text("id", &id)
        .text("tree_id", &hex(rng, 40))
        .raw("distinct", true)
        .text("message", &message::write(rng, author, other, sentences))
        .text("timestamp", &date(time, zone, ahead))
        .text("url", &format!("{}/commit/{id}", target.html_url))
        .raw("author", signature(author))
        .raw("committer", if rng.u8(..3) == 0 { WEB_FLOW.to_owned() } else { signature(author) })
        .texts("added", of("added"))
        .texts("removed", of("removed"))
        .texts("modified", of("modified"))
        .end();
    text
}

/// The committer of merges made in the browser.
const WEB_FLOW: &str = r#"{"name":"GitHub","email":"noreply@github.com","username":"web-flow"}"#;

fn signature(person: &Person) -> String {
    let mut text = String::new();
    Object::new(&mut text)
        .text("name", &person.name)
        .text("email", &person.email)
        .text("username", &person.login)
        .end();
    text
}

fn account(person: &Person) -> String {
    let mut text = String::new();
    Object::new(&mut text).text("name", &person.login).text("email", &person.email).end();
    text
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use hookd_core::{BuildContext, Compat, HookOptions, HookRequest, Outcome, Secret, SecretSource};

    use super::*;

    struct NoSecrets;

    impl SecretSource for NoSecrets {
        fn read(&self, _: &Secret) -> Result<Vec<u8>, String> {
            Err("there are none".to_owned())
        }
    }

    #[test]
    fn generates_pushes_within_the_size_limits_that_the_dialect_translates() {
        let world = World::new(1, 20, 40);
        let hook =
            hookd_github::Options::default().build(&BuildContext::new("github", Compat::Off, &NoSecrets)).unwrap();
        let mut changes = 0;
        for body in Pusher::new(&world, 2).take(200) {
            assert!((MIN_BODY_BYTES..=MAX_BODY_BYTES).contains(&body.len()));
            let request = HookRequest::post("/change_hook/github").with_header("X-GitHub-Event", "push");
            let request = request.with_header("Content-Type", "application/json").with_body(body);
            let Ok(Outcome::Changes(made)) = hook.translate(&request) else {
                panic!("the dialect did not translate a push")
            };
            changes += made.len();
        }
        assert!((200..800).contains(&changes));
    }

    #[test]
    fn never_repeats_a_commit_or_a_push() {
        let world = World::new(1, 20, 40);
        let bodies: Vec<String> = Pusher::new(&world, 2).take(300).collect();
        let ids: HashSet<&str> = bodies.iter().flat_map(|body| body.split("\"after\":\"").nth(1)?.get(..40)).collect();
        assert_eq!(ids.len(), bodies.len());
        assert_eq!(bodies, Pusher::new(&world, 2).take(300).collect::<Vec<_>>());
        assert!(bodies.iter().zip(Pusher::new(&world, 3)).all(|(one, other)| *one != other));
    }
}
