//! hookd behind a real nginx with its default configuration, which speaks HTTP/1.0 and sends bodies whatever is answered.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hookd_tests::peers::peer;
use hookd_tests::{Home, Hookd, until};

struct Nginx {
    process: Child,
    socket: PathBuf,
    folder: tempfile::TempDir,
}

impl Nginx {
    fn in_front_of(hookd: &Hookd) -> Self {
        let folder = tempfile::Builder::new().prefix("hookd-nginx-").tempdir().expect("a folder for the test");
        let socket = folder.path().join("socket");
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {}/{name};\n", folder.path().display()))
            .concat();
        let config = format!(
            "daemon off; pid {folder}/pid; error_log {folder}/error.log; user root; events {{ }}\n\
             http {{ access_log off; client_max_body_size 25m; {paths} server {{ listen unix:{socket}; location / {{ \
             proxy_pass http://{address}; }} }} }}\n",
            folder = folder.path().display(),
            socket = socket.display(),
            address = hookd.public(),
        );
        let file = folder.path().join("nginx.conf");
        fs::write(&file, config).expect("the folder takes files");
        let error_log = folder.path().join("error.log");
        let mut command = Command::new(peer("nginx/usr/sbin/nginx"));
        command.arg("-p").arg(folder.path()).arg("-e").arg(&error_log).arg("-c").arg(&file).stdout(Stdio::null());
        let process = command.spawn().expect("it is a program");
        until("nginx listens", || UnixStream::connect(&socket).ok());
        Self { process, socket, folder }
    }

    /// The answer to these bytes, as text.
    fn answer(&self, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(&self.socket).expect("nginx listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("the system has timeouts");
        // It may answer before it has read everything.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn errors(&self) -> String {
        fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "needs nginx, which `cargo xtask test` installs"]
fn early_answers_reach_the_sender_through_nginx() {
    let config = "[server]\nlisten = '127.0.0.1:0'\nmax_body = '1000B'\n[admin]\nlisten = '127.0.0.1:0'\n[store]\n\
                  url = 'sqlite:hookd.db'\n[change_hook_dialects]\nbase = true\nclosed = { custom_class = 'base', \
                  change_hook_auth = 'memory:ann:one' }\nfar = { custom_class = 'base', allow_from = ['192.0.2.1'] }\n";
    let hookd = Home::with_config(config).start();
    let nginx = Nginx::in_front_of(&hookd);
    for (path, status) in [
        ("/nothing", 404),
        ("/change_hook/closed", 401),
        ("/change_hook/far", 403),
        ("/change_hook/none", 400),
        ("/change_hook/base", 413),
    ] {
        for length in [32 << 10, 512 << 10, 4 << 20] {
            for attempt in 0..12 {
                let head = format!(
                    "POST {path} HTTP/1.1\r\nHost: hookd\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
                );
                let answer = nginx.answer(&[head.as_bytes(), &vec![b'x'; length]].concat());
                let line = answer.lines().next().unwrap_or_default();
                assert!(
                    line.starts_with(&format!("HTTP/1.1 {status} ")),
                    "{path}, {length} bytes, attempt {attempt}: {line:?}; {}",
                    nginx.errors()
                );
            }
        }
    }
}

#[test]
#[ignore = "needs nginx, which `cargo xtask test` installs"]
fn a_post_without_a_body_is_taken_through_nginx() {
    let hookd = Home::serving("[change_hook_dialects]\nbase = true").start();
    let nginx = Nginx::in_front_of(&hookd);
    let answer = nginx.answer(
        b"POST /change_hook/base?author=Oda&revision=r41&files=[\"a.c\"] HTTP/1.1\r\nHost: hookd\r\n\
          Connection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 202 ") && answer.contains("1 change found"), "{answer}");
}
