//! The pages in a real browser: on a phone's screen and on a wide one, light and dark.

use std::fs;

use hookd_tests::{Browser, peers};
use serde_json::json;

use super::filled;

/// Texts that are cut off: beyond the edges of the screen, or of something that hides what does not fit.
const CUT_OFF: &str = "
    const cut = [], edge = document.documentElement.clientWidth;
    if (document.documentElement.scrollWidth > edge) cut.push('the page scrolls sideways');
    // The headings of a table that is shown as cards are for people who do not see it.
    for (const head of document.querySelectorAll('thead')) {
        const box = head.getBoundingClientRect();
        if (getComputedStyle(head).position === 'absolute' && box.width > 1) cut.push('headings lie over the table');
    }
    for (const field of document.querySelectorAll('input[placeholder]')) {
        const text = document.createElement('canvas').getContext('2d');
        text.font = getComputedStyle(field).font;
        if (text.measureText(field.placeholder).width > field.clientWidth) cut.push(field.placeholder);
    }
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || parent.closest('thead, .skip, option')) continue;
        const range = document.createRange();
        range.selectNodeContents(walker.currentNode);
        for (const box of range.getClientRects()) {
            let left = 0, right = edge;
            for (let around = parent; around; around = around.parentElement) {
                if (getComputedStyle(around).overflowX === 'visible') continue;
                const limits = around.getBoundingClientRect();
                left = Math.max(left, limits.left);
                right = Math.min(right, limits.right);
            }
            if (box.width && (box.left < left - 1 || box.right > right + 1)) {
                cut.push(walker.currentNode.data.trim().slice(0, 60) + ' ' + [box.left, box.right]);
            }
        }
    }
    return cut;";

/// Texts whose contrast with what is behind them is below 4.5, as WCAG 2 counts it for small texts.
const LOW_CONTRAST: &str = "
    const channels = (color) => (color.match(/[0-9.]+/g) || []).map(Number);
    const luminance = ([r, g, b]) => {
        const linear = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    };
    const behind = (element) => {
        for (let around = element; around; around = around.parentElement) {
            const color = channels(getComputedStyle(around).backgroundColor);
            if (color.length === 3 || color[3] > 0.99) return color;
        }
        return [255, 255, 255];
    };
    const low = new Set();
    for (const element of document.querySelectorAll('body *')) {
        const has = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!has || element.closest('.skip, option')) continue;
        const [one, other] = [luminance(channels(getComputedStyle(element).color)), luminance(behind(element))];
        const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        if (contrast < 4.5) low.add(element.tagName + '.' + element.className + ' ' + contrast.toFixed(2));
    }
    return [...low];";

/// How wide each column of the list is.
const COLUMNS: &str =
    "return [...document.querySelectorAll('table.deliveries thead th')].map((th) => th.getBoundingClientRect().width);";

/// Fields without a name for those who do not see them, and header cells that do not say what they head.
const UNNAMED: &str = "
    const fields = [...document.querySelectorAll('input, select')].filter((field) => !field.labels.length && !field.ariaLabel);
    const heads = [...document.querySelectorAll('th')].filter((th) => !th.scope);
    return [...fields, ...heads].map((element) => element.outerHTML.slice(0, 80));";

const PAGES: [&str; 9] = [
    "/",
    "/?q=octo&state=accepted",
    "/deliveries/3",
    "/deliveries/5",
    "/changes/3",
    "/sinks",
    "/sinks/master%3A%20a",
    "/pollers",
    "/unverified",
];

#[test]
#[ignore = "needs chromium, which `cargo xtask test` installs"]
fn nothing_is_cut_off_and_all_is_legible_on_a_phone_and_on_a_wide_screen() {
    let (hookd, _api) = filled();
    let address = hookd.admin().address();
    let pictures = peers::target().join("pages");
    fs::create_dir_all(&pictures).expect("the target folder takes files");
    for (screen, width) in [("phone", 360), ("tablet", 800), ("wide", 1280)] {
        let browser = Browser::with_screen(width, 900);
        for (scheme, is_dark) in [("light", false), ("dark", true)] {
            browser.prefer_dark(is_dark);
            for (number, page) in PAGES.iter().enumerate() {
                browser.show(&format!("http://{address}{page}"));
                let name = format!("{screen}-{scheme}-{number}.png");
                fs::write(pictures.join(name), browser.screenshot()).expect("the folder takes files");
                assert_eq!(browser.run("return innerWidth"), width, "the page has the width of the screen");
                assert_eq!(browser.run(CUT_OFF), json!([]), "{page} on a {screen}");
                assert_eq!(browser.run(LOW_CONTRAST), json!([]), "{page}, {scheme}, on a {screen}");
                assert_eq!(browser.run(UNNAMED), json!([]), "{page}");
            }
        }
        if screen == "wide" {
            browser.show(&format!("http://{address}/"));
            let columns = browser.run(COLUMNS);
            let columns: Vec<f64> =
                columns.as_array().expect("a list").iter().filter_map(|width| width.as_f64()).collect();
            assert!(columns.len() == 7 && columns.iter().all(|width| *width > 90.0), "one is squeezed: {columns:?}");
        }
    }
}

#[test]
#[ignore = "needs chromium, which `cargo xtask test` installs"]
fn a_search_sends_the_filters_beside_its_form_and_control_characters_are_seen() {
    let (hookd, _api) = filled();
    let address = hookd.admin().address();
    let browser = Browser::with_screen(1280, 900);
    browser.show(&format!("http://{address}/"));
    let rows = "return [...document.querySelectorAll('table.deliveries tbody tr')].map((tr) => tr.innerText)";
    let shown = browser.run(rows);
    assert_eq!(shown.as_array().map(Vec::len), Some(6), "{shown}");
    assert!(shown.to_string().contains("feature/U+202Emoc.live"), "{shown}");
    // Fields outside of the form are sent with it.
    browser.run(
        "document.querySelector('input[name=q]').value = 'octo';
         document.querySelector('input[value=accepted]').click();
         document.querySelector('#search').requestSubmit();",
    );
    let url = hookd_tests::until("the search is shown", || {
        let url = browser.run("return document.readyState === 'complete' ? location.search : ''");
        url.as_str().filter(|url| url.contains("q=octo")).map(str::to_owned)
    });
    assert!(url.contains("state=accepted"), "{url}");
    assert_eq!(browser.run(rows).as_array().map(Vec::len), Some(3));
}
