//! Servers with a PostgreSQL of their own on the same machine, as Debian sets it up: each commit is synced to the disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::child::{Process, Server, until};
use super::figures::Spread;
use super::servers::{Kind, start_hookd_with, start_master_with};
use super::{binary, http};
use crate::peers;

pub(super) const ONE: &str = "hookd-postgres";
pub(super) const TWO: &str = "hookd-postgres-2";
pub(super) const BUILDBOT: &str = "buildbot-postgres";

/// Servers whose store is in PostgreSQL.
pub(super) const POSTGRES: &[Kind] = &[
    Kind { name: ONE, about: "hookd with its store in PostgreSQL on the same machine", peers: &[], start: start_one },
    Kind {
        name: TWO,
        about: "two such hookds that share a database, each with half of the load",
        peers: &[],
        start: start_two,
    },
    Kind {
        name: BUILDBOT,
        about: "Buildbot with its database in PostgreSQL on the same machine",
        peers: &["buildbot", "buildbot-postgres"],
        start: start_buildbot,
    },
];

/// How many deliveries are received at least, so that what the tables take anyway counts for little.
const RECEIVED: usize = 5000;

/// How many requests each look-up is measured with.
const LOOK_UPS: u64 = 200;

/// A cluster in a folder.
struct Cluster {
    process: Process,
    folder: PathBuf,
}

impl Cluster {
    fn start(folder: &Path) -> Result<Self, String> {
        let folder = folder.join("postgres");
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(failed)?;
        let folder = fs::canonicalize(&folder).map_err(failed)?;
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder))?;
        }
        let initdb = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--username=hookd", "--pgdata"];
        run(server_program("initdb")?.args(initdb).arg(folder.join("data")))?;
        let mut server = server_program("postgres")?;
        server.arg("-D").arg(folder.join("data")).arg("-k").arg(&folder).args(["-c", "listen_addresses="]);
        let log = folder.with_extension("log");
        let mut process = Process::start(&mut server, log)?;
        process.find(None, |log| log.contains("ready to accept connections").then_some(()))?;
        let cluster = Self { process, folder };
        cluster.query("CREATE DATABASE bench", "postgres")?;
        Ok(cluster)
    }

    fn socket(&self) -> String {
        self.folder.display().to_string()
    }

    fn query(&self, sql: &str, database: &str) -> Result<String, String> {
        let mut psql = Command::new(program("psql")?);
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--host"]);
        run(psql.arg(&self.folder).args(["--username=hookd", "--dbname", database, "--command", sql]))
    }

    /// The lines of `[store]`.
    fn store(&self) -> String {
        format!("url = \"postgresql://hookd@/bench?host={}\"", self.socket())
    }
}

fn start_one(name: &'static str, folder: &Path) -> Result<Server, String> {
    let cluster = Cluster::start(folder)?;
    let server = start_hookd_with(&binary("hookd"), name, folder, &cluster.store(), "")?;
    Ok(server.beside(cluster.process, None))
}

fn start_two(name: &'static str, folder: &Path) -> Result<Server, String> {
    let cluster = Cluster::start(folder)?;
    let [first, second] = ["first", "second"].map(|part| folder.join(part));
    for folder in [&first, &second] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let second = start_hookd_with(&binary("hookd"), name, &second, &cluster.store(), "")?;
    let server = start_hookd_with(&binary("hookd"), name, &first, &cluster.store(), "")?;
    let address = second.address;
    Ok(server.beside(cluster.process, None).beside(second.into_process(), Some(address)))
}

fn start_buildbot(name: &'static str, folder: &Path) -> Result<Server, String> {
    let cluster = Cluster::start(folder)?;
    let url = format!("postgresql+psycopg2://hookd@/bench?host={}", cluster.socket());
    let options = json!({ "secret": super::SECRET, "strict": true });
    let server = start_master_with(name, folder, "github", &options, Some(&url))?;
    Ok(server.beside(cluster.process, None))
}

/// What the store takes, and how long look-ups take in one that has become large.
pub(super) struct Stored {
    /// How many changes there are.
    changes: u64,
    /// Bytes of tables and indexes for each delivery that was received.
    bytes: f64,
    /// What was looked up, and the milliseconds until the answer was there.
    look_ups: Vec<(&'static str, Spread)>,
}

/// Measures a store of its own in PostgreSQL: sends it pushes, copies what they have become until there are this many
/// changes, and looks some up through the REST API.
pub(super) fn stored(folder: &Path, pushes: &[super::load::Push], changes: u64) -> Result<Stored, String> {
    let cluster = Cluster::start(folder)?;
    let server = start_hookd_with(&binary("hookd"), ONE, folder, &cluster.store(), "")?;
    for (number, push) in pushes.iter().cycle().take(pushes.len().max(RECEIVED)).enumerate() {
        let id = format!("00000000-0000-11f0-0001-{number:012x}");
        let (status, answer) = http::send(server.address, &push.request(server.path, &id, "close"))?;
        if status != 202 {
            return Err(format!("a push was answered with {status}: {answer}"));
        }
    }
    server.stop()?;
    let count = |sql: &str| -> Result<u64, String> {
        let answer = cluster.query(sql, "bench")?;
        answer.trim().parse().map_err(|_| format!("not a number: {answer}"))
    };
    let size = "SELECT sum(pg_total_relation_size(pg_class.oid)) FROM pg_class JOIN pg_namespace \
        ON pg_namespace.oid = relnamespace WHERE nspname = 'hookd' AND relkind = 'r'";
    let bytes = count(size)? as f64 / count("SELECT count(*) FROM hookd.deliveries")? as f64;
    cluster.query(&copies(changes), "bench")?;
    let (deliveries, changes) =
        (count("SELECT max(deliveryid) FROM hookd.deliveries")?, count("SELECT max(changeid) FROM hookd.changes")?);
    let server = start_hookd_with(&binary("hookd"), ONE, folder, &cluster.store(), "")?;
    let admin = server.admin.ok_or("hookd has no admin listener")?;
    let ready = until(Duration::from_secs(60), Duration::from_millis(5), || http::get(admin, "/readyz").ok());
    ready.ok_or("hookd was not ready within a minute")?;
    let revision = |id: u64| -> Result<String, String> {
        let answer = http::get(admin, &format!("/api/v2/changes/{id}?field=revision"))?;
        let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
        answer["changes"][0]["revision"].as_str().map(str::to_owned).ok_or_else(|| format!("change {id} has none"))
    };
    // Spread over the whole store.
    let spread = |most: u64, number: u64| 1 + (number * 7919 + 13) * (most / (LOOK_UPS * 7920)).max(1) % most;
    let mut look_ups = Vec::new();
    for what in ["a change by its number", "a delivery by its number", "the changes of a revision"] {
        let mut times = Vec::new();
        for number in 0..LOOK_UPS {
            let path = match what {
                "a change by its number" => format!("/api/v2/changes/{}", spread(changes, number)),
                "a delivery by its number" => format!("/api/v2/deliveries/{}", spread(deliveries, number)),
                _ => format!("/api/v2/changes?revision={}", revision(spread(changes, number))?),
            };
            let begun = Instant::now();
            http::get(admin, &path)?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        look_ups.extend(Spread::new(times).map(|times| (what, times)));
    }
    server.stop()?;
    drop(cluster);
    Ok(Stored { changes, bytes, look_ups })
}

/// Copies all deliveries and changes, under new numbers, with ids and revisions of their own, until there are so many changes.
/// Texts that no look-up here looks at are cut, so that it takes minutes.
fn copies(changes: u64) -> String {
    format!(
        "CREATE TEMPORARY TABLE size AS SELECT (SELECT max(deliveryid) FROM hookd.deliveries) AS d, \
         (SELECT max(changeid) FROM hookd.changes) AS c, generate_series(1, ({changes} - 1) / \
         (SELECT max(changeid) FROM hookd.changes)) AS n; \
         ALTER TABLE hookd.deliveries SET UNLOGGED; ALTER TABLE hookd.changes SET UNLOGGED; \
         DO $$ DECLARE name text; \
         BEGIN FOREACH name IN ARRAY ARRAY['deliveries', 'changes'] LOOP \
         EXECUTE format('CREATE TEMPORARY TABLE %I AS TABLE hookd.%I', name, name); \
         EXECUTE (SELECT format('INSERT INTO hookd.%I SELECT %s FROM pg_temp.%I, size', name, string_agg(CASE attname \
         WHEN 'deliveryid' THEN 'deliveryid + n * d' WHEN 'changeid' THEN 'changeid + n * c' \
         WHEN 'first_changeid' THEN 'first_changeid + n * c' WHEN 'identity' THEN 'NULL' \
         WHEN 'words' THEN 'left(words, 120)' WHEN 'comments' THEN 'left(comments, 60)' \
         WHEN 'forge_id' THEN 'md5(forge_id || n)' WHEN 'revision' THEN 'md5(revision || n)' \
         ELSE quote_ident(attname) END, ', ' ORDER BY attnum), name) FROM pg_attribute \
         WHERE attrelid = format('hookd.%I', name)::regclass AND attnum > 0 AND NOT attisdropped); \
         END LOOP; END $$; \
         UPDATE hookd.head SET next_deliveryid = (SELECT max(deliveryid) + 1 FROM hookd.deliveries), \
         next_changeid = (SELECT max(changeid) + 1 FROM hookd.changes); ANALYZE hookd.deliveries; ANALYZE hookd.changes"
    )
}

impl Stored {
    pub(super) fn lines(&self) -> String {
        let Self { changes, bytes, look_ups } = self;
        let rows =
            look_ups.iter().map(|(what, times)| format!("| {what} | {} |\n", times.shown(2))).collect::<String>();
        format!(
            "PostgreSQL: {bytes:.0} bytes of tables and indexes for each delivery. With {changes} changes stored:\n\n\
             | look-up through the REST API | ms |\n|---|---|\n{rows}"
        )
    }

    pub(super) fn to_json(&self) -> Value {
        let look_ups: serde_json::Map<_, _> =
            self.look_ups.iter().map(|(what, times)| ((*what).to_owned(), times.to_json())).collect();
        json!({ "changes": self.changes, "bytes_per_delivery": self.bytes, "look_ups_ms": look_ups })
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n")
}

/// A program of Debian's newest PostgreSQL.
fn program(name: &str) -> Result<PathBuf, String> {
    peers::install_named("debian")?;
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let found = versions.map(|version| version.path().join("bin").join(name)).filter(|path| path.exists()).max();
    found.ok_or_else(|| format!("`{name}` of PostgreSQL is not there"))
}

/// The same as another user than root, which ends with this process.
fn server_program(name: &str) -> Result<Command, String> {
    let mut command = Command::new("setpriv");
    if is_root() {
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
    }
    command.args(["--pdeathsig", "QUIT"]).arg(program(name)?).current_dir("/");
    Ok(command)
}

fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{:?}: {error}", command.get_program()))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
