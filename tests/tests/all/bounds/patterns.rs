//! Patterns of the configuration have a length and a size that they may take.

use hookd_tests::Home;
use hookd_tests::http::{self, Request};

fn configuration(options: &str) -> String {
    format!("{}\n[change_hook_dialects]\ngithub = {{ {options} }}\n", hookd_tests::LISTENERS)
}

#[test]
fn a_pattern_that_is_too_large_is_a_problem_of_the_configuration() {
    let long = "x".repeat(20_000);
    let stars = "a*".repeat(10_000);
    let (too_long, too_large) = ("the pattern has 20000 bytes", "it takes more than 1024 KiB when it is compiled");
    let bombs = [
        (format!("skips = ['{long}']"), "`skips[0]`", too_long),
        (format!("github_property_whitelist = ['{long}']"), "`github_property_whitelist[0]`", too_long),
        (format!("github_property_whitelist = ['{stars}']"), "`github_property_whitelist[0]`", too_long),
        (format!("token = {{ '{long}' = 'hunter2' }}"), "`token`", too_long),
        ("skips = ['((\\w{100}){100}){100}']".to_owned(), "`skips[0]`", too_large),
        (
            format!("github_property_whitelist = ['{}']", "[!a]?".repeat(800)),
            "`github_property_whitelist[0]`",
            too_large,
        ),
        (format!("skips = ['{}']", "(".repeat(4000)), "`skips[0]`", "bad regular expression `((("),
    ];
    let hookd = Home::with_config(&configuration("")).start();
    for (options, place, message) in bombs {
        hookd.home().write("hookd.toml", configuration(&options));
        let checked = hookd.home().run(&["check"]);
        assert_eq!(checked.code, Some(2), "{place}: {}", checked.stderr);
        let lines: Vec<&str> = checked.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains(place) && lines[0].contains(message), "{}", lines[0]);
        assert!(lines[0].len() < 500 && !lines[0].contains("hunter2"), "{}", lines[0]);

        let reloaded = http::send(hookd.admin().address(), &Request::post("/api/v2/reload")).expect("hookd answers");
        assert!((400..500).contains(&reloaded.status), "{place}: {}", reloaded.line());
        assert!(reloaded.text().contains(message), "{place}: {}", reloaded.text());
    }
    // It goes on under the old configuration.
    assert_eq!(hookd.send(&Request::get("/change_hook/github")).status, 405);
}
