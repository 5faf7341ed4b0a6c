//! What is wrong with options, each at its place.

use hookd_testkit::json;

use crate::FORGE;

#[test]
fn every_option_has_its_default() {
    FORGE.assert_options(json!({
        "change": null, "delivery": null, "each": null, "event": null, "payload_argument": null, "proof": null, "skips": [],
        "when": null,
    }));
}

#[test]
fn problems_name_their_place() {
    for (options, problem) in [
        (json!({"change": {"revision": "{"}}), "change.revision: `{` has a `{` without its `}`"),
        (json!({"change": {"revision": "x", "files": ["a", "b}"]}}), "change.files[1]: `b}` has a `}` without its `{`"),
        (json!({"change": {"revision": "x", "autor": "y"}}), "change.autor: unknown field `autor`, expected one of "),
        (json!({"change": {"author": "x"}}), "change: missing field `revision`"),
        (json!({"when": [{"path": "a"}]}), "when[0]: a condition has one of `in`, "),
        (json!({"when": [{"in": [1]}]}), "when[0]: a condition names a `path` of the payload or a `header`"),
        (
            json!({"when": [{"path": "a", "header": "b", "in": [1]}]}),
            "when[0]: a condition is on a `path` or on a `header`",
        ),
        (json!({"when": [{"path": "a..b", "in": [1]}]}), "when[0]: a `path` is keys joined by dots"),
        (json!({"when": [{"path": "a", "re": "("}]}), "when[0].re: bad regular expression `(`: unclosed group"),
        (
            json!({"when": [{"path": "a", "re": "(?P<x>a)"}, {"path": "b", "re": "(?P<x>b)"}]}),
            "when: two groups have the name `x`",
        ),
        (json!({"each": "a."}), "each: expected keys joined by dots"),
        (json!({"delivery": {"header": "Authorization"}}), "delivery: header `Authorization` carries a secret"),
        (json!({"delivery": {"header": "a b"}}), "delivery.header: expected the name of a header"),
        (json!({"proof": {"header": "X-S", "scheme": "md5", "secret": "s"}}), "proof.scheme: unknown variant `md5`"),
        (
            json!({"proof": {"header": "x-event", "scheme": "token", "secret": "s"}}),
            "event: header `X-Event` carries a secret or a proof",
        ),
    ] {
        let problems = FORGE.problems(options.clone());
        assert!(problems.iter().any(|found| found.starts_with(problem)), "{options}: {problems:#?}");
    }
}
