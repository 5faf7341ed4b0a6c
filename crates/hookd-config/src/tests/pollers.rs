//! `[[pollers]]`, with a type of the tests.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hookd_core::{
    BuildContext, Dialect, Hook, HookOptions, HookRequest, Outcome, Pollers, Problem, Refusal, Secret, registry,
};
use hookd_pollers::{Poll, PollError, Polled, Poller, PollerContext, PollerOptions, PollerType};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Config, parse};

/// Options of `fake`.
#[derive(Deserialize, JsonSchema)]
struct Options {
    /// What it polls.
    repourl: String,
    /// A password.
    password: Option<Secret>,
    /// A number.
    depth: Option<u8>,
}

struct Fake {
    repository: String,
    folder: String,
}

impl PollerOptions for Options {
    fn build(self, context: &PollerContext<'_>) -> Result<Box<dyn Poller>, Vec<Problem>> {
        if self.depth == Some(13) {
            return Err(vec![Problem::with("depth", "13 is too deep")]);
        }
        if let Some(password) = &self.password {
            context.secrets.read(password).map_err(|message| vec![Problem::with("password", message)])?;
        }
        let folder = context.folder.display().to_string();
        Ok(Box::new(Fake { repository: hookd_pollers::without_credentials(&self.repourl), folder }))
    }
}

impl Poller for Fake {
    fn poll<'a>(&'a self, _: Poll<'a>) -> BoxFuture<'a, Result<Polled, PollError>> {
        Box::pin(async { Ok(Polled::default()) })
    }

    fn repository(&self) -> String {
        self.repository.clone()
    }

    fn warnings(&self) -> Vec<String> {
        vec![format!("it works in {}", self.folder)]
    }
}

hookd_core::inventory::submit! { PollerType::new::<Options>("fake", "Polls nothing.") }

/// A dialect that warns of the pollers that it knows.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Poking {}

struct Pokes(Arc<dyn Pollers>);

impl HookOptions for Poking {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(Pokes(Arc::clone(&context.pollers))))
    }
}

impl Hook for Pokes {
    fn translate(&self, _: &HookRequest) -> Result<Outcome, Refusal> {
        Ok(Outcome::ignored("a test"))
    }

    fn warnings(&self) -> Vec<String> {
        vec![format!("it knows {}", self.0.names().join(", "))]
    }
}

hookd_core::inventory::submit! { Dialect::new::<Poking>("poking", "Knows pollers.") }

fn one(repourl: &str, more: &str) -> String {
    format!("[[pollers]]\ntype = 'fake'\nrepourl = '{repourl}'\n{more}\n")
}

fn report(text: &str) -> Vec<String> {
    let report = parse(text).expect_err(text).to_string();
    assert!(!report.contains("hunter2"), "{report}");
    report.lines().map(|line| line.strip_prefix("hookd.toml:").unwrap_or(line).to_owned()).collect()
}

#[test]
fn its_name_is_what_it_polls_without_credentials() {
    let text = one("https://me:hunter2@example.org/repo", "") + &one("/srv/repo", "name = 'local'");
    let config = parse(&text).unwrap();
    assert_eq!(config.pollers.names(), ["https://example.org/repo", "local"]);
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
    let warnings: Vec<String> = config.warnings.iter().map(ToString::to_string).collect();
    assert!(
        warnings[0].starts_with(
            "hookd.toml:1:1: poller `https://example.org/repo`: it works in /nowhere/hookd.db.pollers/example.org-repo-"
        ),
        "{warnings:?}"
    );
}

#[test]
fn dialects_know_the_pollers_of_their_configuration() {
    let text = one("b", "") + &one("a", "") + "[change_hook_dialects]\npoking = true\n";
    let warnings: Vec<String> = parse(&text).unwrap().warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.contains(&"hookd.toml:10:1: dialect `poking`: it knows a, b".to_owned()), "{warnings:?}");
}

#[test]
fn options_are_checked_and_no_secret_is_shown() {
    let types: Vec<String> = registry::all::<PollerType>().iter().map(|known| format!("`{}`", known.name)).collect();
    let types = types.join(", ");
    let options = "`category`, `codebase`, `depth`, `name`, `password`, `poll_at_launch`, `poll_interval`, \
        `poll_random_delay_max`, `poll_random_delay_min`, `poll_timeout`, `project`, `repourl`, `type`, `workdir`";
    for (text, lines) in [
        ("pollers = 1".to_owned(), vec!["1:1: section `pollers` is an integer, expected tables `[[pollers]]`".to_owned()]),
        ("pollers = [1]".to_owned(), vec!["1:12: a poller is an integer, expected a table".to_owned()]),
        ("[[pollers]]\nrepourl = 'x'".to_owned(), vec![format!("1:1: poller: option `type` is missing, expected one of {types}")]),
        (
            "[[pollers]]\ntype = 'fak'\nname = 'a'".to_owned(),
            vec![format!("2:8: poller `a`: `type`: this build has no poller type `fak`, only {types}; did you mean `fake`?")],
        ),
        ("[[pollers]]\ntype = 'fake'".to_owned(), vec!["1:1: poller: option `repourl` is missing".to_owned()]),
        (
            one("x", "dept = 1\npassword = { evn = 'hunter2' }\npoll_interval = '0s'"),
            vec![
                format!("4:1: poller `x`: unknown option `dept`, expected one of {options}; did you mean `depth`?"),
                "5:12: poller `x`: `password`: expected a string, `{ env = \"NAME\" }` or `{ file = \"PATH\" }`".to_owned(),
            ],
        ),
        (one("x", "depth = 13"), vec!["4:9: poller `x`: `depth`: 13 is too deep".to_owned()]),
        (one("x", "poll_interval = 5"), vec![
            "4:17: poller `x`: `poll_interval`: invalid type: integer `5`, expected a number with a unit such as `30s`, \
             `12h` or `14d`"
                .to_owned(),
        ]),
        (
            one("x", "poll_interval = '0s'\npoll_timeout = '0s'\npoll_random_delay_min = '9s'"),
            vec![
                "4:17: poller `x`: `poll_interval`: expected at least `1s`".to_owned(),
                "5:16: poller `x`: `poll_timeout`: a poll needs more time than `0s`".to_owned(),
                "6:25: poller `x`: `poll_random_delay_min`: it is larger than `poll_random_delay_max`".to_owned(),
            ],
        ),
        (
            one("x", "name = 'https://me:hunter2@example.org'"),
            vec![
                "4:8: poller `https://example.org`: `name`: it is shown everywhere, so it must have no credentials in it"
                    .to_owned(),
            ],
        ),
        (
            one("x", "name = \"a\\nb\""),
            vec![
                "4:8: poller `a\\nb`: `name`: a name has 1 to 255 bytes, without control characters".to_owned(),
            ],
        ),
    ] {
        assert_eq!(report(&text), lines, "{text}");
    }
}

#[test]
fn two_that_are_the_same_are_an_error_with_both_places() {
    for (second, message) in [
        (
            one("https://other@example.org/x", "depth = 1"),
            "5:1: poller `https://example.org/x`: there is another poller of this name, at hookd.toml:1:1: give one of them \
             another `name`",
        ),
        (
            one("y", "name = 'https://example.org/x'"),
            "8:8: poller `https://example.org/x`: there is another poller of this name, at hookd.toml:1:1: give one of them \
             another `name`",
        ),
        (
            one("https://example.org/x", "name = 'b'\npoll_interval = '1h'"),
            "5:1: poller `b`: it polls the same as poller `https://example.org/x`, at hookd.toml:1:1, so that each change \
             would be reported twice",
        ),
    ] {
        let text = one("https://example.org/x", "") + &second;
        assert_eq!(report(&text), [message], "{text}");
    }
    let text = one("x", "workdir = 'w'") + &one("y", "workdir = '/nowhere/w'");
    assert_eq!(report(&text), ["8:11: poller `y`: `workdir`: poller `x` has the same folder, at hookd.toml:1:1"]);
    // The changes of each are their own.
    let both = one("x", "") + &one("x", "name = 'b'\nproject = 'b'") + &one("x", "name = 'c'\ndepth = 1");
    assert_eq!(parse(&both).unwrap().pollers.names(), ["b", "c", "x"]);
}

#[test]
fn included_files_add_pollers() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("hookd.toml", &("include = 'more.toml'\n".to_owned() + &one("x", "")));
    write("more.toml", &one("y", ""));
    let config = Config::load(&folder.path().join("hookd.toml")).unwrap();
    assert_eq!(config.pollers.names(), ["x", "y"]);
    write("more.toml", &one("x", ""));
    let report = Config::load(&folder.path().join("hookd.toml")).unwrap_err().to_string();
    assert!(report.contains("more.toml:1:1: poller `x`: there is another poller of this name, at "), "{report}");
    assert!(report.ends_with("hookd.toml:2:1: give one of them another `name`"), "{report}");
}

#[test]
fn it_is_the_same_poller_as_long_as_nothing_that_it_is_made_from_differs() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "one").unwrap();
    let poller = |more: &str| {
        let text = one("x", &format!("password = {{ file = 'secret' }}\n{more}"));
        Config::parse("hookd.toml", &text, Path::new(folder.path())).unwrap().pollers.0.remove(0)
    };
    let first = poller("");
    assert!(first.is_same(&poller("")));
    assert!(!first.is_same(&poller("poll_interval = '1h'")));
    assert!(!first.is_same(&poller("depth = 1")));
    std::fs::write(folder.path().join("secret"), "two").unwrap();
    assert!(!first.is_same(&poller("")), "another secret");
}

#[test]
fn a_sink_may_choose_the_changes_of_a_type_of_poller() {
    let sink = "[[sinks]]\nname = 's'\ntype = 'file'\npath = 'p'\nfilter = { dialect = 'fake' }\n";
    let warnings = |text: &str| {
        let config = parse(text).unwrap();
        let warnings = config.warnings.iter().map(ToString::to_string);
        warnings.filter(|warning| warning.contains("filter")).collect::<Vec<_>>()
    };
    assert_eq!(warnings(&(sink.to_owned() + &one("x", ""))), [""; 0]);
    assert_eq!(
        warnings(sink),
        ["hookd.toml:5:22: sink `s`: `filter.dialect`: no such dialect is served, only none, so that no change passes"]
    );
}
