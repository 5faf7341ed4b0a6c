//! The form of GitLab in which a webhook is set up, filled in.

use hookd_core::Setup;

pub(crate) const SETUP: Setup = Setup {
    place: "In a project or a group, add a webhook, or in the admin area a system hook for the whole of GitLab.",
    fields: &[
        ("URL", Setup::URL),
        (
            "Signing token, or secret token",
            "the `secret` of the dialect: the signing token that GitLab shows (`whsec_…`), or a secret token, for which `openssl rand -hex 32` makes a good one.",
        ),
        (
            "Trigger",
            "*Push events*, *Tag push events*, *Merge request events*, and *Comments* if those should start builds.",
        ),
    ],
    notes: &[
        "If hookd is in a private network, allow GitLab to send to it in GitLab's settings for outbound requests.",
    ],
};
