//! What is left out of the changes of a request, because it only describes and is not as it should be.

use std::cell::RefCell;

use crate::Refusal;

/// How many such things are named; more are counted.
const MAX_NAMED: usize = 3;

/// What was left out so far.
///
/// A wrong date or an odd list of files is no reason to lose a push. So the readers of a [`View`](crate::View) for what
/// describes pass over it, and note it here.
#[derive(Debug, Default)]
pub(crate) struct LeftOut(RefCell<Noted>);

#[derive(Debug, Default)]
struct Noted {
    /// The first ones, each as a half-sentence.
    named: Vec<Refusal>,
    more: usize,
}

impl LeftOut {
    /// Notes something, unless it is one of those that are named already.
    pub(crate) fn note(&self, problem: Refusal) {
        let mut noted = self.0.borrow_mut();
        if noted.named.contains(&problem) {
            return;
        }
        if noted.named.len() < MAX_NAMED {
            noted.named.push(problem);
        } else {
            noted.more += 1;
        }
    }

    /// One sentence about all of it; `None` where there is nothing.
    pub(crate) fn sentence(&self) -> Option<String> {
        let noted = self.0.borrow();
        let named: Vec<&str> = noted.named.iter().map(Refusal::message).collect();
        let more = match noted.more {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        (!named.is_empty()).then(|| format!("left out: {}{more}", named.join("; ")))
    }
}

#[cfg(test)]
mod tests {
    use super::{LeftOut, Refusal};

    #[test]
    fn names_the_first_and_counts_the_rest() {
        let left_out = LeftOut::default();
        assert_eq!(left_out.sentence(), None);
        ["a", "a", "b"].into_iter().for_each(|problem| left_out.note(Refusal::new(problem)));
        assert_eq!(left_out.sentence().as_deref(), Some("left out: a; b"));
        ["c", "d", "e"].into_iter().for_each(|problem| left_out.note(Refusal::new(problem)));
        assert_eq!(left_out.sentence().as_deref(), Some("left out: a; b; c; and 2 more"));
    }
}
