//! The pages as a browser gets them, over a store with what an attacker would send.

use std::time::Duration;

use actix_web::http::StatusCode;
use hookd_core::{Change, Method, Proof, Subject};
use hookd_store::{Due, Log as _, NewDelivery, NewState, Origin, RequestHead, StoreError, StoredRequest, Timestamp};
use serde_json::json;

use crate::UnverifiedRequest;
use crate::site::{Site, change, delivery};

/// What no page may contain unescaped.
const HOSTILE: &str = r#"</td><script>alert("1")</script><img src=x onerror='alert(1)'>"#;

/// A delivery with the same text in every field that a sender can fill.
fn full_of(text: &str) -> NewDelivery {
    let some = || Some(text.to_owned());
    let change = Change {
        author: text.into(),
        branch: some(),
        category: some(),
        codebase: text.into(),
        comments: text.into(),
        committer: some(),
        files: vec![text.to_owned(); 30],
        project: text.into(),
        properties: [(text.to_owned(), json!(text)), ("list".to_owned(), json!([text, { text: text }]))]
            .into_iter()
            .collect(),
        repository: text.into(),
        revision: some(),
        revlink: some(),
        src: some(),
        when_timestamp: None,
    };
    let head = RequestHead {
        method: Method::Post,
        path: format!("/change_hook/{text}"),
        query: text.into(),
        headers: vec![(text.into(), text.into())],
    };
    NewDelivery {
        dialect: text.into(),
        event: some(),
        origin: Origin { peer: some(), user: some(), proof: Proof::NotRequired },
        request: Some(StoredRequest { head, body: json!({ text: text }).to_string().into() }),
        ..delivery(text, NewState::Accepted(vec![change]))
    }
}

#[actix_web::test]
async fn shows_what_a_sender_sent_as_text_only() {
    let site = Site::new();
    let accepted = site.add(full_of(HOSTILE)).await;
    let refused = site.add(delivery(HOSTILE, NewState::Refused(HOSTILE.into()))).await;
    let mut form = delivery(HOSTILE, NewState::Ignored(HOSTILE.into()));
    form.request.as_mut().unwrap().body = format!("not JSON {HOSTILE}").into();
    let ignored = site.add(form).await;
    site.unverified.push(UnverifiedRequest {
        received_at: Timestamp::default(),
        dialect: HOSTILE.into(),
        peer: Some(HOSTILE.into()),
        event: Some(HOSTILE.into()),
        reason: HOSTILE.into(),
    });
    let mut targets = vec!["/".to_owned(), "/unverified".to_owned(), "/changes/1".to_owned()];
    targets.extend([accepted, refused, ignored].map(|id| format!("/deliveries/{id}")));
    targets.push("/?q=%3C%2Ftd%3E%3Cscript%3Ealert%28%221%22%29%3C%2Fscript%3E&before=9".to_owned());
    for target in targets {
        let text = site.text(&target).await;
        assert!(text.contains("&lt;script&gt;"), "{target} does not show it: {text}");
        for part in ["<script", "<img", "alert(\"1\")"] {
            assert!(!text.contains(part), "{target} has {part}: {text}");
        }
    }
    let missing = site.get("/%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(missing.status == StatusCode::NOT_FOUND && !missing.text.contains("alert"), "{}", missing.text);
}

#[actix_web::test]
async fn links_lead_to_web_pages_only() {
    let site = Site::new();
    for bad in ["javascript:alert(1)", "JAVASCRIPT://x/%0aalert(1)", "data:text/html,x", "vbscript:x", "/%09/x"] {
        let id = site.add(full_of(bad)).await;
        for target in [format!("/changes/{id}"), format!("/deliveries/{id}"), "/".to_owned()] {
            let text = site.text(&target).await;
            assert!(text.contains(bad), "{target}: {text}");
            assert!(!text.contains(&format!("href=\"{bad}")), "{target}: {text}");
        }
    }
    let id = site.add(full_of("https://example.org/r?a&b")).await;
    let text = site.text(&format!("/changes/{id}")).await;
    assert!(text.contains("<a href=\"https://example.org/r?a&amp;b\" rel=\"noopener noreferrer\">"), "{text}");
}

#[actix_web::test]
async fn restricts_what_a_browser_may_do() {
    let site = Site::new();
    for target in ["/", "/unverified", "/style.css", "/nothing", "/deliveries/1", "/?before=x"] {
        let headers = site.get(target).await.headers;
        let value = |name: &str| headers.get(name).unwrap_or_else(|| panic!("{target}: {name}")).to_str().unwrap();
        assert!(value("content-security-policy").starts_with("default-src 'none'; style-src 'self';"));
        assert_eq!(value("x-content-type-options"), "nosniff");
        assert_eq!(value("x-frame-options"), "DENY");
        assert_eq!(value("referrer-policy"), "same-origin");
        assert_eq!(value("cache-control"), "no-store");
        let kind = if target.ends_with("css") { "text/css" } else { "text/html" };
        assert_eq!(value("content-type"), format!("{kind}; charset=utf-8"));
    }
    // The policy forbids both.
    let text = site.text("/").await;
    assert!(!text.contains("style=") && !text.contains("<style"), "{text}");
}

#[actix_web::test]
async fn what_is_not_there_is_404() {
    let site = Site::new();
    site.add(delivery("a", NewState::Accepted(vec![change("1")]))).await;
    assert_eq!(site.get("/deliveries/1").await.status, StatusCode::OK);
    assert_eq!(site.get("/changes/1").await.status, StatusCode::OK);
    for id in ["2", "0", "-1", "x", "1x", "99999999999999999999", "%00"] {
        for kind in ["deliveries", "changes"] {
            let shown = site.get(&format!("/{kind}/{id}")).await;
            assert_eq!(shown.status, StatusCode::NOT_FOUND, "/{kind}/{id}");
        }
    }
    assert_eq!(site.get("/?before=x").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(site.get("/?q=%ff").await.status, StatusCode::BAD_REQUEST);
    let of_the_api = site.get("/api/v2/nothing").await;
    assert_eq!(of_the_api.headers.get("content-type").unwrap(), "application/json; charset=utf-8");
}

/// Everything that nobody would see in a text.
const UNSEEN: &str = "main\u{202e}\u{200b}\u{7f}\u{9b}\u{feff}\u{2066}\0";

#[actix_web::test]
async fn what_nobody_would_see_is_written_out_on_every_page() {
    let site = Site::new();
    let accepted = site.add(full_of(UNSEEN)).await;
    let refused = site.add(delivery(UNSEEN, NewState::Refused(UNSEEN.into()))).await;
    let mut form = delivery(UNSEEN, NewState::Ignored(UNSEEN.into()));
    form.request.as_mut().unwrap().body = format!("not JSON {UNSEEN}").into();
    let ignored = site.add(form).await;
    let about = Subject { repository: UNSEEN.into(), branch: Some(UNSEEN.into()), revision: Some(UNSEEN.into()) };
    let pending = site.add(delivery(UNSEEN, NewState::Pending { reported_changes: 1, about })).await;
    site.unverified.push(UnverifiedRequest {
        received_at: Timestamp::default(),
        dialect: UNSEEN.into(),
        peer: Some(UNSEEN.into()),
        event: Some(UNSEEN.into()),
        reason: UNSEEN.into(),
    });
    let mut targets = vec!["/".to_owned(), "/unverified".to_owned(), "/changes/1".to_owned()];
    targets.extend([accepted, refused, ignored, pending].map(|id| format!("/deliveries/{id}")));
    targets.push("/?q=main%E2%80%AE&event=%E2%80%AE&dialect=a%E2%80%8B&repository=%EF%BB%BF".to_owned());
    for target in targets {
        let text = site.text(&target).await;
        assert!(text.contains("<i>U+202E</i>"), "{target} does not show it: {text}");
        let unseen = text.chars().filter(|c| *c != '\n' && UNSEEN.trim_start_matches("main").contains(*c));
        assert_eq!(unseen.count(), 0, "{target}: {text}");
    }
}

#[actix_web::test]
async fn all_links_are_relative() {
    let site = Site::new();
    let id = site.add(full_of("https://example.org/r")).await;
    for number in 0..60 {
        site.add(delivery(&number.to_string(), NewState::Ignored("no".into()))).await;
    }
    for target in [
        "/",
        "/?q=no",
        "/?q=https&before=9",
        "/?state=refused",
        "/unverified",
        "/sinks",
        "/pollers",
        "/nothing",
        "/a/b/c",
        "/changes/1",
        "/changes/9",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain([format!("/deliveries/{id}")])
    {
        let text = site.get(&target).await.text;
        for part in text.split(['"', ' ']).filter(|part| part.starts_with("href=") || part.starts_with("action=")) {
            let place = text.find(part).unwrap();
            let value = text[place + part.len() + 1..].split('"').next().unwrap();
            let is_relative = value.starts_with("./") || value.starts_with("../") || value.starts_with('#');
            assert!(is_relative || value.starts_with("https://example.org/"), "{target}: {value:?}");
        }
        assert!(!text.contains("\"/"), "{target}: {text}");
    }
    let deep = site.get("/a/b/c").await.text;
    assert!(deep.contains("href=\"../../style.css\"") && deep.contains("action=\"../../\""), "{deep}");
}

#[actix_web::test]
async fn the_list_shows_repository_branch_and_head_of_accepted_and_pending_deliveries() {
    let site = Site::new();
    let of = |branch: &str, revision: &str| Change {
        repository: "https://git.example.org/octo/tea".into(),
        branch: Some(branch.into()),
        author: "Ada <ada@example.org>".into(),
        ..change(revision)
    };
    let head = of("feature/earl-grey", "c0ffee14bb761a232cd80139fbd4c0d33264240a");
    site.add(delivery("1", NewState::Accepted(vec![of("old", "0ldddddddddddddd"), head.clone()]))).await;
    let about = Subject { branch: Some("refs/pull/7".into()), ..Subject::of(&head) };
    let pending = site.add(delivery("2", NewState::Pending { reported_changes: 1, about })).await;
    let text = site.text("/").await;
    for branch in ["feature/earl-grey", "refs/pull/7"] {
        let shown = format!(
            "<a href=\"./?repository=https%3A%2F%2Fgit%2Eexample%2Eorg%2Focto%2Ftea\"><bdi>git.example.org/octo/tea</bdi></a>\
             <div><bdi>{branch}</bdi> <code><bdi>c0ffee14bb</bdi></code></div>"
        );
        assert!(text.contains(&shown), "{branch}: {text}");
    }
    assert!(!text.contains("0ldddddd"), "the head is the last change: {text}");
    assert!(text.contains("waits for the forge’s API") && !text.contains("failed attempt"), "{text}");

    let [due] = site.store.pending().unwrap().try_into().unwrap();
    let next_at = Timestamp::now().saturating_add(Duration::from_secs(125));
    let error = Some("https://api.example.org/pulls/7: the API answered 503 <b>".to_owned());
    site.store.postpone(Due { attempts: 2, next_at, error, ..due }).await.unwrap();
    for target in ["/".to_owned(), format!("/deliveries/{pending}")] {
        let text = site.text(&target).await;
        for part in
            ["2 failed attempts, next ", ">in 2 min</time>", "pulls/7: the API answered 503 &lt;b&gt;", "refs/pull/7"]
        {
            assert!(text.contains(part), "{target}: {part}: {text}");
        }
    }
}

#[actix_web::test]
async fn filters_are_in_the_url_combined_paged_and_kept_in_links() {
    let site = Site::new();
    for number in 0..120 {
        let change = Change { repository: "https://git.example.org/octo/tea".into(), ..change("f00f") };
        let state = match number % 3 {
            0 => NewState::Accepted(vec![change]),
            1 => NewState::Ignored("not built".into()),
            _ => NewState::Refused("not right".into()),
        };
        let dialect = if number % 2 == 0 { "github" } else { "gitlab" }.into();
        site.add(NewDelivery { dialect, ..delivery(&number.to_string(), state) }).await;
    }
    let expected = |is_wanted: fn(i64) -> bool| (1..=120).rev().filter(|id| is_wanted(*id - 1)).collect::<Vec<i64>>();
    for (query, ids) in [
        ("state=refused", expected(|number| number % 3 == 2)),
        ("state=refused&state=ignored", expected(|number| number % 3 != 0)),
        ("state=accepted&dialect=gitlab", expected(|number| number % 3 == 0 && number % 2 == 1)),
        ("event=push&dialect=GITHUB", expected(|number| number % 2 == 0)),
        ("event=pus", vec![]),
        ("repository=octo%2Ftea", expected(|number| number % 3 == 0)),
        ("repository=octo%2Ftea&state=ignored", vec![]),
        ("q=not&dialect=github&state=ignored&state=refused", expected(|number| number % 3 != 0 && number % 2 == 0)),
    ] {
        let (mut next, mut seen) = (Some(format!("/?{query}")), Vec::new());
        while let Some(target) = next {
            let (ids, older) = listed(&site.text(&target).await);
            seen.extend(ids);
            next = older;
        }
        assert_eq!(seen, ids, "{query}");
    }
    let text = site.text("/?q=not&state=refused&dialect=github&event=push&repository=tea").await;
    for part in [
        "name=\"q\" value=\"not\"",
        "value=\"refused\" form=\"search\" checked",
        "<option value=\"github\" selected>",
        "name=\"event\" form=\"search\" maxlength=\"200\" value=\"push\"",
        "value=\"tea\"",
        "<a href=\"./\">Clear</a>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let wrong = site.get("/?state=lost").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.text.contains("no such state `lost`, expected one of `pending`, `accepted`"), "{}", wrong.text);
}

#[actix_web::test]
async fn a_banner_says_on_every_page_when_the_store_fails() {
    let site = Site::new();
    site.add(delivery("1", NewState::Accepted(vec![change("1")]))).await;
    let targets = ["/", "/?q=1", "/deliveries/1", "/changes/1", "/sinks", "/pollers", "/unverified"];
    for target in targets {
        assert!(!site.text(target).await.contains("role=\"alert\""), "{target}");
    }
    let (cause, remedy) = ("the disk is full <b>".to_owned(), "free some space".to_owned());
    site.store.fail_with(StoreError::Unavailable { cause, remedy });
    for target in targets {
        let text = site.text(target).await;
        let banner = "hookd cannot store webhooks.</strong> They are answered with 503, so that their senders try again. \
                      Cause: the disk is full &lt;b&gt;. Free some space.";
        assert!(text.contains("role=\"alert\"") && text.contains(banner), "{target}: {text}");
    }
    site.store.recover();
    assert!(!site.text("/").await.contains("role=\"alert\""));
}

#[actix_web::test]
async fn long_values_are_shortened_in_lists_and_whole_on_their_page() {
    let site = Site::new();
    let long = "x".repeat(5000);
    let with = Change { branch: Some(long.clone()), ..change("1") };
    site.add(delivery("1", NewState::Accepted(vec![with]))).await;
    let text = site.text("/").await;
    assert!(text.contains(&format!("{}…", "x".repeat(160))) && !text.contains(&"x".repeat(161)), "{text}");
    assert!(site.text("/changes/1").await.contains(&long));
}

/// The numbers of the deliveries on a page, and where its link to older ones leads.
fn listed(text: &str) -> (Vec<i64>, Option<String>) {
    let links = text.split("<a href=\"./deliveries/").skip(1);
    let ids = links.map(|rest| rest.split('"').next().unwrap().parse().unwrap()).collect();
    let older = text.split_once("\" rel=\"next\"").map(|(before, _)| {
        let target = before.rsplit_once("href=\"").unwrap().1;
        // Relative, as a browser takes it.
        target.strip_prefix('.').expect("it is relative").replace("&amp;", "&")
    });
    (ids, older)
}

#[actix_web::test]
async fn pages_have_every_delivery_once_newest_first() {
    let site = Site::new();
    for number in 0..120 {
        site.add(delivery(&number.to_string(), NewState::Ignored(["it is even", "it is odd"][number % 2].into())))
            .await;
    }
    for (start, expected) in
        [("/", (1..=120).rev().collect::<Vec<_>>()), ("/?q=is%20ODD", (1..=60).map(|half| half * 2).rev().collect())]
    {
        let mut next = Some(start.to_owned());
        let mut seen = Vec::new();
        let mut pages = 0;
        while let Some(target) = next {
            let (ids, older) = listed(&site.text(&target).await);
            seen.extend(ids);
            next = older;
            pages += 1;
        }
        assert_eq!(seen, expected, "{start}");
        assert_eq!(pages, expected.len().div_ceil(50), "{start}");
    }
    assert_eq!(listed(&site.text("/?before=1").await), (vec![], None));
    assert_eq!(listed(&site.text("/?before=-9223372036854775808").await), (vec![], None));
    let (ids, _) = listed(&site.text("/?before=9223372036854775807").await);
    assert_eq!(ids[0], 120);
    // Exactly one page has no next one.
    let site = Site::new();
    for number in 0..50 {
        site.add(delivery(&number.to_string(), NewState::Ignored("no".into()))).await;
    }
    assert_eq!(listed(&site.text("/").await).1, None);
    assert_eq!(listed(&site.text("/?q=no").await).1, None);
}

#[actix_web::test]
async fn a_search_finds_ids_short_hashes_branches_authors_repositories_and_reasons_in_any_case() {
    let site = Site::new();
    let with = |revision: &str, author: &str| Change {
        repository: "https://git.example.org/octo/Tea".into(),
        branch: Some("feature/earl-grey".into()),
        author: author.into(),
        ..change(revision)
    };
    let tea = with("c0ffee14bb761a232cd80139fbd4c0d33264240a", "Ada Lovelace");
    let first = site.add(delivery("72d3162e", NewState::Accepted(vec![tea, change("beef")]))).await;
    let second = site.add(delivery("aaaa", NewState::Accepted(vec![with("f00f", "Ben")]))).await;
    let third = site.add(delivery("bbbb", NewState::Ignored("action \"labeled\" is not built".into()))).await;
    let fourth = site.add(delivery("cccc", NewState::Refused("`ref` is missing".into()))).await;
    for (search, found) in [
        ("72d3162e", vec![first]),
        ("%2072d3%20", vec![first]),
        ("C0FFEE1", vec![first]),
        ("lovelace", vec![first]),
        ("EARL", vec![second, first]),
        ("octo/tea+ben", vec![second]),
        ("F00F", vec![second]),
        ("beef", vec![first]),
        ("LABELED%22%20is", vec![third]),
        ("CCCC", vec![fourth]),
        ("2", vec![second]),
        ("nothing", vec![]),
        ("%25", vec![]),
    ] {
        let text = site.text(&format!("/?q={search}")).await;
        assert_eq!(listed(&text).0, found, "{search}");
    }
    assert!(site.text("/?q=nothing").await.contains("Nothing found."));
    // A blank search is none.
    assert_eq!(listed(&site.text("/?q=+").await).0, [fourth, third, second, first]);
}

#[actix_web::test]
async fn the_page_of_a_delivery_shows_all_of_it() {
    let site = Site::new();
    let mut with_form = delivery("72d3162e", NewState::Accepted(vec![change("1"), change("2")]));
    with_form.request.as_mut().unwrap().head.headers = vec![
        ("content-type".into(), "application/x-www-form-urlencoded".into()),
        ("x-github-event".into(), "push".into()),
    ];
    with_form.request.as_mut().unwrap().body = "payload=%7B%22ref%22%3A%22refs%2Fheads%2Fmain%22%7D".into();
    let id = site.add(with_form).await;
    let text = site.text(&format!("/deliveries/{id}")).await;
    for part in [
        "72d3162e",
        "2024-05-01 10:00:00",
        "href=\"../changes/1\"",
        "href=\"../changes/2\"",
        "x-github-event",
        "accepted",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("{\n  &quot;ref&quot;: &quot;refs/heads/main&quot;\n}"), "{text}");

    for (body, said) in [
        (vec![b' '; 300 << 10], "300.0 KiB, too much to show here"),
        (vec![0xff; 9], "9 B and is not text"),
        (vec![], "It has no body"),
        ("[".repeat(100_000).into_bytes(), "[[[["),
    ] {
        let mut odd = delivery("x", NewState::Pending { reported_changes: 1, about: Subject::default() });
        odd.request.as_mut().unwrap().body = body.into();
        let id = site.add(odd).await;
        let text = site.text(&format!("/deliveries/{id}")).await;
        assert!(
            text.contains(said) && text.contains("waits for the forge’s API") && text.contains("in progress"),
            "{said}"
        );
    }
}

#[actix_web::test]
async fn the_first_page_shows_the_dialects_and_unverified_requests() {
    let site = Site::new();
    let text = site.text("/").await;
    assert!(text.contains("/change_hook/acme") && text.contains("anyone who can reach it"), "{text}");
    assert!(
        text.contains("No webhook has been received yet") && text.contains("None since hookd was started"),
        "{text}"
    );
    for number in 0..20 {
        let reason = format!("Hash mismatch {number}.");
        let (dialect, peer) = ("base".to_owned(), Some("192.0.2.1".to_owned()));
        site.unverified.push(UnverifiedRequest {
            received_at: Timestamp::default(),
            dialect,
            peer,
            event: None,
            reason,
        });
    }
    let text = site.text("/").await;
    assert!(text.contains("Hash mismatch 19.") && text.contains("Hash mismatch 10."), "{text}");
    assert!(!text.contains("Hash mismatch 9.") && text.contains("All 20"), "{text}");
    assert!(site.text("/unverified").await.contains("Hash mismatch 0."));
}
