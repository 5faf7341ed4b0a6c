//! A JSON payload as a dialect reads it: by path, with errors that name the path.
//!
//! A [`View`] is a place in a payload. Reading from it gives either what was asked for or a [`Refusal`] such as
//! `` `commits[3].author.name` is missing ``. How strictly some fields are read is a mode of the view, set once with
//! [`View::reading`]; the readers that it decides over are in `view/mode.rs`.

mod mode;
mod place;

use std::borrow::Cow;
use std::fmt;

use bumpalo::Bump;
use serde_json::Number;

use self::place::{Place, Step};
use crate::left_out::LeftOut;
use crate::{Change, ChangeList, Compat, GitRef, Json, Refusal, parse_date, python};

/// A place in a payload.
///
/// Paths are keys joined by dots: `pull_request.base.ref`. They may be computed.
///
/// Readers differ in what they forgive. `text` takes a text and nothing else; `optional_text` also null and absence;
/// `nullable_text` null, but not absence; `nonempty_text` takes an empty text for an absent one. The other kinds of
/// values are named the same way. A list that is null is an empty one, except to Buildbot.
///
/// These are for what identifies. What only describes is read with `maybe` and the like, which leave out what is not as
/// it should be: see [`HookRequest::left_out`](crate::HookRequest::left_out).
#[derive(Clone, Copy)]
pub struct View<'p> {
    json: &'p Json<'p>,
    place: Place<'p>,
    arena: &'p Bump,
    compat: Compat,
    /// The length of the JSON that all of this is a part of.
    source_bytes: usize,
    /// Where to note what is left out; `None` where nobody asks.
    left_out: Option<&'p LeftOut>,
}

impl<'p> View<'p> {
    /// Parses JSON into `arena`.
    pub(crate) fn parse(text: &'p [u8], arena: &'p Bump) -> Result<Self, Refusal> {
        let json = Json::parse(text, arena)?;
        Ok(Self { json, place: Place::default(), arena, compat: Compat::Off, source_bytes: text.len(), left_out: None })
    }

    /// Parses JSON that is no part of a request, such as an answer of an API, and reads from it. Requests have
    /// [`HookRequest::json`](crate::HookRequest::json).
    ///
    /// # Errors
    /// When the JSON is broken, and those of `read`.
    pub fn read<T>(text: &[u8], read: impl FnOnce(View<'_>) -> Result<T, Refusal>) -> Result<T, Refusal> {
        read(View::parse(text, &Bump::with_capacity(text.len()))?)
    }

    /// The same place, with what is left out noted here.
    pub(crate) fn noting(self, left_out: &'p LeftOut) -> Self {
        Self { left_out: Some(left_out), ..self }
    }

    /// The value at this place.
    pub fn json(&self) -> &'p Json<'p> {
        self.json
    }

    /// A list for the changes of this payload, which keeps them within the limit of a delivery.
    pub fn change_list(&self) -> ChangeList {
        ChangeList::within(self.source_bytes)
    }

    /// Changes of this payload, within the limit of a delivery.
    ///
    /// # Errors
    /// Those of making them, and as [`ChangeList::push`].
    pub fn collect_changes(
        &self,
        changes: impl IntoIterator<Item = Result<Change, Refusal>>,
    ) -> Result<Vec<Change>, Refusal> {
        let mut list = self.change_list();
        list.extend(changes)?;
        Ok(list.into_vec())
    }

    /// What is at `path`, null included; `None` where there is nothing, or something on the way is not an object.
    pub fn get(&self, path: &str) -> Option<&'p Json<'p>> {
        path.split('.').try_fold(self.json, |json, key| json.get(key))
    }

    /// What is at `path`; `None` where that is null or nothing.
    fn optional(&self, path: &str) -> Option<&'p Json<'p>> {
        self.get(path).filter(|json| **json != Json::Null)
    }

    /// What is at `path`, null included.
    ///
    /// # Errors
    /// A refusal that names the first key on the way that is missing or is not an object.
    pub fn need(&self, path: &str) -> Result<&'p Json<'p>, Refusal> {
        let mut json = self.json;
        let mut walked = 0;
        for key in path.split('.') {
            if !matches!(json, Json::Object(_)) {
                return Err(self.unexpected(&path[..walked], json, "an object"));
            }
            walked += key.len() + usize::from(walked > 0);
            json = json.get(key).ok_or_else(|| Refusal::new(format!("{} is missing", self.named(&path[..walked]))))?;
        }
        Ok(json)
    }

    /// The place at `path`, which must be there; it may be null.
    ///
    /// # Errors
    /// As [`View::need`].
    pub fn at(&self, path: &str) -> Result<View<'p>, Refusal> {
        Ok(View { json: self.need(path)?, place: self.place_of(path), ..*self })
    }

    /// The object at `path`; `None` where that is null or not there.
    ///
    /// # Errors
    /// When it is something else.
    pub fn optional_object(&self, path: &str) -> Result<Option<View<'p>>, Refusal> {
        match self.optional(path) {
            None => Ok(None),
            Some(Json::Object(_)) => self.at(path).map(Some),
            Some(other) => Err(self.unexpected(path, other, "an object")),
        }
    }

    /// The text at `path`.
    ///
    /// # Errors
    /// As [`View::need`], and when it is not a text.
    pub fn text(&self, path: &str) -> Result<&'p str, Refusal> {
        self.text_in(path, self.need(path)?)
    }

    /// The text at `path`; `None` where that is null or not there.
    ///
    /// # Errors
    /// When it is something else than a text.
    pub fn optional_text(&self, path: &str) -> Result<Option<&'p str>, Refusal> {
        self.optional(path).map(|json| self.text_in(path, json)).transpose()
    }

    /// The text at `path`, which must be there; `None` where it is null.
    ///
    /// # Errors
    /// As [`View::need`], and when it is neither a text nor null.
    pub fn nullable_text(&self, path: &str) -> Result<Option<&'p str>, Refusal> {
        match self.need(path)? {
            Json::Null => Ok(None),
            json => self.text_in(path, json).map(Some),
        }
    }

    /// The text at `path`; `None` where that is empty, null or not there.
    ///
    /// # Errors
    /// As [`View::optional_text`].
    pub fn nonempty_text(&self, path: &str) -> Result<Option<&'p str>, Refusal> {
        Ok(self.optional_text(path)?.filter(|text| !text.is_empty()))
    }

    /// The first of the texts at `paths` that is there and not empty.
    ///
    /// # Errors
    /// As [`View::optional_text`], for those up to it.
    pub fn first_text(&self, paths: &[&str]) -> Result<Option<&'p str>, Refusal> {
        for path in paths {
            if let Some(text) = self.nonempty_text(path)? {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// What Python's `str()` makes of the value at `path`: for texts that Buildbot formats, whatever was sent.
    ///
    /// # Errors
    /// As [`View::need`].
    pub fn python_str(&self, path: &str) -> Result<Cow<'p, str>, Refusal> {
        Ok(python::str(self.need(path)?))
    }

    /// What Python's `int()` makes of the value at `path`, as text: integers, texts of digits, numbers without their
    /// fraction, and true for 1. Underscores between digits, digits beyond ASCII and numbers beyond 64 bits are refused.
    ///
    /// # Errors
    /// As [`View::need`], and when it is nothing of that.
    pub fn python_int(&self, path: &str) -> Result<String, Refusal> {
        let json = self.need(path)?;
        python::int(json).ok_or_else(|| self.unexpected(path, json, "an integer"))
    }

    /// The integer at `path`.
    ///
    /// # Errors
    /// As [`View::need`], and when it is no integer of 64 bits.
    pub fn integer(&self, path: &str) -> Result<i64, Refusal> {
        let json = self.need(path)?;
        number_in(json).and_then(Number::as_i64).ok_or_else(|| self.unexpected(path, json, "an integer"))
    }

    /// The integer at `path`; `None` where that is null or not there.
    ///
    /// # Errors
    /// When it is something else.
    pub fn optional_integer(&self, path: &str) -> Result<Option<i64>, Refusal> {
        self.optional(path).map(|_| self.integer(path)).transpose()
    }

    /// The integer at `path`, which is not negative: a number of things, or the number of one.
    ///
    /// # Errors
    /// As [`View::need`], and when it is no such integer.
    pub fn count(&self, path: &str) -> Result<u64, Refusal> {
        let json = self.need(path)?;
        let count = number_in(json).and_then(Number::as_u64);
        count.ok_or_else(|| self.unexpected(path, json, "an integer that is not negative"))
    }

    /// The boolean at `path`.
    ///
    /// # Errors
    /// As [`View::need`], and when it is something else.
    pub fn boolean(&self, path: &str) -> Result<bool, Refusal> {
        match self.need(path)? {
            Json::Bool(value) => Ok(*value),
            other => Err(self.unexpected(path, other, "a boolean")),
        }
    }

    /// The boolean at `path`; `None` where that is null or not there.
    ///
    /// # Errors
    /// When it is something else.
    pub fn optional_boolean(&self, path: &str) -> Result<Option<bool>, Refusal> {
        self.optional(path).map(|_| self.boolean(path)).transpose()
    }

    /// Whether `path` is there and true to Python: not null, false, zero or empty.
    pub fn is_truthy(&self, path: &str) -> bool {
        self.get(path).is_some_and(Json::is_truthy)
    }

    /// The date at `path`, a text as [`parse_date`] takes it, in seconds since 1970.
    ///
    /// # Errors
    /// As [`View::text`], and when it is not a date.
    pub fn date(&self, path: &str) -> Result<i64, Refusal> {
        self.date_in(path, self.text(path)?)
    }

    /// The date at `path`; `None` where that is null or not there.
    ///
    /// # Errors
    /// When it is something else.
    pub fn optional_date(&self, path: &str) -> Result<Option<i64>, Refusal> {
        self.optional_text(path)?.map(|text| self.date_in(path, text)).transpose()
    }

    /// The branch or tag that the full ref at `path` names, such as `refs/heads/main`; `None` for other refs.
    ///
    /// # Errors
    /// As [`View::text`].
    pub fn git_ref(&self, path: &str) -> Result<Option<GitRef<'p>>, Refusal> {
        Ok(GitRef::parse(self.text(path)?))
    }

    /// The items of the list at `path`.
    ///
    /// # Errors
    /// As [`View::need`], and when it is not a list.
    pub fn list(&self, path: &str) -> Result<Vec<View<'p>>, Refusal> {
        self.at(path)?.items()
    }

    /// The items of the list at `path`; none where that is null or not there.
    ///
    /// # Errors
    /// When it is something else.
    pub fn list_or_empty(&self, path: &str) -> Result<Vec<View<'p>>, Refusal> {
        if self.optional(path).is_some() { self.list(path) } else { Ok(Vec::new()) }
    }

    /// The items of the list at this place; none where it is null, except to Buildbot.
    ///
    /// # Errors
    /// When it is not a list.
    pub fn items(&self) -> Result<Vec<View<'p>>, Refusal> {
        let items = match self.json {
            Json::List(items) => *items,
            Json::Null if self.compat == Compat::Off => &[],
            other => return Err(self.unexpected("", other, "a list")),
        };
        let list = if self.place.is_item() { self.place_of("") } else { self.place };
        let item = |(index, json)| View { json, place: list.item(index), ..*self };
        Ok(items.iter().enumerate().map(item).collect())
    }

    /// A refusal that says that what is at `path` is not what was expected.
    pub fn unexpected(&self, path: &str, found: &Json<'_>, expected: &str) -> Refusal {
        Refusal::new(format!("{} is {}, expected {expected}", self.named(path), found.kind()))
    }

    fn text_in(&self, path: &str, json: &'p Json<'p>) -> Result<&'p str, Refusal> {
        match json {
            Json::Text(text) => Ok(text),
            other => Err(self.unexpected(path, other, "a text")),
        }
    }

    fn date_in(&self, path: &str, text: &str) -> Result<i64, Refusal> {
        parse_date(text).map_err(|refusal| Refusal::new(format!("{}: {refusal}", self.named(path))))
    }

    /// The name of `path` under this place, for messages.
    fn named(&self, path: &str) -> String {
        match (self.place.is_root(), path) {
            (true, "") => "the payload".to_owned(),
            (true, path) => format!("`{path}`"),
            (false, "") => format!("`{}`", self.place),
            (false, path) => format!("`{}.{path}`", self.place),
        }
    }

    fn place_of(&self, path: &str) -> Place<'p> {
        Place::at(self.arena.alloc(Step { parent: self.place, path: self.arena.alloc_str(path) }))
    }
}

fn number_in<'j>(json: &'j Json<'_>) -> Option<&'j Number> {
    if let Json::Number(number) = json { Some(number) } else { None }
}

impl fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("place", &self.named("")).field("json", self.json).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Bump, View};
    use crate::Refusal;

    const PAYLOAD: &[u8] = br#"{
        "a": {"b": "text", "n": null, "x": 5, "e": "", "t": true}, "l": [{"k": "v"}, {}], "a2": 1, "a2": 2,
        "when": "2015-05-05T23:40:15Z", "ref": "refs/tags/v1", "mixed": ["x", 5], "negative": -1
    }"#;

    fn message<T: std::fmt::Debug>(read: Result<T, Refusal>) -> String {
        read.unwrap_err().message().to_owned()
    }

    #[test]
    fn errors_name_the_path() {
        let arena = Bump::new();
        let root = View::parse(PAYLOAD, &arena).unwrap();
        assert_eq!(root.text("a.b").unwrap(), "text");
        assert_eq!(message(root.text("a.c")), "`a.c` is missing");
        assert_eq!(message(root.text("a.n")), "`a.n` is null, expected a text");
        assert_eq!(message(root.text("a.b.c")), "`a.b` is a text, expected an object");
        let items = root.list(&["l"].join(".")).unwrap();
        assert_eq!(items[0].text("k").unwrap(), "v");
        assert_eq!(message(items[1].text("k")), "`l[1].k` is missing");
        assert_eq!(message(root.at("a").unwrap().text("y")), "`a.y` is missing");
        assert_eq!(message(root.at("a.b").unwrap().text("y")), "`a.b` is a text, expected an object");
        assert_eq!(
            message(View::read(b"[]", |list| list.need("a").map(|_| ()))),
            "the payload is a list, expected an object"
        );
        assert_eq!(message(View::read(b"[{}]", |list| list.items()?[0].need("a").map(|_| ()))), "`[0].a` is missing");
        assert_eq!(
            message(View::read(b"{}", |root| root.items().map(|_| ()))),
            "the payload is an object, expected a list"
        );
        let inner = |list: View<'_>| list.items()?[0].items()?[1].text("a").map(str::to_owned);
        assert_eq!(message(View::read(b"[[0, {}]]", inner)), "`[0][1].a` is missing");
        assert!(message(View::read(b"{", |_| Ok(()))).starts_with("broken JSON: "));
    }

    #[test]
    fn readers_forgive_what_their_names_say() {
        let arena = Bump::new();
        let root = View::parse(PAYLOAD, &arena).unwrap();
        assert_eq!(root.nullable_text("a.n").unwrap(), None);
        assert_eq!(message(root.nullable_text("a.c")), "`a.c` is missing");
        assert_eq!(root.optional_text("nowhere").unwrap(), None);
        assert_eq!(message(root.optional_text("a.x")), "`a.x` is a number, expected a text");
        assert_eq!(root.nonempty_text("a.e").unwrap(), None);
        assert_eq!(root.first_text(&["a.e", "a.n", "a.b", "a.x"]).unwrap(), Some("text"));
        assert_eq!(root.optional_object("a.n").unwrap().map(|_| ()), None);
        assert_eq!(message(root.optional_object("a.x")), "`a.x` is a number, expected an object");
        assert_eq!(root.list_or_empty("a.n").unwrap().len(), 0);
        assert_eq!(message(root.list_or_empty("a.x")), "`a.x` is a number, expected a list");
        assert_eq!(root.list("a.n").unwrap().len(), 0);
        assert_eq!(message(root.list("a.c")), "`a.c` is missing");
    }

    #[test]
    fn values_are_of_the_kind_that_was_asked_for() {
        let arena = Bump::new();
        let root = View::parse(PAYLOAD, &arena).unwrap();
        assert_eq!(root.integer("negative").unwrap(), -1);
        assert_eq!(message(root.integer("a.b")), "`a.b` is a text, expected an integer");
        assert_eq!(root.optional_integer("a.n").unwrap(), None);
        assert_eq!(root.count("a.x").unwrap(), 5);
        assert_eq!(message(root.count("negative")), "`negative` is a number, expected an integer that is not negative");
        assert!(root.boolean("a.t").unwrap());
        assert_eq!(root.optional_boolean("a.n").unwrap(), None);
        assert_eq!(message(root.boolean("a.x")), "`a.x` is a number, expected a boolean");
        assert_eq!(root.date("when").unwrap(), 1_430_869_215);
        assert_eq!(root.optional_date("a.n").unwrap(), None);
        assert!(message(root.date("a.b")).starts_with("`a.b`: `text` is not a date"));
        assert_eq!(root.git_ref("ref").unwrap().unwrap().name, "v1");
        assert_eq!(root.git_ref("a.b").unwrap(), None);
    }

    #[test]
    fn the_last_of_duplicate_keys_counts() {
        assert_eq!(View::read(PAYLOAD, |root| Ok(root.python_str("a2")?.into_owned())).unwrap(), "2");
    }
}
