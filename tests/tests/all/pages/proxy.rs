//! The pages under a path of a real nginx.

use std::collections::{BTreeSet, VecDeque};

use hookd_tests::Nginx;

use super::filled;

const PREFIX: &str = "/tools/hookd/";

/// Where a link of a page leads, as a browser finds that out: both without a host.
fn resolved(page: &str, link: &str) -> String {
    let (path, _) = page.split_once('?').unwrap_or((page, ""));
    let link = link.split('#').next().unwrap_or_default();
    let (link, query) = match link.split_once('?') {
        Some((link, query)) => (link, format!("?{query}")),
        None => (link, String::new()),
    };
    if link.is_empty() {
        return if query.is_empty() { page.to_owned() } else { format!("{path}{query}") };
    }
    assert!(!link.starts_with('/'), "{page} has the absolute link {link}");
    let mut folders: Vec<&str> = path.split('/').filter(|folder| !folder.is_empty()).collect();
    if !path.ends_with('/') {
        folders.pop();
    }
    let mut is_folder = true;
    for part in link.split('/') {
        is_folder = matches!(part, "." | ".." | "");
        match part {
            ".." => drop(folders.pop()),
            "." | "" => {}
            name => folders.push(name),
        }
    }
    let end = if is_folder && !folders.is_empty() { "/" } else { "" };
    format!("/{}{end}{query}", folders.join("/"))
}

/// The values of an attribute in a page.
fn values(text: &str, attribute: &str) -> Vec<String> {
    let start = format!(" {attribute}=\"");
    let values = text.split(&start).skip(1).filter_map(|rest| rest.split('"').next());
    values.map(|value| value.replace("&amp;", "&")).collect()
}

/// The status, the `Location` and the text of an answer.
fn ask(nginx: &Nginx, method: &str, target: &str) -> (u16, Option<String>, String) {
    let request =
        format!("{method} {target} HTTP/1.1\r\nHost: example.org\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let answer = nginx.answer(request.as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    let location = head.lines().find_map(|line| line.strip_prefix("Location: ").or(line.strip_prefix("location: ")));
    (status, location.map(str::to_owned), body.to_owned())
}

#[test]
fn links_are_resolved_as_a_browser_does() {
    for (page, link, expected) in [
        ("/tools/hookd/", "./style.css", "/tools/hookd/style.css"),
        ("/tools/hookd/", "./", "/tools/hookd/"),
        ("/tools/hookd/?q=a", "./?q=b", "/tools/hookd/?q=b"),
        ("/tools/hookd/sinks", "./sinks/a", "/tools/hookd/sinks/a"),
        ("/tools/hookd/deliveries/1", "../", "/tools/hookd/"),
        ("/tools/hookd/deliveries/1", "../changes/2", "/tools/hookd/changes/2"),
        ("/tools/hookd/sinks/a/pause", "../../sinks/a", "/tools/hookd/sinks/a"),
        ("/tools/hookd/changes/2", "#content", "/tools/hookd/changes/2"),
    ] {
        assert_eq!(resolved(page, link), expected, "{link} of {page}");
    }
}

#[test]
#[ignore = "needs nginx, which `cargo xtask test` installs"]
fn every_link_and_form_works_under_a_path_of_nginx() {
    let (hookd, _api) = filled();
    let to = hookd.admin().address();
    let nginx = Nginx::with_location(&format!("location {PREFIX} {{ proxy_pass http://{to}/; }}"));
    let mut waiting =
        VecDeque::from([PREFIX.to_owned(), format!("{PREFIX}?q=octo&state=accepted"), format!("{PREFIX}a/b")]);
    let (mut seen, mut actions) = (BTreeSet::new(), BTreeSet::new());
    while let Some(page) = waiting.pop_front() {
        if !page.starts_with(PREFIX) {
            panic!("a link leaves the path of the proxy: {page}");
        }
        if !seen.insert(page.clone()) {
            continue;
        }
        let (status, _, text) = ask(&nginx, "GET", &page);
        assert_eq!(status, if page.ends_with("a/b") { 404 } else { 200 }, "{page}: {}", nginx.errors());
        if page.contains("/body") || page.ends_with(".css") {
            continue;
        }
        let links = values(&text, "href").into_iter().filter(|link| !link.starts_with("https://github.com/"));
        waiting.extend(links.map(|link| resolved(&page, &link)));
        actions.extend(values(&text, "action").iter().map(|action| resolved(&page, action)));
    }
    for page in [
        "style.css",
        "deliveries/1",
        "changes/1",
        "sinks",
        "sinks/master%3A%20a",
        "pollers",
        "unverified",
        "api/v2/deliveries/1/body",
    ] {
        assert!(seen.contains(&format!("{PREFIX}{page}")), "no page links to {page}: {seen:#?}");
    }
    assert!(actions.contains(PREFIX), "the search: {actions:?}");
    let pause = format!("{PREFIX}sinks/master%3A%20a/pause");
    assert!(actions.contains(&pause), "{actions:?}");
    let (status, location, _) = ask(&nginx, "POST", &pause);
    let after = resolved(&pause, &location.expect("it leads somewhere"));
    assert_eq!((status, after.as_str()), (303, "/tools/hookd/sinks/master%3A%20a"));
    assert!(ask(&nginx, "GET", &after).2.contains(">paused</span>"));
}
