//! A NATS server of the tests' own, from Debian's package, with JetStream in a folder that is removed afterwards.
//!
//! What it has is looked at over a connection of the tests' own, in its plain protocol
//! (<https://docs.nats.io/reference/reference-protocols/nats-protocol>), so that it does not depend on the client of hookd.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::postgres::live_on;
use crate::wait::until;

/// A server. It is killed when it is dropped, or when the test's process ends.
pub struct Nats {
    folder: TempDir,
    more: String,
    login: Value,
    server: Option<Child>,
    address: SocketAddr,
}

/// A message of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The subject that it was published to.
    pub subject: String,
    /// The value of `Nats-Msg-Id`; empty where it has none.
    pub id: String,
    /// Its content.
    pub data: Vec<u8>,
}

impl Nats {
    /// Starts a server that everybody may use.
    ///
    /// # Panics
    /// When it is not installed; `cargo xtask test` installs it.
    pub fn start() -> Self {
        Self::start_with("", json!({}))
    }

    /// Starts a server with more in its configuration; `login` is what the tests prove themselves with, as in `CONNECT`.
    ///
    /// # Panics
    /// As for [`start`](Self::start).
    pub fn start_with(more: &str, login: Value) -> Self {
        let folder = tempfile::Builder::new().prefix("hookd-nats-").tempdir().expect("a folder for the server");
        let address = ([127, 0, 0, 1], 0).into();
        let mut server = Self { folder, more: more.to_owned(), login, server: None, address };
        server.start_again();
        server
    }

    /// Its address, which is another one after each start.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its folder, for files that its configuration names.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Has something else in its configuration from the next start on.
    pub fn configure(&mut self, more: &str) {
        more.clone_into(&mut self.more);
    }

    /// Ends it as a crash does.
    pub fn kill_9(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().expect("it is our child");
            server.wait().expect("it is our child");
        }
    }

    /// Starts it again after it was killed, and waits until it listens.
    pub fn start_again(&mut self) {
        let config = self.folder.path().join("nats.conf");
        let store = self.folder.path().join("store");
        let text = format!(
            "listen: \"127.0.0.1:-1\"\nports_file_dir: {:?}\njetstream {{ store_dir: {store:?} }}\n{}\n",
            self.folder.path(),
            self.more
        );
        fs::write(&config, text).expect("the folder is writable");
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log"));
        let log = log.expect("the folder is writable");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "nats-server", "--config"]).arg(&config);
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        // It ends with the thread that has started it: this one lives as long as the process.
        let (sender, started) = mpsc::channel();
        live_on(move || drop(sender.send(command.spawn().expect("`setpriv` runs"))));
        let server = started.recv().expect("`setpriv` runs");
        let ports = self.folder.path().join(format!("nats-server_{}.ports", server.id()));
        self.server = Some(server);
        self.address = until("the NATS server listens; `cargo xtask test` installs it", || {
            let ports: Value = serde_json::from_slice(&fs::read(&ports).ok()?).ok()?;
            let url = ports["nats"][0].as_str()?;
            let address = url.split_once("://")?.1.parse().ok()?;
            TcpStream::connect(address).is_ok().then_some(address)
        });
    }

    /// Makes a stream that takes these subjects.
    pub fn add_stream(&self, name: &str, subjects: &[&str], more: Value) {
        self.call(&format!("STREAM.CREATE.{name}"), stream(name, subjects, more));
    }

    /// Changes what a stream takes.
    pub fn update_stream(&self, name: &str, subjects: &[&str], more: Value) {
        self.call(&format!("STREAM.UPDATE.{name}"), stream(name, subjects, more));
    }

    /// The messages of a stream, in their order.
    pub fn messages(&self, stream: &str) -> Vec<Message> {
        let mut connection = Connection::open(self.address, &self.login);
        let state = connection.call(&format!("STREAM.INFO.{stream}"), &json!({}))["state"].take();
        let number = |name: &str| state[name].as_u64().expect("a number");
        if number("messages") == 0 {
            return Vec::new();
        }
        let get = |sequence| {
            let got = connection.call(&format!("STREAM.MSG.GET.{stream}"), &json!({ "seq": sequence }));
            let text = |name: &str| got["message"][name].as_str().unwrap_or_default().to_owned();
            let decode = |name: &str| STANDARD.decode(text(name)).expect("Base64");
            let headers = String::from_utf8(decode("hdrs")).expect("headers are UTF-8");
            let id = headers.lines().find_map(|line| line.strip_prefix("Nats-Msg-Id: "));
            let id = id.unwrap_or_default().to_owned();
            Message { subject: text("subject"), id, data: decode("data") }
        };
        (number("first_seq")..=number("last_seq")).map(get).collect()
    }

    /// Publishes so many messages as another program does.
    pub fn publish(&self, subject: &str, count: usize) {
        let mut connection = Connection::open(self.address, &self.login);
        for _ in 0..count {
            let stored = connection.request(subject, b"of somebody else");
            assert!(stored["seq"].is_u64(), "it was not stored: {stored}");
        }
    }

    /// Waits until JetStream no longer recognizes what was published until now, as long as that is: publishes to a subject of the
    /// stream until it takes the same id once more.
    pub fn wait_until_duplicates_are_forgotten(&self, subject: &str) {
        let mut connection = Connection::open(self.address, &self.login);
        let id = format!("probe-{:?}", std::time::Instant::now());
        let id = id.replace([' ', ':'], "");
        let mut is_known = || {
            let stored = connection.publish_with_id(subject, &id);
            assert!(stored["seq"].is_u64(), "it was not stored: {stored}");
            stored["duplicate"] == true
        };
        assert!(!is_known(), "the id is new");
        until("JetStream forgets an id", || (!is_known()).then_some(()));
    }

    /// Makes a request to the API of JetStream, which must succeed.
    pub fn call(&self, name: &str, arguments: Value) -> Value {
        Connection::open(self.address, &self.login).call(name, &arguments)
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// An address of the loopback at which nobody listens, as long as what is returned beside it lives.
///
/// # Panics
/// When the loopback has no free port.
pub fn closed_port() -> (SocketAddr, TcpStream) {
    // The local end of a connection has a port that no listener gets.
    let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
    let stream = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
    (stream.local_addr().expect("it is connected"), stream)
}

fn stream(name: &str, subjects: &[&str], more: Value) -> Value {
    let mut config = json!({ "name": name, "subjects": subjects, "storage": "file", "retention": "limits" });
    if let (Some(config), Value::Object(more)) = (config.as_object_mut(), more) {
        config.extend(more);
    }
    config
}

impl Drop for Nats {
    fn drop(&mut self) {
        self.kill_9();
        if std::thread::panicking() {
            let log = self.log();
            let from = log.char_indices().rev().nth(3000).map_or(0, |(at, _)| at);
            eprintln!("the NATS server logged last:\n{}", &log[from..]);
        }
    }
}

/// A connection in the plain protocol, for one request at a time.
struct Connection {
    stream: BufReader<TcpStream>,
    requests: usize,
}

impl Connection {
    fn open(address: SocketAddr, login: &Value) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        let mut connection = Self { stream: BufReader::new(stream), requests: 0 };
        assert!(connection.line().starts_with("INFO "), "a server greets");
        let mut options = json!({ "verbose": false, "pedantic": false, "headers": true, "no_responders": true });
        if let (Some(options), Some(login)) = (options.as_object_mut(), login.as_object()) {
            options.extend(login.clone());
        }
        connection.write(format!("CONNECT {options}\r\nSUB inbox.* 1\r\n").as_bytes());
        connection
    }

    fn call(&mut self, name: &str, arguments: &Value) -> Value {
        let answer = self.request(&format!("$JS.API.{name}"), arguments.to_string().as_bytes());
        assert!(answer.get("error").is_none(), "{name}: {answer}");
        answer
    }

    fn request(&mut self, subject: &str, data: &[u8]) -> Value {
        self.requests += 1;
        let mut request = format!("PUB {subject} inbox.{} {}\r\n", self.requests, data.len()).into_bytes();
        request.extend_from_slice(data);
        request.extend_from_slice(b"\r\n");
        self.write(&request);
        self.answer(subject)
    }

    fn publish_with_id(&mut self, subject: &str, id: &str) -> Value {
        self.requests += 1;
        let headers = format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\n\r\n");
        let (inbox, length) = (self.requests, headers.len());
        self.write(format!("HPUB {subject} inbox.{inbox} {length} {length}\r\n{headers}\r\n").as_bytes());
        self.answer(subject)
    }

    fn answer(&mut self, subject: &str) -> Value {
        loop {
            let line = self.line();
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["PING"] => self.write(b"PONG\r\n"),
                ["MSG", .., length] => {
                    let mut data = vec![0; length.parse::<usize>().expect("a length") + 2];
                    self.stream.read_exact(&mut data).expect("the server goes on");
                    return serde_json::from_slice(&data).expect("JSON");
                }
                ["PONG" | "+OK"] | ["INFO", ..] => {}
                _ => panic!("{subject}: {line}"),
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server goes on");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).expect("the server goes on");
        assert!(!line.is_empty(), "the server has closed the connection");
        line
    }
}
