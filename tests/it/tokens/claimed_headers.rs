//! Headers that claims set: who sends one of them is not believed, with or without the claim.

use serde_json::{Value, json};
use tests::{Issuer, SigningKey, TestGateway, merged};

const DENIED: &str = "gateway:namespace.notaccessible";
const THING: &str = "/api/2/things/org.acme:lamp";

/// The claim `org` becomes the header `x-org`, and whoever has that header says `acme` reaches `org.acme`.
fn settings(issuer: &Issuer) -> Value {
    let trusted = merged(
        issuer.trusted(),
        json!({ "auth": { "namespace_access": [
            { "conditions": ["{{ header:x-org | fn:filter('eq','acme') }}"], "allowed_namespaces": ["org.acme"] },
            { "conditions": ["{{ fn:default('always') }}"], "allowed_namespaces": ["common"] },
        ] } }),
    );
    let injecting = json!({ "inject_claims_into_headers": { "X-Org": "{{ jwt:org }}" } });
    merged(
        trusted,
        json!({ "auth": { "oauth": { "openid_connect_issuers": { "acme": injecting } } } }),
    )
}

/// A token of Alice with further claims.
fn alice(issuer: &Issuer, key: &SigningKey, claims: Value) -> String {
    let claims = merged(issuer.claims("alice"), claims).to_string();
    key.sign(r#"{"alg":"EdDSA","kid":"key"}"#, &claims)
}

#[tokio::test]
async fn nobody_sends_a_header_that_claims_set() {
    let key = SigningKey::ed25519();
    let issuer = Issuer::start(&[key.jwk("key")]).await;
    let gateway = TestGateway::start_with(settings(&issuer)).await;
    let token = |claims| gateway.as_bearer(&alice(&issuer, &key, claims));
    let acme = token(json!({ "org": "acme" }));
    acme.put(THING, &json!({})).await.expect(201);
    acme.with("x-org", "other").get(THING).await.expect(200);
    for caller in [
        token(json!({})),
        token(json!({ "org": [] })),
        token(json!({ "org": "ac\nme" })),
        token(json!({ "org": "other" })),
        gateway.as_subject("nginx:alice"),
    ] {
        for caller in [
            caller.clone(),
            caller.with("x-org", "acme"),
            caller.with("X-Org", "acme"),
        ] {
            let answer = caller.put(THING, &json!({})).await;
            answer.expect_error(403, DENIED);
        }
    }
}

#[tokio::test]
async fn nobody_sends_it_in_a_frame() {
    let key = SigningKey::ed25519();
    let issuer = Issuer::start(&[key.jwk("key")]).await;
    let gateway = TestGateway::start_with(settings(&issuer)).await;
    let token = |claims| gateway.as_bearer(&alice(&issuer, &key, claims));
    let (acme, nobody) = (token(json!({ "org": "acme" })), token(json!({})));
    nobody
        .put("/api/2/things/common:lamp", &json!({}))
        .await
        .expect(201);
    let mut listener = nobody.web_socket().await.expect("a socket");
    listener.control("START-SEND-EVENTS").await;
    listener.control("START-SEND-MESSAGES").await;
    for (caller, expected) in [(&acme, json!("acme")), (&nobody, Value::Null)] {
        let mut sender = caller.web_socket().await.expect("a socket");
        for (topic, path) in [
            ("common/lamp/things/twin/commands/modify", "/attributes/n"),
            (
                "common/lamp/things/live/messages/hello",
                "/inbox/messages/hello",
            ),
        ] {
            let headers = json!({ "x-org": "forged", "X-ORG": "forged", "response-required": false, "x-other": "kept" });
            let frame = json!({ "topic": topic, "path": path, "headers": headers, "value": 1 });
            sender.send(frame.to_string()).await;
            let seen = listener.json().await;
            assert_eq!(seen["headers"]["x-org"], expected, "{seen}");
            assert_eq!(seen["headers"]["x-other"], "kept", "{seen}");
        }
    }
}
