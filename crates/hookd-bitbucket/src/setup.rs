//! The form of the sender in which a webhook is set up, filled in.

use hookd_core::Setup;

pub(crate) const SETUP: Setup = Setup {
    place: "In the bridge or the mirror that still sends as the POST service did, enter the address.",
    fields: &[(
        "URL",
        "`{url_with_password}`, with a user and a password of `change_hook_auth`: nothing else in the request verifies its sender. Append `?project=NAME` to set the project.",
    )],
    notes: &[],
};
