//! The dialects of this build: a crate that nothing refers to registers nothing.

use hookd_base as _;
use hookd_bitbucket as _;
use hookd_bitbucketcloud as _;
use hookd_bitbucketserver as _;
use hookd_github as _;
use hookd_gitlab as _;
use hookd_gitorious as _;
use hookd_json as _;
use hookd_poller as _;
