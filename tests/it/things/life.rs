//! How things come to be and end, and how their policies follow.

use serde_json::json;
use tests::TestGateway;

use super::{THING, with_lamp};
use crate::given::{lamp, owned_by};

#[tokio::test]
async fn a_thing_without_an_id_gets_one_and_a_policy() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    let created = alice.post("/api/2/things", &json!({})).await.expect(201);
    let thing_id = created.json()["thingId"]
        .as_str()
        .map(str::to_owned)
        .unwrap_or_default();
    assert!(thing_id.starts_with("org.eclipse.ditto:"), "{thing_id}");
    assert!(
        created
            .header("location")
            .ends_with(&format!("/api/2/things/{thing_id}")),
        "{:?}",
        created.headers
    );
    assert_eq!(created.header("etag"), "\"rev:1\"");
    let policy = alice
        .get(&format!("/api/2/policies/{thing_id}"))
        .await
        .expect(200)
        .json();
    let subjects = &policy["entries"]["DEFAULT"]["subjects"];
    assert!(subjects.get("nginx:alice").is_some(), "{policy}");
    let named = alice
        .post("/api/2/things?namespace=org.acme", &json!({}))
        .await
        .expect(201)
        .json();
    assert!(
        named["thingId"]
            .as_str()
            .is_some_and(|id| id.starts_with("org.acme:")),
        "{named}"
    );
    alice
        .post("/api/2/things", &json!({ "thingId": "a:b" }))
        .await
        .expect_error(400, "things:id.notsettable");
}

#[tokio::test]
async fn put_creates_and_then_replaces() {
    let (_gateway, alice) = with_lamp().await;
    let modified = alice
        .put(THING, &json!({ "attributes": { "x": 1 } }))
        .await
        .expect(204);
    assert_eq!(
        (modified.body.as_str(), modified.header("etag")),
        ("", "\"rev:2\"")
    );
    let expected = json!({ "thingId": "org.acme:lamp", "policyId": "org.acme:lamp", "attributes": { "x": 1 } });
    assert_eq!(alice.get(THING).await.expect(200).json(), expected);
    alice
        .put(THING, &json!({ "thingId": "org.acme:other" }))
        .await
        .expect_error(400, "things:id.notsettable");
}

#[tokio::test]
async fn a_policy_survives_its_thing() {
    let (_gateway, alice) = with_lamp().await;
    alice.delete(THING).await.expect(204);
    alice
        .get(THING)
        .await
        .expect_error(404, "things:thing.notfound");
    alice
        .put(THING, &lamp())
        .await
        .expect_error(400, "things:thing.notcreatable");
    let mut again = lamp();
    again["policyId"] = json!("org.acme:lamp");
    alice.put(THING, &again).await.expect(201);
    let revision = alice
        .get(&format!("{THING}?fields=_revision"))
        .await
        .expect(200)
        .json();
    assert_eq!(
        revision,
        json!({ "_revision": 3 }),
        "a recreated thing continues its count"
    );
}

#[tokio::test]
async fn an_inline_policy_is_created_with_its_thing() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    alice
        .put(THING, &json!({ "_policy": owned_by("nginx:alice") }))
        .await
        .expect(201);
    alice.get("/api/2/policies/org.acme:lamp").await.expect(200);
    let foreign = json!({ "_policy": owned_by("nginx:bob") });
    let refused = alice.put("/api/2/things/org.acme:other", &foreign).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    gateway
        .as_subject("nginx:bob")
        .get("/api/2/policies/org.acme:other")
        .await
        .expect(404);
    let missing = json!({ "policyId": "org.acme:missing" });
    alice
        .put("/api/2/things/org.acme:third", &missing)
        .await
        .expect_error(404, "policies:policy.notfound");
}

#[tokio::test]
async fn a_correlation_id_comes_back() {
    let (_gateway, alice) = with_lamp().await;
    assert_eq!(
        alice
            .with("correlation-id", "c-1")
            .get(THING)
            .await
            .expect(200)
            .header("correlation-id"),
        "c-1"
    );
    assert_eq!(
        alice
            .with("x-correlation-id", "c-2")
            .get(THING)
            .await
            .expect(200)
            .header("correlation-id"),
        "c-2"
    );
    assert!(
        !alice
            .get(THING)
            .await
            .expect(200)
            .header("correlation-id")
            .is_empty()
    );
    let diverging = alice
        .with("correlation-id", "a")
        .get(&format!("{THING}?correlation-id=b"))
        .await;
    diverging.expect_error(400, "gateway:duplicate.header.field");
}
