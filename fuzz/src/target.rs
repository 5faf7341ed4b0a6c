//! What a target is.

use fastrand::Rng;

use crate::Meter;

/// How much of a target an input is run through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One variant, such as one set of options: the loop, which runs many inputs.
    One,
    /// All variants: known inputs, and findings.
    All,
}

/// A parser or a dialect, and its laws.
pub trait Target {
    /// Its name, which is also that of its folders.
    fn name(&self) -> &'static str;

    /// Inputs to start from, besides those of the folders.
    fn seeds(&self) -> Vec<Vec<u8>>;

    /// The input, changed at random; `other` is another one, of which parts may be taken.
    fn mutate(&self, rng: &mut Rng, input: &[u8], other: &[u8]) -> Vec<u8>;

    /// Runs an input. The memory that it takes is measured with `meter`.
    ///
    /// # Panics
    /// When a law is broken.
    fn check(&self, input: &[u8], scope: Scope, meter: &mut Meter);
}
