//! A hookd with all of its own dialects, sinks and pollers, and those of the crates that are named here.

use archives as _;
use custom_base as _;
use gitea as _;
use github_extras as _;
use spool as _;

hookd::main!();
