//! What a build has. A crate that no code refers to would be missing here, in whatever profile.

use hookd_tests::Home;

#[test]
fn hookd_has_all_that_is_its_own() {
    let home = Home::with_config("");
    let listing = home.run(&["--version"]).stdout;
    let short = home.run(&["-V"]).stdout;
    let built_in = listing.strip_prefix(&short).unwrap_or_else(|| panic!("{listing} begins with {short}"));
    assert_eq!(
        built_in.lines().collect::<Vec<_>>(),
        [
            "dialects: base, bitbucket, bitbucketcloud, bitbucketserver, github, gitlab, gitorious, json, poller",
            "sinks: buildbot, exec, file, nats, webhook",
            "pollers: git, hg, svn",
        ]
    );
}
