//! Entity tags and equal values guard a write.

use serde_json::json;

use super::{THING, with_lamp};
use crate::given::{lamp, reader};

#[tokio::test]
async fn preconditions_guard_a_thing() {
    let (_gateway, alice) = with_lamp().await;
    let existing = alice.with("if-none-match", "*").put(THING, &lamp()).await;
    assert_eq!(existing.header("etag"), "\"rev:1\"");
    existing.expect_error(412, "things:precondition.failed");
    let other = "/api/2/things/org.acme:other";
    let missing = alice.with("if-match", "*").put(other, &lamp()).await;
    assert_eq!(missing.header("etag"), "");
    missing.expect_error(412, "things:precondition.failed");
    alice
        .get("/api/2/policies/org.acme:other")
        .await
        .expect_error(404, "policies:policy.notfound");

    let unchanged = alice
        .with("if-none-match", "\"rev:1\"")
        .get(THING)
        .await
        .expect(304);
    assert_eq!(
        (unchanged.body.as_str(), unchanged.header("etag")),
        ("", "\"rev:1\"")
    );
    let hall = format!("{THING}/attributes/site/hall");
    let tag = alice.get(&hall).await.expect(200).header("etag").to_owned();
    alice
        .with("if-match", &tag)
        .put(&hall, &json!(4))
        .await
        .expect(204);
    alice
        .with("if-match", &tag)
        .put(&hall, &json!(5))
        .await
        .expect_error(412, "things:precondition.failed");
    alice
        .with("if-match", "rev:1")
        .get(THING)
        .await
        .expect_error(400, "header.invalid");
    alice
        .with("if-match", "\"rev:1\"")
        .delete(THING)
        .await
        .expect(412);
}

#[tokio::test]
async fn an_equal_value_can_be_skipped() {
    let (_gateway, alice) = with_lamp().await;
    let skipping = alice.with("if-equal", "skip");
    let serial = format!("{THING}/attributes/serial");
    skipping
        .put(&serial, &json!("A-1"))
        .await
        .expect_error(412, "things:precondition.failed");
    skipping.put(&serial, &json!("A-2")).await.expect(204);
    assert_eq!(
        alice.get(THING).await.expect(200).header("etag"),
        "\"rev:2\""
    );
}

#[tokio::test]
async fn what_cannot_be_checked_yet_is_refused_instead_of_ignored() {
    let (_gateway, alice) = with_lamp().await;
    let serial = format!("{THING}/attributes/serial");
    for (name, value) in [("dry-run", "true")] {
        let answer = alice.with(name, value).put(&serial, &json!("B-2")).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.body);
        let answer = alice.with(name, value).get(THING).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.body);
    }
    assert_eq!(alice.get(&serial).await.expect(200).json(), "A-1");
}

#[tokio::test]
async fn a_write_without_a_response_still_says_when_it_may_not() {
    let (gateway, alice) = with_lamp().await;
    let serial = format!("{THING}/attributes/serial");
    let quietly = format!("{serial}?response-required=false");
    assert_eq!(
        alice.put(&quietly, &json!("B-2")).await.expect(202).body,
        ""
    );
    let refused = gateway
        .as_subject("nginx:bob")
        .put(&quietly, &json!("B-3"))
        .await;
    refused.expect_error(403, "things:attribute.notmodifiable");
    assert_eq!(alice.get(&serial).await.expect(200).json(), "B-2");
}

#[tokio::test]
async fn a_writer_without_read_is_told_nothing_of_the_value() {
    let (gateway, alice) = with_lamp().await;
    let mut writer = reader("nginx:device", "thing:/attributes/serial");
    writer["resources"]["thing:/attributes/serial"]["grant"] = json!(["WRITE"]);
    alice
        .put("/api/2/policies/org.acme:lamp/entries/device", &writer)
        .await
        .expect(201);
    let device = gateway.as_subject("nginx:device");
    let serial = format!("{THING}/attributes/serial");
    let tag = alice
        .get(&serial)
        .await
        .expect(200)
        .header("etag")
        .to_owned();
    for (name, tags) in [
        ("if-match", "\"x\""),
        ("if-match", &tag),
        ("if-none-match", &tag),
    ] {
        let refused = device.with(name, tags).put(&serial, &json!("B-2")).await;
        assert_eq!(refused.header("etag"), "", "{name}: {tags}");
        refused.expect_error(412, "things:precondition.failed");
    }
    let skipping = device.with("if-equal", "skip");
    skipping.put(&serial, &json!("A-1")).await.expect(204);
    let noted = json!([{ "key": "attributes/site/by", "value": "device" }]).to_string();
    device
        .with("put-metadata", &noted)
        .patch(THING, &json!({ "attributes": { "serial": "A-2" } }))
        .await
        .expect_error(403, "things:thing.notmodifiable");
}
