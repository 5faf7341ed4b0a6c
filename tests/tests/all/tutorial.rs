//! The manual's way from nothing to a first change, run as it stands there: from an empty folder, with `hookd` and `cargo`.
//!
//! Only the address is another one, since tests listen on free ports, and the target folder is that of this workspace.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use hookd_tests::{binary, peers, without_variables_of_cargo};

const PAGE: &str = "docs/writing-a-dialect.md";
const TUTORIAL: &str = "\n## From nothing to a change\n";

/// The addresses in the workspace that is written.
const ADDRESSES: [&str; 2] = ["127.0.0.1:8010", "127.0.0.1:8011"];

/// How long building hookd may take.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

/// A file of the project.
fn read(path: impl AsRef<Path>) -> String {
    let path = peers::root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The blocks in this language of a text.
fn blocks_of(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// A chapter of the page.
fn chapter(heading: &str) -> String {
    let page = read(PAGE);
    let (_, chapter) = page.split_once(heading).unwrap_or_else(|| panic!("{PAGE} has no {heading}"));
    chapter.split("\n## ").next().unwrap_or_default().to_owned()
}

/// The blocks of the tutorial in this language.
fn blocks(language: &str) -> Vec<String> {
    blocks_of(&chapter(TUTORIAL), language)
}

/// A shell in this folder, in which `hookd` is the one under test.
fn shell(folder: &Path, command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-ec", command]).current_dir(folder).env_remove("RUST_LOG");
    let path = std::env::var("PATH").unwrap_or_default();
    shell.env("PATH", format!("{}:{path}", folder.join(".bin").display())).env("CARGO_TARGET_DIR", peers::target());
    without_variables_of_cargo(&mut shell);
    shell
}

/// What a command prints; it must succeed.
fn output(folder: &Path, command: &str) -> String {
    let output = shell(folder, command).output().expect("a shell runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command}\n{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    printed
}

/// A command and all that it has started, which end with the test.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // The program, since not every shell's own `kill` knows of groups.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0.id())]).status();
        let _ = self.0.wait();
    }
}

/// Starts a command that serves, and returns the address of its public listener.
fn serve(folder: &Path, command: &str) -> (Group, String) {
    let mut shell = shell(folder, command);
    shell.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut group = Group(shell.spawn().expect("a shell runs"));
    let errors = BufReader::new(group.0.stderr.take().expect("it is piped"));
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || errors.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let mut seen = Vec::new();
    loop {
        let line = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it does not listen:\n{}", seen.join("\n")));
        if line.contains("listening") && line.contains("public") {
            let mut words = line.split([' ', '=', '"']);
            let address = words.rfind(|word| word.starts_with("127.0.0.1:"));
            let address = address.unwrap_or_else(|| panic!("{line} names no address")).to_owned();
            // What else it logs is read and dropped.
            thread::spawn(move || lines.iter().for_each(drop));
            return (group, address);
        }
        seen.push(line);
    }
}

#[test]
#[ignore = "builds a hookd, which takes minutes: cargo xtask test"]
fn leads_from_an_empty_folder_to_a_first_change() {
    let commands = blocks("sh");
    let [new, run, curl, test] = &commands[..] else { panic!("{PAGE} has other commands: {commands:#?}") };
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join(".bin")).expect("the folder is writable");
    symlink(binary(), folder.path().join(".bin/hookd")).expect("the folder is writable");

    output(folder.path(), new);
    let workspace = folder.path().join("tea");
    // The versions that are here already.
    fs::copy(peers::root().join("Cargo.lock"), workspace.join("Cargo.lock")).expect("the folder is writable");
    let config = fs::read_to_string(workspace.join("hookd.toml")).expect("it was written");
    let free = ADDRESSES.iter().fold(config, |config, address| config.replace(address, "127.0.0.1:0"));
    fs::write(workspace.join("hookd.toml"), free).expect("the folder is writable");

    let (_hookd, address) = serve(folder.path(), run);
    assert!(curl.contains(ADDRESSES[0]), "{curl}");
    let answer = output(folder.path(), &curl.replace(ADDRESSES[0], &address));
    assert_eq!(answer.trim_end(), blocks("text")[0].trim_end());
    output(folder.path(), test);
    let version = output(&workspace, "cargo run --quiet -- --version");
    assert!(
        version.starts_with("my-hookd 0.1.0, hookd ") && version.ends_with("\nplugins: hookd-tea 0.1.0\n"),
        "{version}"
    );
}

#[test]
fn the_code_around_a_built_in_dialect_is_that_of_the_plugins() {
    let folder = "plugins-example/github-extras/src";
    let sources = ["by_owner.rs", "quiet.rs"].map(|file| read(Path::new(folder).join(file)));
    let shown = blocks_of(&chapter("\n## Around a built-in dialect\n"), "rust");
    assert_eq!(shown.len(), sources.len());
    for (block, source) in shown.iter().zip(&sources) {
        assert!(source.contains(block), "{folder} has no\n{block}");
    }
}

/// The lines of a text without blank ones and those that begin with this, which are comments.
fn lines(text: &str, comment: &str) -> usize {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(comment)).count()
}

/// The cells of the row of the table of lengths that begins so.
fn row(beginning: &str) -> Vec<String> {
    let table = chapter("\n## How long a dialect is\n");
    let row = table.lines().find(|line| line.starts_with(&format!("| {beginning}")));
    let row = row.unwrap_or_else(|| panic!("the table has no row {beginning}"));
    row.split('|').skip(1).map(|cell| cell.trim().to_owned()).collect()
}

#[test]
fn the_lengths_of_dialects_are_those_of_the_code() {
    let example = blocks_of(&read(PAGE), "rust").remove(0);
    let gitea = ["lib.rs", "push.rs", "pull_request.rs", "release.rs"];
    let gitea = gitea.map(|file| lines(&read(Path::new("plugins-example/gitea/src").join(file)), "//"));
    let json = blocks_of(&read("docs/dialects/json.md"), "toml");
    let json = json.iter().find(|block| block.contains("[change_hook_dialects.gitea]")).expect("the page has it");
    for (beginning, found) in [
        ("`example`", lines(&example, "//")),
        ("`custom_base`", lines(&read("plugins-example/custom-base/src/lib.rs"), "//")),
        ("`gitea`", gitea.iter().sum()),
        ("Gitea with the class", lines(json, "#")),
    ] {
        println!("{found:4} {}", row(beginning)[0]);
        assert_eq!(row(beginning)[1], found.to_string(), "{beginning}");
    }
    let files = fs::read_dir(peers::root().join("plugins-example/gitea/src")).expect("it is there").count();
    assert_eq!(files, gitea.len(), "all files of the dialect are counted");
}

#[test]
#[ignore = "needs Buildbot's plugin for Gitea from cargo xtask test"]
fn the_length_of_buildbots_plugin_is_that_of_its_code() {
    let plugin = read(peers::peer("buildbot-gitea/buildbot_gitea/webhook.py"));
    assert!(row("`gitea`")[2].starts_with(&format!("{}, ", lines(&plugin, "#"))), "{} lines", lines(&plugin, "#"));
}
