//! `curl`, as users run it.

use std::process::Command;

/// The result of a request with curl.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// The status; `None` if there was no answer.
    pub(crate) status: Option<u16>,
    /// The HTTP version.
    pub(crate) version: String,
    /// The body.
    pub(crate) body: String,
    /// curl's error messages.
    pub(crate) complaint: String,
}

impl Said {
    /// Status and body in one string, for comparisons: `202 1 change found`.
    pub(crate) fn line(&self) -> String {
        match self.status {
            Some(status) => format!("{status} {}", self.body.trim_end()),
            None => self.complaint.clone(),
        }
    }
}

/// Sends a request with curl.
pub(crate) fn curl(url: &str, arguments: &[&str]) -> Said {
    let options = ["--silent", "--show-error", "--write-out", "\n%{http_version} %{http_code}"];
    let output = Command::new("curl").args(options).args(arguments).arg(url).output().expect("curl runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, about) = said.rsplit_once('\n').expect("curl writes what its options ask for");
    let (version, status) = about.split_once(' ').expect("curl writes what its options ask for");
    Said {
        status: status.parse().ok().filter(|status| *status != 0),
        version: version.to_owned(),
        body: body.to_owned(),
        complaint: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
