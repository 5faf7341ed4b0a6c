//! The measured servers, and how each is started: as its own documentation says, with one secret for GitHub.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::child::{Process, Server, program};
use super::{SECRET, binary};
use crate::peers;
use crate::tools::{root, run_quietly};

/// A server that can be measured.
pub(super) struct Kind {
    /// Its name in options and tables.
    pub(super) name: &'static str,
    /// A one-line description.
    pub(super) about: &'static str,
    /// The peers that it needs.
    pub(super) peers: &'static [&'static str],
    /// Starts it under this name, in its own folder.
    pub(super) start: fn(&'static str, &Path) -> Result<Server, String>,
}

pub(super) const FLOOR: &str = "floor";
pub(super) const HOOKD: &str = "hookd";
pub(super) const BUILDBOT: &str = "buildbot";

pub(super) const SINK: &str = "hookd-sink";
pub(super) const SINK_DOWN: &str = "hookd-sink-down";

/// Another build of hookd, measured beside this one.
pub(super) const BASELINE: &str = "baseline";

/// All servers, in the order in which they are measured.
pub(super) const KINDS: &[Kind] = &[
    Kind {
        name: FLOOR,
        about: "a bare actix-web server: reads the body, checks its HMAC-SHA256, answers 202",
        peers: &[],
        start: start_floor,
    },
    Kind {
        name: HOOKD,
        about: "every answer committed to disk (`synchronous=FULL`), deduplication on",
        peers: &[],
        start: start_hookd,
    },
    Kind {
        name: BUILDBOT,
        about: "Buildbot 4.3.0 from PyPI: its own hook, HMAC-SHA1, changes in SQLite",
        peers: &["buildbot"],
        start: start_buildbot,
    },
    Kind {
        name: "webhook",
        about: "Debian's `webhook`, in Go: checks the HMAC-SHA256, runs /bin/true",
        peers: &["webhook"],
        start: start_webhook,
    },
    Kind {
        name: "octokit",
        about: "`@octokit/webhooks` on Node: checks the HMAC-SHA256, parses the push",
        peers: &["octokit-server"],
        start: start_octokit,
    },
];

/// hookd with sinks.
pub(super) const SINKS: &[Kind] = &[
    Kind {
        name: SINK,
        about: "hookd with a `file` sink, which keeps up",
        peers: &[],
        start: |name, folder| {
            let sink = "[[sinks]]\nname = \"lines\"\ntype = \"file\"\npath = \"changes.jsonl\"\n";
            start_hookd_as(&binary("hookd"), name, folder, Path::new("hookd.db"), sink)
        },
    },
    Kind {
        name: SINK_DOWN,
        about: "hookd with a `webhook` sink at an address where nobody listens",
        peers: &[],
        start: |name, folder| {
            let sink = "[[sinks]]\nname = \"down\"\ntype = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\nproxy = false\n";
            start_hookd_as(&binary("hookd"), name, folder, Path::new("hookd.db"), sink)
        },
    },
];

/// The steps between the floor and hookd: the floor plus work that hookd cannot do without. Each step includes those
/// before it.
pub(super) const STEPS: &[Kind] = &[
    Kind { name: "parsed", about: "the floor, and the JSON parsed", peers: &[], start: start_step },
    Kind { name: "handed", about: "and passed to a single thread, which reports back", peers: &[], start: start_step },
    Kind {
        name: "packed",
        about: "and all waiting bodies compressed as one zstd block",
        peers: &[],
        start: start_step,
    },
    Kind {
        name: "written",
        about: "and written to a preallocated file, with one `fdatasync` per batch: no changes, no database",
        peers: &[],
        start: start_step,
    },
];

fn start_step(name: &'static str, folder: &Path) -> Result<Server, String> {
    let mut steps = program(binary("bench-steps"));
    let mut process =
        Process::start(steps.args(["127.0.0.1:0", SECRET, name]).current_dir(folder), folder.join("log.txt"))?;
    let address = process.find(None, printed_address)?;
    Ok(Server::new(name, process, address, "/"))
}

fn start_floor(name: &'static str, folder: &Path) -> Result<Server, String> {
    let mut floor = program(binary("bench-floor"));
    let mut process = Process::start(floor.args(["127.0.0.1:0", SECRET]), folder.join("log.txt"))?;
    let address = process.find(None, printed_address)?;
    Ok(Server::new(name, process, address, "/"))
}

/// hookd on an empty store.
pub(super) fn start_hookd(name: &'static str, folder: &Path) -> Result<Server, String> {
    start_hookd_on(name, folder, Path::new("hookd.db"))
}

/// hookd on an existing store; a relative path is relative to the folder.
pub(super) fn start_hookd_on(name: &'static str, folder: &Path, store: &Path) -> Result<Server, String> {
    start_hookd_as(&binary("hookd"), name, folder, store, "")
}

/// This build of hookd on a store, with more sections.
pub(super) fn start_hookd_as(
    executable: &Path,
    name: &'static str,
    folder: &Path,
    store: &Path,
    sections: &str,
) -> Result<Server, String> {
    start_hookd_with(executable, name, folder, &format!("url = \"sqlite:{}\"", store.display()), sections)
}

/// A build of hookd with this in `[store]`, and more sections.
pub(super) fn start_hookd_with(
    executable: &Path,
    name: &'static str,
    folder: &Path,
    store: &str,
    sections: &str,
) -> Result<Server, String> {
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n\n[admin]\nlisten = \"127.0.0.1:0\"\n\n[store]\n{store}\n\n\
         [change_hook_dialects]\ngithub = {{ secret = \"{SECRET}\", strict = true }}\n\n{sections}"
    );
    let config = write(folder, "hookd.toml", &config)?;
    let mut hookd = program(executable);
    hookd.env_remove("RUST_LOG").arg("serve").arg("--config").arg(config).args(["--log-format", "json"]);
    let mut process = Process::start(&mut hookd, folder.join("log.jsonl"))?;
    let public = process.find(None, |log| listening(log, "public"))?;
    let admin = process.find(None, |log| listening(log, "admin"))?;
    Ok(Server::new(name, process, public, "/change_hook/github").with_admin(admin))
}

fn start_buildbot(name: &'static str, folder: &Path) -> Result<Server, String> {
    let options = json!({ "secret": SECRET, "strict": true });
    start_master_with(name, folder, "github", &options, None)
}

/// A master to which changes are delivered.
pub(super) fn start_master(name: &'static str, folder: &Path) -> Result<Server, String> {
    start_master_with(name, folder, "base", &json!({}), None)
}

/// A master whose database is at this URL, or in a file.
pub(super) fn start_master_with(
    name: &'static str,
    folder: &Path,
    dialect: &'static str,
    options: &Value,
    database: Option<&str>,
) -> Result<Server, String> {
    let base = folder.join("master");
    let venv = peers::folder().join("venv/bin");
    run_quietly(program(venv.join("buildbot")).args(["create-master", "--quiet", "--log-count=0"]).arg(&base))?;
    let copied = fs::copy(root().join("tests/peers/master.cfg"), base.join("master.cfg"));
    copied.map_err(|error| format!("master.cfg: {error}"))?;
    let mut peer = json!({ "dialects": { dialect: { "class": dialect, "options": options } }, "pollers": [] });
    if let Some(database) = database {
        peer["db_url"] = json!(database);
    }
    write(&base, "dialects.json", &peer.to_string())?;
    if database.is_some() {
        run_quietly(program(venv.join("buildbot")).args(["upgrade-master", "--quiet"]).arg(&base))?;
    }
    let mut twistd = program(venv.join("twistd"));
    twistd.args(["--nodaemon", "--no_save", "--pidfile=", "-y", "buildbot.tac"]).current_dir(&base);
    let mut process = Process::start(&mut twistd, folder.join("log.txt"))?;
    let port: u16 = process.find(Some(&base.join("twistd.log")), |log| {
        let port = log.split("BuildbotSite starting on ").nth(1)?.lines().next()?.parse().ok()?;
        log.contains("BuildMaster is running").then_some(port)
    })?;
    let path = if dialect == "base" { "/change_hook/base" } else { "/change_hook/github" };
    Ok(Server::new(name, process, SocketAddr::from(([127, 0, 0, 1], port)), path))
}

fn start_webhook(name: &'static str, folder: &Path) -> Result<Server, String> {
    let signature = json!({
        "type": "payload-hmac-sha256",
        "secret": SECRET,
        "parameter": { "source": "header", "name": "X-Hub-Signature-256" },
    });
    let hooks = json!([{
        "id": "github",
        "execute-command": "/bin/true",
        "http-methods": ["POST"],
        "trigger-rule": { "match": signature },
        "trigger-rule-mismatch-http-response-code": 403,
    }]);
    let hooks = write(folder, "hooks.json", &hooks.to_string())?;
    let mut webhook = program(peers::folder().join("webhook/usr/bin/webhook"));
    // It prints the port that it was given, not the one that it got.
    let mut process = Process::start(
        webhook.arg("-hooks").arg(hooks).args(["-ip", "127.0.0.1", "-port", "0"]),
        folder.join("log.txt"),
    )?;
    let id = process.id();
    let port = process.find(None, |_| listening_port(id))?;
    Ok(Server::new(name, process, SocketAddr::from(([127, 0, 0, 1], port)), "/hooks/github"))
}

fn start_octokit(name: &'static str, folder: &Path) -> Result<Server, String> {
    // Node looks for packages next to the script.
    let script = write(&peers::folder().join("octokit-server"), "server.mjs", include_str!("octokit.mjs"))?;
    let mut process = Process::start(program("node").arg(script).arg(SECRET), folder.join("log.txt"))?;
    let address = process.find(None, printed_address)?;
    Ok(Server::new(name, process, address, "/api/github/webhooks"))
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, String> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// The address in a line `listening on ADDRESS`.
fn printed_address(log: &str) -> Option<SocketAddr> {
    log.lines().find_map(|line| line.strip_prefix("listening on ")?.trim().parse().ok())
}

/// The address of one of hookd's listeners.
fn listening(log: &str, listener: &str) -> Option<SocketAddr> {
    log.lines().find_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let fields = &line["fields"];
        let is_it = fields["message"] == "listening" && fields["listener"] == listener;
        is_it.then(|| fields["address"].as_str()?.parse().ok()).flatten()
    })
}

/// The port of 127.0.0.1 that a process listens on, according to the kernel.
fn listening_port(process: u32) -> Option<u16> {
    let files = fs::read_dir(format!("/proc/{process}/fd")).ok()?;
    let targets: Vec<_> = files.flatten().filter_map(|file| fs::read_link(file.path()).ok()).collect();
    let sockets = fs::read_to_string(format!("/proc/{process}/net/tcp")).ok()?;
    sockets.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
        let is_ours = targets.iter().any(|target| target.as_os_str() == format!("socket:[{inode}]").as_str());
        let is_listening = *state == "0A" && is_ours;
        is_listening.then(|| u16::from_str_radix(local.rsplit_once(':')?.1, 16).ok()).flatten()
    })
}
