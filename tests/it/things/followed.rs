//! Who follows a thing is told what was done, and of nothing that was not.

use serde_json::{Value, json};
use tests::{Caller, Socket};

use super::{THING, with_lamp};
use crate::given::reader;

async fn watching(caller: &Caller) -> Socket {
    let mut socket = caller.web_socket().await.expect("a WebSocket");
    socket.control("START-SEND-EVENTS").await;
    socket
}

#[tokio::test]
async fn null_in_a_patch_is_told() {
    let (_gateway, alice) = with_lamp().await;
    let mut watcher = watching(&alice).await;
    let patch = json!({ "attributes": { "serial": null } });
    alice.patch(THING, &patch).await.expect(204);
    let event = watcher.json().await;
    assert_eq!(event["topic"], "org.acme/lamp/things/twin/events/merged");
    assert_eq!((&event["path"], &event["value"]), (&json!("/"), &patch));
    let left = alice.get(&format!("{THING}/attributes")).await.expect(200);
    assert_eq!(left.json(), json!({ "site": { "hall": 3 } }));
}

#[tokio::test]
async fn an_equal_value_is_not_told() {
    let (_gateway, alice) = with_lamp().await;
    let mut watcher = watching(&alice).await;
    let serial = format!("{THING}/attributes/serial");
    let skipping = alice.with("if-equal", "skip");
    let equal = skipping.put(&serial, &json!("A-1")).await;
    equal.expect_error(412, "things:precondition.failed");
    skipping.put(&serial, &json!("A-2")).await.expect(204);
    let event = watcher.json().await;
    assert_eq!(
        (&event["value"], &event["revision"]),
        (&json!("A-2"), &json!(2))
    );
}

#[tokio::test]
async fn a_condition_decides_and_is_no_oracle() {
    let (gateway, alice) = with_lamp().await;
    let hall = |condition: &str| format!("{THING}/attributes/site/hall?condition={condition}");
    alice
        .put(&hall("ne(attributes/serial,'B')"), &json!(4))
        .await
        .expect(204);
    let failed = alice
        .put(&hall("eq(attributes/serial,'B')"), &json!(5))
        .await;
    failed.expect_error(412, "things:condition.failed");
    let malformed = alice
        .put(&hall("eq(attributes//serial,'A-1')"), &json!(5))
        .await;
    malformed.expect_error(400, "things:condition.invalid");

    // Bob may write the hall and read it, and learns nothing of the serial number, whichever way he asks.
    let mut bob = reader("nginx:bob", "thing:/attributes/site");
    bob["resources"]["thing:/attributes/site"]["grant"] = json!(["READ", "WRITE"]);
    let entry = "/api/2/policies/org.acme:lamp/entries/bob";
    alice.put(entry, &bob).await.expect(201);
    let bob = gateway.as_subject("nginx:bob");
    bob.put(&hall("eq(attributes/site/hall,4)"), &json!(6))
        .await
        .expect(204);
    for condition in [
        "eq(attributes/serial,'A-1')",
        "ne(attributes/serial,'A-1')",
        "exists(attributes/serial)",
    ] {
        let answer = bob.put(&hall(condition), &json!(7)).await;
        answer.expect_error(412, "things:condition.failed");
    }
    assert_eq!(
        alice.get(&hall("exists(thingId)")).await.expect(200).json(),
        6
    );
}

/// A header of the command comes back with its response, wherever it was sent; labels only if they are not Ditto's own.
#[tokio::test]
async fn headers_of_the_command_come_back() {
    let (gateway, alice) = with_lamp().await;
    let serial = format!("{THING}/attributes/serial");
    let answer = alice
        .with("timeout", "10s")
        .put(
            &format!("{serial}?response-required=true&requested-acks=twin-persisted"),
            &json!("C"),
        )
        .await
        .expect(204);
    let sent = ["timeout", "response-required", "requested-acks", "channel"];
    assert_eq!(
        sent.map(|name| answer.header(name)),
        ["10s", "true", "", ""]
    );
    let answer = alice
        .put(
            &format!("{serial}?requested-acks=twin-persisted,my:label&timeout=100ms"),
            &json!("D"),
        )
        .await
        .expect(424);
    assert_eq!(answer.header("requested-acks"), r#"["my:label"]"#);
    // An error is a response, too, and tells a stranger nothing that he did not send.
    let refused = gateway
        .as_subject("nginx:bob")
        .with("channel", "twin")
        .get(&serial)
        .await;
    assert_eq!((refused.status, refused.header("channel")), (404, "twin"));
    let plain = alice
        .with("referer", "https://x.example/")
        .get(THING)
        .await
        .expect(200);
    assert_eq!((plain.header("referer"), plain.header("timeout")), ("", ""));
}

/// Null at every place where it may stand (JSON's null is a value for PUT), and what follows from it.
#[tokio::test]
async fn null_stands_where_it_was_put() {
    let (_gateway, alice) = with_lamp().await;
    for (part, status) in [
        ("attributes/new", 201),
        ("attributes", 204),
        ("definition", 201),
        ("features/lamp", 204),
        ("features/new", 201),
        ("features", 204),
    ] {
        let path = format!("{THING}/{part}");
        alice.put(&path, &Value::Null).await.expect(status);
        assert_eq!(
            alice.get(&path).await.expect(200).json(),
            Value::Null,
            "{part}"
        );
        alice.put(&path, &Value::Null).await.expect(204);
    }
    assert_eq!(
        alice.get(THING).await.expect(200).json()["attributes"],
        Value::Null
    );
    let missing = alice.delete(&format!("{THING}/features/new")).await;
    missing.expect_error(404, "things:feature.notfound");
    let feature = json!({ "properties": null });
    alice
        .put(&format!("{THING}/features/new"), &feature)
        .await
        .expect(201);
    assert_eq!(
        alice
            .get(&format!("{THING}/features/new"))
            .await
            .expect(200)
            .json(),
        feature
    );
    alice
        .delete(&format!("{THING}/features/new"))
        .await
        .expect(204);
    assert_eq!(
        alice
            .get(&format!("{THING}/features"))
            .await
            .expect(200)
            .json(),
        json!({})
    );
}
