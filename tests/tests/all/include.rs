//! `include`: a configuration in several files, whose problems name the right one.

use std::fs;

use hookd_tests::http::Request;
use hookd_tests::{Home, LISTENERS, until};

fn home(include: &str, files: &[(&str, &str)]) -> Home {
    let home = Home::with_config(&format!("include = {include}\n{LISTENERS}\n"));
    fs::create_dir(home.path().join("conf.d")).expect("the folder is writable");
    for (name, text) in files {
        home.write(name, text);
    }
    home
}

#[test]
fn sections_dialects_and_sinks_may_be_spread_over_files() {
    let home = home(
        "['conf.d/*.toml']",
        &[
            (
                "conf.d/20.toml",
                "[change_hook_dialects]\nbase = true\n[[sinks]]\nname = 'two'\ntype = 'file'\npath = 'two'\n",
            ),
            (
                "conf.d/10.toml",
                "change_hook_auth = 'anonymous'\n[change_hook_dialects.github]\nstrict = true\n[server]\nmax_body = '1KiB'\n\
                 [[sinks]]\nname = 'one'\ntype = 'file'\npath = 'one'\n",
            ),
            ("conf.d/30.toml", "[change_hook_dialects.github]\nsecret = { file = 'conf.d/secret' }\n"),
            ("conf.d/secret", "of the test\n"),
            ("conf.d/.#10.toml", "of an editor"),
            ("conf.d/notes.txt", "[sever]"),
        ],
    );
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    for line in
        ["server   127.0.0.1:0, bodies up to 1KiB", "dialect  /change_hook/base", "dialect  /change_hook/github"]
    {
        assert!(checked.stdout.lines().any(|shown| shown == line), "{line}: {}", checked.stdout);
    }
    let hookd = home.start();
    assert_eq!(hookd.send(&Request::get("/change_hook/base?author=a")).status, 202);
    assert_eq!(hookd.send(&Request::post("/change_hook/base").body("x".repeat(2000))).status, 413);
    let sinks = hookd.admin().list("/api/v2/sinks", "sinks");
    let names: Vec<_> = sinks.iter().filter_map(|sink| sink["name"].as_str()).collect();
    assert_eq!(names, ["one", "two"]);
}

#[test]
fn problems_name_the_file_that_they_are_in() {
    let home = home(
        "['conf.d/*.toml', 'none.toml']",
        &[
            ("conf.d/a.toml", "[server]\nworkers = 0\n"),
            ("conf.d/b.toml", "\n[server]\nlisten = '127.0.0.1:0'\n"),
            ("conf.d/c.toml", "include = 'd.toml'\n"),
        ],
    );
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(2));
    assert_eq!(
        checked.stderr, "hookd.toml:1:29: `include`: the file `none.toml` cannot be read: it does not exist\n",
        "which files there are comes first"
    );
    home.write("hookd.toml", format!("include = 'conf.d/*.toml'\n{LISTENERS}\n"));
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(2));
    assert_eq!(
        checked.stderr,
        "conf.d/b.toml:3:1: section `server`: `listen` is given twice, first at hookd.toml:4:1\n\
         conf.d/c.toml:1:1: `include` is for `hookd.toml` alone: an included file includes no others\n"
    );
    home.write("conf.d/b.toml", "[sever]\n");
    home.write("conf.d/c.toml", "");
    let checked = home.run(&["check"]);
    let lines: Vec<&str> = checked.stderr.lines().collect();
    assert!(lines[0].starts_with("conf.d/a.toml:2:11: section `server`: `workers`: bad number"), "{}", checked.stderr);
    assert!(lines[1].starts_with("conf.d/b.toml:1:2: unknown section `sever`"), "{}", checked.stderr);
    assert_eq!(lines.len(), 2, "{}", checked.stderr);
    let served = home.run(&["serve"]);
    assert_eq!((served.code, served.stderr), (Some(2), checked.stderr));
    // Commands that read one section alone find it in any file.
    home.write("conf.d/a.toml", "");
    home.write("conf.d/b.toml", "[store]\nurl = 'sqlite:other.db'\n");
    home.write("hookd.toml", "include = 'conf.d/*.toml'\n");
    let stats = home.run(&["store", "stats"]);
    assert!(stats.stderr.contains("there is no store `other.db`"), "{}", stats.stderr);
}

#[test]
fn patterns_that_find_nothing_or_are_wrong() {
    for (include, code, message) in [
        ("['conf.d/*.toml']", 0, ""),
        ("['conf-d/*.toml']", 0, "warning: hookd.toml:1:12: `include`: the folder `conf-d` does not exist"),
        ("['conf.d/***.toml']", 2, "hookd.toml:1:12: `include`: bad pattern `conf.d/***.toml`"),
        ("['conf.d', 5]", 2, "hookd.toml:1:22: `include` is an integer, expected a list of paths"),
        ("['']", 2, "hookd.toml:1:12: `include` is an empty string, expected a list of paths"),
        // The file itself is none of the others.
        ("'*.toml'", 0, ""),
    ] {
        let checked = home(include, &[]).run(&["check"]);
        assert_eq!(checked.code, Some(code), "{include}: {}", checked.stderr);
        assert!(checked.stderr.contains(message), "{include}: {}", checked.stderr);
    }
}

#[test]
fn a_reload_reads_all_files() {
    let hookd = home("'conf.d/*.toml'", &[("conf.d/a.toml", "[change_hook_dialects]\nbase = true\n")]).start();
    let serves = |dialect: &str| hookd.send(&Request::get(format!("/change_hook/{dialect}?author=a"))).status == 202;
    assert!(serves("base") && !serves("acme"));
    hookd.home().write("conf.d/b.toml", "[change_hook_dialects]\nacme = { custom_class = 'base' }\n");
    hookd.signal("HUP");
    until("the new file is read", || serves("acme").then_some(()));
    hookd.home().write("conf.d/b.toml", "[change_hook_dialects]\nbase = true\n");
    hookd.signal("HUP");
    until("the problem is logged", || {
        let log = hookd.log().join("\n");
        (log.contains("configuration rejected") && log.contains("conf.d/b.toml:2:1: dialect `base` is given twice"))
            .then_some(())
    });
    assert!(serves("acme"), "the previous configuration stays");
    fs::remove_file(hookd.home().path().join("conf.d/b.toml")).expect("it is there");
    hookd.signal("HUP");
    until("the file is gone", || (!serves("acme")).then_some(()));
}
