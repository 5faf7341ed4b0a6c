//! The REST API of a Buildbot master: whether it has a change, and what it built.
//!
//! Changes cannot be asked for by a property, so those with the revision, branch and time of ours are looked through for
//! its `hookd_id`. As Buildbot 4.3.0 behaves: filters, `order`, `limit` and `offset` are applied in the database, then the
//! page is reversed, and `meta.total` is the length of the page; so paging goes on until a page is not full. There is no
//! filter for null, so a null revision or branch is not filtered by. With `field=` only the fields that are named are sent,
//! which must be all that are filtered and ordered by. Answers lose a piece now and then, the more often the longer they are:
//! they are asked for in short pages and few fields, and anew where the rest does not come.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use hookd_store::LoggedChange;
use reqwest::header::ACCEPT;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use url::Url;

use crate::Attempt;
use crate::buildbot::form::ID_PROPERTY;
use crate::http::{Answer, Client, Credentials, Cut};

/// The largest answer that is read.
const MAX_ANSWER_BYTES: usize = 32 << 20;

/// How many changes are asked for at a time, and in all.
const PAGE: usize = 50;
const MAX_CHANGES: usize = 4000;

/// How often an answer of which the rest did not come is asked for, in all.
const MAX_TRIES: usize = 3;

/// How many builds are listed one by one.
const MAX_BUILDS: usize = 50;

/// How many sets of builds are looked through for one that a scheduler made of a change.
const MAX_BUILDSETS: usize = 200;

/// The names of Buildbot's results, by their numbers (`process/results.py`).
const RESULTS: [&str; 7] = ["success", "warnings", "failure", "skipped", "exception", "retry", "cancelled"];

/// The REST API of one master.
pub(crate) struct Api {
    url: Url,
    credentials: Option<Credentials>,
}

/// A change that the master has.
pub(crate) struct Found {
    pub(crate) changeid: i64,
}

#[derive(Deserialize)]
struct Changes {
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    changeid: i64,
    /// `{"name": [value, source]}`.
    properties: BTreeMap<String, (Value, IgnoredAny)>,
}

#[derive(Deserialize)]
struct ChangeStamps {
    changes: Vec<ChangeStamp>,
}

#[derive(Deserialize)]
struct ChangeStamp {
    sourcestamp: SourceStamp,
}

#[derive(Deserialize)]
struct SourceStamp {
    ssid: i64,
}

#[derive(Deserialize)]
struct Builds {
    builds: Vec<Build>,
}

#[derive(Deserialize)]
struct Build {
    number: i64,
    builderid: i64,
    complete: bool,
    results: Option<i64>,
    #[serde(default)]
    state_string: String,
}

#[derive(Deserialize)]
struct Builders {
    builders: Vec<Builder>,
}

#[derive(Deserialize)]
struct Builder {
    name: String,
}

#[derive(Deserialize)]
struct Buildsets {
    buildsets: Vec<Buildset>,
}

#[derive(Deserialize)]
struct Buildset {
    #[serde(default)]
    reason: String,
    sourcestamps: Vec<SourceStamp>,
}

#[derive(Deserialize)]
struct Masters {
    #[serde(rename = "masters")]
    _masters: Vec<IgnoredAny>,
}

impl Api {
    pub(crate) fn new(mut url: Url, credentials: Option<Credentials>) -> Self {
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Self { url, credentials }
    }

    /// The change of the master that has the id of ours.
    ///
    /// # Errors
    /// Why the master could not be asked.
    pub(crate) async fn find(&self, client: &Client, logged: &LoggedChange) -> Result<Option<Found>, String> {
        let change = &logged.change;
        let when = change.when_timestamp.map(|when| when.to_string());
        let filters = [
            ("revision", change.revision.as_deref()),
            ("branch", change.branch.as_deref()),
            ("when_timestamp", when.as_deref()),
        ];
        for offset in (0..MAX_CHANGES).step_by(PAGE) {
            let mut url = self.at("changes");
            {
                let mut query = url.query_pairs_mut();
                for (field, value) in filters {
                    query.append_pair("field", field);
                    if let Some(value) = value {
                        query.append_pair(&format!("{field}__eq"), value);
                    }
                }
                for field in ["changeid", "properties"] {
                    query.append_pair("field", field);
                }
                query.append_pair("order", "-changeid");
                query.append_pair("limit", &PAGE.to_string()).append_pair("offset", &offset.to_string());
            }
            let Changes { changes } = self.get(client, url).await?;
            let is_last = changes.len() < PAGE;
            let ours = changes.into_iter().find(|change| {
                change.properties.get(ID_PROPERTY).is_some_and(|(id, _)| id.as_str() == Some(&logged.hookd_id))
            });
            if let Some(Change { changeid, .. }) = ours {
                return Ok(Some(Found { changeid }));
            }
            if is_last {
                return Ok(None);
            }
        }
        Err(format!(
            "the master has more than {MAX_CHANGES} changes of this revision, branch and time, and the change is \
                     not among the latest of them"
        ))
    }

    /// Whether the master works, its database included.
    pub(crate) async fn is_healthy(&self, client: &Client) -> bool {
        self.get::<Masters>(client, self.at("masters")).await.is_ok()
    }

    /// What the master made of a change, one line each.
    ///
    /// # Errors
    /// Why the master could not be asked.
    pub(crate) async fn follow(&self, client: &Client, logged: &LoggedChange) -> Result<Vec<String>, String> {
        let Some(found) = self.find(client, logged).await? else {
            return Ok(vec!["the master does not have the change, or no longer".to_owned()]);
        };
        let mut lines = vec![format!("change {} of the master", found.changeid)];
        let Builds { builds } = self.get(client, self.at(&format!("changes/{}/builds", found.changeid))).await?;
        let mut names = BTreeMap::new();
        for build in builds.iter().take(MAX_BUILDS) {
            let name = match names.entry(build.builderid) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(self.name_of(client, build.builderid).await?),
            };
            lines.push(self.line(build, name));
        }
        if builds.len() > MAX_BUILDS {
            lines.push(format!("and {} more builds", builds.len() - MAX_BUILDS));
        }
        if builds.is_empty() {
            lines.push(self.without_builds(client, &found).await?);
        }
        Ok(lines)
    }

    fn line(&self, build: &Build, builder: &str) -> String {
        let Build { number, builderid, complete, results, state_string } = build;
        let state = match results.and_then(|result| RESULTS.get(usize::try_from(result).ok()?)) {
            Some(result) if *complete => *result,
            _ => state_string,
        };
        let mut page = self.url.clone();
        let path = page.path().trim_end_matches("/api/v2").to_owned();
        page.set_path(&format!("{path}/"));
        page.set_fragment(Some(&format!("/builders/{builderid}/builds/{number}")));
        format!("build {number} of builder `{builder}`: {state} ({page})")
    }

    async fn name_of(&self, client: &Client, builderid: i64) -> Result<String, String> {
        let Builders { builders } = self.get(client, self.at(&format!("builders/{builderid}"))).await?;
        Ok(builders.into_iter().next().map_or_else(|| builderid.to_string(), |builder| builder.name))
    }

    /// Why a change has no builds: a scheduler that took it made a set of builds, before any of them begins.
    async fn without_builds(&self, client: &Client, found: &Found) -> Result<String, String> {
        let mut url = self.at(&format!("changes/{}", found.changeid));
        url.query_pairs_mut().append_pair("field", "sourcestamp");
        let ChangeStamps { changes } = self.get(client, url).await?;
        let stamps: Vec<i64> = changes.iter().map(|change| change.sourcestamp.ssid).collect();
        let mut url = self.at("buildsets");
        url.query_pairs_mut().append_pair("order", "-bsid").append_pair("limit", &MAX_BUILDSETS.to_string());
        let Buildsets { buildsets } = self.get(client, url).await?;
        let ours = |set: &&Buildset| set.sourcestamps.iter().any(|stamp| stamps.contains(&stamp.ssid));
        Ok(match buildsets.iter().find(ours) {
            Some(set) => format!("its builds have not begun yet ({})", set.reason),
            None if buildsets.len() < MAX_BUILDSETS => {
                "no scheduler took it, or one still waits for the tree to be stable".to_owned()
            }
            None => "it has no builds; whether a scheduler took it is too long ago to tell".to_owned(),
        })
    }

    fn at(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{path}", self.url.path().trim_end_matches('/')));
        url
    }

    async fn get<T: DeserializeOwned>(&self, client: &Client, url: Url) -> Result<T, String> {
        let mut tries = 1;
        let answer = loop {
            let answer = self.ask(client, url.clone()).await.map_err(|attempt| attempt.answer)?;
            match &answer.cut {
                Some(Cut::Stalled | Cut::BrokeOff(_)) if tries < MAX_TRIES => tries += 1,
                _ => break answer,
            }
        };
        let remedy = match answer.status.as_u16() {
            401 | 403 => " (see `api_user` and `api_password`)",
            404 => " (see `api_url`)",
            _ => "",
        };
        if !answer.status.is_success() {
            return Err(format!("the REST API answered {}{remedy}", answer.shown()));
        }
        if let Some(cut) = answer.cut {
            return Err(format!("the REST API: {cut}"));
        }
        serde_json::from_str(&answer.body).map_err(|error| {
            if answer.is_html() {
                format!("not the REST API of a master: {} (see `api_url`)", answer.shown())
            } else {
                format!("an answer of the REST API is not as expected: {error}")
            }
        })
    }

    async fn ask(&self, client: &Client, url: Url) -> Result<Answer, Attempt> {
        let mut request = client.get(url).header(ACCEPT, "application/json");
        let mut hidden = &[][..];
        if let Some(credentials) = &self.credentials {
            request = credentials.authorize(request);
            hidden = credentials.hidden();
        }
        client.send(request, MAX_ANSWER_BYTES, hidden).await
    }
}
