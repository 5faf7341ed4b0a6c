//! The class `json`, as its page of the manual has it.

use std::fs;

use hookd_tests::Home;
use hookd_tests::http::Request;
use serde_json::Value;

/// The text of the first block of this language.
fn block<'p>(text: &'p str, language: &str) -> &'p str {
    let (_, rest) = text.split_once(&format!("```{language}\n")).unwrap_or_else(|| panic!("no block of {language}"));
    rest.split_once("```").unwrap_or_else(|| panic!("a block without an end")).0
}

#[test]
fn each_example_of_the_manual_makes_the_change_that_it_shows() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/dialects/json.md");
    let page = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let services: Vec<&str> = page.split("\n## ").skip(1).collect();
    assert_eq!(services.len(), 3);
    for service in services {
        let options = block(service, "toml");
        let name = options.split(['.', ']']).nth(1).expect("a table of a dialect");
        // Where the environment has the secret, the test has it in the file, and no proof.
        let options: String =
            options.lines().filter(|line| !line.starts_with("proof = ")).map(|line| format!("{line}\n")).collect();
        let home = Home::serving(&options);
        home.write("azure.passwd", "azure:hunter2\n");
        let hookd = home.start();
        let (headers, body) = block(service, "http").split_once("\n\n").unwrap_or(("", block(service, "http")));
        let mut request = Request::post(format!("/change_hook/{name}")).body(body.trim().to_owned());
        for header in headers.lines().filter(|line| !line.is_empty()) {
            let (name, value) = header.split_once(": ").expect("a header");
            request = request.header(name, value);
        }
        let answer = hookd.send(&request);
        assert_eq!((answer.status, answer.text()), (202, "1 change found".to_owned()), "{name}: {}", answer.text());
        let expected: Value = serde_json::from_str(block(service, "json")).expect("the change of the example");
        let answer = hookd.admin().get("/api/v2/changes/1");
        let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let change = &answer["changes"][0];
        for (field, value) in expected.as_object().expect("fields") {
            assert_eq!(&change[field], value, "{name}: {field}");
        }
    }
}

#[test]
fn what_is_wrong_has_its_place() {
    let home = Home::with_config(
        "[change_hook_dialects.x]\ncustom_class = \"json\"\nwhen = [{ path = \"a\", re = \"(\" }]\n\n\
         [change_hook_dialects.x.change]\nrevision = \"{id\"\nautor = \"{a}\"\n",
    );
    let checked = home.run(&["check"]);
    assert_eq!(checked.code, Some(2));
    for line in [
        "hookd.toml:3:28: dialect `x`: `when[0].re`: bad regular expression",
        "hookd.toml:6:12: dialect `x`: `change.revision`: `{id` has a `{` without its `}`",
        "hookd.toml:7:1: dialect `x`: `change`: unknown field `autor`",
    ] {
        assert!(checked.stderr.contains(line), "{line}\n{}", checked.stderr);
    }
}
