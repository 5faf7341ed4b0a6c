//! Whole configurations, with dialects of the tests: `base`, `signed` and `test`.

mod pollers;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hookd_core::{
    BuildContext, Dialect, Hook, HookOptions, HookRequest, Keys, Outcome, Pattern, Problem, Refusal, Secret, Secrets,
    registry,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Config, Keep, Report, StoreUrl};

/// A dialect without options.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
struct NoOptions {}

impl HookOptions for NoOptions {
    fn build(self, _: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        Ok(Box::new(Test { keys: None }))
    }
}

/// Options of `signed`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Signed {
    /// What signs requests.
    secret: Option<Secrets>,
    /// Whether requests without a signature are refused.
    strict: bool,
}

impl HookOptions for Signed {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        let keys = context.keys("secret", self.secret.as_ref())?;
        if self.strict && keys.is_none() {
            return Err(vec![Problem::with("strict", "needs a `secret` to check signatures with")]);
        }
        Ok(Box::new(Test { keys: keys.filter(|_| self.strict) }))
    }
}

/// Options of `test`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Options {
    /// What verifies the sender.
    secret: Option<Secrets>,
    /// A list that serde reads by itself.
    more_secrets: Vec<Secret>,
    /// Patterns.
    skips: Vec<Pattern>,
    /// A table in a table.
    filter: Filter,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(inline)]
struct Filter {
    count: u8,
}

impl HookOptions for Options {
    fn build(self, context: &BuildContext<'_>) -> Result<Box<dyn Hook>, Vec<Problem>> {
        match self.filter.count {
            13 => return Err(vec![Problem::with("count", "13 is not a count").under("filter")]),
            14 => return Err(Vec::new()),
            _ => {}
        }
        Ok(Box::new(Test { keys: context.keys("secret", self.secret.as_ref())? }))
    }
}

struct Test {
    keys: Option<Keys>,
}

impl Hook for Test {
    fn translate(&self, _: &HookRequest) -> Result<Outcome, Refusal> {
        Ok(Outcome::ignored("a test"))
    }

    fn requires_proof(&self) -> bool {
        self.keys.is_some()
    }

    fn warnings(&self) -> Vec<String> {
        if self.requires_proof() { vec!["it is only a test".to_owned()] } else { Vec::new() }
    }
}

hookd_core::inventory::submit! { Dialect::new::<NoOptions>("base", "A dialect without options.") }
hookd_core::inventory::submit! { Dialect::new::<Signed>("signed", "A dialect with signatures.").with_compat() }
hookd_core::inventory::submit! { Dialect::new::<Options>("test", "A dialect with every kind of option.") }

fn parse(text: &str) -> Result<Config, Report> {
    Config::parse("hookd.toml", text, Path::new("/nowhere"))
}

/// The text of a configuration, and the lines of its report without the name of the file. `DIALECTS` stands for the
/// names of all dialects.
const WRONG: &[(&str, &[&str])] = &[
    // The file.
    ("[server\nlisten = 1", &["1:8: broken TOML: unclosed table, expected `]`"]),
    (
        "a = b\n[server]\nlisten = = 1",
        &["1:5: broken TOML: string values must be quoted, expected literal string", "3:10: broken TOML: extra `=`"],
    ),
    ("[server]\n[server]", &["2:2: broken TOML: duplicate key `server`, first given at hookd.toml:1:2"]),
    (
        "server.max_body = 1\n[server]\nworkers = 1",
        &["2:2: broken TOML: duplicate key `server`, first given at hookd.toml:1:1"],
    ),
    (
        "[base]\nsecret = 'hunter2'",
        &[
            "1:2: unknown section `base`, expected one of `[server]`, `[admin]`, `[store]`, `[change_hook_dialects]`, `[[sinks]]`, `[[pollers]]`, `change_hook_auth`, `include`; `[change_hook_dialects]` has the dialects: `[change_hook_dialects.base]`",
        ],
    ),
    (
        "change_hook_auth = []\nx = 1\n[sever]\n[[poller]]",
        &[
            "1:20: `change_hook_auth`: an empty list would accept nobody: name a checker, or leave the option out",
            "2:1: unknown option `x`, expected one of `[server]`, `[admin]`, `[store]`, `[change_hook_dialects]`, `[[sinks]]`, `[[pollers]]`, `change_hook_auth`, `include`",
            "3:2: unknown section `sever`, expected one of `[server]`, `[admin]`, `[store]`, `[change_hook_dialects]`, `[[sinks]]`, `[[pollers]]`, `change_hook_auth`, `include`; did you mean `server`?",
            "4:3: unknown section `poller`, expected one of `[server]`, `[admin]`, `[store]`, `[change_hook_dialects]`, `[[sinks]]`, `[[pollers]]`, `change_hook_auth`, `include`; did you mean `pollers`?",
        ],
    ),
    (
        "change_hook_auth = ['pam:hunter2', 'anonymous', 'file:absent']\n[admin]\nchange_hook_auth = [hunter2]",
        &["3:21: broken TOML: string values must be quoted, expected literal string"],
    ),
    (
        "change_hook_auth = ['pam:hunter2', 'anonymous', 'file:absent']\n[admin]\nchange_hook_auth = ['memory:hunter2']",
        &[
            "1:21: `change_hook_auth`: unknown kind of checker, expected `file:PATH`, `htpasswd:PATH`, `memory:user:password` or `anonymous`",
            "1:49: `change_hook_auth`: `/nowhere/absent` cannot be read: it does not exist",
            "3:21: section `admin`: `change_hook_auth[0]`: `memory` needs users and passwords: `memory:user:password`",
        ],
    ),
    (
        "[server]\nallow_from = ['10.0.0.0/8', 'hosts']\ntrusted_proxies = [1]\ntls = { certificate = 'absent', key = 'absent' }",
        &[
            "2:29: section `server`: `allow_from[1]`: `hosts` is neither an address nor a network such as `192.0.2.0/24` or `2001:db8::/32`",
            "3:20: section `server`: `trusted_proxies[0]`: invalid type: integer `1`, expected a string",
        ],
    ),
    (
        "[server]\ntls = { certificate = 'absent', key = 'absent' }",
        &["2:7: section `server`: `tls`: `/nowhere/absent` cannot be read: it does not exist"],
    ),
    ("server = 1", &["1:1: section `server` is an integer, expected a table"]),
    ("[[admin]]", &["1:3: section `admin` is a list, expected a table"]),
    // The listeners.
    (
        "[server]\nlisen = 1\nmax_body = '25MuB'\nrequest_timeout = '0s'\nshutdown_timeout = 30\nworkers = 0\nmax_connections = 0\nmax_buffered = 0",
        &[
            "2:1: section `server`: unknown option `lisen`, expected one of `allow_from`, `keep_alive`, `listen`, `max_body`, `max_buffered`, `max_connections`, `request_timeout`, `shutdown_timeout`, `tls`, `trusted_proxies`, `workers`; did you mean `listen`?",
            "3:12: section `server`: `max_body`: bad size `25MuB`, expected a number of bytes, or one with a unit such as `25MiB` or `500kB`",
            "4:19: section `server`: `request_timeout`: must be longer than 0s",
            "5:20: section `server`: `shutdown_timeout`: invalid type: integer `30`, expected a number with a unit such as `30s`, `12h` or `14d`",
            "6:11: section `server`: `workers`: bad number of threads `0`, expected 1 to 1024",
            "7:19: section `server`: `max_connections`: bad number of connections `0`, expected 1 or more",
            "8:16: section `server`: `max_buffered`: must be at least 1 byte",
        ],
    ),
    (
        "server = { listen = 'localhost:8010' }",
        &[
            "1:21: section `server`: `listen`: bad address `localhost:8010`, expected IP:PORT such as `127.0.0.1:8010` or `[::1]:8010`",
        ],
    ),
    (
        "[admin]\nlisten = 2026-01-01",
        &["2:10: section `admin`: `listen`: dates are not supported: write it as a string, in quotes"],
    ),
    (
        "[server]\nlisten = '127.0.0.1:1'\n[admin]\nlisten = '0.0.0.0:1'",
        &["4:10: section `admin`: `listen`: the address is taken by section `server`, which listens on 127.0.0.1:1"],
    ),
    (
        "[server]\nlisten = '127.0.0.1:8011'",
        &["2:10: section `server`: `listen`: the address is taken by section `admin`, which listens on 127.0.0.1:8011"],
    ),
    // The store.
    (
        "[store]\nurl = 'postgres://me:hunter2@db:x/hookd'\nkeep_payloads = '1 month'\nkeep_changes = 'always'",
        &[
            "2:7: section `store`: `url`: bad port, expected a number from 1 to 65535",
            "3:17: section `store`: `keep_payloads`: bad duration `1 month`, expected a number with a unit such as `30s`, `12h` or `14d`; the units are `ms`, `s`, `m`, `h`, `d` and `w`, or `forever`",
            "4:16: section `store`: `keep_changes`: bad duration `always`, expected a number with a unit such as `30s`, `12h` or `14d`; the units are `ms`, `s`, `m`, `h`, `d` and `w`, or `forever`",
        ],
    ),
    // The whitelist.
    ("change_hook_dialects = ['base']", &["1:1: section `change_hook_dialects` is a list, expected a table"]),
    (
        "[change_hook_dialects]\nbase = 'hunter2'\nsigned = 1",
        &[
            "2:8: dialect `base` is a string, expected `true` or a table of options to enable it, `false` to disable it",
            "3:10: dialect `signed` is an integer, expected `true` or a table of options to enable it, `false` to disable it",
        ],
    ),
    (
        "[change_hook_dialects]\nbas = true\nacme = { custom_class = 'none', compat = 'x' }\n",
        &[
            "2:1: dialect `bas`: this build has no dialect `bas`, only DIALECTS; did you mean `base`?",
            "3:25: dialect `acme`: `custom_class`: this build has no dialect `none`, only DIALECTS (a crate of your own is in the build when its program names it: `use hookd_example as _;`)",
            "3:42: dialect `acme`: `compat`: unknown variant `x`, expected `buildbot`",
        ],
    ),
    (
        "[change_hook_dialects]\nacme = { custom_class = 5 }\n'a/b' = { custom_class = 'base' }\n\"\\u001b\" = { custom_class = 'base' }",
        &[
            "2:25: dialect `acme`: `custom_class`: invalid type: integer `5`, expected a string",
            "3:1: dialect `a/b`: the name is part of a URL and may contain only letters, digits and `_`",
            "4:1: dialect `\\u{1b}`: the name is part of a URL and may contain only letters, digits and `_`",
        ],
    ),
    // The options of a dialect.
    (
        "[change_hook_dialects]\ntest = { scret = 'hunter2', deduplicate = 'no' }",
        &[
            "2:10: dialect `test`: unknown option `scret`, expected one of `allow_from`, `api_budget`, `change_hook_auth`, `compat`, `custom_class`, `deduplicate`, `filter`, `more_secrets`, `secret`, `skips`; did you mean `secret`?",
            "2:43: dialect `test`: `deduplicate`: invalid type: string \"no\", expected a boolean",
        ],
    ),
    (
        "[change_hook_dialects.base]\nsecret = 'hunter2'",
        &[
            "2:1: dialect `base`: unknown option `secret`, expected one of `allow_from`, `api_budget`, `change_hook_auth`, `compat`, `custom_class`, `deduplicate`",
        ],
    ),
    (
        "[change_hook_dialects.acme]\ncustom_class = 'test'\nskips = [\n  'fine',\n  '(',\n]",
        &["5:3: dialect `acme`: `skips[1]`: bad regular expression `(`: unclosed group"],
    ),
    (
        "[change_hook_dialects.test]\nskips = ['fine', 1987-07-05]\nfilter = { cuont = 1 }",
        &[
            "2:18: dialect `test`: `skips[1]`: dates are not supported: write it as a string, in quotes",
            "3:12: dialect `test`: `filter`: unknown field `cuont`, expected `count`",
        ],
    ),
    (
        "[change_hook_dialects.test.filter]\ncount = 256",
        &["2:9: dialect `test`: `filter.count`: invalid value: integer `256`, expected a whole number from 0 to 255"],
    ),
    ("[change_hook_dialects.test.filter]\ncount = 13", &["2:9: dialect `test`: `filter.count`: 13 is not a count"]),
    (
        "[change_hook_dialects.test.filter]\ncount = 14",
        &["1:23: dialect `test`: class `test` rejects its options without saying why"],
    ),
    // Secrets, none of which is shown.
    (
        "[change_hook_dialects]\ntest = { secret = [{ file = 'missing' }, ''] }\na = { custom_class = 'test', secret = { env = 'HOOKD_NOT_SET' } }",
        &[
            "2:19: dialect `test`: `secret`: the file `/nowhere/missing` cannot be read: it does not exist",
            "2:19: dialect `test`: `secret`: the secret is empty",
            "3:39: dialect `a`: `secret`: the environment variable `HOOKD_NOT_SET` is not set",
        ],
    ),
    (
        "[change_hook_dialects.test]\nsecret = 271828\nmore_secrets = true",
        &[
            "2:10: dialect `test`: `secret`: invalid type: an integer, expected a string, `{ env = \"NAME\" }` or `{ file = \"PATH\" }`",
            "3:16: dialect `test`: `more_secrets`: invalid type: boolean, expected a string, `{ env = \"NAME\" }` or `{ file = \"PATH\" }`",
        ],
    ),
    (
        "[change_hook_dialects.test]\nsecret = { env = 'A', file = 'B' }",
        &["2:10: dialect `test`: `secret`: expected a string, `{ env = \"NAME\" }` or `{ file = \"PATH\" }`"],
    ),
    // The sinks.
    ("sinks = 1", &["1:1: section `sinks` is an integer, expected tables `[[sinks]]`"]),
    ("[sinks]\nname = 'a'", &["1:2: section `sinks` is a table, expected tables `[[sinks]]`"]),
    (
        "[[sinks]]\nname = 'a'\n[[sinks]]\nname = 'b'\ntype = 'fiel'\n[[sinks]]\ntype = 'file'\npath = 'x'\n[[sinks]]\nname = 'a/b'\ntype = 'file'\npath = 'x'",
        &[
            "1:1: sink `a`: option `type` is missing, expected one of `buildbot`, `exec`, `file`, `webhook`",
            "5:8: sink `b`: `type`: this build has no sink type `fiel`, only `buildbot`, `exec`, `file`, `webhook`; did you mean `file`?",
            "6:1: sink: option `name` is missing",
            "10:8: sink `a/b`: `name`: a name has at most 64 bytes, without `/` and control characters",
        ],
    ),
    (
        "[[sinks]]\nname = 'a'\ntype = 'file'\npath = 'x'\norder = 'brunch'\nfilter = { branch_re = '(', brnch = 'x' }\nfrom = 'start'\nretry_min = 1\npth = 'y'",
        &[
            "5:9: sink `a`: `order`: unknown variant `brunch`, expected `all` or `branch`",
            "6:24: sink `a`: `filter.branch_re`: bad regular expression `(`: unclosed group",
            "6:29: sink `a`: `filter`: unknown field `brnch`, expected one of `dialect`, `project`, `project_not_eq`, `project_re`, `project_not_re`, `project_glob`, `repository`, `repository_not_eq`, `repository_re`, `repository_not_re`, `repository_glob`, `branch`, `branch_not_eq`, `branch_re`, `branch_not_re`, `branch_glob`, `category`, `category_not_eq`, `category_re`, `category_not_re`, `category_glob`, `codebase`, `codebase_not_eq`, `codebase_re`, `codebase_not_re`, `codebase_glob`",
            "7:8: sink `a`: `from`: bad start `start`, expected `end`, `beginning`, or a time such as `2026-11-26T12:00:00Z`",
            "8:13: sink `a`: `retry_min`: invalid type: integer `1`, expected a number with a unit such as `30s`, `12h` or `14d`",
            "9:1: sink `a`: unknown option `pth`, expected one of `concurrency`, `filter`, `from`, `give_up_after`, `head_attempts`, `max_lag`, `name`, `order`, `path`, `retry_max`, `retry_min`, `type`; did you mean `path`?",
        ],
    ),
    (
        "[[sinks]]\nname = 'a'\ntype = 'file'\npath = 'x'\nconcurrency = 2\nretry_min = '2m'\nretry_max = '1m'\nhead_attempts = 0\n[[sinks]]\nname = 'b'\ntype = 'file'\npath = 'x'\n[[sinks]]\nname = 'b'\ntype = 'file'\npath = 'x'",
        &[
            "5:15: sink `a`: `concurrency`: with `order = \"all\"` one change is under way at a time",
            "6:13: sink `a`: `retry_min`: the shortest pause between attempts must not be longer than the longest one",
            "8:17: sink `a`: `head_attempts`: expected at least 1",
            "14:8: sink `b`: there is another sink of this name",
        ],
    ),
    (
        "change_hook_auth = ['hunter2', 271828, 'hunter2:x', 1]\n[admin]\nchange_hook_auth = 271828\ntls = 'hunter2'",
        &[
            "1:32: `change_hook_auth` is an integer, expected a list of strings",
            "1:53: `change_hook_auth` is an integer, expected a list of strings",
            "3:20: section `admin`: `change_hook_auth`: invalid type: integer, expected a list of strings such as `file:changehook.passwd`",
            "4:7: section `admin`: `tls`: invalid type: string, expected a table `{ certificate = \"PATH\", key = \"PATH\" }`",
        ],
    ),
    (
        "change_hook_auth = ['hunter2', 'hunter2:x']\n[server.tls]\nhunter2 = 1\n[change_hook_dialects.test]\nsecret = { hunter2 = 1 }\nmore_secrets = [{ hunter2 = 1987-07-05 }, 'x', { env = 'hunter2' }, 271828]\nchange_hook_auth = { hunter2 = 1 }",
        &[
            "1:21: `change_hook_auth`: unknown kind of checker, expected `file:PATH`, `htpasswd:PATH`, `memory:user:password` or `anonymous`",
            "1:32: `change_hook_auth`: unknown kind of checker, expected `file:PATH`, `htpasswd:PATH`, `memory:user:password` or `anonymous`",
            "3:1: section `server`: `tls`: unknown field, expected `certificate` or `key`",
            "5:22: dialect `test`: `secret`: invalid type: integer, expected a string",
            "6:29: dialect `test`: `more_secrets[0]`: dates are not supported: write it as a string, in quotes",
            "6:69: dialect `test`: `more_secrets[3]`: invalid type: an integer, expected a string, `{ env = \"NAME\" }` or `{ file = \"PATH\" }`",
            "7:20: dialect `test`: `change_hook_auth`: invalid type: table, expected a list of strings such as `file:changehook.passwd`",
        ],
    ),
    (
        "[server.tls]\ncertificate = \"-----BEGIN PRIVATE KEY-----\\nhunter2\"\nkey = 'absent'",
        &["1:1: section `server`: `tls`: the file (which is no path of one) cannot be read: it does not exist"],
    ),
    (
        "[server]\nallow_from = ['x', '10.0.0.0/8', 5]\ntrusted_proxies = 'y'\n[change_hook_dialects.test]\nskips = ['(', 'fine', '[']",
        &[
            "2:15: section `server`: `allow_from[0]`: `x` is neither an address nor a network such as `192.0.2.0/24` or `2001:db8::/32`",
            "2:34: section `server`: `allow_from[2]`: invalid type: integer `5`, expected a string",
            "3:19: section `server`: `trusted_proxies`: `y` is neither an address nor a network such as `192.0.2.0/24` or `2001:db8::/32`",
            "5:10: dialect `test`: `skips[0]`: bad regular expression `(`: unclosed group",
            "5:23: dialect `test`: `skips[2]`: bad regular expression `[`: unclosed character class",
        ],
    ),
    // All at once, by position.
    (
        "[change_hook_dialects]\nsigned = { strict = true }\ntest = { skip = [] }\n[store]\nkeep = 1\n[server]\nworkers = 'x'",
        &[
            "2:21: dialect `signed`: `strict`: needs a `secret` to check signatures with",
            "3:10: dialect `test`: unknown option `skip`, expected one of `allow_from`, `api_budget`, `change_hook_auth`, `compat`, `custom_class`, `deduplicate`, `filter`, `more_secrets`, `secret`, `skips`; did you mean `skips`?",
            "5:1: section `store`: unknown option `keep`, expected one of `keep_changes`, `keep_payloads`, `password`, `sslmode`, `sslrootcert`, `url`",
            "7:11: section `server`: `workers`: invalid type: string \"x\", expected a whole number",
        ],
    ),
];

#[test]
fn reports_every_problem_at_its_place() {
    let names: Vec<_> = registry::all::<Dialect>().iter().map(|class| format!("`{}`", class.name)).collect();
    for (text, lines) in WRONG {
        let lines: Vec<_> = lines.iter().map(|line| line.replace("DIALECTS", &names.join(", "))).collect();
        let report = parse(text).expect_err(text).to_string();
        let found: Vec<&str> = report.lines().map(|line| line.strip_prefix("hookd.toml:").unwrap()).collect();
        assert_eq!(found, lines, "{text}");
        assert!(!report.contains("hunter2") && !report.contains("271828"), "{report}");
    }
}

#[test]
fn an_empty_file_is_all_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config.server, super::Server::default());
    assert_eq!(config.admin, super::Admin::default());
    assert_eq!(config.store.url, StoreUrl::Sqlite("/nowhere/hookd.db".into()));
    assert!(config.dialects.is_empty());
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["hookd.toml:1:1: no dialect is enabled, so every webhook is refused: name one in section \
          `change_hook_dialects`"]
    );
}

#[test]
fn reads_a_valid_file_and_warns() {
    let text = "[server]\nlisten = '[::1]:0'\nmax_body = '1MB'\nworkers = 3\n[admin]\nlisten = '0.0.0.0:9'\n\
        [store]\nkeep_payloads = '2w'\nkeep_changes = '1d'\n[change_hook_dialects]\nbase = true\ntest = {}\n\
        acme = { custom_class = 'test', secret = 'hunter2', deduplicate = false, api_budget = '1m' }\nnone = false\n";
    let config = parse(text).unwrap();
    assert_eq!((config.server.max_body, config.server.worker_count()), (1_000_000, 3));
    assert!(config.server.listen.is_ipv6());
    assert_eq!(config.store.keep_payloads, Keep::For(Duration::from_secs(14 * 86_400)));
    assert_eq!(config.dialects.keys().collect::<Vec<_>>(), ["acme", "base", "test"]);
    let acme = &config.dialects["acme"];
    assert_eq!((acme.name.as_str(), acme.class, acme.deduplicate), ("acme", "test", false));
    assert_eq!(acme.api_budget, Duration::from_secs(60));
    assert!(config.dialects["base"].deduplicate);
    assert!(!format!("{config:?}").contains("hunter2"));

    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "hookd.toml:6:10: section `admin`: other machines may reach this listener, which needs no password: make sure \
             that only trusted ones can",
            "hookd.toml:8:17: section `store`: `keep_payloads` is longer than `keep_changes`, after which a delivery is \
             deleted with its request: 1d counts for both",
            "hookd.toml:11:1: dialect `base` is open to anyone who can reach it: it cannot verify the sender, so \
             make sure that only trusted clients can reach it",
            "hookd.toml:12:1: dialect `test` is open to anyone who can reach it: `secret` closes it",
            "hookd.toml:13:1: dialect `acme`: it is only a test",
        ]
    );
}

#[test]
fn resolves_paths_in_the_folder_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hookd.toml");
    std::fs::write(folder.path().join("secret"), "x\n").unwrap();
    std::fs::write(&path, "change_hook_dialects = { test = { secret = { file = 'secret' } } }").unwrap();
    let config = Config::load(&path).unwrap();
    assert!(config.dialects["test"].hook.requires_proof());
    assert_eq!(config.store.url, StoreUrl::Sqlite(folder.path().join("hookd.db")));

    let config = Config::parse("hookd.toml", "", Path::new("")).unwrap();
    let here: PathBuf = std::env::current_dir().unwrap();
    assert_eq!(config.store.url, StoreUrl::Sqlite(here.join("hookd.db")));

    std::fs::write(&path, b"\xff").unwrap();
    let report = Config::load(&path).unwrap_err().to_string();
    assert_eq!(report, format!("{}: the configuration is not UTF-8", path.display()));
}

#[test]
fn can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Config>();
}
