//! A stand-in for GitHub's API on the loopback, which both peers of a comparison call.
//!
//! Its answers depend only on the URL (and, for [`Api::PRIVATE`], on the token), so that it does not matter which peer
//! asks first, or how often.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

/// Revisions and pull requests with special answers.
pub struct Api;

impl Api {
    /// A revision whose message asks to skip it.
    pub const SKIPPED: &str = "5c1b5c1b5c1b5c1b5c1b5c1b5c1b5c1b5c1b5c1b";
    /// A revision that does not exist: 404.
    pub const UNKNOWN: &str = "4040404040404040404040404040404040404040";
    /// A revision that only [`Api::TOKEN`] may see; without it, the answer is as for [`Api::UNKNOWN`].
    pub const PRIVATE: &str = "5ec5ec5ec5ec5ec5ec5ec5ec5ec5ec5ec5ec5ec5";
    /// A revision whose answer is JSON without a message.
    pub const SHAPELESS: &str = "0dd00dd00dd00dd00dd00dd00dd00dd00dd00dd0";
    /// A revision whose answer is not JSON.
    pub const BROKEN: &str = "b00b00b00b00b00b00b00b00b00b00b00b00b00b";
    /// The number of a pull request in which a file was moved.
    pub const MOVES: u64 = 7001;
    /// The number of a pull request whose files do not exist: 404.
    pub const LOST: u64 = 7002;
    /// The number of a pull request that has a second page of files.
    pub const LONG: u64 = 7003;
    /// The number of a pull request without files.
    pub const EMPTY: u64 = 7004;
    /// The token that may see [`Api::PRIVATE`].
    pub const TOKEN: &str = "api-token";
}

/// The running stand-in.
pub struct GithubApi {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_down: AtomicBool,
    calls: Mutex<Vec<String>>,
}

impl GithubApi {
    /// Starts it.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        // The thread ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || serve(stream, address, &state));
            }
        });
        Self { address, state }
    }

    /// The value for `github_api_endpoint`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Starts or stops answering 503 to every request.
    pub fn set_down(&self, is_down: bool) {
        self.state.is_down.store(is_down, Ordering::SeqCst);
    }

    /// The paths requested so far.
    pub fn calls(&self) -> Vec<String> {
        self.state.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers the requests of one connection.
fn serve(stream: TcpStream, address: SocketAddr, state: &State) {
    // A client that hangs up in between wants no answer.
    let _ = (|| -> std::io::Result<()> {
        let mut out = stream.try_clone()?;
        let mut lines = BufReader::new(stream).lines();
        while let Some(line) = lines.next().transpose()? {
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            let mut token = None;
            for header in lines.by_ref() {
                let header = header?;
                let Some((name, value)) = header.split_once(':') else { break };
                if name.eq_ignore_ascii_case("Authorization") {
                    token = Some(value.trim().to_owned());
                }
            }
            state.calls.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
            let reply = if state.is_down.load(Ordering::SeqCst) {
                Reply::new(503, json!({"message": "down"}))
            } else {
                reply(&path, token.as_deref(), address)
            };
            out.write_all(reply.to_bytes().as_bytes())?;
        }
        Ok(())
    })();
}

struct Reply {
    status: u16,
    link: Option<String>,
    body: String,
}

impl Reply {
    fn new(status: u16, body: Value) -> Self {
        Self { status, link: None, body: body.to_string() }
    }

    fn to_bytes(&self) -> String {
        let link = self.link.as_ref().map(|link| format!("Link: {link}\r\n")).unwrap_or_default();
        let (status, length, body) = (self.status, self.body.len(), &self.body);
        format!(
            "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\n{link}Content-Length: {length}\r\n\r\n{body}"
        )
    }
}

fn reply(path: &str, token: Option<&str>, address: SocketAddr) -> Reply {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let segments: Vec<&str> = decoded.split('/').collect();
    match segments.as_slice() {
        [.., "commits", sha] => commit(sha, token),
        [.., "pulls", number, "files"] => files(number, query, &format!("http://{address}{path}")),
        _ => Reply::new(404, json!({"message": "Not Found"})),
    }
}

fn commit(sha: &str, token: Option<&str>) -> Reply {
    let found = |message: &str| Reply::new(200, json!({"sha": sha, "commit": {"message": message}}));
    let wanted = format!("token {}", Api::TOKEN);
    match sha {
        Api::SKIPPED => found("Nothing to build\n\n[ci skip]"),
        Api::PRIVATE if token == Some(&*wanted) => found("Secret, but [skip ci] all the same"),
        Api::UNKNOWN | Api::PRIVATE => Reply::new(404, json!({"message": "No commit found for SHA"})),
        Api::SHAPELESS => Reply::new(200, json!({"sha": sha})),
        Api::BROKEN => Reply { status: 200, link: None, body: "{".to_owned() },
        _ => found("A commit like any other"),
    }
}

fn files(number: &str, query: &str, url: &str) -> Reply {
    let is = |known: u64| number == known.to_string();
    let entries = |names: &[&str]| names.iter().map(|name| json!({"filename": name})).collect::<Value>();
    if is(Api::LOST) {
        return Reply::new(404, json!({"message": "Not Found"}));
    }
    if is(Api::MOVES) {
        let moved = json!({"filename": "src/new.rs", "previous_filename": "src/old.rs", "status": "renamed"});
        return Reply::new(200, json!([{"filename": "a.rs"}, moved, {"filename": "b.rs", "previous_filename": null}]));
    }
    if is(Api::LONG) {
        return match query.split('&').any(|argument| argument == "page=2") {
            true => Reply::new(200, entries(&["page-2"])),
            false => {
                Reply { link: Some(format!("<{url}?page=2>; rel=\"next\"")), ..Reply::new(200, entries(&["page-1"])) }
            }
        };
    }
    Reply::new(200, if is(Api::EMPTY) { json!([]) } else { entries(&["README.md", "src/ünï.rs"]) })
}
