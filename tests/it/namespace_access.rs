//! The operator's rules on namespaces, which no policy overrules: on every route, in frames and on streams.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Caller, Issuer, SigningKey, TestGateway, merged};

use crate::given::given_lamp;

const DENIED: &str = "gateway:namespace.notaccessible";

/// The proxy's callers reach `org.acme*`, but not `org.acme.secret`; tokens of the organisation `plant` reach `plant`.
fn rules() -> Value {
    json!({ "auth": { "namespace_access": [
        { "conditions": ["{{ jwt:org | fn:filter('eq','plant') }}"], "allowed_namespaces": ["plant"] },
        { "conditions": ["{{ header:x-open | fn:filter('eq','yes') }}"], "allowed_namespaces": ["org.acme.opened"] },
        { "conditions": ["{{ fn:default('always') }}"],
          "allowed_namespaces": ["org.acme", "org.acme.secret", "org.acme.x*"], "blocked_namespaces": ["org.acme.secret"] },
    ] } })
}

async fn status_of(
    caller: &Caller,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> (u16, String) {
    let headers: &[(&str, &str)] = match (&body, method == Method::PATCH) {
        (None, _) => &[],
        (Some(_), true) => &[("content-type", "application/merge-patch+json")],
        (Some(_), false) => &[("content-type", "application/json")],
    };
    let answer = caller
        .send(method, path, headers, body.map(Value::to_string))
        .await;
    (answer.status, answer.status_and_code())
}

#[tokio::test]
async fn no_route_reaches_a_namespace_that_is_out_of_reach() {
    let gateway = TestGateway::start_with(rules()).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    given_lamp(&alice, "org.acme.x1:lamp").await;
    for namespace in [
        "other",
        "org.acme.secret",
        "ORG.ACME",
        "org.acme.y",
        "plant",
    ] {
        let (thing, policy) = (
            format!("/api/2/things/{namespace}:t"),
            format!("/api/2/policies/{namespace}:t"),
        );
        for (method, path, body) in [
            (Method::GET, thing.clone(), None),
            (Method::PUT, thing.clone(), Some(json!({}))),
            (Method::PATCH, thing.clone(), Some(json!({}))),
            (Method::DELETE, thing.clone(), None),
            (Method::GET, format!("{thing}/attributes"), None),
            (Method::PUT, format!("{thing}/attributes/a"), Some(json!(1))),
            (
                Method::GET,
                format!("{thing}/features/f/properties/p"),
                None,
            ),
            (Method::GET, format!("{thing}/policyId"), None),
            (
                Method::POST,
                format!("{thing}/inbox/messages/x?timeout=0"),
                Some(json!(1)),
            ),
            (
                Method::POST,
                format!("{thing}/features/f/outbox/messages/x?timeout=0"),
                Some(json!(1)),
            ),
            (Method::GET, policy.clone(), None),
            (Method::PUT, policy.clone(), Some(json!({ "entries": {} }))),
            (Method::DELETE, policy.clone(), None),
            (Method::GET, format!("{policy}/entries"), None),
            (
                Method::GET,
                format!("/api/2/things?ids=org.acme:lamp,{namespace}:t"),
                None,
            ),
            (
                Method::POST,
                format!("/api/2/things?namespace={namespace}"),
                Some(json!({})),
            ),
        ] {
            let (_, told) = status_of(&alice, method.clone(), &path, body.as_ref()).await;
            assert_eq!(told, format!("403 {DENIED}"), "{method} {path}");
        }
        let refused = alice.events(&thing).await.expect_err("no stream");
        refused.expect_error(403, DENIED);
    }
    alice
        .get("/api/2/things?ids=org.acme:lamp,org.acme.x1:lamp")
        .await
        .expect(200);
    alice.get("/api/2/policies/org.acme:lamp").await.expect(200);
}

#[tokio::test]
async fn a_token_that_proved_nothing_is_not_looked_at() {
    let key = SigningKey::ed25519();
    let issuer = Issuer::start(&[key.jwk("key")]).await;
    let first = json!({ "auth": { "on_conflict": "first" } });
    let gateway = TestGateway::start_with(merged(merged(issuer.trusted(), rules()), first)).await;
    let token = |key: &SigningKey, org: &str| {
        let claims = merged(issuer.claims("alice"), json!({ "org": org }));
        key.sign(r#"{"alg":"EdDSA","kid":"key"}"#, &claims.to_string())
    };
    let path = "/api/2/things/plant:t";
    gateway
        .as_bearer(&token(&key, "plant"))
        .get(path)
        .await
        .expect(404);
    gateway
        .as_bearer(&token(&key, "other"))
        .get(path)
        .await
        .expect_error(403, DENIED);
    let forged = token(&SigningKey::ed25519(), "plant");
    let vouched = gateway.as_subject("nginx:alice");
    vouched
        .bearer(&forged)
        .get(path)
        .await
        .expect_error(403, DENIED);
    vouched
        .bearer(&token(&key, "plant"))
        .get(path)
        .await
        .expect_error(403, DENIED);
    vouched
        .get("/api/2/things/org.acme.opened:t")
        .await
        .expect_error(403, DENIED);
    vouched
        .with("x-open", "yes")
        .get("/api/2/things/org.acme.opened:t")
        .await
        .expect(404);
}

#[tokio::test]
async fn frames_and_events_keep_to_the_same_rules() {
    let key = SigningKey::ed25519();
    let issuer = Issuer::start(&[key.jwk("key")]).await;
    let gateway = TestGateway::start_with(merged(issuer.trusted(), rules())).await;
    let alice = gateway.as_subject("nginx:alice");
    let claims = merged(issuer.claims("bob"), json!({ "org": "plant" }));
    let bob = gateway.as_bearer(&key.sign(r#"{"alg":"EdDSA","kid":"key"}"#, &claims.to_string()));
    let mut socket = alice.web_socket().await.expect("a socket");
    socket.control("START-SEND-EVENTS").await;
    let mut events = alice.events("/api/2/things").await.expect("a stream");
    for thing in ["plant/t", "org.acme.secret/t"] {
        let envelope = json!({ "topic": format!("{thing}/things/twin/commands/retrieve"), "path": "/", "headers": {} });
        let answer = socket.command(thing, envelope).await;
        assert_eq!(
            (&answer["status"], &answer["value"]["error"]),
            (&json!(403), &json!(DENIED)),
            "{answer}"
        );
    }
    let many = json!({ "topic": "_/_/things/twin/commands/retrieve", "path": "/", "headers": {},
        "value": { "thingIds": ["plant:t"] } });
    let answer = socket.command("many", many).await;
    assert_eq!(answer["value"]["error"], DENIED, "{answer}");
    // Bob lets Alice read his thing; the rules do not.
    bob.put(
        "/api/2/things/plant:t",
        &json!({ "attributes": { "n": 1 } }),
    )
    .await
    .expect(201);
    let reader = crate::given::reader("nginx:alice", "thing:/");
    bob.put("/api/2/policies/plant:t/entries/alice", &reader)
        .await
        .expect(201);
    bob.put("/api/2/things/plant:t/attributes/n", &json!(2))
        .await
        .expect(204);
    given_lamp(&alice, "org.acme:seen").await;
    let event = socket.json().await;
    assert_eq!(
        event["topic"], "org.acme/seen/things/twin/events/created",
        "{event}"
    );
    let event = events.next().await.expect("an event");
    assert!(event.data.contains("org.acme:seen"), "{event:?}");
    socket.expect_silence(Duration::from_millis(200)).await;
}
