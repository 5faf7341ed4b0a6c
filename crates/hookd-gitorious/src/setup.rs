//! The form of Gitorious in which a webhook is set up, filled in.

use hookd_core::Setup;

pub(crate) const SETUP: Setup = Setup {
    place: "In the settings of a repository, add a web hook.",
    fields: &[(
        "URL",
        "`{url_with_password}`, with a user and a password of `change_hook_auth`: nothing else in the request verifies its sender. Append `?project=NAME` to set the project.",
    )],
    notes: &[],
};
