//! Who is believed.

use std::time::{SystemTime, UNIX_EPOCH};

use hookd_core::Compat::Off;
use hookd_core::{HookRequest, Proof};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use crate::kit::{KEY, MODES, TOKEN, hook, signature, signing_token};

const BODY: &str = r#"{"object_kind": "push"}"#;
const ID: &str = "72d3162e-cc78-11e3-81ab-4c9367dc0958";

/// A time this many seconds from now, as in `webhook-timestamp`.
fn from_now(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    now.checked_add_signed(seconds).unwrap().to_string()
}

fn with(headers: &[(&str, &str)]) -> HookRequest {
    let post = HookRequest::post("/change_hook/gitlab").with_body(BODY);
    headers.iter().fold(post, |request, (name, value)| request.with_header(name, *value))
}

fn proof(secret: &Value, request: &HookRequest) -> Result<Proof, String> {
    let proofs = MODES.map(|mode| hook(mode, json!({"secret": secret})).verify(request));
    assert_eq!(proofs[0], proofs[1]);
    proofs[0].clone().map_err(|refusal| refusal.message().to_owned())
}

fn invalid() -> Result<Proof, String> {
    Err("Invalid secret".to_owned())
}

#[test]
fn tokens_hold_or_are_refused() {
    let (short, doubled, upper) = (&TOKEN[..5], TOKEN.repeat(2), TOKEN.to_uppercase());
    for (tokens, holds) in [
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
            let expected = if holds { Ok(Proof::Verified) } else { invalid() };
            assert_eq!(proof(&secret, &with(&headers)), expected, "{tokens:?} with {secret}");
        }
        // A token proves nothing where none is configured, and nothing needs a proof where there is no secret.
        assert_eq!(proof(&json!(signing_token(KEY)), &with(&headers)), invalid());
        assert_eq!(hook(Off, json!({})).verify(&with(&headers)), Ok(Proof::NotRequired));
    }
}

#[test]
fn a_signing_token_is_not_a_token() {
    let secret = signing_token(KEY);
    assert_eq!(proof(&json!(secret), &with(&[("X-Gitlab-Token", &secret)])), invalid());
}

#[test]
fn signatures_hold_or_are_refused() {
    let now = from_now(0);
    let good = signature(KEY, ID, &now, BODY.as_bytes());
    let foreign = signature(b"guess", ID, &now, BODY.as_bytes());
    let bytes_of_token = signature(signing_token(KEY).as_bytes(), ID, &now, BODY.as_bytes());
    let (unpadded, cut) = (good.trim_end_matches('='), &good[..30]);
    let (rotated, newer) = (format!("{foreign} {good}"), format!("v2,x v1a,y  {good} "));
    let doubled = format!("{good}{}", &good[3..]);
    for (signature, holds) in [
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
        let expected = if holds { Ok(Proof::Verified) } else { invalid() };
        for secret in [
            json!(signing_token(KEY)),
            json!([signing_token(b"new"), signing_token(KEY)]),
            json!([TOKEN, signing_token(KEY)]),
        ] {
            assert_eq!(proof(&secret, &request), expected, "{signature} with {secret}");
        }
        // Where there are only tokens, a signature is not looked at.
        assert_eq!(proof(&json!(TOKEN), &request), invalid());
    }
}

#[test]
fn a_signature_is_of_this_id_time_and_body() {
    let now = from_now(0);
    let good = signature(KEY, ID, &now, BODY.as_bytes());
    let secret = json!(signing_token(KEY));
    let signed =
        |id: &str, time: &str| with(&[("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", &good)]);
    assert_eq!(proof(&secret, &signed(ID, &now)), Ok(Proof::Verified));
    assert_eq!(proof(&secret, &signed("other", &now)), invalid());
    assert_eq!(proof(&secret, &signed(ID, &from_now(1))), invalid());
    assert_eq!(proof(&secret, &signed(ID, &now).with_body("{}")), invalid());
    assert_eq!(proof(&secret, &signed(ID, &now).with_header("webhook-signature", good.clone())), invalid());
    assert_eq!(proof(&secret, &signed(ID, &now).with_header("webhook-id", ID)), invalid());
    let without = |name: &str| {
        let headers = [("webhook-id", ID), ("webhook-timestamp", &*now), ("webhook-signature", &*good)];
        proof(&secret, &with(&headers.into_iter().filter(|(n, _)| *n != name).collect::<Vec<_>>()))
    };
    assert_eq!(without("webhook-id"), Err("header `webhook-id` is missing".to_owned()));
    assert_eq!(without("webhook-timestamp"), Err("header `webhook-timestamp` is missing".to_owned()));
    assert_eq!(without("webhook-signature"), invalid());
}

#[test]
fn what_is_signed_cannot_be_divided_in_another_way() {
    let now = from_now(0);
    let body = format!("x.{now}.{BODY}");
    let good = signature(KEY, ID, &now, body.as_bytes());
    let id = format!("{ID}.{now}.x");
    let request = with(&[("webhook-id", &id), ("webhook-timestamp", &now), ("webhook-signature", &good)]);
    assert_eq!(proof(&json!(signing_token(KEY)), &request), invalid());
}

#[test]
fn a_signature_is_good_for_five_minutes() {
    let stale = Err("`webhook-timestamp` is not within five minutes of now".to_owned());
    for (time, expected) in [
        (from_now(-290), Ok(Proof::Verified)),
        (from_now(290), Ok(Proof::Verified)),
        (from_now(-310), stale.clone()),
        (from_now(310), stale.clone()),
        ("0".to_owned(), stale.clone()),
        (String::new(), stale.clone()),
        (format!("+{}", from_now(0)), stale.clone()),
        (format!("{}.0", from_now(0)), stale.clone()),
        ("9".repeat(30), stale.clone()),
        ("2024-05-01T10:00:00Z".to_owned(), stale),
    ] {
        let good = signature(KEY, ID, &time, BODY.as_bytes());
        let request = with(&[("webhook-id", ID), ("webhook-timestamp", &time), ("webhook-signature", &good)]);
        assert_eq!(proof(&json!(signing_token(KEY)), &request), expected, "{time}");
    }
}

#[test]
fn what_is_there_of_what_is_configured_must_all_hold() {
    let now = from_now(0);
    let (good, bad) = (signature(KEY, ID, &now, BODY.as_bytes()), signature(b"guess", ID, &now, BODY.as_bytes()));
    let both = json!([TOKEN, signing_token(KEY)]);
    for (secret, token, signature, holds) in [
        (&both, TOKEN, &good, true),
        (&both, TOKEN, &bad, false),
        (&both, "wrong", &good, false),
        (&both, "", &good, false),
        (&json!(TOKEN), TOKEN, &bad, true),
        (&json!(signing_token(KEY)), "wrong", &good, true),
    ] {
        let headers = [("webhook-id", ID), ("webhook-timestamp", &now), ("webhook-signature", signature)];
        let request = with(&headers).with_header("X-Gitlab-Token", token);
        let expected = if holds { Ok(Proof::Verified) } else { invalid() };
        assert_eq!(proof(secret, &request), expected, "{secret}: {token}, {signature}");
    }
}

/// One credential that does not hold for `BODY`, as headers.
fn wrong() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let now = from_now(0);
    let good = signature(KEY, ID, &now, BODY.as_bytes());
    let foreign = [
        signature(b"guess", ID, &now, BODY.as_bytes()),
        signature(KEY, "other", &now, BODY.as_bytes()),
        signature(KEY, ID, &from_now(7), BODY.as_bytes()),
        signature(KEY, ID, &now, b"other"),
        format!("{good}{}", &good[3..]),
    ];
    let damaged = |good: String| {
        let bytes = (Just(good.clone()), any::<Index>(), any::<u8>()).prop_map(|(good, at, byte)| {
            let mut bytes = good.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            bytes
        });
        let cut = (Just(good.clone()), any::<Index>())
            .prop_map(|(good, at)| good.as_bytes()[..at.index(good.len())].to_vec());
        let is_not_good = move |bytes: &Vec<u8>| {
            // Without padding, and in spaces, it is the same signature.
            let text = String::from_utf8_lossy(bytes).into_owned();
            text.split_ascii_whitespace().all(|part| part.trim_end_matches('=') != good.trim_end_matches('='))
        };
        prop_oneof![any::<Vec<u8>>(), bytes, cut].prop_filter("is right", is_not_good)
    };
    let signature = prop_oneof![
        select(foreign.to_vec()).prop_map(String::into_bytes),
        "v1,[A-Za-z0-9+/]{43}=".prop_map(String::into_bytes),
        damaged(good),
    ];
    let signed = (signature, Just(now)).prop_map(|(signature, now)| {
        vec![
            ("webhook-id", ID.as_bytes().to_vec()),
            ("webhook-timestamp", now.into_bytes()),
            ("webhook-signature", signature),
        ]
    });
    let doubled = Just(TOKEN.repeat(2).into_bytes());
    let token = prop_oneof![damaged(TOKEN.to_owned()), doubled].prop_map(|token| vec![("X-Gitlab-Token", token)]);
    prop_oneof![signed, token.prop_filter("is right", |headers| headers[0].1 != TOKEN.as_bytes())]
}

proptest! {
    #[test]
    fn what_is_wrong_is_never_proved(
        headers in wrong(),
        good_token: bool,
        compat in select(MODES.to_vec()),
    ) {
        let hook = hook(compat, json!({"secret": ["rotated", TOKEN, signing_token(b"rotated"), signing_token(KEY)]}));
        let request = headers.into_iter().fold(with(&[]), |request, (name, value)| request.with_header(name, value));
        let request = if good_token { request.with_header("x-gitlab-token", TOKEN) } else { request };
        prop_assert!(hook.verify(&request).is_err());
    }

    #[test]
    fn what_carries_nothing_is_never_proved(name in "[A-Za-z-]{1,20}", value: Vec<u8>, body: Vec<u8>) {
        let hook = hook(Off, json!({"secret": [TOKEN, signing_token(KEY)]}));
        let request = HookRequest::post("/").with_header(&name, value).with_body(body);
        prop_assert!(hook.verify(&request).is_err());
    }

    #[test]
    fn what_is_rightly_signed_is_proved(body: Vec<u8>, id in "[ -~&&[^.]]{0,40}", key in proptest::collection::vec(any::<u8>(), 1..80)) {
        let hook = hook(Off, json!({"secret": signing_token(&key)}));
        let now = from_now(0);
        let good = signature(&key, &id, &now, &body);
        let headers = [("webhook-id", &*id), ("webhook-timestamp", &now), ("webhook-signature", &good)];
        prop_assert_eq!(hook.verify(&with(&headers).with_body(body)), Ok(Proof::Verified));
    }
}
