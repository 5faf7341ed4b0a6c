//! Files of credentials, as an operator of NATS issues them: tokens that sign each other.

use async_nats::ConnectOptions;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hookd_sinks::{Attempt, Verdict};
use hookd_tests::Nats;
use nkeys::KeyPair;
use serde_json::{Value, json};

use super::kit::{STREAM, build, change, expect};

/// A token (<https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/jwt>) about a key, signed with
/// another.
fn token(signer: &KeyPair, subject: &KeyPair, expires_at: Option<i64>, claims: Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut claims = json!({
        "jti": "x", "iat": 1_700_000_000, "iss": signer.public_key(), "sub": subject.public_key(), "name": "x", "nats": claims,
    });
    if let Some(expires_at) = expires_at {
        claims["exp"] = json!(expires_at);
    }
    let signed = format!("{}.{}", encode(&json!({"typ": "JWT", "alg": "ed25519-nkey"})), encode(&claims));
    let signature = URL_SAFE_NO_PAD.encode(signer.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

/// A file of credentials of a new user of this account.
fn credentials(account: &KeyPair, expires_at: Option<i64>) -> String {
    let user = KeyPair::new_user();
    let claims = json!({"type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1});
    let token = token(account, &user, expires_at, claims);
    let seed = user.seed().unwrap();
    format!(
        "-----BEGIN NATS USER JWT-----\n{token}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
}

/// A server of an operator, with this account.
fn server(account: &KeyPair) -> Nats {
    let (operator, system) = (KeyPair::new_operator(), KeyPair::new_account());
    let unlimited = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
    });
    let of_account = |key: &KeyPair, limits: &Value| {
        token(&operator, key, None, json!({"type": "account", "version": 2, "limits": limits}))
    };
    // The account of the system may not have JetStream.
    let few = json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "conn": -1, "leaf": -1});
    let config = format!(
        "operator: {}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload: {{ {}: {}, {}: {} }}",
        token(&operator, &operator, None, json!({"type": "operator", "version": 2})),
        system.public_key(),
        system.public_key(),
        of_account(&system, &few),
        account.public_key(),
        of_account(account, &unlimited),
    );
    Nats::start_with(&config, json!({}))
}

async fn attempt(server: &Nats, credentials: &str) -> Attempt {
    let options = json!({"url": format!("nats://{}", server.address()), "credentials": credentials});
    build(options).deliver(&change(1, "main")).await
}

#[tokio::test]
#[ignore = "needs NATS from cargo xtask test"]
async fn a_file_of_credentials_is_accepted_unless_it_is_wrong_or_out_of_date() {
    let account = KeyPair::new_account();
    let server = server(&account);
    // The tests' own connection has no token.
    let options = ConnectOptions::with_credentials(&credentials(&account, None)).unwrap();
    let client = options.connect(server.address().to_string()).await.unwrap();
    let stream = json!({"name": STREAM, "subjects": ["hookd.>"], "storage": "file", "retention": "limits"});
    let made = client.request(format!("$JS.API.STREAM.CREATE.{STREAM}"), stream.to_string().into()).await.unwrap();
    assert!(!String::from_utf8_lossy(&made.payload).contains("error"), "{made:?}");

    let taken = attempt(&server, &credentials(&account, None)).await;
    expect(&taken, Verdict::Delivered, "message 1 of the stream `CHANGES`");
    let stranger = KeyPair::new_account();
    for wrong in [credentials(&stranger, None), credentials(&account, Some(1_700_000_001))] {
        let refused = attempt(&server, &wrong).await;
        expect(&refused, Verdict::ThisSink, "does not accept the credentials");
        assert!(refused.answer.ends_with("check `credentials`"), "{refused:?}");
        let secrets = wrong.lines().filter(|line| line.len() > 50);
        assert!(secrets.clone().count() == 2 && secrets.into_iter().all(|line| !refused.answer.contains(line)));
    }
}
