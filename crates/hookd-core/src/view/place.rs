//! The names of places in a payload: `commits[3].author`.

use std::fmt;

/// A place: a step from the root, or an item of the list there.
#[derive(Clone, Copy, Default)]
pub(super) struct Place<'p> {
    step: Option<&'p Step<'p>>,
    index: Option<usize>,
}

/// A path that leads on from a place.
pub(super) struct Step<'p> {
    pub(super) parent: Place<'p>,
    pub(super) path: &'p str,
}

impl<'p> Place<'p> {
    /// The place that a step leads to.
    pub(super) fn at(step: &'p Step<'p>) -> Self {
        Self { step: Some(step), index: None }
    }

    /// An item of the list at this place, which is not an item itself.
    pub(super) fn item(self, index: usize) -> Self {
        Self { index: Some(index), ..self }
    }

    /// Whether it is an item of a list.
    pub(super) fn is_item(&self) -> bool {
        self.index.is_some()
    }

    /// Whether it is the whole payload.
    pub(super) fn is_root(&self) -> bool {
        self.step.is_none() && self.index.is_none()
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(step) = self.step {
            let dot = if step.parent.is_root() || step.path.is_empty() { "" } else { "." };
            write!(f, "{}{dot}{}", step.parent, step.path)?;
        }
        self.index.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
}
