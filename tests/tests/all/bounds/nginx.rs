//! hookd behind a real nginx with its default configuration, which speaks HTTP/1.0 and sends bodies whatever is answered.

use hookd_tests::{Home, Nginx};

#[test]
#[ignore = "needs nginx, which `cargo xtask test` installs"]
fn early_answers_reach_the_sender_through_nginx() {
    let config = "[server]\nlisten = '127.0.0.1:0'\nmax_body = '1000B'\n[admin]\nlisten = '127.0.0.1:0'\n[store]\n\
                  url = 'sqlite:hookd.db'\n[change_hook_dialects]\nbase = true\nclosed = { custom_class = 'base', \
                  change_hook_auth = 'memory:ann:one' }\nfar = { custom_class = 'base', allow_from = ['192.0.2.1'] }\n";
    let hookd = Home::with_config(config).start();
    let nginx = Nginx::in_front_of(hookd.public());
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
    let nginx = Nginx::in_front_of(hookd.public());
    let answer = nginx.answer(
        b"POST /change_hook/base?author=Oda&revision=r41&files=[\"a.c\"] HTTP/1.1\r\nHost: hookd\r\n\
          Connection: close\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 202 ") && answer.contains("1 change found"), "{answer}");
}
