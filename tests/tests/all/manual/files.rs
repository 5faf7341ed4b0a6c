//! Files in the manual are what they say: each is parsed by the program that it is for.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hookd_tests::Home;
use hookd_tests::peers::{peer, root};
use serde_json::{Value, json};

use super::blocks::{self, Block, Tested};

fn files(language: &str) -> Vec<Block> {
    let is_one = |block: &Block| block.language == language && block.tested() == Some(Tested::File);
    blocks::all().into_iter().filter(is_one).collect()
}

fn assert_succeeded(place: &str, output: &Output) {
    let said = [&*output.stdout, &*output.stderr].concat();
    assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn json_and_toml_can_be_parsed() {
    let (json, toml) = (files("json"), files("toml"));
    assert!(json.len() >= 4 && toml.len() >= 3, "{} and {}", json.len(), toml.len());
    for block in json {
        let parsed = serde_json::from_str::<Value>(&block.text);
        assert!(parsed.is_ok(), "{}: {parsed:?}", block.place());
    }
    for block in toml {
        let parsed = toml::from_str::<toml::Table>(&block.text);
        assert!(parsed.is_ok(), "{}: {parsed:?}", block.place());
    }
}

#[test]
fn options_in_sentences_are_toml_and_exist() {
    let schema = fs::read_to_string(root().join("docs/hookd.schema.json")).expect("it is generated");
    let is_key = |key: &str| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_' || byte == b'.');
    let mut number = 0;
    for (page, span) in blocks::spans() {
        // Not hookd's: the configuration of a repository, and of pgbouncer.
        let is_ours = |key: &str| page != "docs/notify.md" && key != "pool_mode";
        let Some((key, _)) = span.split_once(" = ").filter(|(key, _)| is_key(key) && is_ours(key)) else { continue };
        let option = key.rsplit('.').next().unwrap_or_default();
        assert!(schema.contains(&format!("\"{option}\":")), "{page}: `{span}`: there is no option `{option}`");
        let whole = span.replace("{ … }", "{}");
        assert!(toml::from_str::<toml::Table>(&whole).is_ok(), "{page}: `{span}` is not TOML");
        number += 1;
    }
    assert!(number > 40, "{number}");
}

/// The sources of tests and examples that are compiled, and the examples in the documentation of crates.
fn sources() -> Vec<String> {
    let mut folders: Vec<PathBuf> =
        ["plugins-example", "hookd/src/cli/new/template"].map(|name| root().join(name)).into();
    let crates = fs::read_dir(root().join("crates")).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut sources = Vec::new();
    for folder in crates {
        folders.extend(Some(folder.join("tests")).filter(|tests| tests.is_dir()));
        let library = fs::read_to_string(folder.join("src/lib.rs")).unwrap_or_default();
        let documentation = library.lines().map_while(|line| line.strip_prefix("//!"));
        sources.push(documentation.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect());
    }
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            let path = entry.expect("an entry").path();
            let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if path.is_dir() && name != "target" {
                folders.push(path);
            } else if name.ends_with(".rs") || name.ends_with(".rs.in") {
                let text = fs::read_to_string(&path).expect("it is text");
                // What `hookd new dialect example` writes.
                sources.push(text.replace("{{library}}", "hookd_example"));
            }
        }
    }
    sources
}

#[test]
fn rust_is_that_of_sources_that_are_compiled() {
    let (blocks, sources) = (files("rust"), sources());
    assert!(blocks.len() >= 6, "{}", blocks.len());
    for block in blocks {
        let is_there = sources.iter().any(|source| source.contains(&block.text));
        assert!(is_there, "{}: no test, example or documentation of a crate has this:\n{}", block.place(), block.text);
    }
}

#[test]
fn sections_name_commands_that_there_are() {
    let blocks = files("ini");
    assert!(blocks.len() >= 2);
    let home = Home::with_config("[change_hook_dialects]\nbase = true\n");
    for block in blocks {
        let mut commands = 0;
        for line in block.text.lines().filter(|line| !line.is_empty()) {
            let is_section = line.starts_with('[') && line.ends_with(']');
            assert!(is_section || line.contains('='), "{}: {line}", block.place());
            let value = line.split_once('=').map_or("", |(_, value)| value.trim_start());
            let Some((_, words)) = value.split_once("hookd ") else { continue };
            // The command and its options are understood: help is printed instead of doing it.
            let mut words: Vec<&str> = words.split(' ').collect();
            words.push("--help");
            let run = home.run(&words);
            assert_eq!(run.code, Some(0), "{}: {line}: {}", block.place(), run.stderr);
            commands += 1;
        }
        assert!(commands > 0, "{} names no command of hookd", block.place());
    }
}

#[test]
#[ignore = "needs Buildbot from cargo xtask test"]
fn buildbot_accepts_every_python_of_the_manual() {
    let blocks = files("python");
    let mut whole = 0;
    for block in blocks {
        let folder = tempfile::tempdir().expect("a folder for the test");
        fs::write(folder.path().join("master.cfg"), &block.text).expect("the folder takes files");
        // Only a part of a master.cfg: `dict(..., change_hook_dialects={…})`.
        if !block.text.contains("BuildmasterConfig") {
            let parse = "import ast, sys; ast.parse(open('master.cfg').read())";
            let output = Command::new(peer("venv/bin/python")).args(["-c", parse]).current_dir(&folder).output();
            assert_succeeded(&block.place(), &output.expect("Python runs"));
            continue;
        }
        fs::write(folder.path().join("changehook.passwd"), "hookd:PASSWORD\n").expect("the folder takes files");
        let mut check = Command::new(peer("venv/bin/buildbot"));
        let output = check.args(["checkconfig", "master.cfg"]).current_dir(&folder).output().expect("Buildbot runs");
        assert_succeeded(&block.place(), &output);
        whole += 1;
    }
    assert!(whole >= 3, "{whole}");
}

/// Prints `c['www']` of the `master.cfg` in this folder, and the options of its change source.
const PRINT: &str = "
import json, sys
settings = {'__file__': 'master.cfg'}
exec(compile(open('master.cfg').read(), 'master.cfg', 'exec'), settings)
www = settings['c']['www']
print(json.dumps({'keys': list(www), 'dialects': www['change_hook_dialects']}))
";

#[test]
#[ignore = "needs Buildbot from cargo xtask test"]
fn a_whole_configuration_of_buildbot_is_the_same_key_by_key_in_hookd() {
    let is_whole = |block: &Block| block.page == "docs/coming-from-buildbot.md" && block.text.contains("'port': 8010");
    let python = files("python").into_iter().find(is_whole).expect("the page has a whole master.cfg");
    let is_beside = |block: &&Block| block.page == python.page && block.line > python.line && block.language == "toml";
    let blocks = blocks::all();
    let toml = blocks.iter().find(is_beside).expect("the page has the hookd.toml beside it");
    assert!(toml.text.starts_with("# hookd.toml\n"), "{}", toml.place());

    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("changehook.passwd"), "hookd:PASSWORD\n").expect("the folder takes files");
    let printed = print(folder.path(), &python.text);
    let hookd: Value = toml::from_str::<toml::Table>(&toml.text).and_then(toml::Table::try_into).expect("TOML");
    assert_eq!(printed["keys"], json!(["port", "change_hook_auth", "change_hook_dialects"]));
    assert!(hookd["server"]["listen"].as_str().is_some_and(|listen| listen.ends_with(":8010")));
    assert_eq!(hookd["change_hook_auth"], json!(["file:changehook.passwd"]));

    let (theirs, ours) = (&printed["dialects"], &hookd["change_hook_dialects"]);
    let names = |dialects: &Value| -> Vec<String> { dialects.as_object().expect("a table").keys().cloned().collect() };
    assert_eq!(names(ours), names(theirs));
    for (name, options) in theirs.as_object().expect("a table") {
        let Some(options) = options.as_object() else {
            assert!(ours[name] == true || ours[name] == json!({}), "{name}: {}", ours[name]);
            continue;
        };
        assert_eq!(names(&ours[name]), options.keys().cloned().collect::<Vec<_>>(), "{name}");
        for (option, value) in options.iter().filter(|(option, _)| *option != "secret") {
            assert_eq!(&ours[name][option], value, "{name}: {option}");
        }
    }
}

fn print(folder: &Path, config: &str) -> Value {
    fs::write(folder.join("master.cfg"), config).expect("the folder takes files");
    let output = Command::new(peer("venv/bin/python")).args(["-c", PRINT]).current_dir(folder).output();
    let output = output.expect("Python runs");
    assert_succeeded("master.cfg", &output);
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

#[test]
#[ignore = "needs nginx, which `cargo xtask test` installs"]
fn nginx_accepts_its_configuration() {
    let blocks: Vec<Block> = blocks::all().into_iter().filter(|block| block.language == "nginx").collect();
    assert!(blocks.len() >= 2);
    for block in blocks {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().display().to_string();
        let certificate = rcgen::generate_simple_self_signed(["hooks.example.org".to_owned()]).expect("a certificate");
        fs::write(folder.path().join("hookd.crt"), certificate.cert.pem()).expect("the folder takes files");
        fs::write(folder.path().join("hookd.key"), certificate.signing_key.serialize_pem())
            .expect("the folder takes files");
        let text = block.text.replace("/etc/hookd/", &format!("{path}/"));
        let text = if text.starts_with("server ") || text.starts_with("upstream ") {
            text
        } else {
            format!("server {{ listen unix:{path}/socket; {text} }}")
        };
        // It would open them: any port will do.
        let text = text.replace("listen 443 ssl", &format!("listen unix:{path}/tls ssl"));
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {path}/{name};\n"))
            .concat();
        let global = format!("pid {path}/pid; error_log {path}/error.log; events {{ }}");
        let config = format!("{global}\nhttp {{ access_log off;\n{temporary}{text} }}\n");
        fs::write(folder.path().join("nginx.conf"), config).expect("the folder takes files");
        let mut nginx = Command::new(peer("nginx/usr/sbin/nginx"));
        let arguments = ["-t", "-p", &path, "-e", &format!("{path}/error.log"), "-c", &format!("{path}/nginx.conf")];
        assert_succeeded(&block.place(), &nginx.args(arguments).output().expect("nginx runs"));
    }
}
