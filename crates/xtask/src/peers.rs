//! The peers of the tests: the real Buildbot, real payloads, real clients. They are installed once and kept.
//!
//! Each peer has a stamp file that contains its recipe. While the stamp matches, the peer is left alone, so that the next
//! run is quick. Nothing here is part of the project: all of it comes from registries when tests run.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools::{root, run_quietly, succeeds, target};

/// Something that tests need.
struct Peer {
    /// The name of its stamp.
    name: &'static str,
    /// Its purpose, as half a sentence.
    purpose: &'static str,
    /// Prefixes of the names of the tests that need it.
    tests: &'static [&'static str],
    /// What it is made from; if this changes, the peer is installed again.
    recipe: fn() -> String,
    /// Installs it.
    install: fn() -> Result<(), String>,
}

const PEERS: &[Peer] = &[
    Peer {
        name: "debian",
        purpose: "the clients that people use",
        tests: &[
            "conformance::",
            "faults::clock::",
            "git::",
            "hg::",
            "metrics::a_certificate_that_expires_soon",
            "nats::",
            "notify::",
            "pollers::",
            "postgres::",
            "sinks::clock::",
            "sinks::nats::",
            "svn::",
            "terminal::progress",
            "whole::",
        ],
        recipe: || missing_programs().iter().map(|program| format!("{}\n", program.package)).collect(),
        install: install_programs,
    },
    Peer {
        name: "buildbot",
        purpose: "the system that hookd is compared with, and delivers to",
        tests: &[
            "buildbot_sink::",
            "conformance::",
            "git::conformance::",
            "send::every_option_arrives_at_a_buildbot",
            "sinks::master::",
            "why::why_tells_the_way_of_a_delivery",
        ],
        recipe: || read("tests/peers/requirements.txt"),
        install: make_venv,
    },
    Peer {
        name: "buildbot-postgres",
        purpose: "what Buildbot needs for a database in PostgreSQL; only `cargo xtask bench --postgres` does",
        tests: &[],
        recipe: || format!("{}{PSYCOPG}\n", read("tests/peers/requirements.txt")),
        install: install_psycopg,
    },
    Peer {
        name: "buildbot-gitea",
        purpose: "Buildbot's plugin for Gitea, to compare that of hookd with",
        tests: &["conformance::translates_as_the_plugin", "tutorial::the_length_of_buildbots_plugin"],
        recipe: || format!("{BUILDBOT_GITEA}\n"),
        install: install_buildbot_gitea,
    },
    Peer {
        name: "buildbot-payloads",
        purpose: "payloads from Buildbot's own tests",
        tests: &["conformance::"],
        recipe: || format!("{SDIST}\n{}", read("tests/peers/extract_payloads.py")),
        install: extract_payloads,
    },
    Peer {
        name: "post-build-request",
        purpose: "Buildbot's own script that submits a change",
        tests: &["send::post_build_request_py_works"],
        recipe: || format!("{POST_BUILD_REQUEST}\n"),
        install: extract_script,
    },
    Peer {
        name: "octokit",
        purpose: "payloads of GitHub",
        tests: &["conformance::"],
        recipe: || format!("{OCTOKIT}\n"),
        install: unpack_octokit,
    },
    Peer {
        name: "gitlab",
        purpose: "payloads of GitLab",
        tests: &["conformance::"],
        recipe: || format!("{GITLAB}\n"),
        install: unpack_gitlab,
    },
    Peer {
        name: "nginx",
        purpose: "the reverse proxy that people use",
        tests: &["bounds::nginx::", "pages::proxy::"],
        recipe: || format!("{NGINX}\n"),
        install: unpack_nginx,
    },
    Peer {
        name: "promtool",
        purpose: "Prometheus's check of metrics",
        tests: &["metrics::promtool_"],
        recipe: || format!("{PROMTOOL}\n"),
        install: unpack_promtool,
    },
    Peer {
        name: "chromium",
        purpose: "the browser that shows the pages",
        tests: &["pages::browser::"],
        recipe: || "chromium chromium-driver\n".to_owned(),
        install: install_chromium,
    },
    Peer {
        name: "webhook",
        purpose: "a webhook receiver in Go, to compare hookd with",
        tests: &[],
        recipe: || format!("{WEBHOOK}\n"),
        install: unpack_webhook,
    },
    Peer {
        name: "octokit-server",
        purpose: "GitHub's own webhook receiver for Node, to compare hookd with",
        tests: &[],
        recipe: || format!("{OCTOKIT_SERVER}\n"),
        install: install_octokit_server,
    },
];

/// The newest release of Buildbot whose source package contains its tests.
const SDIST: &str = "buildbot==2.8.4";
/// The release of Buildbot whose source package has `post_build_request.py`.
const POST_BUILD_REQUEST: &str = "buildbot==0.8.14";
const PSYCOPG: &str = "psycopg2-binary==2.9.13";
const BUILDBOT_GITEA: &str = "buildbot-gitea==1.8.0";
const OCTOKIT: &str = "@octokit/webhooks-examples@7.6.1";
const GITLAB: &str = "golang-github-xanzy-go-gitlab-dev";
const NGINX: &str = "nginx";
const PROMTOOL: &str = "prometheus";
const WEBHOOK: &str = "webhook";
const OCTOKIT_SERVER: &str = "@octokit/webhooks@14.2.0";

/// A peer that could not be installed.
pub(crate) struct Missing {
    peer: &'static Peer,
    reason: String,
    /// Prefixes of the names of the tests that cannot run without it.
    tests: &'static [&'static str],
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Peer { name, purpose, tests, .. } = self.peer;
        write!(f, "`{name}`, {purpose}, so that tests {tests:?} are not run: {}", self.reason)
    }
}

/// Where peers are kept.
pub(crate) fn folder() -> PathBuf {
    target().join("peers")
}

/// Installs all peers of the tests, and returns those that could not be installed.
pub(crate) fn install_all() -> Vec<Missing> {
    let of_tests = PEERS.iter().filter(|peer| !peer.tests.is_empty());
    of_tests.filter_map(|peer| install(peer).err().map(|reason| Missing { peer, reason, tests: peer.tests })).collect()
}

/// Prefixes of the names of the tests that cannot run without these peers.
pub(crate) fn left_out(missing: &[Missing]) -> Vec<&'static str> {
    missing.iter().flat_map(|peer| peer.tests).copied().collect()
}

/// Installs one peer, unless it is up to date.
pub(crate) fn install_named(name: &str) -> Result<(), String> {
    let peer = PEERS.iter().find(|peer| peer.name == name).ok_or_else(|| format!("there is no peer `{name}`"))?;
    install(peer).map_err(|error| format!("`{name}`, {}, cannot be installed: {error}", peer.purpose))
}

fn install(peer: &Peer) -> Result<(), String> {
    let stamp = folder().join(peer.name).with_extension("stamp");
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == (peer.recipe)()) {
        return Ok(());
    }
    eprintln!("installing `{}`, {}", peer.name, peer.purpose);
    fs::create_dir_all(folder()).map_err(|error| format!("{}: {error}", folder().display()))?;
    (peer.install)()?;
    fs::write(&stamp, (peer.recipe)()).map_err(|error| format!("{}: {error}", stamp.display()))
}

/// A program from a Debian package, and how to check that it is installed.
struct Program {
    package: &'static str,
    check: (&'static str, &'static [&'static str]),
}

const PROGRAMS: &[Program] = &[
    Program { package: "bsdutils", check: ("script", &["--version"]) },
    Program { package: "curl", check: ("curl", &["--version"]) },
    Program { package: "faketime", check: ("faketime", &["--version"]) },
    Program { package: "git", check: ("git", &["--version"]) },
    Program { package: "mercurial", check: ("hg", &["--version"]) },
    Program { package: "nats-server", check: ("nats-server", &["--version"]) },
    Program { package: "npm", check: ("npm", &["--version"]) },
    // These two are not in the path of users; their services are none of the tests'.
    Program { package: "pgbouncer", check: ("sh", &["-c", "test -x /usr/sbin/pgbouncer"]) },
    Program { package: "postgresql", check: ("sh", &["-c", "ls /usr/lib/postgresql/*/bin/postgres"]) },
    Program { package: "python3", check: ("python3", &["--version"]) },
    Program { package: "python3-venv", check: ("python3", &["-c", "import ensurepip, venv"]) },
    Program { package: "subversion", check: ("svn", &["--version"]) },
    // It prints its version and fails.
    Program { package: "wrk", check: ("sh", &["-c", "command -v wrk"]) },
];

fn missing_programs() -> Vec<&'static Program> {
    PROGRAMS.iter().filter(|program| !succeeds(program.check.0, program.check.1)).collect()
}

fn install_programs() -> Result<(), String> {
    let missing = missing_programs();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|program| program.package).collect();
    let wanted = packages.join(" ");
    if !succeeds("sh", &["-c", "test \"$(id -u)\" = 0"]) {
        return Err(format!("only root can install them: apt-get install {wanted}"));
    }
    update_lists()?;
    run_quietly(apt_get().args(["install", "--yes", "--no-install-recommends"]).args(&packages))?;
    match missing_programs().as_slice() {
        [] => Ok(()),
        still => Err(format!("`{}` was installed, but does not run", still[0].package)),
    }
}

/// Its driver comes from another package of the same version.
fn install_chromium() -> Result<(), String> {
    if succeeds("chromedriver", &["--version"]) && succeeds("chromium", &["--version"]) {
        return Ok(());
    }
    if !succeeds("sh", &["-c", "test \"$(id -u)\" = 0"]) {
        return Err("only root can install it: apt-get install chromium chromium-driver".to_owned());
    }
    update_lists()?;
    run_quietly(apt_get().args(["install", "--yes", "--no-install-recommends", "chromium", "chromium-driver"]))
}

fn make_venv() -> Result<(), String> {
    let venv = folder().join("venv");
    let requirements = root().join("tests/peers/requirements.txt");
    run_quietly(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    run_quietly(pip().args(["install", "--quiet", "--requirement"]).arg(requirements))
}

/// The plugin alone: Buildbot itself is another peer.
fn install_psycopg() -> Result<(), String> {
    run_quietly(pip().args(["install", "--quiet", PSYCOPG]))
}

fn install_buildbot_gitea() -> Result<(), String> {
    let folder = fresh("buildbot-gitea")?;
    run_quietly(pip().args(["install", "--quiet", "--no-deps", "--target"]).arg(folder).arg(BUILDBOT_GITEA))
}

/// Buildbot's tests contain payloads as Python literals. They are read from its source package, not executed.
fn extract_payloads() -> Result<(), String> {
    let sources = fresh("buildbot-source")?;
    let payloads = fresh("buildbot-payloads")?;
    download_source(SDIST, &sources)?;
    let script = root().join("tests/peers/extract_payloads.py");
    run_quietly(Command::new(folder().join("venv/bin/python")).arg(script).arg(&sources).arg(&payloads))
}

/// The script alone: it is run by Python 2.7, and Buildbot 0.8.14 is not.
fn extract_script() -> Result<(), String> {
    let folder = fresh("post-build-request")?;
    download_source(POST_BUILD_REQUEST, &folder)?;
    let archive = only_file(&folder, "gz")?;
    let extract =
        ["--strip-components=2", "--wildcards", "*/contrib/post_build_request.py", "--extract", "--gzip", "--file"];
    run_quietly(Command::new("tar").args(extract).arg(archive).current_dir(&folder))
}

/// Downloads the source package of a release, without what it depends on.
fn download_source(release: &str, folder: &Path) -> Result<(), String> {
    let plain = ["--quiet", "--no-deps", "--no-build-isolation", "--no-binary", ":all:"];
    run_quietly(pip().arg("download").args(plain).arg("--dest").arg(folder).arg(release))
}

fn unpack_octokit() -> Result<(), String> {
    let packed = fresh("octokit")?;
    run_quietly(Command::new("npm").args(["pack", "--silent", OCTOKIT]).current_dir(&packed))?;
    let archive = only_file(&packed, "tgz")?;
    run_quietly(Command::new("tar").arg("xzf").arg(archive).current_dir(&packed))
}

/// Unpacked, not installed: only its test data is needed.
fn unpack_gitlab() -> Result<(), String> {
    unpack_debian("gitlab", GITLAB)
}

/// Unpacked, not installed: its service must not start by itself.
fn unpack_nginx() -> Result<(), String> {
    unpack_debian("nginx", NGINX)
}

/// The same.
fn unpack_promtool() -> Result<(), String> {
    unpack_debian("promtool", PROMTOOL)
}

/// The same.
fn unpack_webhook() -> Result<(), String> {
    unpack_debian("webhook", WEBHOOK)
}

fn unpack_debian(name: &str, package: &str) -> Result<(), String> {
    let packed = fresh(name)?;
    let download = |folder: &Path| run_quietly(apt_get().args(["download", package]).current_dir(folder));
    download(&packed).or_else(|_| update_lists().and_then(|()| download(&packed)))?;
    let archive = only_file(&packed, "deb")?;
    run_quietly(Command::new("dpkg-deb").arg("--extract").arg(archive).arg(&packed))
}

fn install_octokit_server() -> Result<(), String> {
    let folder = fresh("octokit-server")?;
    run_quietly(Command::new("npm").args(["install", "--no-audit", "--no-fund", OCTOKIT_SERVER]).current_dir(&folder))
}

fn apt_get() -> Command {
    let mut apt_get = Command::new("apt-get");
    apt_get.env("DEBIAN_FRONTEND", "noninteractive").args(["-o", "Acquire::Retries=3", "--quiet"]);
    apt_get
}

fn update_lists() -> Result<(), String> {
    run_quietly(apt_get().arg("update"))
}

fn pip() -> Command {
    let mut pip = Command::new(folder().join("venv/bin/pip"));
    pip.env("PIP_DISABLE_PIP_VERSION_CHECK", "1").env("PIP_NO_INPUT", "1");
    pip
}

/// An empty folder of this name under the peers.
fn fresh(name: &str) -> Result<PathBuf, String> {
    let path = folder().join(name);
    if path.exists() {
        fs::remove_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

fn only_file(folder: &Path, extension: &str) -> Result<PathBuf, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let found =
        entries.flatten().map(|entry| entry.path()).find(|path| path.extension().is_some_and(|e| e == extension));
    found.ok_or_else(|| format!("there is no .{extension} file in {}", folder.display()))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_default()
}
