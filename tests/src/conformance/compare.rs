//! The differences between the two sides.

use std::fmt;

use hookd_core::Change;
use serde_json::Value;

use super::Case;
use super::drive::Seen;

/// Messages that hookd has in common with Buildbot, word for word. Not those on the form of a signature: Buildbot repeats
/// the header, which may hold the secret itself.
const MESSAGES: [&str; 5] = [
    "The dialect specified, ",
    "Hash mismatch",
    "Request has no required signature",
    "Invalid secret",
    "Could not find pollers: ",
];

/// How far a time taken from a side's clock may be from the moment of sending, in seconds.
const CLOCK: i64 = 60;

/// A case, and its results on both sides.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The case.
    pub case: &'a Case,
    /// Buildbot's side.
    pub buildbot: &'a Seen,
    /// hookd's side.
    pub hookd: &'a Seen,
}

/// One difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    /// One side accepted what the other did not, or the answers differ.
    Answer,
    /// Both refused, but hookd's message differs from one that it should share.
    Message,
    /// Both accepted it, but found different numbers of changes.
    Count,
    /// A field of a change.
    Field {
        /// Which of the changes.
        change: usize,
        /// Which of its fields.
        field: &'static str,
    },
}

/// A message with the names in its list sorted: Buildbot takes those of pollers from a set, in any order.
fn sorted(message: &str) -> String {
    match message.trim().split_once("Could not find pollers: ") {
        Some((before, list)) => {
            let mut names: Vec<&str> = list.split(',').collect();
            names.sort_unstable();
            format!("{before}Could not find pollers: {}", names.join(","))
        }
        None => message.trim().to_owned(),
    }
}

impl Pair<'_> {
    /// All differences; empty if there are none.
    pub fn differences(&self) -> Vec<Difference> {
        let (buildbot, hookd) = (self.buildbot, self.hookd);
        if buildbot.is_success() != hookd.is_success() {
            return vec![Difference::Answer];
        }
        if !buildbot.is_success() {
            let is_kept = MESSAGES.iter().any(|message| buildbot.text.starts_with(message));
            return match (buildbot.status, hookd.status) {
                (400, 400) if hookd.changes.len() != buildbot.changes.len() => vec![Difference::Count],
                (400, 400) if is_kept && sorted(&hookd.text) != sorted(&buildbot.text) => vec![Difference::Message],
                (400, 400) => Vec::new(),
                _ => vec![Difference::Answer],
            };
        }
        // Buildbot means to answer 202, but sends 200, since it writes the body first.
        if (buildbot.status, hookd.status) != (200, 202) {
            return vec![Difference::Answer];
        }
        if buildbot.changes.len() != hookd.changes.len() || buildbot.text != hookd.text.trim_end() {
            return vec![Difference::Count];
        }
        let mut differences = Vec::new();
        for (change, (theirs, ours)) in buildbot.changes.iter().zip(&hookd.changes).enumerate() {
            let differing =
                Change::fields_of_buildbot().filter(|field| !self.is_same(field, &theirs[*field], &ours[*field]));
            differences.extend(differing.map(|field| Difference::Field { change, field }));
        }
        differences
    }

    /// The value of a field in Buildbot and in hookd.
    pub fn field(&self, change: usize, field: &str) -> (&Value, &Value) {
        (&self.buildbot.changes[change][field], &self.hookd.changes[change][field])
    }

    fn is_same(&self, field: &str, theirs: &Value, ours: &Value) -> bool {
        let is_now = |time: &Value, seen: &Seen| time.as_i64().is_some_and(|time| (time - seen.sent_at).abs() <= CLOCK);
        let both_now = || field == "when_timestamp" && is_now(theirs, self.buildbot) && is_now(ours, self.hookd);
        theirs == ours || both_now()
    }
}

impl fmt::Display for Pair<'_> {
    /// Everything that is needed to investigate a difference.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = &self.case.request;
        writeln!(f, "{}", self.case.name)?;
        writeln!(f, "  {} {}", request.method, request.target)?;
        for (name, value) in &request.headers {
            writeln!(f, "  {name}: {}", String::from_utf8_lossy(value))?;
        }
        let body = String::from_utf8_lossy(&request.body);
        writeln!(f, "  {}", shortened(&body.replace('\n', " "), 400))?;
        for (side, seen) in [("Buildbot", self.buildbot), ("hookd", self.hookd)] {
            writeln!(f, "  {side}: {} {}, {} changes", seen.status, shortened(&seen.text, 200), seen.changes.len())?;
        }
        if !self.hookd.delivery.is_null() {
            writeln!(f, "  hookd: {}: {}", self.hookd.delivery["state"], self.hookd.delivery["reason"])?;
        }
        for difference in self.differences() {
            if let Difference::Field { change, field } = difference {
                let (theirs, ours) = self.field(change, field);
                let (theirs, ours) = (theirs.to_string(), ours.to_string());
                let (theirs, ours) = (shortened(&theirs, 300), shortened(&ours, 300));
                writeln!(f, "  change {change}, {field}: Buildbot {theirs}, hookd {ours}")?;
            }
        }
        Ok(())
    }
}

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most { text.to_owned() } else { text.chars().take(most).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::Request;

    /// The differences between these answers and changes.
    fn differences(theirs: (u16, &str, Value), ours: (u16, &str, Value)) -> Vec<Difference> {
        let seen = |(status, text, changes): (u16, &str, Value)| Seen {
            status,
            text: text.to_owned(),
            changes: changes.as_array().cloned().unwrap_or_default(),
            delivery: Value::Null,
            sent_at: 1000,
        };
        let case = Case::new("a case", Request::post("/change_hook/base"));
        Pair { case: &case, buildbot: &seen(theirs), hookd: &seen(ours) }.differences()
    }

    #[test]
    fn both_sides_may_say_the_same_in_their_own_way() {
        let found = "1 change found";
        let change = |time: i64| json!([{"author": "A", "when_timestamp": time}]);
        assert_eq!(differences((200, found, change(1005)), (202, found, change(1001))), []);
        assert_eq!(differences((200, "no change found", json!([])), (202, "no change found\n", json!([]))), []);
        assert_eq!(differences((400, "some error", json!([])), (400, "another", json!([]))), []);
    }

    #[test]
    fn whatever_else_differs_is_found() {
        let found = "1 change found";
        let change = |author: &str, time: i64| json!([{"author": author, "when_timestamp": time}]);
        let field = |field| vec![Difference::Field { change: 0, field }];
        let theirs = || (200, found, change("A", 1));
        assert_eq!(differences(theirs(), (202, found, change("B", 1))), field("author"));
        assert_eq!(differences(theirs(), (202, found, change("A", 2))), field("when_timestamp"));
        assert_eq!(differences(theirs(), (202, found, change("A", 1000))), field("when_timestamp"));
        assert_eq!(differences(theirs(), (202, "no change found", json!([]))), [Difference::Count]);
        assert_eq!(differences(theirs(), (200, found, change("A", 1))), [Difference::Answer]);
        assert_eq!(differences(theirs(), (400, "wrong", json!([]))), [Difference::Answer]);
        assert_eq!(differences((500, "", json!([])), (400, "wrong", json!([]))), [Difference::Answer]);
        assert_eq!(differences((400, "Hash mismatch", json!([])), (400, "wrong", json!([]))), [Difference::Message]);
        assert_eq!(differences((400, "x", json!([])), (400, "x", change("A", 1))), [Difference::Count]);
    }
}
