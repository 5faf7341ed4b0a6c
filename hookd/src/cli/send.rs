//! `hookd send`: submits one change to a base dialect, of a hookd or of a Buildbot; what Buildbot's
//! `post_build_request.py` does, with its options.

mod property;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use self::property::Property;
use super::{Exit, Output};
use crate::submission::{Credentials, Endpoint, Submission};

/// The end of its help: an example, and what its exit codes say.
pub(super) fn after_help() -> String {
    "Example:\n  hookd send --who ann --repository https://git.example.org/acme --project acme --branch main --revision 1f3a\n\n\
     Exit codes: 0 ok, 1 not sent (no answer, or one that asks to come again later), 2 invalid usage, 3 refused by the \
     other side"
        .to_owned()
}

/// Arguments of `hookd send`: those of `post_build_request.py`, and more.
#[derive(Debug, Args)]
pub(super) struct SendArgs {
    /// The author; by default the name of the user who runs this.
    #[arg(short = 'w', long, value_name = "AUTHOR")]
    who: Option<String>,

    /// A file that the change touches; can be repeated.
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<String>,

    /// The message of the change; by default `post_build_request submission`, since a Buildbot requires one.
    #[arg(short = 'c', long)]
    comments: Option<String>,

    /// The revision.
    #[arg(short = 'R', long)]
    revision: Option<String>,

    /// When it was made: seconds since 1970, or a date such as `2026-01-31T12:00:00Z`.
    #[arg(short = 'W', long, value_parser = seconds)]
    when: Option<String>,

    /// The branch.
    #[arg(short = 'b', long)]
    branch: Option<String>,

    /// The category, by which schedulers can filter.
    #[arg(short = 'C', long)]
    category: Option<String>,

    /// The codebase.
    #[arg(long)]
    codebase: Option<String>,

    /// A link to the change, for people.
    #[arg(long, value_name = "URL")]
    revlink: Option<String>,

    /// Properties: `NAME=VALUE`, or a JSON object such as `{"foo": ["bar", "baz"]}`; can be repeated.
    #[arg(short = 'p', long = "property", value_name = "PROPERTY")]
    properties: Vec<Property>,

    /// Where the code is checked out from.
    #[arg(short = 'r', long)]
    repository: String,

    /// The project.
    #[arg(short = 'P', long)]
    project: String,

    /// Show the answer's status; twice: also its text.
    #[arg(short = 'v', long, action = clap::ArgAction::Count)]
    verbose: u8,

    /// The host that it is sent to, and its port.
    #[arg(short = 'H', long, value_parser = host, default_value = "localhost:8010")]
    host: String,

    /// The path on the host.
    #[arg(short = 'u', long, value_name = "PATH", value_parser = path, default_value = "/change_hook/base")]
    urlpath: String,

    /// Send it to this URL instead, such as `https://hooks.example.org/change_hook/base`.
    #[arg(long, conflicts_with_all = ["host", "urlpath"])]
    url: Option<String>,

    /// The user for `change_hook_auth`.
    #[arg(long, requires = "password_file")]
    user: Option<String>,

    /// The file with the user's password in its first line; `-` is standard input.
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,

    /// Trust also the certificates in this PEM file.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// An id of your own: a hookd stores what is sent again with the same one only once.
    #[arg(long)]
    id: Option<String>,

    /// How long the other side may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..))]
    timeout: u64,

    /// Print what would be sent, and send nothing.
    #[arg(short = 't', long)]
    testing: bool,

    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &SendArgs, output: &mut Output<'_>) -> io::Result<Exit> {
    let (endpoint, form) = match args.endpoint().and_then(|endpoint| Ok((endpoint, args.form()?))) {
        Ok(prepared) => prepared,
        Err(message) => {
            writeln!(output.err, "error: {message}")?;
            return Ok(Exit::Usage);
        }
    };
    if args.testing {
        writeln!(output.out, "params: {form}")?;
        match &args.url {
            Some(_) => writeln!(output.out, "url: {}", endpoint.url())?,
            None => writeln!(output.out, "host: {}\nurlpath: {}", args.host, args.urlpath)?,
        }
        return Ok(Exit::Ok);
    }
    let submission = Submission { content_type: "application/x-www-form-urlencoded", body: form, id: args.id.clone() };
    let answer = match endpoint.send(submission) {
        Ok(answer) => answer,
        Err(unsent) => {
            writeln!(output.err, "error: {unsent}")?;
            return Ok(Exit::Failure);
        }
    };
    if args.json {
        let delivery = answer.delivery.as_deref().and_then(|delivery| delivery.parse::<i64>().ok());
        writeln!(output.out, "{}", json!({"status": answer.status, "body": answer.body, "deliveryid": delivery}))?;
    } else {
        if args.verbose >= 1 {
            writeln!(output.out, "{} {}", answer.status, answer.phrase)?;
        }
        if args.verbose >= 2 {
            writeln!(output.out, "Raw response: {}", answer.body)?;
        }
    }
    if answer.is_success() {
        return Ok(Exit::Ok);
    }
    writeln!(output.err, "error: {} refused it: {}", endpoint.url(), answer.shown())?;
    Ok(Exit::Refused)
}

impl SendArgs {
    fn endpoint(&self) -> Result<Endpoint, String> {
        let timeout = Duration::from_secs(self.timeout);
        let mut endpoint = match &self.url {
            Some(url) => Endpoint::new(url, timeout)?,
            None => Endpoint::new(&format!("http://{}{}", self.host, self.urlpath), timeout)?,
        };
        if let (Some(user), Some(password_file)) = (&self.user, &self.password_file) {
            endpoint = endpoint.with_credentials(Credentials::read(user, password_file)?);
        }
        match &self.ca {
            Some(ca) => endpoint.trusting(ca),
            None => Ok(endpoint),
        }
    }

    /// The fields of the change as a form. An empty one counts as not given, as in the script.
    fn form(&self) -> Result<String, String> {
        let author = match self.who.as_deref().filter(|who| !who.is_empty()) {
            Some(who) => who.to_owned(),
            None => whoami::username().map_err(|error| format!("no name of a user: {error}; give it with `--who`"))?,
        };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("author", &author);
        if !self.files.is_empty() {
            form.append_pair("files", &json!(self.files).to_string());
        }
        let comments = self.comments.as_deref().filter(|comments| !comments.is_empty());
        form.append_pair("comments", comments.unwrap_or("post_build_request submission"));
        for (field, value) in [
            ("revision", self.revision.as_deref()),
            ("when", self.when.as_deref()),
            ("branch", self.branch.as_deref()),
            ("category", self.category.as_deref()),
            ("codebase", self.codebase.as_deref()),
            ("revlink", self.revlink.as_deref()),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                form.append_pair(field, value);
            }
        }
        let properties: Map<String, Value> = self.properties.iter().flat_map(|property| property.0.clone()).collect();
        if !properties.is_empty() {
            form.append_pair("properties", &Value::Object(properties).to_string());
        }
        form.append_pair("repository", &self.repository);
        form.append_pair("project", &self.project);
        Ok(form.finish())
    }
}

fn host(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['/', '@', '?', '#']) {
        return Err("expected a host and its port, such as `localhost:8010`; a URL is given to `--url`".to_owned());
    }
    Ok(text.to_owned())
}

fn path(text: &str) -> Result<String, String> {
    if text.starts_with('/') { Ok(text.to_owned()) } else { Err("a path begins with `/`".to_owned()) }
}

/// Seconds since 1970, as a Buildbot takes them, of a number of them or of a date.
fn seconds(text: &str) -> Result<String, String> {
    match (text.parse::<f64>(), text.parse::<jiff::Timestamp>()) {
        (Ok(seconds), _) if seconds.is_finite() => Ok(text.to_owned()),
        (_, Ok(time)) => Ok(time.as_second().to_string()),
        _ => Err("expected seconds since 1970, or a date such as `2026-01-31T12:00:00Z`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::hookd;
    use super::*;

    fn sent(args: &[&str]) -> (Exit, String, String) {
        hookd(&[&["send", "-r", "repo", "-P", "proj", "-w", "ann"], args].concat())
    }

    #[test]
    fn prints_what_it_would_send_as_the_script_does() {
        let (exit, out, err) = sent(&["-t"]);
        assert_eq!((exit, err.as_str()), (Exit::Ok, ""));
        assert_eq!(
            out,
            "params: author=ann&comments=post_build_request+submission&repository=repo&project=proj\n\
             host: localhost:8010\nurlpath: /change_hook/base\n"
        );
    }

    #[test]
    fn every_option_is_a_field() {
        let args = [
            "-t",
            "-f",
            "a.c",
            "-f",
            "b.c",
            "-c",
            "why",
            "-R",
            "1f3a",
            "-W",
            "12.5",
            "-b",
            "main",
            "-C",
            "push",
            "--codebase",
            "engine",
            "--revlink",
            "http://x/1",
            "-p",
            "a=1",
            "-p",
            "{\"b\": [2], \"a\": \"last\"}",
        ];
        let (_, out, _) = sent(&args);
        let params = out.lines().next().unwrap().strip_prefix("params: ").unwrap();
        let fields: Vec<(String, String)> = form_urlencoded::parse(params.as_bytes()).into_owned().collect();
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            fields,
            [
                ("author", "ann"),
                ("files", r#"["a.c","b.c"]"#),
                ("comments", "why"),
                ("revision", "1f3a"),
                ("when", "12.5"),
                ("branch", "main"),
                ("category", "push"),
                ("codebase", "engine"),
                ("revlink", "http://x/1"),
                ("properties", r#"{"a":"last","b":[2]}"#),
                ("repository", "repo"),
                ("project", "proj"),
            ]
        );
    }

    #[test]
    fn a_url_is_neither_a_host_nor_a_path() {
        for wrong in ["http://localhost:8010", "localhost/change_hook", "ann@localhost", ""] {
            assert!(host(wrong).unwrap_err().contains("`--url`"), "{wrong}");
        }
        assert_eq!(host("[::1]:8010").unwrap(), "[::1]:8010");
        assert!(path("change_hook/base").is_err());
        assert_eq!(path("/").unwrap(), "/");
    }

    #[test]
    fn a_date_becomes_seconds() {
        assert_eq!(seconds("1970-01-01T00:01:00+00:00").unwrap(), "60");
        assert_eq!(seconds("1700000000").unwrap(), "1700000000");
        for wrong in ["", "yesterday", "nan", "2026-01-31"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_file_that_cannot_be_read_is_invalid_usage() {
        let (exit, _, err) = sent(&["--user", "ann", "--password-file", "/nowhere"]);
        assert_eq!(exit, Exit::Usage);
        assert!(err.starts_with("error: /nowhere: "), "{err}");
    }
}
