//! Which requests are verified, and by what.

use hookd_core::Compat::Off;
use hookd_core::HookRequest;
use hookd_testkit::sign::{seconds_from_now, signing_token, standard_webhook};
use hookd_testkit::{BOTH, json};
use proptest::prelude::*;
use serde_json::Value;

use crate::FORGE;

const TOKEN: &str = "It's a Secret to Everybody";

/// The key in a signing token.
const KEY: &str = "thirty-two bytes of a signing key";

const BODY: &str = r#"{"object_kind": "push"}"#;
const ID: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";

const INVALID: &str = "refused: Invalid secret";

fn with(headers: &[(&str, &str)]) -> HookRequest {
    let post = HookRequest::post("/change_hook/gitlab").with_body(BODY);
    headers.iter().fold(post, |request, (name, value)| request.with_header(name, *value))
}

fn proof(secret: &Value, request: &HookRequest) -> String {
    let [ours, buildbots] = BOTH.map(|mode| FORGE.hook(mode, json!({"secret": secret})).proof(request));
    assert_eq!(ours, buildbots);
    ours
}

/// What is expected of a proof that is right, or not.
fn verified(is_right: bool) -> &'static str {
    if is_right { "verified" } else { INVALID }
}

#[test]
fn tokens_are_right_or_refused() {
    let (short, doubled, upper) = (&TOKEN[..5], TOKEN.repeat(2), TOKEN.to_uppercase());
    for (tokens, is_right) in [
        (vec![], false),
        (vec![TOKEN], true),
        (vec![TOKEN, TOKEN], true),
        (vec![""], false),
        (vec!["wrong"], false),
        (vec![short], false),
        (vec![&doubled], false),
        (vec![&upper], false),
        (vec![TOKEN, "wrong"], false),
        (vec!["wrong", TOKEN], false),
    ] {
        let headers: Vec<(&str, &str)> = tokens.iter().map(|token| ("x-gitlab-token", *token)).collect();
        for secret in [json!(TOKEN), json!(["new", TOKEN]), json!([TOKEN, signing_token(KEY)])] {
            assert_eq!(proof(&secret, &with(&headers)), verified(is_right), "{tokens:?} with {secret}");
        }
        // A token proves nothing where none is configured, and nothing needs a proof where there is no secret.
        assert_eq!(proof(&json!(signing_token(KEY)), &with(&headers)), INVALID);
        assert_eq!(FORGE.hook(Off, json!({})).proof(&with(&headers)), "not required");
    }
}

#[test]
fn a_signing_token_is_not_a_token() {
    let secret = signing_token(KEY);
    assert_eq!(proof(&json!(secret), &with(&[("X-Gitlab-Token", &secret)])), INVALID);
}

#[test]
fn signatures_are_right_or_refused() {
    let now = seconds_from_now(0);
    let good = standard_webhook(KEY, ID, &now, BODY);
    let foreign = standard_webhook("guess", ID, &now, BODY);
    let bytes_of_token = standard_webhook(signing_token(KEY), ID, &now, BODY);
    let (unpadded, cut) = (good.trim_end_matches('='), &good[..30]);
    let (rotated, newer) = (format!("{foreign} {good}"), format!("v2,x v1a,y  {good} "));
    let doubled = format!("{good}{}", &good[3..]);
    for (signature, is_right) in [
        (&*good, true),
        (unpadded, true),
        (&rotated, true),
        (&newer, true),
        (&foreign, false),
        (&bytes_of_token, false),
        (cut, false),
        (&doubled, false),
        (&good[3..], false),
        (&format!("v2,{}", &good[3..]), false),
        (&format!("V1,{}", &good[3..]), false),
        ("", false),
        (" ", false),
        ("v1,", false),
        ("v1", false),
        ("v1,=", false),
        ("v1,é", false),
    ] {
        let request = with(&[("webhook-id", ID), ("Webhook-Timestamp", &now), ("webhook-signature", signature)]);
        for secret in [
            json!(signing_token(KEY)),
            json!([signing_token("new"), signing_token(KEY)]),
            json!([TOKEN, signing_token(KEY)]),
        ] {
            assert_eq!(proof(&secret, &request), verified(is_right), "{signature} with {secret}");
        }
        // Where there are only tokens, a signature is not looked at.
        assert_eq!(proof(&json!(TOKEN), &request), INVALID);
    }
}

#[test]
fn a_signature_is_of_this_id_time_and_body() {
    let now = seconds_from_now(0);
    let good = standard_webhook(KEY, ID, &now, BODY);
    let secret = json!(signing_token(KEY));
    let signed =
        |id: &str, time: &str| with(&[("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", &good)]);
    assert_eq!(proof(&secret, &signed(ID, &now)), "verified");
    assert_eq!(proof(&secret, &signed("other", &now)), INVALID);
    assert_eq!(proof(&secret, &signed(ID, &seconds_from_now(1))), INVALID);
    assert_eq!(proof(&secret, &signed(ID, &now).with_body("{}")), INVALID);
    assert_eq!(proof(&secret, &signed(ID, &now).with_header("webhook-signature", good.clone())), INVALID);
    assert_eq!(proof(&secret, &signed(ID, &now).with_header("webhook-id", ID)), INVALID);
    let without = |name: &str| {
        let headers = [("webhook-id", ID), ("webhook-timestamp", &*now), ("webhook-signature", &*good)];
        proof(&secret, &with(&headers.into_iter().filter(|(n, _)| *n != name).collect::<Vec<_>>()))
    };
    assert_eq!(without("webhook-id"), "refused: header `webhook-id` is missing");
    assert_eq!(without("webhook-timestamp"), "refused: header `webhook-timestamp` is missing");
    assert_eq!(without("webhook-signature"), INVALID);
}

#[test]
fn what_is_signed_cannot_be_divided_in_another_way() {
    let now = seconds_from_now(0);
    let body = format!("x.{now}.{BODY}");
    let good = standard_webhook(KEY, ID, &now, &body);
    let id = format!("{ID}.{now}.x");
    let request = with(&[("webhook-id", &id), ("webhook-timestamp", &now), ("webhook-signature", &good)]);
    assert_eq!(proof(&json!(signing_token(KEY)), &request), INVALID);
}

#[test]
fn a_signature_is_good_for_five_minutes() {
    let stale = "refused: `webhook-timestamp` is not within five minutes of now";
    for (time, expected) in [
        (seconds_from_now(-290), "verified"),
        (seconds_from_now(290), "verified"),
        (seconds_from_now(-310), stale),
        (seconds_from_now(310), stale),
        ("0".to_owned(), stale),
        (String::new(), stale),
        (format!("+{}", seconds_from_now(0)), stale),
        (format!("{}.0", seconds_from_now(0)), stale),
        ("9".repeat(30), stale),
        ("2024-05-01T10:00:00Z".to_owned(), stale),
    ] {
        let good = standard_webhook(KEY, ID, &time, BODY);
        let request = with(&[("webhook-id", ID), ("webhook-timestamp", &time), ("webhook-signature", &good)]);
        assert_eq!(proof(&json!(signing_token(KEY)), &request), expected, "{time}");
    }
}

#[test]
fn what_is_there_of_what_is_configured_must_all_be_right() {
    let now = seconds_from_now(0);
    let (good, bad) = (standard_webhook(KEY, ID, &now, BODY), standard_webhook("guess", ID, &now, BODY));
    let both = json!([TOKEN, signing_token(KEY)]);
    for (secret, token, signature, is_right) in [
        (&both, TOKEN, &good, true),
        (&both, TOKEN, &bad, false),
        (&both, "wrong", &good, false),
        (&both, "", &good, false),
        (&json!(TOKEN), TOKEN, &bad, true),
        (&json!(signing_token(KEY)), "wrong", &good, true),
    ] {
        let headers = [("webhook-id", ID), ("webhook-timestamp", &now), ("webhook-signature", signature)];
        let request = with(&headers).with_header("X-Gitlab-Token", token);
        assert_eq!(proof(secret, &request), verified(is_right), "{secret}: {token}, {signature}");
    }
}

proptest! {
    #[test]
    fn any_key_and_id_may_sign(body: Vec<u8>, id in "[ -~&&[^.]]{0,40}", key in proptest::collection::vec(any::<u8>(), 1..80)) {
        let hook = FORGE.hook(Off, json!({"secret": signing_token(&key)}));
        let now = seconds_from_now(0);
        let good = standard_webhook(&key, &id, &now, &body);
        let headers = [("webhook-id", &*id), ("webhook-timestamp", &now), ("webhook-signature", &good)];
        prop_assert_eq!(hook.proof(&with(&headers).with_body(body)), "verified");
    }
}
