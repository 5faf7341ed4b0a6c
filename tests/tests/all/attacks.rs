//! Forged proofs: whatever stands in place of a signature or a token, nothing gets in that the forge did not send.

use hookd_tests::http::Request;
use hookd_tests::{Home, Hookd, sha1_signature, sha256_signature};

const SECRET: &str = "It's a Secret to Everybody";

const TABLES: &str = r#"
[change_hook_dialects]
bitbucketcloud = { secret = "It's a Secret to Everybody" }
bitbucketserver = { secret = ["another one", "It's a Secret to Everybody"] }
github = { secret = "It's a Secret to Everybody", strict = true }
gitlab = { secret = "It's a Secret to Everybody" }
"#;

/// A forge that pushes.
struct Forge {
    dialect: &'static str,
    event: (&'static str, &'static str),
    /// The header with the proof, and those of other forges.
    proof: &'static str,
    foreign: [&'static str; 2],
    body: &'static str,
}

const FORGES: [Forge; 4] = [
    Forge {
        dialect: "bitbucketcloud",
        event: ("X-Event-Key", "repo:push"),
        proof: "X-Hub-Signature",
        foreign: ["X-Hub-Signature-256", "X-Gitlab-Token"],
        body: include_str!("../../../docs/examples/bitbucketcloud-push.json"),
    },
    Forge {
        dialect: "bitbucketserver",
        event: ("X-Event-Key", "repo:refs_changed"),
        proof: "X-Hub-Signature",
        foreign: ["X-Hub-Signature-256", "X-Gitlab-Token"],
        body: include_str!("../../../docs/examples/bitbucketserver-push.json"),
    },
    Forge {
        dialect: "github",
        event: ("X-GitHub-Event", "push"),
        proof: "X-Hub-Signature-256",
        foreign: ["X-Gitlab-Token", "webhook-signature"],
        body: include_str!("../../../docs/examples/github-push.json"),
    },
    Forge {
        dialect: "gitlab",
        event: ("X-Gitlab-Event", "Push Hook"),
        proof: "X-Gitlab-Token",
        foreign: ["X-Hub-Signature-256", "webhook-signature"],
        body: include_str!("../../../docs/examples/gitlab-push.json"),
    },
];

impl Forge {
    fn request(&self, proofs: &[(&str, String)]) -> Request {
        let request = Request::post(format!("/change_hook/{}", self.dialect)).header(self.event.0, self.event.1);
        let request = proofs.iter().fold(request, |request, (name, value)| request.header(name, value));
        request.json(self.body)
    }

    /// The proof that the forge makes of a body with a key.
    fn proof_of(&self, key: &str, body: &str) -> String {
        if self.dialect == "gitlab" { key.to_owned() } else { sha256_signature(key, body.as_bytes()) }
    }

    /// What an attacker could send in place of the proof, each with a name.
    fn forgeries(&self) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
        let right = self.proof_of(SECRET, self.body);
        let bare = right.rsplit('=').next().unwrap_or_default().to_owned();
        let one = |value: &str| vec![(self.proof, value.to_owned())];
        let mut forgeries = vec![
            ("none", Vec::new()),
            ("an empty one", one("")),
            ("a scheme alone", one("sha256=")),
            ("one cut short", one(&right[..right.len() - 2])),
            ("a beginning", one(&right[..right.len() / 2])),
            ("one that goes on", one(&format!("{right}00"))),
            ("one with the letters changed", one(&right.to_uppercase())),
            ("one of another key", one(&self.proof_of("guess", self.body))),
            ("one of an empty key", one(&self.proof_of("", self.body))),
            ("another kind of hash", one(&sha1_signature(SECRET, self.body.as_bytes()))),
            ("an unknown kind of hash", one(&format!("md5={bare}"))),
            ("zeros", one(&format!("sha256={}", "0".repeat(64)))),
            (
                "the right one and a wrong one",
                vec![(self.proof, right.clone()), (self.proof, self.proof_of("guess", ""))],
            ),
            (
                "a wrong one and the right one",
                vec![(self.proof, self.proof_of("guess", "")), (self.proof, right.clone())],
            ),
        ];
        if self.dialect != "gitlab" {
            forgeries.push(("one of another body", one(&self.proof_of(SECRET, "{}"))));
            forgeries.push(("the hash without its kind", one(&bare)));
            forgeries.push(("the secret itself", one(SECRET)));
        }
        for foreign in self.foreign {
            forgeries.push(("the right one in another header", vec![(foreign, right.clone())]));
            forgeries.push(("the secret in another header", vec![(foreign, SECRET.to_owned())]));
        }
        forgeries
    }
}

fn stored(hookd: &Hookd) -> usize {
    hookd.admin().deliveries().len()
}

#[test]
fn a_forged_proof_gets_nothing_in_whatever_the_dialect() {
    let hookd = Home::serving(TABLES).start();
    let mut refused = 0;
    for forge in &FORGES {
        for (name, proofs) in forge.forgeries() {
            let answer = hookd.send(&forge.request(&proofs));
            assert_eq!(answer.status, 400, "{}, {name}: {}", forge.dialect, answer.line());
            assert!(!answer.text().contains(SECRET), "{}, {name}: {}", forge.dialect, answer.line());
            refused += 1;
        }
    }
    assert_eq!((stored(&hookd), hookd.admin().changes().len()), (0, 0));
    let unverified = hookd.admin().list("/api/v2/unverified", "unverified");
    assert_eq!(unverified.len(), refused, "each attempt is listed");
    for (number, forge) in (1..).zip(&FORGES) {
        let right = vec![(forge.proof, forge.proof_of(SECRET, forge.body))];
        let answer = hookd.send(&forge.request(&right));
        assert_eq!(answer.line(), "202 1 change found", "{}", forge.dialect);
        assert_eq!(stored(&hookd), number, "{}", forge.dialect);
    }
}
