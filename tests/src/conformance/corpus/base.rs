//! The base dialect: every argument, in every way in which arguments can be sent.

use super::body::{FORM, MULTIPART, multipart, urlencoded};
use crate::conformance::Case;
use crate::http::Request;

const TEXTS: &[&str] = &[
    "author",
    "who",
    "committer",
    "comments",
    "branch",
    "category",
    "revision",
    "revlink",
    "repository",
    "project",
    "codebase",
];

const TEXT_VALUES: &[&str] = &[
    "",
    " ",
    "plain",
    "two words",
    "Jan \u{c4}rzte <jan@example.org>",
    "\u{1f980}",
    "null",
    "None",
    "5",
    "[]",
    "a\nb",
    "a\r\nb",
    "a\tb",
    "a=b",
    "a&b;c",
    "%41",
    "a+b",
    "\"quoted\"",
    "<b>",
    "../..",
    " padded ",
    "\u{feff}bom",
    "https://example.org/x?y=z#f",
];

const TIMES: &[&str] = &[
    "0",
    "1",
    "1430869215",
    "1430869215.999",
    "1430869215.5",
    "-1",
    "-1.5",
    "1e9",
    "1E9",
    "1.5e9",
    "+5",
    ".5",
    "5.",
    " 5 ",
    "",
    " ",
    "abc",
    "0x10",
    "1_000",
    "\u{663}",
    "nan",
    "NaN",
    "inf",
    "-Infinity",
    "1e400",
    "99999999999",
    "9999999999999999",
    "1,5",
    "1e",
    "--1",
    "2015-05-05T19:40:15Z",
    "null",
    "5L",
    "1e-5",
    "-0",
    "007",
    "1e+9",
    "2147483648",
    "253402300799",
    "253402300800",
    "-62135596800",
    "-62135596801",
];

const FILES: &[&str] = &[
    "[]",
    r#"["a"]"#,
    r#"["a", "b/c"]"#,
    r#"["ä", "a b"]"#,
    r#"["a", "a"]"#,
    r#"[""]"#,
    "[1]",
    "[null]",
    "[true]",
    r#"["a", null]"#,
    r#"[["a"]]"#,
    r#"[{"a": 1}]"#,
    "{}",
    r#"{"a": 1}"#,
    r#""text""#,
    r#""""#,
    "5",
    "0",
    "true",
    "false",
    "null",
    "",
    " ",
    "a b",
    "[",
    r#"["a",]"#,
    "[NaN]",
    "NaN",
    r#"['a']"#,
    r#"["a"] x"#,
    r#"["\ud800"]"#,
    r#"["a\u0000b"]"#,
    r#" ["a"] "#,
    "1.5",
    "[1.5]",
    "[[]]",
];

const PROPERTIES: &[&str] = &[
    "{}",
    r#"{"a": 1}"#,
    r#"{"a": "text", "b": [1, 2], "c": {"d": null}}"#,
    r#"{"a": null}"#,
    r#"{"a": true}"#,
    r#"{"a": 1.5}"#,
    r#"{"a": 1e3}"#,
    r#"{"": 1}"#,
    r#"{"ä": "ü"}"#,
    r#"{"a": 1, "a": 2}"#,
    "[]",
    r#"["a"]"#,
    r#"[["a", 1]]"#,
    r#""text""#,
    r#""""#,
    "5",
    "0",
    "true",
    "false",
    "null",
    "",
    "{",
    "{a: 1}",
    "{'a': 1}",
    r#"{"a": NaN}"#,
    r#"{"a": Infinity}"#,
    r#"{"a": 1e999}"#,
    r#"{"a": 12345678901234567890123}"#,
    r#"{"a": 9223372036854775807}"#,
    r#"{"a": 18446744073709551615}"#,
    r#"{"a": -9223372036854775808}"#,
    r#"{"a": "\ud800"}"#,
    r#"{"a": 1} x"#,
    r#"{"a": 0.1}"#,
    r#"{"a": -0.0}"#,
    r#"{"a": 1E-7}"#,
    r#"{"a": 1e22}"#,
    r#"{"a": 123456789.123456789}"#,
];

/// Queries and bodies as bytes, where it matters how they are written.
const WRITTEN: &[&str] = &[
    "author=A&author=B",
    "author=&author=B",
    "author",
    "author&branch=b",
    "author=A;branch=b",
    "author=A;;branch=b&&",
    "=A&branch=b",
    "author=%zz",
    "author=%",
    "author=%4",
    "author=A%00B",
    "author=%c3%a4",
    "author=%ff",
    "branch=%ff",
    "%61uthor=A",
    "author=A%26branch%3Db",
    "author=a+b%2Bc",
    "who=W&author=A",
    "who=W&author=",
    "who=W",
    "when=5&when_timestamp=6",
    "when=5",
    "when=5&when_timestamp=",
    "when=x&when_timestamp=6",
    "links=%5B%22a%22%5D",
    "unknown=1",
    "author=A=B",
    "author==",
    "AUTHOR=A",
    "author=A\u{e4}",
    "author[]=A",
    "project=&repository=&codebase=",
    "revlink=&revision=abc&repository=https%3A%2F%2Fgithub.com%2Fo%2Fr",
    "revision=abc&repository=git%40github.com%3Ao%2Fr.git",
    "revision=abc&repository=https%3A%2F%2Fbitbucket.org%2Fo%2Fr",
    "revision=abc&repository=https%3A%2F%2Fgit.code.sf.net%2Fp%2Fx%2Fcode",
    "revision=&repository=https%3A%2F%2Fgithub.com%2Fo%2Fr",
    "revlink=mine&revision=abc&repository=https%3A%2F%2Fgithub.com%2Fo%2Fr",
    "repository=https%3A%2F%2Fgithub.com%2Fo%2Fr",
    "category=pull&codebase=c&project=p&branch=b&revision=1&comments=c&committer=m&revlink=r&author=a",
    "",
];

pub(super) fn cases() -> Vec<Case> {
    let lists = [("when_timestamp", TIMES), ("when", TIMES), ("files", FILES), ("properties", PROPERTIES)];
    let texts = TEXTS.iter().map(|name| (*name, TEXT_VALUES));
    let values = texts.chain(lists).flat_map(|(name, values)| values.iter().map(move |value| (name, *value)));
    let mut cases: Vec<Case> = values.enumerate().map(|(number, (name, value))| one(number, name, value)).collect();
    for text in WRITTEN {
        let form = || Request::post("/change_hook/base").header("Content-Type", FORM);
        cases.push(Case::new(format!("base query: {text}"), Request::get(format!("/change_hook/base?{text}"))));
        cases.push(Case::new(format!("base POST query: {text}"), Request::post(format!("/change_hook/base?{text}"))));
        cases.push(Case::new(format!("base form: {text}"), form().body(*text)));
    }
    cases.extend(long_values());
    cases.extend(body_and_query());
    cases.extend(odd_bodies());
    cases
}

/// One argument beside a harmless one, sent in alternating ways.
fn one(number: usize, name: &str, value: &str) -> Case {
    let pairs = [(name, value), (if name == "comments" { "branch" } else { "comments" }, "beside it")];
    let (way, request) = match number % 4 {
        0 => ("GET", Request::get(format!("/change_hook/base?{}", urlencoded(&pairs)))),
        1 => ("query", Request::post(format!("/change_hook/base?{}", urlencoded(&pairs)))),
        2 => ("form", Request::post("/change_hook/base").header("Content-Type", FORM).body(urlencoded(&pairs))),
        _ => {
            ("multipart", Request::post("/change_hook/base").header("Content-Type", MULTIPART).body(multipart(&pairs)))
        }
    };
    Case::new(format!("base {way}: `{name}` {value:?}"), request)
}

/// Longer than Buildbot's columns.
fn long_values() -> Vec<Case> {
    let long = |name: &&str, length: usize| {
        let body = urlencoded(&[(name, &"x".repeat(length))]);
        let request = Request::post("/change_hook/base").header("Content-Type", FORM).body(body);
        Case::new(format!("base: `{name}` of {length} characters"), request)
    };
    TEXTS.iter().flat_map(|name| [255, 256, 512, 513, 5000].map(|length| long(name, length))).collect()
}

/// Both a query and a body.
fn body_and_query() -> Vec<Case> {
    let queries = ["author=Q&branch=q", "author=Q&author=R", "project=q", "author=%ff"];
    let bodies = ["author=B", "author=", "branch=b&branch=c", "author", "comments=c"];
    let post = |query: &str| Request::post(format!("/change_hook/base?{query}"));
    let pairs = queries.iter().flat_map(|query| bodies.iter().map(move |body| (query, body)));
    pairs
        .flat_map(|(query, body)| {
            let name = format!("base: query {query}, body {body}");
            let form = post(query).header("Content-Type", FORM).body(*body);
            let plain = post(query).header("Content-Type", "text/plain").body(*body);
            [Case::new(name.clone(), form), Case::new(format!("{name} as text"), plain)]
        })
        .collect()
}

/// Content types that are almost forms, and forms that are not quite valid.
fn odd_bodies() -> Vec<Case> {
    let types = [
        "Application/X-WWW-Form-URLEncoded",
        "application/x-www-form-urlencoded; charset=utf-8",
        "application/x-www-form-urlencoded;charset=iso-8859-1",
        " application/x-www-form-urlencoded ",
        "application/json",
        "text/plain",
        "",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=other",
        "multipart/mixed; boundary=----hookd",
        "Multipart/Form-Data; Boundary=\"----hookd\"",
        "multipart/form-data; charset=utf-8; boundary=----hookd",
    ];
    let part = multipart(&[("author", "A"), ("author", "B"), ("branch", "b")]);
    let bodies = [
        "author=A&branch=b".to_owned(),
        part.clone(),
        part.replace("name=\"author\"", "name=author"),
        part.replace("name=\"author\"", "name=\"author\"; filename=\"f.txt\"\r\nContent-Type: text/plain"),
        part.replace("\r\n", "\n"),
        part.replace("--hookd--", "--hookd"),
        part.replace("name=\"branch\"", "x=\"branch\""),
        format!("preamble\r\n{part}epilogue"),
        part[..part.len() / 2].to_owned(),
    ];
    let mut cases = Vec::new();
    for content_type in types {
        for (number, body) in bodies.iter().enumerate() {
            let request = Request::post("/change_hook/base").header("Content-Type", content_type).body(body.clone());
            cases.push(Case::new(format!("base: body {number} as {content_type:?}"), request));
        }
    }
    cases.push(Case::new("base: body without a type", Request::post("/change_hook/base").body("author=A")));
    let twice = Request::post("/change_hook/base").header("Content-Type", "text/plain").header("Content-Type", FORM);
    cases.push(Case::new("base: two types", twice.body("author=A")));
    let encoded = Request::post("/change_hook/base").header("Content-Type", FORM).header("Content-Encoding", "gzip");
    cases.push(Case::new("base: a body said to be packed", encoded.body("author=A")));
    cases
}
