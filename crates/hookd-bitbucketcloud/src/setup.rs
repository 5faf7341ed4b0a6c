//! The form of Bitbucket in which a webhook is set up, filled in.

use hookd_core::Setup;

pub(crate) const SETUP: Setup = Setup {
    place: "In the settings of a repository or a workspace, add a webhook.",
    fields: &[
        ("URL", Setup::URL),
        ("Secret", Setup::SECRET),
        ("Triggers", "*Repository: Push*, and *Pull request: Created, Updated, Merged, Declined*."),
    ],
    notes: &[],
};
