//! Payloads from other projects, as installed by `cargo xtask test`.

use std::fs;

use serde_json::Value;

use crate::peers;

/// A payload as the forge sends it, and the name of its event.
#[derive(Debug)]
pub(crate) struct Example {
    /// Its origin, to distinguish it from others.
    pub(crate) name: String,
    /// The value of the forge's event header.
    pub(crate) event: String,
    /// The payload.
    pub(crate) payload: Value,
}

/// GitHub's, from the npm package `@octokit/webhooks-examples`: github.com's, and those of its Enterprise Servers.
pub(crate) fn octokit() -> Vec<Example> {
    let folder = peers::peer("octokit/package");
    let entries = fs::read_dir(&folder).expect("it was unpacked").flatten();
    let mut products: Vec<String> =
        entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().to_string_lossy().into()).collect();
    products.sort();
    let mut examples = Vec::new();
    for product in products {
        let index = peers::json(&format!("octokit/package/{product}/index.json"));
        for event in index.as_array().expect("it is a list") {
            let name = event["name"].as_str().expect("events have names");
            for (number, payload) in event["examples"].as_array().into_iter().flatten().enumerate() {
                let name_here = format!("{product} {name} {number}");
                examples.push(Example { name: name_here, event: name.to_owned(), payload: payload.clone() });
            }
        }
    }
    examples
}

/// A payload from Buildbot's own tests: the string in this variable of `test_www_hooks_{dialect}.py`.
pub(crate) fn buildbot(dialect: &str, variable: &str) -> String {
    let all = peers::json(&format!("buildbot-payloads/{dialect}.json"));
    let text = all[variable].as_str().unwrap_or_else(|| panic!("{dialect} has no payload {variable}"));
    text.replace("%(skip)s", "[ci skip]")
}

/// All payloads from Buildbot's own tests for a dialect, by the names of their variables.
pub(crate) fn buildbot_all(dialect: &str) -> Vec<(String, String)> {
    let all = peers::json(&format!("buildbot-payloads/{dialect}.json"));
    let names = all.as_object().expect("it is an object").keys();
    names.map(|name| (name.clone(), buildbot(dialect, name))).collect()
}

/// GitLab's web and system hooks, from the tests of the Go library go-gitlab.
pub(crate) fn gitlab() -> Vec<Example> {
    let testdata = peers::peer("gitlab/usr/share/gocode/src/github.com/xanzy/go-gitlab/testdata");
    let mut examples = Vec::new();
    for kind in ["systemhooks", "webhooks"] {
        for entry in fs::read_dir(testdata.join(kind)).expect("it was unpacked").flatten() {
            let text = fs::read(entry.path()).expect("it is readable");
            let name = format!("{kind} {}", entry.path().file_stem().unwrap_or_default().to_string_lossy());
            let payload = serde_json::from_slice(&text).expect("it is JSON");
            let event = if kind == "systemhooks" { "System Hook".to_owned() } else { event_of_gitlab(&payload) };
            examples.push(Example { name, event, payload });
        }
    }
    examples.sort_by(|a, b| a.name.cmp(&b.name));
    examples
}

/// The value of GitLab's `X-Gitlab-Event` for a payload.
fn event_of_gitlab(payload: &Value) -> String {
    let words = payload["object_kind"].as_str().unwrap_or("push").split('_');
    let capitalised = words.map(|word| word[..1].to_uppercase() + &word[1..]);
    format!("{} Hook", capitalised.collect::<Vec<_>>().join(" "))
}

/// A payload from Buildbot's own tests, parsed.
pub(crate) fn buildbot_json(dialect: &str, variable: &str) -> Value {
    serde_json::from_str(&buildbot(dialect, variable)).expect("it is JSON")
}
