//! `hookd new`: what it writes agrees with how hookd itself is built.

use std::fs;
use std::path::Path;

use hookd_tests::{Home, peers};
use toml::{Table, Value};

/// A file of TOML.
fn toml(path: impl AsRef<Path>) -> Table {
    let path = path.as_ref();
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The version that a workspace asks for, of a crate that is not hookd's.
fn version<'t>(manifest: &'t Table, name: &str) -> &'t str {
    let dependency = &manifest["workspace"]["dependencies"][name];
    dependency.get("version").unwrap_or(dependency).as_str().unwrap_or_else(|| panic!("`{name}` has no version"))
}

#[test]
fn a_new_hookd_is_as_fast_and_small_as_the_one_that_is_shipped() {
    let home = Home::with_config("");
    let made = home.run(&["new", "dialect", "tea"]);
    assert_eq!((made.code, made.stderr.as_str()), (Some(0), ""), "{}", made.stdout);
    let [theirs, ours] = [home.path().join("tea"), peers::root().to_owned()];
    let plugins = peers::root().join("plugins-example");
    let env = |root: &Path| toml(root.join(".cargo/config.toml"))["env"].clone();
    assert_eq!(env(&theirs), env(&ours), "how SQLite is built");
    for workspace in [&theirs, &plugins] {
        let [theirs, ours] = [workspace, &ours].map(|root| toml(root.join("Cargo.toml")));
        for profile in ["dev", "release"] {
            assert_eq!(theirs["profile"][profile], ours["profile"][profile], "{profile} of {}", workspace.display());
        }
        for name in ["schemars", "serde", "serde_json"] {
            assert_eq!(version(&theirs, name), version(&ours, name), "{name} in {}", workspace.display());
        }
    }
    let main = |path: &str| fs::read_to_string(home.path().join(path)).expect("it was written");
    assert!(main("tea/my-hookd/src/main.rs").contains("\nhookd::main!();\n"), "it has the allocator of hookd");
    assert_eq!(toml(theirs.join("my-hookd/Cargo.toml"))["package"].get("build"), None::<&Value>);
    assert!(main("tea/my-hookd/build.rs").contains("DEP_HOOKD_LINK_ARG"), "it is laid out as hookd");
}

#[test]
fn what_is_wrong_is_said_and_nothing_is_written() {
    let home = Home::with_config("");
    for (name, code, expected) in [
        ("Tea", 2, "error: `Tea` is no name of a dialect: expected a lower-case letter"),
        ("gitlab", 2, "error: this build has a dialect `gitlab` already: choose another name\n"),
    ] {
        let made = home.run(&["new", "dialect", name]);
        assert_eq!(made.code, Some(code), "{made:?}");
        assert!(made.stderr.starts_with(expected), "{made:?}");
        assert!(!home.path().join(name).exists());
    }
    fs::create_dir(home.path().join("tea")).expect("the folder is writable");
    let made = home.run(&["new", "dialect", "tea"]);
    assert_eq!(made.code, Some(1));
    assert_eq!(made.stderr, "error: `tea` exists already: choose another name, or run this in another folder\n");
}
