//! The shell in which commands of the manual are run: in the folder of a running hookd, with addresses and paths of the test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hookd_tests::peers::root;
use hookd_tests::{Hookd, binary};

/// Stands before `hookd`: what would not end does what is most like it, and every command is written down with its exit
/// code.
const HOOKD: &str = r#"#!/bin/sh
line="hookd $*"
case "$1 $2" in
    serve*) shift; set -- check "$@" ;;
    "deliveries tail") shift 2; set -- deliveries list "$@" ;;
    send*) shift; set -- send --url "http://$PUBLIC/change_hook/base" "$@" ;;
esac
"$HOOKD" "$@"
status=$?
echo "$status $line" >> "$COMMANDS"
exit $status
"#;

/// Stands before `curl`: an answer that is an error is a failure.
const CURL: &str = r#"#!/bin/sh
case " $* " in
    *" -f "*) fail= ;;
    *) fail=--fail-with-body ;;
esac
/usr/bin/curl --silent --show-error $fail "$@"
status=$?
echo "$status curl $*" >> "$COMMANDS"
exit $status
"#;

/// Stands before `cargo`, which builds nothing here: what is run is hookd, and tasks are looked for.
const CARGO: &str = r#"#!/bin/sh
line="cargo $*"
case "$*" in
    "build --release") status=0 ;;
    "run --release -- "*) shift 3; hookd "$@"; status=$? ;;
    "xtask "*) test -f "$ROOT/crates/xtask/src/$2.rs"; status=$? ;;
    *) status=99 ;;
esac
echo "$status $line" >> "$COMMANDS"
exit $status
"#;

/// Everybody may be anybody here.
const SUDO: &str = "#!/bin/sh\nshift 2\nexec \"$@\"\n";

/// Nothing is waited for.
const SLEEP: &str = "#!/bin/sh\nexit 1\n";

/// Folders outside of the test's own that pages name.
const OUTSIDE: [&str; 4] = ["/etc/", "/var/", "/usr/local/", "/backup/"];

/// A shell.
pub(super) struct Shell<'h> {
    hookd: &'h Hookd,
    folder: PathBuf,
}

/// What came of a block of commands.
pub(super) struct Done {
    /// The exit code of each command, with the command.
    pub(super) commands: Vec<(i32, String)>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl<'h> Shell<'h> {
    /// A shell in the folder of this hookd.
    pub(super) fn beside(hookd: &'h Hookd) -> Self {
        let folder = hookd.home().path().to_owned();
        for (name, text) in [("hookd", HOOKD), ("curl", CURL), ("cargo", CARGO), ("sudo", SUDO), ("sleep", SLEEP)] {
            let path = folder.join("bin").join(name);
            fs::create_dir_all(folder.join("bin")).expect("the folder takes folders");
            fs::write(&path, text).expect("the folder takes files");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        for inside in ["etc/hookd", "etc/bash_completion.d", "var/spool/hookd", "usr/local/share/man/man1", "backup"] {
            fs::create_dir_all(folder.join(inside)).expect("the folder takes folders");
        }
        fs::create_dir_all(folder.join("tests/fixtures")).expect("the folder takes folders");
        let config = folder.join("hookd.toml");
        for copy in ["etc/hookd/hookd.toml", "new.toml"] {
            let text = fs::read_to_string(&config).expect("there is one");
            let text = text.replace("sqlite:hookd.db", &format!("sqlite:{}/hookd.db", folder.display()));
            fs::write(folder.join(copy), text).expect("the folder takes files");
        }
        std::os::unix::fs::symlink(root().join("docs"), folder.join("docs")).expect("the folder takes links");
        Self { hookd, folder }
    }

    /// Runs a block of commands.
    pub(super) fn run(&self, text: &str) -> Done {
        let commands = self.folder.join("commands");
        fs::write(&commands, "").expect("the folder takes files");
        let path = std::env::var("PATH").unwrap_or_default();
        let output = Command::new("sh")
            .args(["-u", "-c", &self.here(text), "hook", "/srv/svn/tea", "7", "7-x"])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .env("PATH", format!("{}:{path}", self.folder.join("bin").display()))
            .env("HOOKD", binary())
            .env("HOOKD_ADMIN", format!("http://{}", self.hookd.admin().address()))
            .env("PUBLIC", self.hookd.public().to_string())
            .env("COMMANDS", &commands)
            .env("ROOT", root())
            .env_remove("RUST_LOG")
            .output()
            .expect("a shell runs");
        let commands = fs::read_to_string(&commands).expect("it was written");
        let commands = commands.lines().filter_map(|line| line.split_once(' '));
        Done {
            commands: commands.map(|(code, line)| (code.parse().expect("a number"), line.to_owned())).collect(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The text with the addresses and paths of the test.
    fn here(&self, text: &str) -> String {
        let (public, admin) = (self.hookd.public().to_string(), self.hookd.admin().address().to_string());
        let text = text.replace("127.0.0.1:8010", &public).replace("localhost:8010", &public);
        let text = text.replace("127.0.0.1:8011", &admin);
        OUTSIDE
            .iter()
            .fold(text, |text, outside| text.replace(&format!(" {outside}"), &format!(" {}{outside}", self.path())))
    }

    fn path(&self) -> String {
        Path::display(&self.folder).to_string()
    }
}
