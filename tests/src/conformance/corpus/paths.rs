//! Paths and methods that reach a dialect, and some that do not.

use super::body::FORM;
use crate::conformance::Case;
use crate::http::Request;

const PATHS: &[&str] = &[
    "/change_hook",
    "/change_hook/",
    "/change_hook/base",
    "/change_hook/base/",
    "/change_hook/base/more/of/it",
    "/change_hook/base?",
    "/change_hook/base?project=from-the-query",
    "/change_hook?project=from-the-query",
    "/change_hook/?project=from-the-query",
    "/change_hook/base;x",
    "/change_hook/base.json",
    "/change_hook/base-2",
    "/change_hook/base%20",
    "/change_hook/base%2Fmore",
    "/change_hook/base/../github",
    "/change_hook//base",
    "/change_hook/Base",
    "/change_hook/BASE",
    "/change_hook/b%61se",
    "/change_hook/base_renamed",
    "/change_hook/base_renamed/x",
    "/change_hook/nothing",
    "/change_hook/nothing/base",
    "/change_hook/custom_class",
    "/change_hook/__init__",
    "/change_hook/-",
    "/change_hook/.",
    "/change_hook/%00",
    "/change_hook/b\u{e4}se",
    "/change_hook/github_",
    "/change_hook/0",
];

const METHODS: [&str; 6] = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"];

pub(super) fn cases() -> Vec<Case> {
    let change = "author=A&revision=1&branch=b";
    let posts = PATHS
        .iter()
        .map(|path| Case::new(format!("path: {path}"), Request::post(*path).header("Content-Type", FORM).body(change)));
    let methods = METHODS.iter().flat_map(|method| {
        ["base", "github", "nothing"].map(|dialect| {
            let target = format!("/change_hook/{dialect}?{change}");
            Case::new(format!("method: {method} {dialect}"), Request::new(method, target))
        })
    });
    posts.chain(methods).collect()
}
