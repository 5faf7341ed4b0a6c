//! The environment of the commands that pollers run.

use std::ffi::OsString;

/// What commands get of hookd's own environment: what programs need to find their configuration, keys and proxies. All
/// else may be a secret of another part of hookd.
const PASSED: [&str; 22] = [
    "ALL_PROXY",
    "HOME",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "KRB5CCNAME",
    "KRB5_CONFIG",
    "LOGNAME",
    "NO_PROXY",
    "PATH",
    "SHELL",
    "SSH_AGENT_PID",
    "SSH_AUTH_SOCK",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
    "USER",
    "XDG_CONFIG_HOME",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The environment of a command. Texts are UTF-8 and messages English, wherever hookd runs.
pub(crate) fn environment() -> Vec<(OsString, OsString)> {
    let passed = PASSED.iter().filter_map(|name| Some(((*name).into(), std::env::var_os(name)?)));
    passed.chain([("LC_ALL".into(), "C.UTF-8".into())]).collect()
}
