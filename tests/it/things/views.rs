//! What a caller sees of a thing: the fields he asks for, and no more than his policy lets him.

use serde_json::json;

use super::{THING, with_lamp};
use crate::given::{given_lamp, lamp, reader};

#[tokio::test]
async fn fields_select_what_is_read() {
    let (_gateway, alice) = with_lamp().await;
    let cases = [
        ("", json!({})),
        ("thingId", json!({ "thingId": "org.acme:lamp" })),
        (
            "attributes/site/hall,_revision",
            json!({ "attributes": { "site": { "hall": 3 } }, "_revision": 1 }),
        ),
        (
            "features/lamp/properties(on,watts)",
            json!({ "features": { "lamp": { "properties": { "on": false, "watts": 4.5 } } } }),
        ),
        (
            "features/*/properties/on",
            json!({ "features": { "lamp": { "properties": { "on": false } } } }),
        ),
    ];
    for (fields, expected) in cases {
        let answer = alice
            .get(&format!("{THING}?fields={fields}"))
            .await
            .expect(200);
        assert_eq!(answer.json(), expected, "fields={fields}");
    }
    let answer = alice.get(&format!("{THING}?fields=attributes(")).await;
    answer.expect_error(400, "json.fieldselector.invalid");
}

#[tokio::test]
async fn several_things_come_in_the_order_asked_for() {
    let (gateway, alice) = with_lamp().await;
    given_lamp(&alice, "org.acme:b").await;
    given_lamp(&gateway.as_subject("nginx:bob"), "org.acme:bobs").await;
    let path =
        "/api/2/things?ids=org.acme:b,org.acme:missing,org.acme:bobs,org.acme:lamp&fields=thingId";
    let expected = json!([{ "thingId": "org.acme:b" }, { "thingId": "org.acme:lamp" }]);
    assert_eq!(alice.get(path).await.expect(200).json(), expected);
    alice
        .get("/api/2/things?ids=")
        .await
        .expect_error(400, "things:id.invalid");
}

#[tokio::test]
async fn a_partial_reader_sees_his_part() {
    let (gateway, alice) = with_lamp().await;
    let mut guest = reader("nginx:bob", "thing:/attributes/serial");
    guest["resources"]["thing:/features/lamp/properties/watts"] =
        json!({ "grant": ["READ"], "revoke": [] });
    alice
        .put("/api/2/policies/org.acme:lamp/entries/guest", &guest)
        .await
        .expect(201);
    let bob = gateway.as_subject("nginx:bob");
    let expected = json!({
        "thingId": "org.acme:lamp",
        "attributes": { "serial": "A-1" },
        "features": { "lamp": { "properties": { "watts": 4.5 } } }
    });
    assert_eq!(bob.get(THING).await.expect(200).json(), expected);
    bob.get(&format!("{THING}/attributes/site"))
        .await
        .expect_error(404, "things:attribute.notfound");
    bob.put(&format!("{THING}/attributes/serial"), &json!(1))
        .await
        .expect_error(403, "things:attribute.notmodifiable");
}

#[tokio::test]
async fn a_revoke_below_blocks_the_whole() {
    let (_gateway, alice) = with_lamp().await;
    let revoked = json!({ "grant": [], "revoke": ["WRITE"] });
    alice
        .put(
            "/api/2/policies/org.acme:lamp/entries/DEFAULT/resources/thing:/policyId",
            &revoked,
        )
        .await
        .expect(201);
    alice
        .put(THING, &lamp())
        .await
        .expect_error(403, "things:thing.notmodifiable");
    alice
        .put(&format!("{THING}/attributes"), &json!({}))
        .await
        .expect(204);
}

/// The last digit of a double is the first to go where numbers are read in a hurry (IEEE 754, 17 significant digits).
#[tokio::test]
async fn numbers_keep_their_last_digit_over_a_start() {
    let (gateway, alice) = with_lamp().await;
    let numbers = "[31.245270191439438,2.2250738585072011e-308,0.1,123456789012345680.0]";
    let path = format!("{THING}/attributes/numbers");
    let json = ("content-type", "application/json");
    let sent = alice
        .send(
            reqwest::Method::PUT,
            &path,
            &[json],
            Some(numbers.to_owned()),
        )
        .await;
    assert_eq!(sent.status, 201, "{}", sent.body);
    let before = alice.get(&path).await.expect(200).body;
    assert!(before.contains("31.245270191439438"), "{before}");
    let gateway = gateway.restart().await;
    let alice = gateway.as_subject("nginx:alice");
    assert_eq!(alice.get(&path).await.expect(200).body, before);
}
