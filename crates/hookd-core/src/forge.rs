//! Whose webhook a request is: a hook that was pointed at another forge's dialect is named as such.
//!
//! Dialects that look alike (Bitbucket's have the same headers), or a URL copied from the next line, make the most puzzling
//! refusals. One table has what distinguishes the forges: headers, names of events, and the shape of the payload.

use crate::{HookRequest, Json, Refusal, View};

/// The largest body that is parsed again to find out whose it is.
const MAX_SHAPE_BYTES: usize = 1 << 20;

/// How far a request can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Its headers alone: it was not verified, and its payload is not read.
    Headers,
    /// All of it.
    Payload,
}

/// A forge, as its webhooks show it.
struct Forge {
    /// What people call it.
    name: &'static str,
    /// The dialect for it; `None` where this build has none.
    dialect: Option<&'static str>,
    /// Headers that it alone sends.
    headers: &'static [&'static str],
    /// Whether it alone sends this event in the header `X-Event-Key`.
    has_key: fn(&str) -> bool,
    /// Whether the payload is of its shape.
    has_shape: fn(&Payload<'_>) -> bool,
}

/// Forges that send several others' headers come before those.
const FORGES: &[Forge] = &[
    Forge {
        name: "GitHub (or one that does as it does)",
        dialect: Some("github"),
        headers: &["X-GitHub-Event"],
        has_key: no_key,
        has_shape: |payload| {
            payload.is_text("repository.html_url")
                && payload.is_text("repository.full_name")
                && (payload.is_object("sender") || payload.is_object("pusher"))
        },
    },
    Forge {
        name: "GitLab",
        dialect: Some("gitlab"),
        headers: &["X-Gitlab-Event", "X-Gitlab-Token"],
        has_key: no_key,
        has_shape: |payload| payload.is_text("object_kind") || payload.is_text("event_name"),
    },
    Forge { name: "Gogs", dialect: None, headers: &["X-Gogs-Event"], has_key: no_key, has_shape: |_| false },
    Forge {
        name: "Bitbucket Data Center",
        dialect: Some("bitbucketserver"),
        headers: &[],
        has_key: |key| {
            let beginnings = ["pr:", "mirror:", "diagnostics:", "project:"];
            key == "repo:refs_changed" || beginnings.iter().any(|beginning| key.starts_with(beginning))
        },
        has_shape: |payload| {
            payload.is_text("eventKey")
                || payload.is_object("pullRequest")
                || (payload.is_text("repository.slug") && payload.is_text("repository.project.key"))
        },
    },
    Forge {
        name: "Bitbucket Cloud",
        dialect: Some("bitbucketcloud"),
        headers: &["X-Hook-UUID", "X-Request-UUID"],
        has_key: no_key,
        has_shape: |payload| {
            payload.is_text("repository.full_name")
                && (payload.is_text("repository.links.self.href") || payload.is_text("repository.links.html.href"))
        },
    },
    Forge {
        name: "Bitbucket's old POST service",
        dialect: Some("bitbucket"),
        headers: &[],
        has_key: no_key,
        has_shape: |payload| payload.is_text("canon_url"),
    },
    Forge {
        name: "Gitorious",
        dialect: Some("gitorious"),
        headers: &[],
        has_key: no_key,
        has_shape: |payload| payload.is_text("pushed_by") && payload.is_text("pushed_at"),
    },
];

/// The header that several forges have.
const KEY: &str = "X-Event-Key";

fn no_key(_: &str) -> bool {
    false
}

/// What a payload says.
struct Payload<'p>(View<'p>);

impl Payload<'_> {
    fn is_text(&self, path: &str) -> bool {
        matches!(self.0.get(path), Some(Json::Text(_)))
    }

    fn is_object(&self, path: &str) -> bool {
        matches!(self.0.get(path), Some(Json::Object(_)))
    }
}

/// For a request that makes no change, or was refused: half a sentence that names the forge whose webhook it looks like,
/// and the dialect for it. `None` where that is the dialect of this `class`, where nothing is known for certain, and for
/// classes that are not in the table, such as those of others.
pub fn other_forge(class: &str, request: &HookRequest, evidence: Evidence) -> Option<String> {
    let own = FORGES.iter().find(|forge| forge.dialect == Some(class));
    // `/change_hook` without a dialect is `base`.
    if own.is_none() && class != "base" {
        return None;
    }
    let found = by_headers(request, own).or_else(|| match evidence {
        Evidence::Headers => None,
        Evidence::Payload => by_shape(request, own),
    })?;
    if found.dialect == Some(class) {
        return None;
    }
    Some(match found.dialect {
        Some(dialect) => format!("this looks like a webhook of {}, for the dialect `{dialect}`", found.name),
        None => format!("this looks like a webhook of {}, which has no dialect here", found.name),
    })
}

/// The forge that the headers name, the own one first.
fn by_headers(request: &HookRequest, own: Option<&'static Forge>) -> Option<&'static Forge> {
    let key = request.nonempty_header(KEY).unwrap_or_default();
    let is_named =
        |forge: &&Forge| forge.headers.iter().any(|name| request.headers().get(name).is_some()) || (forge.has_key)(key);
    own.filter(|own| is_named(own)).or_else(|| FORGES.iter().find(is_named))
}

/// The forge of whose shape the payload is, the own one first.
fn by_shape(request: &HookRequest, own: Option<&'static Forge>) -> Option<&'static Forge> {
    if request.body().len() > MAX_SHAPE_BYTES {
        return None;
    }
    let payload = Payload(document(request).ok()?);
    let is_named = |forge: &&Forge| (forge.has_shape)(&payload);
    own.filter(|own| is_named(own)).or_else(|| FORGES.iter().find(is_named))
}

/// The payload, as JSON in the body or in the argument `payload` of a form.
fn document(request: &HookRequest) -> Result<View<'_>, Refusal> {
    match request.argument("payload") {
        Ok(Some(text)) => request.json_in(text.as_bytes()),
        _ => request.json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GITHUB: &str = r#"{"repository": {"html_url": "u", "full_name": "o/r"}, "sender": {}}"#;
    const GITLAB: &str = r#"{"object_kind": "push"}"#;
    const SERVER: &str = r#"{"eventKey": "repo:refs_changed", "repository": {"slug": "r", "project": {"key": "K"}}}"#;
    const PLUGIN: &str =
        r#"{"repository": {"slug": "r", "project": {"key": "K"}, "links": {"self": [{"href": "u"}]}}}"#;
    const CLOUD: &str = r#"{"repository": {"full_name": "o/r", "links": {"html": {"href": "u"}}}}"#;
    const LEGACY: &str = r#"payload={"canon_url":"u","commits":[]}"#;
    const GITORIOUS: &str = r#"payload={"pushed_by":"u","pushed_at":"t"}"#;

    /// The request of each forge: a header that it alone sends, or its event key, and its body.
    fn requests() -> Vec<(&'static str, HookRequest)> {
        let request = |header: (&str, &str), body: &'static str| {
            let kind = if body.starts_with('{') { "application/json" } else { "application/x-www-form-urlencoded" };
            let request = HookRequest::post("/").with_header("Content-Type", kind).with_body(body);
            if header.0.is_empty() { request } else { request.with_header(header.0, header.1) }
        };
        let none = ("", "");
        vec![
            ("github", request(("X-GitHub-Event", "push"), GITHUB)),
            ("github", request(none, GITHUB)),
            ("github", request(("X-Gitea-Event", "push"), GITHUB)),
            ("gitlab", request(("X-Gitlab-Event", "Push Hook"), GITLAB)),
            ("gitlab", request(none, GITLAB)),
            ("bitbucketserver", request((KEY, "repo:refs_changed"), SERVER)),
            ("bitbucketserver", request((KEY, "pr:opened"), "{}")),
            ("bitbucketserver", request((KEY, "diagnostics:ping"), r#"{"test": true}"#)),
            ("bitbucketserver", request((KEY, "repo:push"), PLUGIN)),
            ("bitbucketcloud", request((KEY, "repo:push"), CLOUD)),
            ("bitbucketcloud", request(("X-Hook-UUID", "1"), CLOUD)),
            ("bitbucketcloud", request((KEY, "pullrequest:created"), CLOUD)),
            ("bitbucket", request(none, LEGACY)),
            ("gitorious", request(none, GITORIOUS)),
        ]
    }

    #[test]
    fn every_forge_is_named_to_the_dialects_of_all_others_and_not_to_its_own() {
        let classes: Vec<&str> = FORGES.iter().filter_map(|forge| forge.dialect).chain(["base"]).collect();
        for (dialect, request) in requests() {
            for class in &classes {
                let found = other_forge(class, &request, Evidence::Payload);
                let headers = request.headers();
                if *class == dialect {
                    assert_eq!(found, None, "{dialect}: {headers:?}");
                } else {
                    let name = format!("for the dialect `{dialect}`");
                    assert!(
                        found.as_ref().is_some_and(|found| found.ends_with(&name)),
                        "{class}: {found:?}, {headers:?}"
                    );
                }
            }
            assert_eq!(other_forge("somebodys_own", &request, Evidence::Payload), None);
            assert_eq!(other_forge("poller", &request, Evidence::Payload), None);
        }
    }

    #[test]
    fn the_payload_of_an_unverified_request_is_not_read() {
        let request = HookRequest::post("/").with_body(GITLAB);
        assert_eq!(other_forge("github", &request, Evidence::Headers), None);
        let request = request.with_header("x-gitlab-event", "Push Hook");
        let expected = "this looks like a webhook of GitLab, for the dialect `gitlab`";
        assert_eq!(other_forge("github", &request, Evidence::Headers).as_deref(), Some(expected));
    }

    #[test]
    fn a_forge_without_a_dialect_is_named_as_well_and_nonsense_is_not() {
        let gogs = HookRequest::post("/").with_header("X-Gogs-Event", "push").with_body("{}");
        let found = other_forge("github", &gogs, Evidence::Payload).unwrap();
        assert_eq!(found, "this looks like a webhook of Gogs, which has no dialect here");
        for body in ["", "{}", "[]", "{", "payload={", "\"x\"", "null"] {
            let request = HookRequest::post("/").with_body(body);
            for class in ["github", "bitbucketcloud", "base"] {
                assert_eq!(other_forge(class, &request, Evidence::Payload), None, "{body}");
            }
        }
    }
}
