//! Commit messages like those that people write: a subject, often a body, sometimes trailers.

use fastrand::Rng;

use crate::person::Person;
use crate::phrases::{identifier, thing};
use crate::words::{JOINTS, NOUNS, OPENINGS, VERBS, hex, one};

/// The longest line of a body, in characters.
const MAX_LINE_CHARS: usize = 72;

/// Writes a message whose body has this many sentences; `author` and `other` may appear in its trailers.
pub(crate) fn write(rng: &mut Rng, author: &Person, other: &Person, sentences: usize) -> String {
    let mut message = subject(rng);
    if sentences > 0 {
        let body: Vec<String> = (0..sentences).map(|_| sentence(rng)).collect();
        message.push_str("\n\n");
        message.push_str(&wrapped(&body.join(" ")));
    }
    let trailer = match rng.u8(..12) {
        0 => Some(format!("Signed-off-by: {} <{}>", author.name, author.email)),
        1 => Some(format!("Co-authored-by: {} <{}>", other.name, other.email)),
        2 => Some(format!("Reviewed-by: {} <{}>\nChange-Id: I{}", other.name, other.email, hex(rng, 40))),
        3 => Some(format!("Fixes #{}", rng.u32(1..20_000))),
        4 => Some(format!("(cherry picked from commit {})", hex(rng, 40))),
        _ => None,
    };
    if let Some(trailer) = trailer {
        message.push_str("\n\n");
        message.push_str(&trailer);
    }
    message
}

fn subject(rng: &mut Rng) -> String {
    let verb = one(rng, VERBS);
    let mut subject = match rng.u8(..6) {
        0 => format!("{verb} {}", thing(rng)),
        1 => format!("{verb} `{}` {} {}", identifier(rng), one(rng, JOINTS), thing(rng)),
        2 => format!("{}: {} {}", one(rng, NOUNS), verb.to_lowercase(), thing(rng)),
        3 => format!("fix({}): {} {}", one(rng, NOUNS), verb.to_lowercase(), thing(rng)),
        4 => format!("Bump {}-{} from {} to {}", one(rng, NOUNS), one(rng, NOUNS), version(rng), version(rng)),
        _ => format!("{verb} {} {} {}", thing(rng), one(rng, JOINTS), thing(rng)),
    };
    if rng.u8(..3) == 0 {
        subject.push_str(&format!(" (#{})", rng.u32(1..20_000)));
    }
    subject
}

fn sentence(rng: &mut Rng) -> String {
    let opening = one(rng, OPENINGS);
    match rng.u8(..5) {
        0 => format!("{opening} `{}` {} {}.", identifier(rng), one(rng, JOINTS), thing(rng)),
        1 => format!(
            "{opening} {} {} {}, {} {}.",
            thing(rng),
            one(rng, JOINTS),
            thing(rng),
            one(rng, JOINTS),
            thing(rng)
        ),
        2 => format!("{opening} {} in version {}.", thing(rng), version(rng)),
        3 => format!("{opening} {}, {} ms instead of {}.", thing(rng), rng.u16(1..900), rng.u16(900..9000)),
        _ => format!("{opening} the {} {} {}.", thing(rng), one(rng, JOINTS), thing(rng)),
    }
}

fn version(rng: &mut Rng) -> String {
    format!("{}.{}.{}", rng.u8(..12), rng.u8(..40), rng.u8(..30))
}

fn wrapped(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut width = 0;
    for word in text.split(' ') {
        if width > 0 {
            let is_full = width + 1 + word.len() > MAX_LINE_CHARS;
            whole.push(if is_full { '\n' } else { ' ' });
            width = if is_full { 0 } else { width + 1 };
        }
        whole.push_str(word);
        width += word.len();
    }
    whole
}
