//! The hook: from the fields to the change.

use hookd_core::{Change, Compat, Hook, HookRequest, Json, Method, Outcome, Refusal};

use crate::fields::{FIELDS, Fields};

/// The dialect at work.
#[derive(Debug, Default)]
pub struct Base {
    pub(crate) compat: Compat,
}

impl Hook for Base {
    fn translate(&self, request: &HookRequest) -> Result<Outcome, Refusal> {
        // Buildbot reads arguments only; a JSON body is hookd's own.
        let fields = match self.compat {
            Compat::Off if request.content_type() == "application/json" => Fields::Json(request.json()?),
            _ => Fields::Arguments(request),
        };
        if let Fields::Json(payload) = &fields
            && !matches!(payload.json(), Json::Object(_))
        {
            return Err(Refusal::new("the JSON body is not an object of fields"));
        }
        if fields.is_empty()? {
            return Err(Refusal::new(format!("no field of a change was sent, expected some of {}", FIELDS.join(", "))));
        }
        change_of(&fields).map(|change| Outcome::Changes(vec![change]))
    }

    fn headers(&self) -> &'static [&'static str] {
        &["Content-Type"]
    }

    fn methods(&self) -> &'static [Method] {
        &[Method::Get, Method::Post]
    }
}

fn change_of(fields: &Fields<'_>) -> Result<Change, Refusal> {
    let author = fields.text("author")?.filter(|author| !author.is_empty());
    let when_timestamp = match fields.seconds("when_timestamp")? {
        Some(seconds) => Some(seconds),
        None => fields.seconds("when")?,
    };
    Ok(Change {
        author: if author.is_some() { author } else { fields.text("who")? }.unwrap_or_default(),
        branch: fields.text("branch")?,
        category: fields.text("category")?,
        codebase: fields.text("codebase")?.unwrap_or_default(),
        comments: fields.text("comments")?.unwrap_or_default(),
        committer: fields.text("committer")?,
        files: fields.files()?,
        project: fields.text("project")?.unwrap_or_default(),
        properties: fields.properties()?,
        repository: fields.text("repository")?.unwrap_or_default(),
        revision: fields.text("revision")?,
        revlink: fields.text("revlink")?,
        src: None,
        when_timestamp,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn change(request: &HookRequest) -> Change {
        match Base::default().translate(request).unwrap() {
            Outcome::Changes(mut changes) => changes.remove(0),
            other => panic!("not a change: {other:?}"),
        }
    }

    fn refusal(request: &HookRequest) -> String {
        Base::default().translate(request).unwrap_err().message().to_owned()
    }

    #[test]
    fn takes_every_field_as_an_argument() {
        let query = "author=a&branch=b&category=c&codebase=d&comments=e+f&committer=g&files=[%22h%22]&project=i\
            &properties={%22j%22:[1]}&repository=k&revision=l&revlink=m&when_timestamp=12.9";
        let expected = Change {
            author: "a".into(),
            branch: Some("b".into()),
            category: Some("c".into()),
            codebase: "d".into(),
            comments: "e f".into(),
            committer: Some("g".into()),
            files: vec!["h".into()],
            project: "i".into(),
            properties: [("j".to_owned(), json!([1]))].into_iter().collect(),
            repository: "k".into(),
            revision: Some("l".into()),
            revlink: Some("m".into()),
            src: None,
            when_timestamp: Some(12),
        };
        assert_eq!(change(&HookRequest::post("/").with_query(query)), expected);
        assert_eq!(change(&HookRequest::post("/").with_method(Method::Get).with_query(query)), expected);
        let body = json!({
            "author": "a", "branch": "b", "category": "c", "codebase": "d", "comments": "e f", "committer": "g",
            "files": ["h"], "project": "i", "properties": {"j": [1]}, "repository": "k", "revision": "l",
            "revlink": "m", "when_timestamp": 12.9,
        });
        let json = HookRequest::post("/")
            .with_header("Content-Type", "application/json; charset=utf-8")
            .with_body(body.to_string());
        assert_eq!(change(&json), expected);
    }

    #[test]
    fn who_and_when_stand_in() {
        let made = change(&HookRequest::post("/").with_query("author=&who=w&when=1.5e3"));
        assert_eq!((made.author.as_str(), made.when_timestamp), ("w", Some(1500)));
    }

    #[test]
    fn refuses_what_is_wrong_by_name() {
        for (query, message) in [
            ("", "no field of a change was sent"),
            ("unknown=1", "no field of a change was sent"),
            ("files=x", "`files`: broken JSON"),
            ("files={}", "`files` is not a JSON list of texts"),
            ("files=[1]", "`files` is not a JSON list of texts"),
            ("properties=[]", "`properties` is not a JSON object"),
            ("when=1_000", "`when` is not a number of seconds"),
            ("when=nan", "`when` is not a number of seconds"),
            ("when=", "`when` is not a number of seconds"),
            ("when=1e300", "`when` is beyond the years"),
            ("author=%ff", "argument `author` is not UTF-8"),
        ] {
            let said = refusal(&HookRequest::post("/").with_query(query));
            assert!(said.starts_with(message), "{query}: {said}");
        }
        let json =
            |body: &'static str| HookRequest::post("/").with_header("Content-Type", "application/json").with_body(body);
        assert_eq!(refusal(&json("[]")), "the JSON body is not an object of fields");
        assert_eq!(refusal(&json(r#"{"author": 5}"#)), "`author` is a number, expected a text");
        assert!(refusal(&json("{")).starts_with("broken JSON: "));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(query in ".*", kind in 0..4_usize, body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let kinds = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "\u{ff}"];
            let request = HookRequest::post("/").with_query(query).with_header("Content-Type", kinds[kind]).with_body(body);
            let _ = Base::default().translate(&request);
        }
    }
}
