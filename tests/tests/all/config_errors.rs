//! An invalid configuration: every problem at once, each at its place, before a socket opens or a store is created.
//!
//! The messages themselves are tested where they are made, in `hookd-config`.

use hookd_tests::{Home, until};

/// An invalid configuration, and for each of its problems the position and fragments of the message.
struct Invalid {
    config: &'static str,
    problems: &'static [(&'static str, &'static [&'static str])],
}

const INVALID: [Invalid; 4] = [
    Invalid { config: "[server\n", problems: &[("1:8", &["broken TOML"])] },
    Invalid {
        config: "[server]\nlisten = 5\n[store]\nurl = \"mysql://me:hunter2@db/x\"\n[change_hook_dialects]\nnone = true\n\
            github = { secret = \"hunter2\", strct = true }\n",
        problems: &[
            ("2:10", &["`listen`", "127.0.0.1:8010"]),
            ("4:7", &["`mysql`", "`sqlite:PATH` or `postgresql://USER@HOST/DATABASE`"]),
            ("6:1", &["`none`", "`base`"]),
            ("7:32", &["`github`", "`strct`", "did you mean `strict`?"]),
        ],
    },
    Invalid {
        config: "[change_hook_dialects]\ngithub = { secret = { env = \"HOOKD_TEST_UNSET\" }, skips = [\"ok\", \"(\"] }\n",
        problems: &[("2:66", &["`skips[1]`", "regular expression `(`"])],
    },
    Invalid {
        config: "[change_hook_dialects]\ngithub = { codebase = { maps = {} }, merge_queue = \"both\" }\n\
            gitlab = { codebase = { map = { \"a\" = 5 } } }\nbitbucketcloud = { codebase = { default = \"x\" } }\n\
            bitbucketserver = { base_url = \"code.example.org\", skips = \"(\" }\n",
        problems: &[
            ("2:25", &["`codebase`", "`maps`", "`map`"]),
            ("2:52", &["`merge_queue`", "`push`", "`merge_group`"]),
            ("3:39", &["`codebase.map.a`", "expected a string"]),
            ("4:31", &["`codebase`", "neither `map` nor `path`"]),
            ("5:32", &["`base_url`", "https://code.example.org"]),
            ("5:60", &["`skips`", "regular expression `(`"]),
        ],
    },
];

#[test]
fn check_reports_every_problem_at_its_place() {
    for Invalid { config, problems } in INVALID {
        let checked = Home::with_config(config).run(&["check"]);
        assert_eq!(checked.code, Some(2), "{config}\n{}", checked.stderr);
        let lines: Vec<&str> = checked.stderr.lines().collect();
        assert_eq!(lines.len(), problems.len(), "{config}\n{}", checked.stderr);
        for (line, (position, fragments)) in lines.iter().zip(problems) {
            assert!(line.contains(&format!("hookd.toml:{position}: ")), "{config}\n{line}");
            assert!(fragments.iter().all(|fragment| line.contains(fragment)), "{config}\n{fragments:?}: {line}");
        }
        assert!(!checked.stderr.contains("hunter2"), "a secret is shown: {}", checked.stderr);
    }
}

#[test]
fn serve_rejects_what_check_rejects_and_creates_no_store() {
    for Invalid { config, .. } in INVALID {
        let home = Home::with_config(config);
        let (served, checked) = (home.run(&["serve"]), home.run(&["check"]));
        assert_eq!((served.code, &served.stderr), (Some(2), &checked.stderr), "{config}");
        assert!(!home.path().join("hookd.db").exists(), "a store was created for\n{config}");
    }
}

#[test]
fn check_and_serve_warn_of_a_token_that_is_never_used() {
    let home = Home::serving("[change_hook_dialects.github]\nsecret = 's3cret'\nstrict = true\ntoken = { octo = 'a' }");
    let warning = "`token`: the pattern `octo` never matches `OWNER/NAME`: it has no slash";
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert!(checked.stderr.contains(warning), "{}", checked.stderr);
    let hookd = home.start();
    until("the warning is logged", || hookd.log().iter().any(|line| line.contains(warning)).then_some(()));
}

#[test]
fn a_valid_configuration_passes_and_a_missing_one_does_not() {
    let home = Home::serving("[change_hook_dialects]\nbase = true");
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let missing = home.run(&["check", "--config", "nowhere.toml"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("nowhere.toml"), "{}", missing.stderr);
}
