//! Buildbot's own hook of Mercurial, `hgbuildbot.py` of buildbot-contrib, sends to hookd as it does to a Buildbot: a request
//! for each changeset, with everything in the query.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use hookd_tests::{Home, Hookd, LISTENERS};
use serde_json::{Value, json};

use super::{Workshop, all, url};

/// What the script sent, byte for byte, over a push of two changesets: unmodified, with Mercurial 5.9.3, Python 2.7 and
/// requests 2.27.1. Its package is in no registry, so that it is not run here.
const OF_THE_SCRIPT: [&str; 2] = [
    "POST /change_hook/base?files=%5B%22a+b%22%5D&repository=https%3A%2F%2Fhg.example.org%2Fserver2&\
     properties=%7B%22is_merge%22%3A+false%7D&category=push&author=J%C3%A4n+%3Cj%40x%3E&when=1700000000.0&\
     comments=first+%26+%C3%BC&project=tea&branch=default&revision=c95df76bcc075fbbbcd9542dcc480d1888ba363f HTTP/1.1\r\n\
     Host: 127.0.0.1:41461\r\nConnection: keep-alive\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n\
     User-Agent: python-requests/2.27.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n\
     Authorization: Basic YW5uOnMzY3JldA==\r\n\r\n",
    "POST /change_hook/base?files=%5B%22c%22%5D&repository=https%3A%2F%2Fhg.example.org%2Fserver2&\
     properties=%7B%22is_merge%22%3A+false%7D&category=push&author=Ann&when=1700000001.0&\
     comments=two&project=tea&branch=default&revision=43adf29a4db53c8136abc48276b0edaf4081865c HTTP/1.1\r\n\
     Host: 127.0.0.1:41461\r\nConnection: keep-alive\r\nAccept-Encoding: gzip, deflate\r\nAccept: */*\r\n\
     User-Agent: python-requests/2.27.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 0\r\n\
     Authorization: Basic YW5uOnMzY3JldA==\r\n\r\n",
];

fn with_password() -> Hookd {
    let config =
        format!("change_hook_auth = [\"memory:ann:s3cret\"]\n{LISTENERS}\n[change_hook_dialects]\nbase = true\n");
    Home::with_config(&config).start()
}

#[test]
fn the_requests_of_hgbuildbot_py_are_taken() {
    let hookd = with_password();
    for request in OF_THE_SCRIPT {
        let mut stream = TcpStream::connect(hookd.public()).expect("hookd listens");
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).expect("it answers");
        assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 202");
    }
    let changes = hookd.admin().changes();
    assert_eq!(changes.len(), 2);
    for (field, value) in [
        ("author", json!("Jän <j@x>")),
        ("branch", json!("default")),
        ("category", json!("push")),
        ("codebase", json!("")),
        ("comments", json!("first & ü")),
        ("files", json!(["a b"])),
        ("project", json!("tea")),
        ("properties", json!({"is_merge": [false, "Change"]})),
        ("repository", json!("https://hg.example.org/server2")),
        ("revision", json!("c95df76bcc075fbbbcd9542dcc480d1888ba363f")),
        ("when_timestamp", json!(1_700_000_000)),
    ] {
        assert_eq!(changes[0][field], value, "{field}");
    }
}

/// A hook in Mercurial's own process, of Python 3 and of this test, that sends such requests: not the script, but its way.
const IN_PROCESS: &str = r#"
import base64, json, urllib.parse, urllib.request

def hook(ui, repo, hooktype, node=None, **kwargs):
    for rev in range(repo[node].rev(), len(repo)):
        ctx = repo[rev]
        query = urllib.parse.urlencode({
            "branch": ctx.branch(), "revision": ctx.hex(), "comments": ctx.description(), "author": ctx.user(),
            "files": json.dumps([name.decode() for name in ctx.files()]), "when": ctx.date()[0],
            "properties": json.dumps({"is_merge": len(ctx.parents()) > 1}), "repository": repo.root, "project": "",
        })
        url = ui.config(b"hgbuildbot", b"master").decode() + "?" + query
        request = urllib.request.Request(url, data=b"", method="POST")
        request.add_header("Authorization", "Basic " + base64.b64encode(b"ann:s3cret").decode())
        urllib.request.urlopen(request).read()
"#;

/// A real push by both ways makes the same changes.
#[test]
#[ignore = "needs Mercurial from cargo xtask test"]
fn a_push_makes_the_same_changes_as_by_a_hook_in_process() {
    let (shop, in_process, notified) = (Workshop::new(), with_password(), with_password());
    shop.run("", "hg", &["init", "server"]);
    shop.run("", "hg", &["clone", "--quiet", "server", "client"]);
    shop.write("hook.py", IN_PROCESS);
    shop.write("password", "s3cret\n");
    let options = "--timeout 60 --user ann --password-file ../password";
    shop.hook("hook", &format!("exec hookd notify hg --master {} {options}", url(notified.public())));
    let (hook, python) = (shop.path("hook"), shop.path("hook.py"));
    let hooks = format!("changegroup.a = {}\nchangegroup.b = python:{}:hook", hook.display(), python.display());
    let master = url(in_process.public());
    shop.write("server/.hg/hgrc", format!("[hooks]\n{hooks}\n[hgbuildbot]\nmaster = {master}\n"));
    for (file, message) in [("a b", "first & ü"), ("c", "two")] {
        shop.write(&format!("client/{file}"), message);
        shop.run("client", "hg", &["commit", "-A", "-q", "-u", "Jän <j@x>", "-d", "1700000000 0", "-m", message]);
    }
    let pushed = shop.run("client", "hg", &["push"]);
    let of = |hookd: &Hookd| -> Vec<Value> {
        let own = ["changeid", "deliveryid", "hookd_id", "parent_changeids", "sourcestamp"];
        let mut changes = hookd.admin().changes();
        for change in &mut changes {
            let fields = change.as_object_mut().expect("a change is an object");
            own.iter().for_each(|field| drop(fields.remove(*field)));
        }
        changes
    };
    assert_eq!(all(&of(&notified), "comments"), ["first & ü", "two"], "{}{}", pushed.out, pushed.err);
    assert_eq!(of(&notified), of(&in_process));
    assert_eq!((notified.admin().deliveries().len(), in_process.admin().deliveries().len()), (1, 2));
}
