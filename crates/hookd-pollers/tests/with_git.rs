//! The type `git` with the real `git`: repositories that the tests make, polled as the engine polls them.

#![expect(clippy::unwrap_used, reason = "tests")]

mod git;
