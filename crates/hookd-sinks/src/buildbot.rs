//! The sink `buildbot`: changes go to the `base` dialect of a Buildbot master, as its `post_build_request.py` sends them.
//!
//! Each change carries the property `hookd_id`, by which the master's REST API tells later whether it has the change.

mod api;
mod form;

use futures_util::future::BoxFuture;
use hookd_core::{Problem, Secret};
use hookd_store::LoggedChange;
use url::Url;

use self::api::Api;
use crate::http::options::{credentials, http_options};
use crate::http::{Answer, Client, Credentials, HttpUrl, UrlOrFalse, verdict};
use crate::{Attempt, Known, Sink, SinkContext, SinkOptions, SinkType};

/// The largest answer of the hook that is read; the real one is a line.
const MAX_ANSWER_BYTES: usize = 16 << 10;

http_options! {
    /// The options of the sink `buildbot`.
    pub(crate) struct Options {
        /// The URL of a master's `base` dialect, such as `http://master:8010/change_hook/base`. The master must have
        /// `base` in its `change_hook_dialects`.
        url: HttpUrl,

        /// The URL of the master's REST API, which is asked whether a change has arrived when it did not answer, and what
        /// it built: `url` with `/api/v2` for `/change_hook/…` by default. With `false` it is not asked, and a change whose
        /// delivery was not answered is sent again: it may then be built twice.
        api_url: Option<UrlOrFalse>,

        /// The user for the REST API. By default its credentials are those of the hook, if it is on the same host.
        api_user: Option<String>,

        /// The password for the REST API; needs `api_user`.
        api_password: Option<Secret>,
    }
}

/// A Buildbot master.
struct Buildbot {
    url: HttpUrl,
    client: Client,
    credentials: Option<Credentials>,
    hidden: Vec<String>,
    api: Option<Api>,
    warnings: Vec<String>,
}

impl SinkOptions for Options {
    fn build(self, context: &SinkContext<'_>) -> Result<Box<dyn Sink>, Vec<Problem>> {
        let mut problems = Vec::new();
        let http = self.http();
        let mut warnings = http.warnings(&self.url);
        let hook_credentials = http.credentials(context).unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let own =
            credentials(["api_user", "api_password"], self.api_user.as_deref(), self.api_password.as_ref(), context);
        let own = own.unwrap_or_else(|problem| {
            problems.push(problem);
            None
        });
        let api_url = match &self.api_url {
            Some(UrlOrFalse::Url(url)) => Some(url.clone()),
            Some(UrlOrFalse::False) => None,
            None => {
                let derived = api_of(&self.url.0).map(HttpUrl);
                if derived.is_none() {
                    warnings.push(
                        "`url` has no `/change_hook/` from which `api_url` could be derived: without it a change may be \
                         built twice after an attempt without an answer"
                            .to_owned(),
                    );
                }
                derived
            }
        };
        let mut urls = vec![("url", &self.url)];
        urls.extend(api_url.as_ref().map(|url| ("api_url", url)));
        let client = match http.client(&urls, context) {
            Ok(client) if problems.is_empty() => client,
            Ok(_) => return Err(problems),
            Err(more) => {
                problems.extend(more);
                return Err(problems);
            }
        };
        let is_same_host = |url: &Url| url.origin() == self.url.0.origin();
        let api = api_url.map(|HttpUrl(url)| {
            let credentials = own.or_else(|| hook_credentials.clone().filter(|_| is_same_host(&url)));
            Api::new(url, credentials)
        });
        let mut hidden = self.url.hidden();
        hidden.extend(hook_credentials.iter().flat_map(Credentials::hidden).cloned());
        let url = self.url.clone();
        Ok(Box::new(Buildbot { url, client, credentials: hook_credentials, hidden, api, warnings }))
    }
}

/// The REST API of the master whose hook this is.
fn api_of(hook: &Url) -> Option<Url> {
    let (prefix, _) = hook.path().split_once("/change_hook")?;
    let path = format!("{prefix}/api/v2");
    let mut url = hook.clone();
    url.set_path(&path);
    url.set_query(None);
    Some(url)
}

impl Buildbot {
    async fn post(&self, change: &LoggedChange) -> Attempt {
        let form = match form::encode(change) {
            Ok(form) => form,
            Err(refusal) => return Attempt::refused(refusal),
        };
        let mut request = self.client.post(&self.url.0, "application/x-www-form-urlencoded", form.into_bytes());
        if let Some(credentials) = &self.credentials {
            request = credentials.authorize(request);
        }
        match self.client.send(request, MAX_ANSWER_BYTES, &self.hidden).await {
            Ok(answer) => attempt(&answer),
            Err(attempt) => attempt,
        }
    }
}

/// What an answer of the hook means, see Buildbot's `www/change_hook.py`.
///
/// Success is 200 (it writes before it sets the 202 that it means) with a body that counts the changes. Any `ValueError`
/// is a 400 with its message, be it about the change or about the master's configuration. Everything else is a 500.
fn attempt(answer: &Answer) -> Attempt {
    let shown = answer.shown();
    let body = answer.body.trim();
    if answer.status.is_success() {
        let count = body.strip_suffix(" change found").and_then(|count| count.parse::<u64>().ok());
        return match (count, &answer.cut) {
            (Some(1..), _) => Attempt::delivered(shown),
            // It began to answer, so it took the change or is about to.
            (_, Some(cut)) if !answer.is_html() => Attempt::unanswered(format!("{}: {cut}", answer.status)),
            _ => Attempt::misconfigured(format!(
                "{shown}: a master answers `1 change found`; is `url` the `base` dialect of one?"
            )),
        };
    }
    if answer.status == 400 {
        if body.starts_with("The dialect specified") || body.starts_with("URI doesn't match change_hook regex") {
            return Attempt::misconfigured(format!(
                "{shown} (the master needs `base` in `change_hook_dialects` of its `master.cfg`, and `url` must end in \
                 `/change_hook/base`)"
            ));
        }
        // A master answers with plain messages: this comes from what stands before it.
        if answer.is_html() {
            return Attempt { verdict: crate::Verdict::ThisSink, ..verdict(answer) };
        }
    }
    verdict(answer)
}

impl Sink for Buildbot {
    fn deliver<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Attempt> {
        Box::pin(self.post(change))
    }

    fn can_tell(&self) -> bool {
        self.api.is_some()
    }

    fn has<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Known> {
        Box::pin(async {
            let Some(api) = &self.api else { return Known::CannotTell };
            match api.find(&self.client, change).await {
                Ok(Some(found)) => Known::Yes(format!("change {}", found.changeid)),
                Ok(None) => Known::No,
                Err(why) => Known::NoAnswer(why),
            }
        })
    }

    fn is_healthy(&self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            match &self.api {
                Some(api) => api.is_healthy(&self.client).await,
                None => false,
            }
        })
    }

    fn can_be_asked(&self) -> bool {
        self.api.is_some()
    }

    fn destination(&self) -> String {
        self.url.shown()
    }

    fn follow<'a>(&'a self, change: &'a LoggedChange) -> BoxFuture<'a, Result<Vec<String>, String>> {
        Box::pin(async {
            match &self.api {
                Some(api) => api.follow(&self.client, change).await,
                None => Ok(Vec::new()),
            }
        })
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}

inventory::submit! {
    SinkType::new::<Options>("buildbot", "A Buildbot master, through its `base` change hook.")
}

#[cfg(test)]
mod tests {
    use reqwest::StatusCode;

    use super::*;
    use crate::Verdict;
    use crate::http::Cut;

    fn verdict_on(status: u16, body: &str) -> Verdict {
        let status = StatusCode::from_u16(status).unwrap();
        attempt(&Answer { status, headers: Default::default(), body: body.to_owned(), cut: None }).verdict
    }

    #[test]
    fn knows_the_answers_of_a_master_from_those_of_others() {
        let cases = [
            (200, "1 change found", Verdict::Delivered),
            (202, "1 change found\n", Verdict::Delivered),
            (200, "no change found", Verdict::ThisSink),
            (200, "0 change found", Verdict::ThisSink),
            (200, "<html><title>Log in</title>", Verdict::ThisSink),
            (200, "", Verdict::ThisSink),
            (400, "The dialect specified, 'base', wasn't whitelisted in change_hook", Verdict::ThisSink),
            (400, "The dialect specified, 'x', is not registered as a buildbot.webhook plugin", Verdict::ThisSink),
            (400, "<html><head><title>400 Bad Request</title>", Verdict::ThisSink),
            (400, "could not convert string to float: 'x'", Verdict::ThisChange),
            (413, "<html><head><title>413 Request Entity Too Large</title>", Verdict::ThisChange),
            (401, "Unauthorized", Verdict::ThisSink),
            (500, "Error processing changes.", Verdict::Later { after: None, blames_change: true }),
            (502, "<html>", Verdict::Later { after: None, blames_change: false }),
        ];
        for (status, body, expected) in cases {
            assert_eq!(verdict_on(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn an_answer_of_success_that_breaks_off_is_none() {
        let cut = Some(Cut::Stalled);
        let answer = Answer { status: StatusCode::OK, headers: Default::default(), body: String::new(), cut };
        let attempt = attempt(&answer);
        assert!(attempt.may_have_arrived && matches!(attempt.verdict, Verdict::Later { .. }), "{attempt:?}");
    }

    #[test]
    fn derives_the_api_from_the_hook() {
        let api = |hook: &str| api_of(&hook.parse().unwrap()).map(String::from);
        assert_eq!(api("http://master:8010/change_hook/base").as_deref(), Some("http://master:8010/api/v2"));
        assert_eq!(
            api("https://ci.example.org/bb/change_hook/base?x=1").as_deref(),
            Some("https://ci.example.org/bb/api/v2")
        );
        assert_eq!(api("http://master:8010/change_hook").as_deref(), Some("http://master:8010/api/v2"));
        assert_eq!(api("http://master:8010/hook"), None);
    }
}
