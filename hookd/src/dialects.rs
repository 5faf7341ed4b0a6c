//! The dialects of this build: a crate that nothing refers to registers nothing.

use hookd_base as _;
use hookd_github as _;
use hookd_poller as _;
