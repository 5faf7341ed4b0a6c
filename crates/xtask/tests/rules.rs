//! The rules of `ARCHITECTURE.md` about absences: dependencies that a crate must not have.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Crates that neither the core nor a dialect may use: sockets, SQL, configuration files, command lines.
const OUTSIDE: [&str; 13] = [
    "actix-http",
    "actix-web",
    "clap",
    "hyper",
    "libsqlite3-sys",
    "mio",
    "reqwest",
    "rusqlite",
    "rustls",
    "socket2",
    "tokio",
    "toml",
    "tracing-subscriber",
];

/// Modules of the standard library that they may not use either.
const FORBIDDEN_STD_MODULES: [&str; 6] = ["std::env", "std::fs", "std::io", "std::net", "std::process", "std::thread"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The crates that register a dialect.
fn dialects() -> BTreeSet<String> {
    let folders = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().file_name());
    let names = folders.map(|name| name.into_string().unwrap());
    let registers = |name: &String| {
        let library = root().join("crates").join(name).join("src/lib.rs");
        // The examples in the documentation of these register nothing.
        !["hookd-core", "hookd-testkit"].contains(&name.as_str())
            && fs::read_to_string(library).is_ok_and(|text| text.contains("Dialect::new::<"))
    };
    names.filter(registers).collect()
}

/// All direct and indirect dependencies of a package, without those of its tests.
fn dependencies(package: &str) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    let arguments = ["tree", "--offline", "--package", package, "--edges", "normal", "--prefix", "none", "--format"];
    let output = cargo.args(arguments).arg("{p}").current_dir(root()).output().unwrap();
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let names = lines.lines().filter_map(|line| line.split(' ').next());
    names.filter(|name| *name != package && !name.is_empty()).map(str::to_owned).collect()
}

/// The workspace's own crates among them.
fn ours(dependencies: &BTreeSet<String>) -> Vec<&str> {
    dependencies.iter().map(String::as_str).filter(|name| name.starts_with("hookd")).collect()
}

/// The manifests of the crates in `crates` and of `hookd`, by package.
fn manifests() -> Vec<(String, String)> {
    let mut manifests = vec![("hookd".to_owned(), read("hookd/Cargo.toml"))];
    for entry in fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        manifests.push((name.clone(), read(format!("crates/{name}/Cargo.toml"))));
    }
    manifests
}

/// The names of the dependencies in a manifest, but for those of its tests.
fn names(manifest: &str) -> Vec<&str> {
    let dependencies = manifest.split("[dev-dependencies]").next().unwrap_or_default();
    dependencies.lines().filter_map(|line| line.split(['.', ' ', '=']).next()).collect()
}

/// The sources of a crate, without its tests.
fn sources(package: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join("crates").join(package).join("src")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
                sources.push((path, code));
            }
        }
    }
    sources
}

fn knows_nothing_outside(package: &str) {
    knows_nothing_outside_but(package, &[]);
}

fn knows_nothing_outside_but(package: &str, allowed: &[&str]) {
    let dependencies = dependencies(package);
    for name in OUTSIDE.into_iter().filter(|name| !allowed.contains(name)) {
        assert!(!dependencies.contains(name), "`{package}` depends on `{name}`");
    }
    for (path, code) in sources(package) {
        for module in FORBIDDEN_STD_MODULES {
            assert!(!code.contains(module), "{} uses `{module}`", path.display());
        }
    }
}

#[test]
fn the_core_knows_no_socket_no_file_and_no_sql() {
    assert_eq!(ours(&dependencies("hookd-core")), [""; 0]);
    knows_nothing_outside("hookd-core");
}

/// With two registries, a dialect would be registered in the one and looked for in the other.
#[test]
fn two_versions_of_the_core_do_not_go_into_one_build() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let core = root().join("crates/hookd-core").canonicalize().unwrap();
    let manifest = |more: &str| {
        format!(
            "[package]\nname = \"mine\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
             hookd-core = {{ path = {core:?} }}\n{more}"
        )
    };
    write("src/lib.rs", "");
    write("Cargo.toml", &manifest("other = { package = \"hookd-core\", path = \"other\" }\n"));
    fs::copy(root().join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    let other = read("crates/hookd-core/Cargo.toml");
    let links = other.lines().find(|line| line.starts_with("links = ")).expect("the core has `links`");
    let package = format!("[package]\nname = \"hookd-core\"\nversion = \"99.0.0\"\nedition = \"2024\"\n{links}\n");
    write("other/Cargo.toml", &package);
    write("other/src/lib.rs", "");
    write("other/build.rs", "fn main() {}");
    let resolve = || {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["metadata", "--offline", "--format-version", "1"]).current_dir(folder.path()).output().unwrap()
    };
    let output = resolve();
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && message.contains("links to the native library `hookd_core`"), "{message}");
    // It is the other version that is wrong.
    write("Cargo.toml", &manifest(""));
    let output = resolve();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_dialect_knows_the_core_and_nothing_else_of_ours() {
    assert!(dialects().contains("hookd-base"));
    for dialect in dialects() {
        assert_eq!(ours(&dependencies(&dialect)), ["hookd-core"], "{dialect}");
        knows_nothing_outside(&dialect);
    }
}

#[test]
fn the_testkit_knows_the_core_and_only_tests_know_it() {
    assert_eq!(ours(&dependencies("hookd-testkit")), ["hookd-core"]);
    // Options of tests are written as in `hookd.toml`.
    knows_nothing_outside_but("hookd-testkit", &["toml"]);
    for dialect in dialects() {
        let manifest = read(format!("crates/{dialect}/Cargo.toml"));
        let (_, tests) = manifest.split_once("[dev-dependencies]").unwrap_or_default();
        assert!(
            tests.contains("\nhookd-testkit.workspace = true\n"),
            "the tests of `{dialect}` do not use the testkit"
        );
        let main = read(format!("crates/{dialect}/tests/{}/main.rs", dialect.trim_start_matches("hookd-")));
        assert!(main.contains("\ncontract_tests!(FORGE);\n"), "`{dialect}` does not run the contract of a dialect");
        assert!(main.contains("Forge::exported("), "`{dialect}` has no fixture that a hookd has exported");
    }
    let crates = fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    for folder in crates.chain([root().join("hookd")]) {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap_or_default();
        assert!(!dependencies.contains("\nhookd-testkit"), "{} uses the testkit outside of tests", folder.display());
    }
}

#[test]
fn the_contract_of_the_store_knows_the_core_and_no_engine() {
    let dependencies = dependencies("hookd-store");
    assert_eq!(ours(&dependencies), ["hookd-core"]);
    for name in ["actix-web", "clap", "libsqlite3-sys", "reqwest", "rusqlite", "toml"] {
        assert!(!dependencies.contains(name), "`hookd-store` depends on `{name}`");
    }
}

#[test]
fn an_engine_knows_the_contract_and_the_core_and_no_dialect() {
    for engine in ["hookd-store-sqlite", "hookd-store-postgres"] {
        let dependencies = dependencies(engine);
        let known: Vec<_> = ours(&dependencies).into_iter().filter(|name| *name != "hookd-tls").collect();
        assert_eq!(known, ["hookd-core", "hookd-store"], "{engine}");
        for name in ["actix-web", "clap", "reqwest", "toml"] {
            assert!(!dependencies.contains(name), "`{engine}` depends on `{name}`");
        }
        let contract = read(format!("crates/{engine}/tests/contract.rs"));
        assert!(contract.contains("hookd_store::contract_tests!("), "`{engine}` does not run the contract of a store");
    }
}

#[test]
fn every_sink_runs_the_contract_of_a_sink() {
    let registered = sources("hookd-sinks").into_iter().filter(|(_, code)| code.contains("SinkType::new::<Options>"));
    let names: Vec<String> =
        registered.map(|(path, _)| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(names.len() >= 4, "{names:?}");
    for name in names {
        let contract = read(format!("crates/hookd-sinks/tests/all/contract/{name}.rs"));
        assert!(contract.contains("\nhookd_sinks::contract_tests!("), "`{name}` does not run the contract of a sink");
    }
}

/// The crates of sinks that have one of their own.
const SINKS: [&str; 1] = ["hookd-sink-nats"];

#[test]
fn a_sink_of_its_own_knows_the_contracts_and_nothing_else_of_ours_and_only_hookd_knows_it() {
    let (manifest, named) = (read("hookd/Cargo.toml"), read("hookd/src/sink_types.rs"));
    for sink in SINKS {
        let dependencies = dependencies(sink);
        assert_eq!(ours(&dependencies), ["hookd-core", "hookd-process", "hookd-sinks", "hookd-store"], "{sink}");
        for name in ["actix-web", "aws-lc-rs", "clap", "libsqlite3-sys", "native-tls", "rusqlite", "toml"] {
            assert!(!dependencies.contains(name), "`{sink}` depends on `{name}`");
        }
        let name = sink.trim_start_matches("hookd-sink-");
        let contract = read(format!("crates/{sink}/tests/{name}/contract.rs"));
        assert!(contract.contains("\nhookd_sinks::contract_tests!("), "`{sink}` does not run the contract of a sink");
        assert!(manifest.contains(&format!("\n{sink}.workspace = true\n")), "hookd/Cargo.toml lacks {sink}");
        let line = format!("use {} as _;\n", sink.replace('-', "_"));
        assert!(named.contains(&line), "hookd/src/sink_types.rs lacks {sink}");
        for (package, manifest) in manifests().iter().filter(|(package, _)| package != "hookd") {
            assert!(!names(manifest).contains(&sink), "`{package}` depends on `{sink}`");
        }
    }
}

#[test]
fn sinks_know_the_contract_of_the_store_and_the_core_and_nothing_else_of_ours() {
    let dependencies = dependencies("hookd-sinks");
    assert_eq!(ours(&dependencies), ["hookd-core", "hookd-process", "hookd-store"]);
    for name in ["actix-web", "clap", "libsqlite3-sys", "rusqlite", "toml"] {
        assert!(!dependencies.contains(name), "`hookd-sinks` depends on `{name}`");
    }
}

#[test]
fn pollers_know_the_contract_of_the_store_and_the_core_and_nothing_else_of_ours() {
    let dependencies = dependencies("hookd-pollers");
    assert_eq!(ours(&dependencies), ["hookd-core", "hookd-process", "hookd-store"]);
    for name in ["actix-web", "clap", "libsqlite3-sys", "reqwest", "rusqlite", "toml"] {
        assert!(!dependencies.contains(name), "`hookd-pollers` depends on `{name}`");
    }
}

#[test]
fn what_runs_commands_knows_nothing_of_ours_and_nobody_else_runs_any() {
    assert_eq!(ours(&dependencies("hookd-process")), [""; 0]);
    let allowed = ["hookd-bench", "hookd-process", "xtask"];
    for (package, _) in manifests().iter().filter(|(package, _)| !allowed.contains(&package.as_str())) {
        let folder = if package == "hookd" { "../hookd" } else { package };
        for (path, code) in sources(folder) {
            for module in ["std::process::Command", "tokio::process"] {
                assert!(!code.contains(module), "{} uses `{module}`", path.display());
            }
        }
    }
}

#[test]
fn whose_certificates_are_trusted_is_decided_in_one_crate_that_knows_nothing_of_ours() {
    assert_eq!(ours(&dependencies("hookd-tls")), [""; 0]);
    for (package, _) in manifests().iter().filter(|(package, _)| package != "hookd-tls") {
        let folder = if package == "hookd" { "../hookd" } else { package };
        for (path, code) in sources(folder) {
            for part in ["ServerCertVerifier", "rustls_platform_verifier"] {
                assert!(!code.contains(part), "{} uses `{part}`", path.display());
            }
        }
    }
}

#[test]
fn only_hookd_http_knows_the_parts_of_actix_and_it_knows_nothing_of_ours() {
    let parts = ["actix-http", "actix-server", "actix-service"];
    for (package, manifest) in manifests() {
        for part in parts {
            assert_eq!(names(&manifest).contains(&part), package == "hookd-http", "`{package}` and `{part}`");
        }
    }
    assert_eq!(ours(&dependencies("hookd-http")), [""; 0]);
}

#[test]
fn the_core_the_dialects_the_store_and_the_private_listener_forbid_unsafe() {
    let rooms = [
        "hookd-admin",
        "hookd-core",
        "hookd-pollers",
        "hookd-process",
        "hookd-sink-nats",
        "hookd-sinks",
        "hookd-store",
        "hookd-store-postgres",
        "hookd-store-sqlite",
        "hookd-testkit",
        "hookd-tls",
    ]
    .map(str::to_owned);
    for package in dialects().into_iter().chain(rooms) {
        let library = read(format!("crates/{package}/src/lib.rs"));
        assert!(library.contains("\n#![forbid(unsafe_code)]\n"), "{package}");
    }
}

#[test]
fn only_hookd_config_reads_toml_and_it_knows_no_server_no_store_and_no_dialect() {
    for (package, manifest) in manifests() {
        let may = ["hookd-config", "hookd-testkit"].contains(&package.as_str());
        assert_eq!(names(&manifest).contains(&"toml"), may, "`{package}` and `toml`");
    }
    // It builds the sinks, which deliver over HTTP.
    let dependencies = dependencies("hookd-config");
    assert_eq!(ours(&dependencies), ["hookd-core", "hookd-pollers", "hookd-process", "hookd-sinks", "hookd-store"]);
    for name in ["actix-http", "actix-web", "clap", "libsqlite3-sys", "rusqlite"] {
        assert!(!dependencies.contains(name), "`hookd-config` depends on `{name}`");
    }
    let manifest = read("crates/hookd-config/Cargo.toml");
    for name in ["hookd-store", "hyper", "reqwest"] {
        assert!(!names(&manifest).contains(&name), "`hookd-config` depends on `{name}`");
    }
}

#[test]
fn the_private_listener_knows_no_engine_and_no_dialect_and_starts_nothing() {
    let rooms = ["hookd-config", "hookd-core", "hookd-http", "hookd-pollers", "hookd-sinks", "hookd-store"];
    let dependencies = dependencies("hookd-admin");
    let known: Vec<&str> = ours(&dependencies).into_iter().filter(|name| *name != "hookd-process").collect();
    assert_eq!(known, rooms);
    for name in ["clap", "libsqlite3-sys", "rusqlite"] {
        assert!(!dependencies.contains(name), "`hookd-admin` depends on `{name}`");
    }
    // Its tests use the store in memory and a dialect of their own.
    let manifest = read("crates/hookd-admin/Cargo.toml");
    let mut known = manifest.lines().filter_map(|line| line.strip_suffix(".workspace = true"));
    let is_allowed = |name: &str| rooms.contains(&name) || (!name.starts_with("hookd") && name != "reqwest");
    assert_eq!(known.find(|name| !is_allowed(name)), None);
    for (path, code) in sources("hookd-admin") {
        for part in ["HttpServer", "TcpListener", "hookd_http::Listener", "web::Payload", "web::Bytes", "read_body"] {
            assert!(!code.contains(part), "{} uses `{part}`", path.display());
        }
    }
}

#[test]
fn every_dialect_is_named_in_the_binary() {
    let (manifest, named) = (read("hookd/Cargo.toml"), read("hookd/src/dialects.rs"));
    for dialect in dialects() {
        assert!(manifest.contains(&format!("\n{dialect}.workspace = true\n")), "hookd/Cargo.toml lacks {dialect}");
        let line = format!("use {} as _;\n", dialect.replace('-', "_"));
        assert!(named.contains(&line), "hookd/src/dialects.rs lacks {dialect}");
    }
}

#[test]
fn every_dialect_has_a_fuzz_target() {
    let targets = read("fuzz/src/targets/dialect.rs");
    for dialect in dialects() {
        let name = dialect.trim_start_matches("hookd-");
        assert!(
            targets.contains(&format!("\n        dialect(\"{name}\", ")),
            "fuzz/src/targets/dialect.rs lacks {name}"
        );
    }
}

#[test]
fn only_hookd_listens_and_names_dialects() {
    let (dialects, allowed) = (dialects(), ["hookd", "hookd-tests", "hookd-bench", "xtask"]);
    for (package, manifest) in manifests().iter().filter(|(package, _)| !allowed.contains(&package.as_str())) {
        for name in names(manifest) {
            let is_listener = name == "actix-web" && ["hookd-admin", "hookd-http"].contains(&package.as_str());
            let is_outside = ["actix-web", "hookd"].contains(&name) || dialects.contains(name);
            assert!(!is_outside || is_listener, "`{package}` depends on `{name}`");
        }
    }
}

/// The newest part of the language and the standard library that the code uses, and the version of Rust that brought it. Of the
/// library, clippy finds what is newer than `rust-version`: `incompatible_msrv`.
const NEWEST_IN_USE: (&str, &str) = ("floor_char_boundary", "1.91");

/// Major and minor version.
fn version(text: &str) -> (u32, u32) {
    let mut numbers = text.split('.').map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

#[test]
fn the_rust_version_is_what_the_code_and_its_dependencies_need() {
    let mut cargo = Command::new(env!("CARGO"));
    let arguments = ["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform"];
    let output = cargo.args(arguments).arg("x86_64-unknown-linux-gnu").current_dir(root()).output().unwrap();
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let is_dependency = |package: &&serde_json::Value| !package["source"].is_null();
    let needs = packages.iter().filter(is_dependency).filter_map(|package| {
        let needed = version(package["rust_version"].as_str()?);
        Some((needed, format!("{} {}", package["name"].as_str()?, package["version"].as_str()?)))
    });
    let (by_dependencies, most_demanding) = needs.max().unwrap();
    assert!(by_dependencies > (1, 80), "{most_demanding} is said to need the newest Rust");

    let (newest, brought_by) = NEWEST_IN_USE;
    let uses = |name: &str| sources(name).iter().any(|(_, code)| code.contains(newest));
    assert!(["hookd-sinks", "hookd-store"].iter().any(|name| uses(name)), "nothing uses `{newest}` any more");

    let manifest = read("Cargo.toml");
    let (_, rest) = manifest.split_once("\nrust-version = \"").unwrap();
    let stated = rest.split('"').next().unwrap();
    let needed = by_dependencies.max(version(brought_by));
    assert_eq!(
        version(stated),
        needed,
        "`rust-version` in Cargo.toml; of the dependencies {most_demanding} needs most"
    );
    for page in ["README.md", "docs/getting-started.md"] {
        assert!(read(page).contains(&format!("Rust {stated}")), "{page} does not name Rust {stated}");
    }
}
