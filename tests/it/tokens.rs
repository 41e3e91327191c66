//! Tokens that must not pass, issuers that misbehave, keys that change: through a socket, against a running gateway.

mod claimed_headers;
mod forged;
mod key_sets;
mod rotation;

use serde_json::{Value, json};
use tests::{Issuer, SigningKey, TestGateway, merged};

/// An issuer with one key of each kind, and a gateway that trusts it.
struct Fixture {
    gateway: TestGateway,
    issuer: Issuer,
    rsa: SigningKey,
    p256: SigningKey,
    ed25519: SigningKey,
}

/// Starts both; `overlay` goes over the entry of the issuer.
async fn fixture(overlay: Value) -> Fixture {
    let (rsa, p256, ed25519) = (SigningKey::rsa(), SigningKey::p256(), SigningKey::ed25519());
    let mut bound = rsa.jwk("bound");
    bound["alg"] = json!("RS256");
    let keys = [
        rsa.jwk("rsa"),
        p256.jwk("p256"),
        ed25519.jwk("ed25519"),
        bound,
    ];
    let issuer = Issuer::start(&keys).await;
    let entry = json!({ "auth": { "oauth": { "openid_connect_issuers": { "acme": overlay } } } });
    let gateway = TestGateway::start_with(merged(issuer.trusted(), entry)).await;
    Fixture {
        gateway,
        issuer,
        rsa,
        p256,
        ed25519,
    }
}

impl Fixture {
    /// A token of `alice` by the Ed25519 key with these claims changed.
    fn token(&self, changed: Value) -> String {
        self.token_with(json!({}), changed)
    }

    /// The same, with members of the header changed, too.
    fn token_with(&self, header: Value, changed: Value) -> String {
        let header = merged(json!({ "alg": "EdDSA", "kid": "ed25519" }), header);
        let claims = merged(self.issuer.claims("alice"), changed);
        self.ed25519.sign(&header.to_string(), &claims.to_string())
    }

    /// Status of `whoami` with this token; a success must be `acme:alice`, a failure must not echo anything.
    async fn ask(&self, token: &str) -> u16 {
        let answer = self.gateway.as_bearer(token).get("/api/2/whoami").await;
        if answer.status == 200 {
            assert_eq!(answer.json()["defaultSubject"], "acme:alice");
        } else {
            assert!(
                token.len() < 20 || !answer.body.contains(token),
                "the token is echoed"
            );
            assert!(!answer.body.contains("acme:alice"), "{}", answer.body);
        }
        answer.status
    }

    #[track_caller]
    fn check(&self, what: &str, status: u16, expected: u16) {
        assert_eq!(status, expected, "{what}");
    }
}

#[tokio::test]
async fn a_token_without_a_subject_is_nobody_and_one_with_a_strange_one_is_refused() {
    let templates = json!({ "auth_subjects": ["{{ jwt:role }}"] });
    let fixture = fixture(templates).await;
    let ask = async |claims: Value| {
        let token = fixture.token(claims);
        fixture.gateway.as_bearer(&token).get("/api/2/whoami").await
    };
    let nobody = ask(json!({})).await.expect(200);
    assert_eq!(
        nobody.json(),
        json!({ "defaultSubject": null, "subjects": [] })
    );
    let ops = ask(json!({ "role": ["ops", "ops", ""] })).await.expect(200);
    assert_eq!(ops.json()["defaultSubject"], "acme:ops");
    for role in ["ops\r\nx", "\u{0}", "\u{9b}31m"] {
        let refused = ask(json!({ "role": ["ops", role] })).await;
        assert!(
            refused.body.contains("control characters"),
            "{}",
            refused.body
        );
        refused.expect_error(401, "gateway:authentication.failed");
    }
}
