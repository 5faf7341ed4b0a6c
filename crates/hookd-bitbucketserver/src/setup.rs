//! The form of Bitbucket in which a webhook is set up, filled in.

use hookd_core::Setup;

pub(crate) const SETUP: Setup = Setup {
    place: "In the settings of a repository or a project, add a webhook.",
    fields: &[
        ("URL", Setup::URL),
        ("Secret", Setup::SECRET),
        (
            "Events",
            "*Repository: Push*, and *Pull request: Opened, Source branch updated, Modified, Merged, Declined, Deleted*.",
        ),
    ],
    notes: &["*Test connection* is not signed. With a secret it is answered with 202, and nothing is stored."],
};
