//! A store that fails while hookd runs: webhooks are answered with 503 and not stored at all, `/readyz` reports the cause,
//! hookd logs it once, and recovers by itself when the cause is gone.

pub(crate) mod clock;
mod damaged;
pub(crate) mod full_disk;
mod gone;
mod locked;
mod read_only;

use hookd_tests::http::{Answer, Request};
use hookd_tests::{Finished, Home, Hookd, until};
use serde_json::Value;

use crate::push;

/// The configuration of all of these tests.
pub(crate) const TABLES: &str = "[change_hook_dialects]\ngithub = true";

/// How many webhooks are sent while the store fails.
const MEANWHILE: usize = 40;

/// A push whose revision and id are this number, with some padding.
pub(crate) fn numbered(number: usize, padding: usize) -> Request {
    let mut payload = push::payload(&number.to_string());
    // Bytes that look random, since hookd would compress others to nothing.
    let mut random = fastrand::Rng::with_seed(number as u64);
    payload["padding"] = (0..padding).map(|_| random.alphanumeric()).collect::<String>().into();
    push::webhook("push", &payload).header("X-GitHub-Delivery", format!("d{number}"))
}

/// A sender that counts acknowledgements.
pub(crate) struct Sender {
    next: usize,
    acknowledged: Vec<usize>,
    refused: Vec<usize>,
}

impl Sender {
    pub(crate) fn new() -> Self {
        Self { next: 1, acknowledged: Vec::new(), refused: Vec::new() }
    }

    /// Sends the next push.
    pub(crate) fn send(&mut self, hookd: &Hookd, padding: usize) -> Answer {
        let number = self.next;
        self.next += 1;
        let answer = hookd.send(&numbered(number, padding));
        match answer.status {
            202 => self.acknowledged.push(number),
            503 => {
                assert!(answer.header("Retry-After").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
                assert_eq!(answer.text(), "the store is not available: nothing was stored, try again");
                self.refused.push(number);
            }
            _ => panic!("{}", answer.line()),
        }
        answer
    }

    /// Sends until hookd refuses.
    pub(crate) fn send_until_refused(&mut self, hookd: &Hookd, padding: usize) {
        for _ in 0..2000 {
            if self.send(hookd, padding).status == 503 {
                return;
            }
        }
        panic!("2000 were stored, but the store does not fail");
    }

    /// Sends while the store fails: everything is refused, and `/readyz` reports this reason.
    pub(crate) fn send_in_vain(&mut self, hookd: &Hookd, reason: &str) {
        for _ in 0..MEANWHILE {
            assert_eq!(self.send(hookd, 0).status, 503);
        }
        let ready = hookd.admin().get("/readyz");
        assert_eq!(ready.status, 503, "{}", ready.text());
        assert!(ready.text().starts_with("not ready: ") && ready.text().contains(reason), "{}", ready.text());
        assert_eq!(hookd.admin().get("/healthz").status, 200);
        let metrics = hookd.admin().get("/metrics").text();
        assert!(metrics.contains("\nhookd_store_failing 1\n"), "{metrics}");
    }

    /// Sends when the cause is gone: the first webhook is accepted, and so is everything that was refused before.
    pub(crate) fn send_again(&mut self, hookd: &Hookd) {
        assert_eq!(hookd.admin().get("/readyz").line(), "200 ready");
        for number in std::mem::take(&mut self.refused) {
            assert_eq!(hookd.send(&numbered(number, 0)).line(), "202 1 change found");
            self.acknowledged.push(number);
        }
        assert_eq!(self.send(hookd, 0).status, 202);
        assert!(hookd.admin().get("/metrics").text().contains("\nhookd_store_failing 0\n"));
    }

    /// Checks that everything acknowledged is stored, in order and without gaps in the numbers, and nothing else.
    pub(crate) fn check(&self, hookd: &Hookd) {
        let revisions: Vec<String> = self.acknowledged.iter().map(usize::to_string).collect();
        let changes = hookd.admin().changes();
        assert_eq!(texts(&changes, "revision"), revisions);
        let deliveries = hookd.admin().deliveries();
        let ids: Vec<String> = revisions.iter().map(|revision| format!("d{revision}")).collect();
        assert_eq!(texts(&deliveries, "forge_id"), ids);
        for (number, (change, delivery)) in (1..).zip(changes.iter().zip(&deliveries)) {
            assert_eq!((&change["changeid"], &delivery["deliveryid"]), (&Value::from(number), &Value::from(number)));
            assert_eq!(delivery["state"], "accepted");
        }
    }

    /// Checks the same after a crash, and that the store is undamaged.
    pub(crate) fn check_after_crash(&self, hookd: Hookd) {
        self.check(&hookd);
        let hookd = hookd.kill_9().start();
        self.check(&hookd);
        check_store(hookd.home());
    }
}

fn texts(records: &[Value], field: &str) -> Vec<String> {
    records.iter().map(|record| record[field].as_str().unwrap_or_default().to_owned()).collect()
}

/// Checks that there is one log line for the beginning of the outage, with this reason, and one for its end, instead of
/// one per webhook.
pub(crate) fn logged_once(hookd: &Hookd, reason: &str) {
    let log = until("the end of the outage is logged", || {
        Some(hookd.log()).filter(|log| log.iter().any(|line| line.contains("the store works again")))
    });
    let with = |level: &str, text: &str| -> Vec<&String> {
        let level = format!("\"level\":\"{level}\"");
        log.iter().filter(|line| line.contains(&level) && line.contains(text)).collect()
    };
    let [begin] = with("ERROR", "").try_into().unwrap_or_else(|lines| panic!("one line, not {lines:#?}"));
    for part in ["the store fails", "hookd.db", "remedy", reason] {
        assert!(begin.contains(part), "{begin}");
    }
    let [end] =
        with("INFO", "the store works again").try_into().unwrap_or_else(|lines| panic!("one line, not {lines:#?}"));
    assert!(end.contains("hookd.db") && end.contains("refused"), "{end}");
    let others = log.iter().filter(|line| !line.contains("\"message\":\"delivery\"")).count();
    assert!(others < 10, "{others} lines");
}

/// Checks that `hookd store check` finds no problem.
pub(crate) fn check_store(home: &Home) {
    let Finished { code, stdout, stderr } = home.run(&["store", "check"]);
    assert_eq!(code, Some(0), "{stdout}{stderr}");
}
