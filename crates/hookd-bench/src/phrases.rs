//! Short phrases made of [`words`](crate::words): names of branches and identifiers, descriptions, things that sentences
//! are about.

use fastrand::Rng;

use crate::words::{ADJECTIVES, JOINTS, NOUNS, VERBS, one};

/// The topic of a branch: a few words joined by hyphens.
pub(crate) fn topic(rng: &mut Rng) -> String {
    let words = format!("{} {} {}", one(rng, VERBS), one(rng, ADJECTIVES), one(rng, NOUNS));
    words.to_lowercase().replace(' ', "-")
}

/// The description of a repository or an organization, in one line.
pub(crate) fn description(rng: &mut Rng) -> String {
    let thing = thing(rng);
    let (joint, other) = (one(rng, JOINTS), one(rng, NOUNS));
    format!("{}{} {joint} {other}", thing[..1].to_uppercase(), &thing[1..])
}

/// A noun phrase.
pub(crate) fn thing(rng: &mut Rng) -> String {
    match rng.u8(..4) {
        0 => format!("{}s", one(rng, NOUNS)),
        1 => format!("{} {}", one(rng, NOUNS), one(rng, NOUNS)),
        2 => format!("{} {} {}", one(rng, ADJECTIVES), one(rng, NOUNS), one(rng, NOUNS)),
        _ => format!("{} {}", one(rng, ADJECTIVES), one(rng, NOUNS)),
    }
}

/// A name in code.
pub(crate) fn identifier(rng: &mut Rng) -> String {
    let words = format!("{} {} {}", one(rng, VERBS), one(rng, ADJECTIVES), one(rng, NOUNS));
    words.to_lowercase().replace(' ', "_")
}
