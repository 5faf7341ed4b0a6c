//! `curl`, as people use it.

use std::process::Command;

/// What became of a request that curl sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// The status; `None` where there was no answer.
    pub(crate) status: Option<u16>,
    /// The version of HTTP.
    pub(crate) version: String,
    /// The body.
    pub(crate) body: String,
    /// What curl complained of.
    pub(crate) complaint: String,
}

impl Said {
    /// Status and body in one, as tests compare them: `202 1 change found`.
    pub(crate) fn line(&self) -> String {
        match self.status {
            Some(status) => format!("{status} {}", self.body.trim_end()),
            None => self.complaint.clone(),
        }
    }
}

/// Sends a request with curl.
pub(crate) fn curl(url: &str, arguments: &[&str]) -> Said {
    let told = ["--silent", "--show-error", "--write-out", "\n%{http_version} %{http_code}"];
    let output = Command::new("curl").args(told).args(arguments).arg(url).output().expect("curl runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, about) = said.rsplit_once('\n').expect("curl writes what it is told to write");
    let (version, status) = about.split_once(' ').expect("curl writes what it is told to write");
    Said {
        status: status.parse().ok().filter(|status| *status != 0),
        version: version.to_owned(),
        body: body.to_owned(),
        complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
