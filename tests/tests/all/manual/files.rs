//! Files in the manual are what they say: each is parsed by the program that it is for.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use hookd_tests::Home;
use hookd_tests::peers::peer;
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
        let text =
            if text.starts_with("server ") { text } else { format!("server {{ listen unix:{path}/socket; {text} }}") };
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
