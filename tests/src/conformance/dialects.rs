//! The dialects that both sides serve: one table, from which `hookd.toml` and Buildbot's configuration are generated.

use serde_json::{Map, Value, json};

use crate::github_api::GithubApi;

/// A dialect that both sides serve under `/change_hook/NAME`.
#[derive(Debug)]
pub struct Served {
    /// Its name in the path.
    pub name: &'static str,
    /// The class that serves it; configured as `custom_class` if it differs from the name.
    pub class: &'static str,
    options: &'static str,
}

/// The secret of every dialect that has one.
pub const SECRET: &str = "It's a Secret to Everybody";

/// Names of pollers in requests. Neither side has them: hookd has no pollers to configure yet.
pub const POLLERS: [&str; 2] = ["https://svn.example.org/one", "https://svn.example.org/two"];

const fn dialect(name: &'static str, class: &'static str, options: &'static str) -> Served {
    Served { name, class, options }
}

const SERVED: &[Served] = &[
    dialect("base", "base", r#"{}"#),
    dialect("base_renamed", "base", r#"{}"#),
    dialect("github", "github", r#"{}"#),
    dialect("github_secret", "github", r#"{"secret": "It's a Secret to Everybody"}"#),
    dialect("github_strict", "github", r#"{"secret": "It's a Secret to Everybody", "strict": true}"#),
    dialect("github_codebase", "github", r#"{"codebase": "the-codebase"}"#),
    dialect("github_whitelist", "github", r#"{"github_property_whitelist": ["github.*"]}"#),
    dialect(
        "github_few",
        "github",
        r#"{"github_property_whitelist": ["github.head.sha", "github.[!h]*name", "github.?ead.r*", "github.commits"]}"#,
    ),
    dialect("github_noskips", "github", r#"{"skips": []}"#),
    dialect("github_skips", "github", r#"{"skips": ["^WIP\\b", "(?i)do not build$"]}"#),
    dialect("github_head", "github", r#"{"pullrequest_ref": "head"}"#),
    dialect("github_token", "github", r#"{"token": "api-token"}"#),
    dialect("gitlab", "gitlab", r#"{}"#),
    dialect("gitlab_secret", "gitlab", r#"{"secret": "It's a Secret to Everybody"}"#),
    dialect("bitbucket", "bitbucket", r#"{}"#),
    dialect("bitbucketcloud", "bitbucketcloud", r#"{}"#),
    dialect("bitbucketcloud_codebase", "bitbucketcloud", r#"{"codebase": "the-codebase"}"#),
    dialect("bitbucketcloud_whitelist", "bitbucketcloud", r#"{"bitbucket_property_whitelist": ["bitbucket.*"]}"#),
    dialect("bitbucketserver", "bitbucketserver", r#"{}"#),
    dialect("bitbucketserver_codebase", "bitbucketserver", r#"{"codebase": "the-codebase"}"#),
    dialect("bitbucketserver_whitelist", "bitbucketserver", r#"{"bitbucket_property_whitelist": ["bitbucket.*"]}"#),
    dialect("gitorious", "gitorious", r#"{}"#),
    dialect("poller", "poller", r#"{}"#),
    dialect("poller_allowed", "poller", r#"{"allowed": ["https://svn.example.org/one"]}"#),
];

impl Served {
    /// Its options, except those that depend on the run.
    pub fn options(&self) -> Value {
        serde_json::from_str(self.options).expect("the table contains JSON")
    }

    /// Its options in this run.
    fn options_with(&self, api: &GithubApi) -> Map<String, Value> {
        let Value::Object(mut options) = self.options() else { panic!("options are an object") };
        if self.class == "github" {
            options.insert("github_api_endpoint".to_owned(), api.endpoint().into());
        }
        options
    }
}

/// The dialect of this name; `None` if it is not served.
pub fn served(name: &str) -> Option<&'static Served> {
    SERVED.iter().find(|served| served.name == name)
}

/// The dialects of these classes.
fn of(classes: &[String]) -> impl Iterator<Item = &'static Served> {
    SERVED.iter().filter(|served| classes.iter().any(|class| class == served.class))
}

/// The classes in the table, without duplicates.
pub fn classes() -> Vec<&'static str> {
    let mut classes: Vec<_> = SERVED.iter().map(|served| served.class).collect();
    classes.dedup();
    classes
}

/// The input of `tests/peers/master.cfg`.
pub fn for_buildbot(classes: &[String], api: &GithubApi) -> Value {
    let dialects: Map<_, _> = of(classes)
        .map(|served| (served.name.to_owned(), json!({"class": served.class, "options": served.options_with(api)})))
        .collect();
    json!({"dialects": dialects, "pollers": []})
}

/// The tables of `hookd.toml`, except those that every test has.
pub fn for_hookd(classes: &[String], api: &GithubApi) -> String {
    let mut dialects = toml::Table::new();
    for served in of(classes) {
        let mut options = toml::Table::try_from(served.options_with(api)).expect("no option is null");
        options.insert("compat".to_owned(), "buildbot".into());
        // As Buildbot, which asks the API once.
        options.insert("api_budget".to_owned(), "0s".into());
        if served.name != served.class {
            options.insert("custom_class".to_owned(), served.class.into());
        }
        dialects.insert(served.name.to_owned(), options.into());
    }
    toml::Table::from_iter([("change_hook_dialects".to_owned(), dialects.into())]).to_string()
}
