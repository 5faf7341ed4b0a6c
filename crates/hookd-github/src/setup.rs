//! The form of GitHub in which a webhook is set up, filled in.

use hookd_core::Setup;

pub(crate) const SETUP: Setup = Setup {
    place: "In the settings of a repository or an organisation, add a webhook.",
    fields: &[
        ("Payload URL", Setup::URL),
        ("Content type", "either one."),
        ("Secret", Setup::SECRET),
        (
            "Events",
            "*Pushes* and *Pull requests*; *Merge groups* for `merge_queue = \"merge_group\"`. Others do no harm.",
        ),
    ],
    notes: &[],
};
