//! What has happened to a thing, over the WebSocket and as an event stream.

use serde_json::{Value, json};
use tests::{MovedClock, Socket, TestGateway};

use super::{GUEST, LAMP};
use crate::given::{given_lamp, reader};

/// A thing with revisions 1 to 5, of which 2 to 5 set an attribute to the revision.
pub(super) async fn given_history(gateway: &TestGateway) {
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    for revision in 2..=5 {
        alice
            .put(&format!("{LAMP}/attributes/serial"), &json!(revision))
            .await
            .expect(204);
    }
}

async fn step(socket: &mut Socket, action: &str, value: Value) {
    let envelope = json!({
        "topic": format!("org.acme/lamp/things/twin/streaming/{action}"),
        "headers": { "correlation-id": format!("c-{action}") },
        "path": "/",
        "value": value
    });
    socket.send(envelope.to_string()).await;
}

/// The next step of the gateway, by its last word, and its value.
async fn answer(socket: &mut Socket) -> (String, Value) {
    let frame = socket.json().await;
    let topic = frame["topic"].as_str().unwrap_or_default();
    let action = topic.strip_prefix("org.acme/lamp/things/twin/streaming/");
    let action = action.unwrap_or_else(|| panic!("no step: {frame}"));
    (action.to_owned(), frame["value"].clone())
}

#[tokio::test]
async fn history_comes_as_it_is_requested_and_completes() {
    let gateway = TestGateway::start().await;
    given_history(&gateway).await;
    let alice = gateway.as_subject("nginx:alice");
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let range = json!({ "fromHistoricalRevision": 2, "toHistoricalRevision": 4, "prefix": "h-" });
    step(&mut socket, "subscribeForPersistedEvents", range).await;
    let created = answer(&mut socket).await;
    assert_eq!(
        created,
        ("created".to_owned(), json!({ "subscriptionId": "h-0" }))
    );
    step(
        &mut socket,
        "request",
        json!({ "subscriptionId": "h-0", "demand": 2 }),
    )
    .await;
    for revision in [2, 3] {
        let (action, value) = answer(&mut socket).await;
        assert_eq!(
            (action.as_str(), &value["subscriptionId"]),
            ("next", &json!("h-0"))
        );
        let item = &value["item"];
        assert_eq!(item["topic"], "org.acme/lamp/things/twin/events/modified");
        assert_eq!(
            (&item["revision"], &item["value"]),
            (&json!(revision), &json!(revision))
        );
    }
    step(
        &mut socket,
        "request",
        json!({ "subscriptionId": "h-0", "demand": 9 }),
    )
    .await;
    assert_eq!(answer(&mut socket).await.1["item"]["revision"], 4);
    assert_eq!(answer(&mut socket).await.0, "complete");
    step(
        &mut socket,
        "request",
        json!({ "subscriptionId": "h-0", "demand": 1 }),
    )
    .await;
    let (action, value) = answer(&mut socket).await;
    assert_eq!(
        (action.as_str(), &value["error"]["error"]),
        ("failed", &json!("streaming.subscription.protocol.error"))
    );
}

#[tokio::test]
async fn a_history_can_be_filtered_and_cancelled() {
    let gateway = TestGateway::start().await;
    given_history(&gateway).await;
    let alice = gateway.as_subject("nginx:alice");
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let range = json!({ "filter": "eq(attributes/serial,4)" });
    step(&mut socket, "subscribeForPersistedEvents", range).await;
    assert_eq!(answer(&mut socket).await.0, "created");
    step(
        &mut socket,
        "request",
        json!({ "subscriptionId": "0", "demand": 1 }),
    )
    .await;
    assert_eq!(answer(&mut socket).await.1["item"]["revision"], 4);
    step(&mut socket, "cancel", json!({ "subscriptionId": "0" })).await;
    step(
        &mut socket,
        "request",
        json!({ "subscriptionId": "0", "demand": 1 }),
    )
    .await;
    assert_eq!(answer(&mut socket).await.0, "failed");
    for (demand, id, code) in [
        (1, "unknown", "streaming.subscription.not.found"),
        (0, "1", "streaming.subscription.protocol.error"),
    ] {
        if id == "1" {
            step(&mut socket, "subscribeForPersistedEvents", json!({})).await;
            assert_eq!(answer(&mut socket).await.1["subscriptionId"], "1");
        }
        let request = json!({ "subscriptionId": id, "demand": demand });
        step(&mut socket, "request", request).await;
        let (action, value) = answer(&mut socket).await;
        assert_eq!(
            (action.as_str(), &value["error"]["error"]),
            ("failed", &json!(code))
        );
    }
}

#[tokio::test]
async fn history_shows_what_may_be_read_today() {
    let gateway = TestGateway::start().await;
    given_history(&gateway).await;
    let alice = gateway.as_subject("nginx:alice");
    let mut stranger = gateway
        .as_subject("nginx:bob")
        .web_socket()
        .await
        .expect("a WebSocket");
    step(&mut stranger, "subscribeForPersistedEvents", json!({})).await;
    assert_eq!(answer(&mut stranger).await.0, "created");
    step(
        &mut stranger,
        "request",
        json!({ "subscriptionId": "0", "demand": 9 }),
    )
    .await;
    let (action, value) = answer(&mut stranger).await;
    assert_eq!(
        (action.as_str(), &value["error"]["error"]),
        ("failed", &json!("things:thing.notfound"))
    );
    alice
        .put(GUEST, &reader("nginx:bob", "thing:/attributes/site"))
        .await
        .expect(201);
    let mut partial = gateway
        .as_subject("nginx:bob")
        .web_socket()
        .await
        .expect("a WebSocket");
    step(&mut partial, "subscribeForPersistedEvents", json!({})).await;
    assert_eq!(answer(&mut partial).await.0, "created");
    step(
        &mut partial,
        "request",
        json!({ "subscriptionId": "0", "demand": 9 }),
    )
    .await;
    let (_, value) = answer(&mut partial).await;
    assert_eq!(
        value["item"]["value"],
        json!({ "thingId": "org.acme:lamp", "attributes": { "site": { "hall": 3 } } })
    );
    assert_eq!(answer(&mut partial).await.0, "complete");
}

/// Asks for one more event; the code of the failure that comes instead.
async fn refused(socket: &mut Socket, id: &str) -> Value {
    let request = json!({ "subscriptionId": id, "demand": 1 });
    step(socket, "request", request).await;
    let (action, value) = answer(socket).await;
    assert_eq!(
        (action.as_str(), &value["subscriptionId"]),
        ("failed", &json!(id))
    );
    value["error"]["error"].clone()
}

#[tokio::test]
async fn who_requests_nothing_loses_his_subscription_and_an_ended_one_is_forgotten() {
    let clock = MovedClock::new();
    let gateway = TestGateway::start_under(clock.wrapper(), json!({})).await;
    given_history(&gateway).await;
    let alice = gateway.as_subject("nginx:alice");
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    step(&mut socket, "subscribeForPersistedEvents", json!({})).await;
    assert_eq!(answer(&mut socket).await.0, "created");
    clock.advance(55);
    step(
        &mut socket,
        "request",
        json!({ "subscriptionId": "0", "demand": 1 }),
    )
    .await;
    assert_eq!(
        answer(&mut socket).await.1["item"]["revision"],
        1,
        "it is not idle for long enough"
    );
    clock.advance(61);
    // Whatever wakes the gateway lets it see the time.
    socket.send("STOP-SEND-MESSAGES").await;
    let told = [socket.text().await, socket.text().await];
    let failed = told.iter().find(|text| text.contains("/streaming/failed"));
    assert!(
        failed.is_some_and(
            |text| text.contains("\"streaming.subscription.timeout\"") && text.contains("408")
        ),
        "{told:?}"
    );
    assert_eq!(
        refused(&mut socket, "0").await,
        "streaming.subscription.protocol.error"
    );
    clock.advance(11);
    assert_eq!(
        refused(&mut socket, "0").await,
        "streaming.subscription.not.found"
    );
}

#[tokio::test]
async fn what_is_too_old_is_not_shown() {
    let gateway = TestGateway::start_with(json!({ "history": { "max_revisions": 2 } })).await;
    given_history(&gateway).await;
    let alice = gateway.as_subject("nginx:alice");
    for number in 0..3 {
        let entry = reader(&format!("nginx:guest-{number}"), "thing:/");
        let status = alice.put(GUEST, &entry).await.status;
        assert!(status < 300, "{status}");
    }
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    for (group, revisions) in [("things/twin", [4, 5]), ("policies", [3, 4])] {
        let topic = |action: &str| format!("org.acme/lamp/{group}/streaming/{action}");
        let frame = |action: &str, value: Value| {
            json!({ "topic": topic(action), "headers": {}, "path": "/", "value": value })
                .to_string()
        };
        socket
            .send(frame("subscribeForPersistedEvents", json!({})))
            .await;
        let id = socket.json().await["value"]["subscriptionId"].clone();
        let request = json!({ "subscriptionId": id, "demand": 9 });
        socket.send(frame("request", request)).await;
        for revision in revisions {
            let item = socket.json().await["value"]["item"].clone();
            assert_eq!(item["revision"], revision, "{item}");
        }
        assert_eq!(socket.json().await["topic"], topic("complete"));
    }
}
