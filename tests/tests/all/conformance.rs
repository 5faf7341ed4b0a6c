//! hookd translates as Buildbot does, except for what `docs/differences.md` lists.
//!
//! Most of the time is Buildbot's, which uses one core: two masters share the cases.

use std::thread;
use std::time::Instant;

use hookd_tests::conformance::report::Report;
use hookd_tests::conformance::{corpus, dialects, drive};
use hookd_tests::{Buildbot, GithubApi, Home};
use serde_json::Value;

/// Fewer would mean that payloads are missing.
const AT_LEAST: usize = 9000;

#[test]
#[ignore = "needs Buildbot and payloads from cargo xtask test"]
fn translates_as_buildbot_does() {
    let known = dialects::classes();
    let classes = classes_of_this_build(&known);
    let cases = corpus::all(&classes);
    let api = GithubApi::start();
    let hookd = Home::serving(&dialects::for_hookd(&classes, &api)).start();
    let config = dialects::for_buildbot(&classes, &api);
    let (theirs, ours) = thread::scope(|sides| {
        let masters = [0, 1].map(|first| {
            let (share, config) = (cases.iter().skip(first).step_by(2), &config);
            sides.spawn(move || timed("Buildbot", || drive::buildbot(Buildbot::start(config).address(), share)))
        });
        let ours = timed("hookd", || drive::hookd(hookd.public(), hookd.admin().address(), cases.iter()));
        let mut shares = masters.map(|master| master.join().expect("Buildbot answers").into_iter());
        let theirs = (0..cases.len()).map(|case| shares[case % 2].next().expect("it was sent to a master"));
        (theirs.collect::<Vec<_>>(), ours)
    });

    let report = Report::of(&cases, &theirs, &ours, &classes, &known);
    report.write();
    println!("{report}");
    assert!(report.comparisons() >= AT_LEAST, "only {} comparisons", report.comparisons());
    assert!(report.is_good(), "see above, or target/conformance.txt");
}

fn timed<T>(side: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    println!("{side} took {:.0} s", begun.elapsed().as_secs_f64());
    done
}

/// The classes in the table that the hookd under test has.
fn classes_of_this_build(known: &[&str]) -> Vec<String> {
    let home = Home::serving("");
    let listed = home.run(&["dialects", "--json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).expect("`hookd dialects --json` prints JSON");
    let names = listed.as_array().into_iter().flatten().filter_map(|dialect| dialect["name"].as_str());
    let built: Vec<&str> = names.collect();
    known.iter().filter(|class| built.contains(class)).map(|class| (*class).to_owned()).collect()
}
