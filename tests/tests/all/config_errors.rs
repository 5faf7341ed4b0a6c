//! A configuration that does not hold: every problem at once, each with its place, before a socket opens.

use hookd_tests::Home;

/// A configuration, and for each of its problems the position and what must be said there.
struct Wrong {
    config: &'static str,
    problems: &'static [(&'static str, &'static [&'static str])],
}

const WRONG: &[Wrong] = &[
    Wrong { config: "[server", problems: &[("1:8", &["TOML"])] },
    Wrong { config: "[server]\nlisten = \n", problems: &[("2:", &["TOML"])] },
    Wrong { config: "[server]\n[server]\n", problems: &[("2:", &["duplicate"])] },
    Wrong { config: "[sever]\n", problems: &[("1:2", &["`sever`", "`[server]`", "`[store]`"])] },
    Wrong { config: "listen = \"127.0.0.1:1\"\n", problems: &[("1:1", &["`listen`"])] },
    Wrong { config: "server = true\n", problems: &[("1:1", &["`server`", "table"])] },
    Wrong {
        config: "[server]\nlistn = \"127.0.0.1:1\"\n",
        problems: &[("2:1", &["`listn`", "`listen`", "`max_body`"])],
    },
    Wrong { config: "[server]\nlisten = \"8010\"\n", problems: &[("2:10", &["`8010`", "127.0.0.1:8010"])] },
    Wrong { config: "[server]\nmax_body = \"25 MuB\"\n", problems: &[("2:12", &["25 MuB", "25MiB"])] },
    Wrong { config: "[server]\nmax_body = -1\n", problems: &[("2:12", &["-1"])] },
    Wrong { config: "[store]\nurl = \"mysql://me:hunter2@db/x\"\n", problems: &[("2:7", &["mysql", "sqlite:"])] },
    Wrong { config: "[store]\nkeep_payloads = \"a fortnight\"\n", problems: &[("2:17", &["a fortnight", "14d"])] },
    Wrong {
        config: "[server]\nlisten = \"127.0.0.1:1\"\n[admin]\nlisten = \"127.0.0.1:1\"\n",
        problems: &[("4:10", &["`server`", "127.0.0.1:1"])],
    },
    Wrong {
        config: "[change_hook_dialects]\ngithib = true\n",
        problems: &[("2:1", &["`githib`", "`base`", "did you mean `github`?"])],
    },
    Wrong {
        config: "[change_hook_dialects]\nacme = { custom_class = \"nothing\" }\n",
        problems: &[("2:25", &["`acme`", "`nothing`", "`base`"])],
    },
    Wrong {
        config: "[change_hook_dialects]\nbase = \"hunter2\"\n",
        problems: &[("2:8", &["`base`", "`true`", "table"])],
    },
    Wrong {
        config: "[change_hook_dialects]\n\ngithub = { secret = \"hunter2\", strct = true }\n",
        problems: &[("3:32", &["`github`", "`strct`", "`strict`"])],
    },
    Wrong {
        config: "[change_hook_dialects]\ngithub = { strict = true }\n",
        problems: &[("2:", &["`github`", "secret"])],
    },
    Wrong {
        config: "[change_hook_dialects]\ngithub = { secret = { env = \"HOOKD_TEST_UNSET\" } }\n",
        problems: &[("2:", &["`github`", "HOOKD_TEST_UNSET"])],
    },
    Wrong {
        config: "[change_hook_dialects]\ngithub = { secret = { file = \"no/such/file\" } }\n",
        problems: &[("2:", &["`github`", "no/such/file"])],
    },
    Wrong {
        config: "[change_hook_dialects]\ngithub = { skips = [\"ok\", \"(\"] }\n",
        problems: &[("2:27", &["`github`", "`skips[1]`", "regular expression `(`"])],
    },
    Wrong {
        config: "[change_hook_dialects.github]\ncompat = \"bildbot\"\nstrict = \"yes\"\n",
        problems: &[("2:10", &["`compat`", "`bildbot`", "`buildbot`"]), ("3:10", &["`strict`", "\"yes\"", "boolean"])],
    },
    Wrong {
        config: "[server]\nlisten = 5\n[store]\nurl = 5\n[change_hook_dialects]\nnone = true\ngithub = { strct = 1 }\n",
        problems: &[
            ("2:10", &["`listen`"]),
            ("4:7", &["`url`"]),
            ("6:1", &["`none`"]),
            ("7:12", &["`github`", "`strct`"]),
        ],
    },
];

#[test]
fn check_reports_every_problem_at_its_place() {
    for Wrong { config, problems } in WRONG {
        let checked = Home::with_config(config).run(&["check"]);
        assert_eq!(checked.code, Some(2), "{config}\n{}", checked.stderr);
        let said: Vec<&str> = checked.stderr.lines().collect();
        for (position, fragments) in *problems {
            let place = format!("hookd.toml:{position}");
            let holds = |line: &&str| line.contains(&place) && fragments.iter().all(|fragment| line.contains(fragment));
            assert!(said.iter().any(holds), "{config}\nlacks {place} with {fragments:?}:\n{}", checked.stderr);
        }
        let found = said.iter().filter(|line| line.contains("hookd.toml:")).count();
        assert_eq!(found, problems.len(), "{config}\n{}", checked.stderr);
        assert!(!checked.stderr.contains("hunter2"), "a secret is shown: {}", checked.stderr);
    }
}

#[test]
fn serve_refuses_what_check_refuses() {
    for Wrong { config, .. } in WRONG {
        let home = Home::with_config(config);
        let served = home.run(&["serve", "--config", "hookd.toml"]);
        assert_eq!(served.code, Some(2), "{config}\n{}", served.stderr);
        assert!(!home.path().join("hookd.db").exists(), "a store was made for\n{config}");
    }
}

#[test]
fn a_configuration_that_holds_is_well_and_a_missing_one_is_not() {
    let home = Home::serving("[change_hook_dialects]\nbase = true");
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    let missing = home.run(&["check", "--config", "nowhere.toml"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.stderr.contains("nowhere.toml"), "{}", missing.stderr);
}
