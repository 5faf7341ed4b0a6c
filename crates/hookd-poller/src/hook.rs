//! From names of pollers to polls.

use std::sync::Arc;

use hookd_core::{Hook, HookRequest, Method, Outcome, Pollers, Refusal};

/// The dialect at work.
pub struct PollerHook {
    pollers: Arc<dyn Pollers>,
    allowed: Option<Vec<String>>,
}

impl PollerHook {
    /// A hook that triggers these pollers, or only those of them that are allowed.
    pub fn new(pollers: Arc<dyn Pollers>, allowed: Option<Vec<String>>) -> Self {
        Self { pollers, allowed }
    }

    fn is_allowed(&self, name: &str) -> bool {
        self.allowed.as_ref().is_none_or(|allowed| allowed.iter().any(|one| one == name))
    }
}

impl Hook for PollerHook {
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        let reachable: Vec<String> = self.pollers.names().into_iter().filter(|name| self.is_allowed(name)).collect();
        let asked = request.arguments()?.all("poller")?;
        let chosen = if asked.is_empty() {
            reachable
        } else {
            let mut missing: Vec<&str> =
                asked.iter().copied().filter(|name| !reachable.iter().any(|one| one == name)).collect();
            missing.sort_unstable();
            missing.dedup();
            if !missing.is_empty() {
                return Err(Refusal::new(format!("Could not find pollers: {}", missing.join(","))));
            }
            reachable.into_iter().filter(|name| asked.contains(&name.as_str())).collect()
        };
        chosen.iter().for_each(|name| self.pollers.poll(name));
        Ok(if chosen.is_empty() {
            Outcome::ignored("there is no poller to trigger")
        } else {
            Outcome::ignored(format!("triggered {}", chosen.join(", ")))
        })
    }

    fn headers(&self) -> &'static [&'static str] {
        &["Content-Type"]
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::Get, Method::Post]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    #[derive(Default)]
    struct Triggered(Mutex<Vec<String>>);

    impl Pollers for Triggered {
        fn names(&self) -> Vec<String> {
            vec!["git".into(), "hg".into(), "svn".into()]
        }

        fn poll(&self, name: &str) {
            self.0.lock().unwrap().push(name.to_owned());
        }
    }

    fn triggered(allowed: Option<&[&str]>, query: &str) -> Result<Vec<String>, String> {
        let pollers = Arc::new(Triggered::default());
        let allowed = allowed.map(|names| names.iter().map(ToString::to_string).collect());
        let hook = PollerHook::new(Arc::clone(&pollers) as Arc<dyn Pollers>, allowed);
        let outcome = hook.translate(&HookRequest::post("/").with_query(query));
        let names = pollers.0.lock().unwrap().clone();
        match outcome {
            Ok(_) => Ok(names),
            Err(refusal) => {
                assert!(names.is_empty(), "a refused request polls nothing");
                Err(refusal.message().to_owned())
            }
        }
    }

    #[test]
    fn polls_those_that_are_named_or_all() {
        assert_eq!(triggered(None, "").unwrap(), ["git", "hg", "svn"]);
        assert_eq!(triggered(None, "poller=svn&poller=git&poller=git").unwrap(), ["git", "svn"]);
    }

    #[test]
    fn allowed_hides_the_others() {
        assert_eq!(triggered(Some(&["svn", "gone"]), "").unwrap(), ["svn"]);
        assert_eq!(triggered(Some(&[]), "").unwrap(), [""; 0]);
        assert_eq!(triggered(Some(&["svn"]), "poller=svn").unwrap(), ["svn"]);
        assert_eq!(triggered(Some(&["svn"]), "poller=svn&poller=git").unwrap_err(), "Could not find pollers: git");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_poll_what_is_not_allowed(
            query in "(poller=(git|hg|svn|.{0,5})?[&;]?){0,4}.{0,20}",
            kind in 0..4_usize,
            body in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let kinds = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "\u{ff}"];
            let pollers = Arc::new(Triggered::default());
            let hook = PollerHook::new(Arc::clone(&pollers) as Arc<dyn Pollers>, Some(vec!["svn".to_owned()]));
            let request = HookRequest::post("/").with_query(query).with_header("Content-Type", kinds[kind]).with_body(body);
            let _ = hook.translate(&request);
            prop_assert!(pollers.0.lock().unwrap().iter().all(|name| name == "svn"));
        }
    }

    #[test]
    fn names_those_that_are_missing() {
        assert_eq!(
            triggered(None, "poller=y&poller=x&poller=svn&poller=y").unwrap_err(),
            "Could not find pollers: x,y"
        );
        assert_eq!(triggered(None, "poller=").unwrap_err(), "Could not find pollers: ");
        assert_eq!(triggered(None, "poller=%ff").unwrap_err(), "argument `poller` is not UTF-8");
    }
}
