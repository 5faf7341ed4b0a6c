//! Runs a case.

use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::case::{Case, Expect, Hash, Log, Piece, Repeat, Step};
use super::expected::{difference, finds};
use crate::http::{self, Answer, Request};
use crate::{Home, Hookd, peers, sha1_signature, sha256_signature};

/// The files of all cases, sorted.
///
/// # Panics
/// When their folder is not there.
pub fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(peers::root().join("tests/reported")).expect("the cases are in the repository");
    let files = entries.map(|entry| entry.expect("the folder is readable").path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files
}

/// Sends the requests of the case in this file to a hookd of its own. Returns a line for each expectation that was not
/// met.
///
/// # Panics
/// When the file is not a case, or hookd does not start, answer or end.
pub fn run(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let parse = |text: &str| -> Case {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    };
    let api = super::api::start(parse(&text).api);
    let case = parse(&text.replace("${API}", &api));
    assert_eq!(Some(&*case.id), file.file_stem().and_then(|name| name.to_str()), "the id is the file's name");

    let mut home = Home::with_config(&config(&case, &case.options));
    for (name, value) in &case.env {
        home = home.with_variable(name, value);
    }
    for (name, text) in &case.files {
        home.write(name, text);
    }
    let hookd = home.start();
    if let Some(Log::Unread) = case.log {
        hookd.stop_reading_log();
    }
    let mut problems = Vec::new();
    for (index, step) in case.requests.iter().enumerate() {
        let found = take(&case, step, &hookd);
        problems.extend(found.into_iter().map(|problem| format!("request {}: {problem}", index + 1)));
    }
    if let Some(seconds) = case.stops_within {
        let begun = Instant::now();
        hookd.terminate();
        let took = begun.elapsed().as_secs_f64();
        if took > seconds {
            problems.push(format!("it took {took:.1} s to end after SIGTERM, expected {seconds} s at most"));
        }
    }
    problems
}

/// The configuration of a case, with these options of its dialect.
fn config(case: &Case, options: &Value) -> String {
    let Case { top, server, extra, dialect, .. } = case;
    let options = match options {
        Value::Object(_) => {
            let table = toml::Table::try_from(json!({"change_hook_dialects": {dialect: options}}));
            format!("\n{}", table.expect("TOML can hold the options"))
        }
        simple => format!("{dialect} = {simple}\n"),
    };
    format!(
        "{top}\n[server]\nlisten = \"127.0.0.1:0\"\n{server}\n[admin]\nlisten = \"127.0.0.1:0\"\n[store]\n\
         url = \"sqlite:hookd.db\"\n[change_hook_dialects]\n{extra}\n{options}"
    )
}

/// Takes a step. Returns a line for each expectation that was not met.
fn take(case: &Case, step: &Step, hookd: &Hookd) -> Vec<String> {
    if let Some(options) = &step.reload {
        hookd.home().write("hookd.toml", config(case, options));
        let admin = format!("http://{}", hookd.admin().address());
        let reloaded = hookd.home().run(&["reload", "--admin", &admin]);
        return if reloaded.code == Some(0) { Vec::new() } else { vec![format!("no reload: {}", reloaded.stderr)] };
    }
    let mut problems = Vec::new();
    for _ in 0..step.times {
        let answer = match &step.raw {
            Some(pieces) => send_raw(hookd, pieces),
            None => {
                let address = if step.admin { hookd.admin().address() } else { hookd.public() };
                http::send(address, &request(case, step)).map_err(|error| format!("no answer: {error}"))
            }
        };
        match (answer, &step.expect) {
            (Err(problem), _) => problems.push(problem),
            (Ok(answer), Some(expect)) => problems.extend(check(expect, &answer, hookd)),
            (Ok(_), None) => {}
        }
    }
    problems
}

/// The request of a step.
fn request(case: &Case, step: &Step) -> Request {
    let path = step.path.clone().unwrap_or_else(|| format!("/change_hook/{}", case.dialect));
    let body = body(step);
    let mut request = Request::new(&step.method, &path);
    for (name, value) in &step.headers {
        request = request.header(name, value);
    }
    if let Some(sign) = &step.sign {
        for hash in &sign.with {
            // Bitbucket has one header, GitHub and those that do as it does one for each hash.
            let is_bitbucket = path.contains("bitbucket");
            request = match hash {
                Hash::Sha256 if is_bitbucket => {
                    request.header("X-Hub-Signature", sha256_signature(&sign.secret, &body))
                }
                Hash::Sha1 if is_bitbucket => request,
                Hash::Sha256 => request.header("X-Hub-Signature-256", sha256_signature(&sign.secret, &body)),
                Hash::Sha1 => request.header("X-Hub-Signature", sha1_signature(&sign.secret, &body)),
            };
        }
    }
    request.body(body)
}

fn body(step: &Step) -> Vec<u8> {
    let mut body = match (&step.body, &step.body_text, &step.body_base64, &step.form) {
        (None, None, None, None) => return Vec::new(),
        (Some(body), None, None, None) => body.clone(),
        (None, Some(text), None, None) => return text.clone().into_bytes(),
        (None, None, Some(text), None) => return STANDARD.decode(text).expect("it is base64"),
        (None, None, None, Some(form)) => {
            let pair = |(name, value): (&String, &Value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                format!("{name}={}", utf8_percent_encode(&text, NON_ALPHANUMERIC))
            };
            return form.iter().map(pair).collect::<Vec<_>>().join("&").into_bytes();
        }
        _ => panic!("a request has one body"),
    };
    if let Some(Repeat { list, times }) = &step.repeat {
        let place = body.pointer_mut(&format!("/{}", list.replace('.', "/")));
        let items = place.and_then(Value::as_array_mut).unwrap_or_else(|| panic!("there is no list `{list}`"));
        *items = vec![items[0].clone(); *times];
    }
    body.to_string().into_bytes()
}

/// Sends these pieces over one connection, and returns the last answer.
fn send_raw(hookd: &Hookd, pieces: &[Piece]) -> Result<Answer, String> {
    let mut stream = TcpStream::connect(hookd.public()).map_err(|error| format!("no connection: {error}"))?;
    for piece in pieces {
        let bytes = match piece {
            Piece::Text(text) => text.clone().into_bytes(),
            Piece::Base64 { base64 } => STANDARD.decode(base64).expect("it is base64"),
            Piece::Fill { fill } => vec![b' '; *fill],
            Piece::Pause { pause } => {
                // A pause of the sender is a part of the case.
                let until = Instant::now() + Duration::from_secs_f64(*pause);
                while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                    thread::park_timeout(left);
                }
                continue;
            }
        };
        // What matters is the answer: a peer may have given it already, and closed.
        let _ = stream.write_all(&bytes);
    }
    let answers = http::answers(stream).map_err(|error| format!("no answer: {error}"))?;
    answers.into_iter().next_back().ok_or_else(|| "the connection was closed without an answer".to_owned())
}

/// A line for each expectation that an answer, and the delivery that it names, do not meet.
fn check(expect: &Expect, answer: &Answer, hookd: &Hookd) -> Vec<String> {
    let mut problems = Vec::new();
    let line = answer.line();
    if expect.status.is_some_and(|status| status != answer.status) {
        problems.push(format!("the answer is `{line}`, expected status {}", expect.status.unwrap_or_default()));
    }
    if let Some(text) = &expect.text
        && !finds(text, answer.text().trim_end())
    {
        problems.push(format!("the answer is `{line}`, expected `{text}` in it"));
    }
    let Expect { changes, count, last, newest, reason, status: _, text: _ } = expect;
    if changes.is_none() && count.is_none() && last.is_none() && newest.is_none() && reason.is_none() {
        return problems;
    }
    let delivery = answer.header("X-Hookd-Delivery").map(|_| hookd.admin().settled_delivery(answer));
    let all = hookd.admin().changes();
    let ids = delivery.as_ref().and_then(|delivery| delivery["changeids"].as_array().cloned()).unwrap_or_default();
    let made: Vec<&Value> = all.iter().filter(|change| ids.contains(&change["changeid"])).collect();
    if let Some(reason) = reason {
        let found = delivery.as_ref().and_then(|delivery| delivery["reason"].as_str()).unwrap_or_default();
        if !finds(reason, found) {
            problems.push(format!("the reason is `{found}`, expected `{reason}` in it"));
        }
    }
    let expected_count = count.or(changes.as_ref().map(Vec::len));
    if expected_count.is_some_and(|count| count != made.len()) {
        let count = expected_count.unwrap_or_default();
        problems.push(format!("{} changes were made, expected {count}: `{line}`", made.len()));
        return problems;
    }
    let of_each = changes.iter().flatten().zip(&made).map(|(expected, found)| (expected, Some(*found)));
    let of_last = last.iter().map(|expected| (expected, made.last().copied()));
    let of_newest = newest.iter().map(|expected| (expected, all.last()));
    for (expected, found) in of_each.chain(of_last).chain(of_newest) {
        match found {
            Some(found) => problems.extend(difference("the change", expected, found)),
            None => problems.push(format!("there is no change, expected {expected}: `{line}`")),
        }
    }
    problems
}
