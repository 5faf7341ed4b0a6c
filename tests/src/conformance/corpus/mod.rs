//! The cases: what forges really send, and systematic variations. Generated when the test runs.

mod base;
mod bitbucket;
mod body;
mod content_types;
mod github;
mod github_pulls;
mod gitlab;
mod gitorious;
mod mutations;
mod paths;
mod poller;
mod signatures;
mod sources;

use super::Case;

/// All cases for dialects of these classes, in the order in which they are sent.
pub fn all(classes: &[String]) -> Vec<Case> {
    let mut cases = paths::cases();
    for class in classes {
        cases.extend(match class.as_str() {
            "base" => base::cases(),
            "github" => [github::cases(), github_pulls::cases(), signatures::cases(), content_types::cases()].concat(),
            "gitlab" => gitlab::cases(),
            "bitbucket" => bitbucket::cases(),
            "bitbucketcloud" => bitbucket::cloud_cases(),
            "bitbucketserver" => bitbucket::server_cases(),
            "gitorious" => gitorious::cases(),
            "poller" => poller::cases(),
            other => panic!("there are no cases for class `{other}`"),
        });
    }
    let is_served = |case: &Case| case.served().is_none_or(|served| classes.iter().any(|c| c == served.class));
    cases.retain(is_served);
    // Every second one has a delivery id, as GitHub sends it: hookd must accept both.
    for (number, case) in cases.iter_mut().enumerate().filter(|(number, _)| number % 2 == 0) {
        case.request.headers.push(("X-GitHub-Delivery".to_owned(), format!("case-{number}").into_bytes()));
    }
    cases
}
