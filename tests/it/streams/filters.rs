//! Subscriptions narrowed by filters and widened by further fields.

use serde_json::{Value, json};
use tests::{Socket, TestGateway};

use super::{GUEST, LAMP, command, event};
use crate::given::{given_lamp, listening, reader};
use crate::messages::{BLINK, world};

async fn subscribed(gateway: &TestGateway, subject: &str, parameters: &str) -> Socket {
    listening(gateway, subject, &[&format!("EVENTS?{parameters}")]).await
}

async fn put(gateway: &TestGateway, path: &str, value: Value) {
    let alice = gateway.as_subject("nginx:alice");
    let answer = alice.put(&format!("{LAMP}{path}"), &value).await;
    assert!(answer.status < 300, "{path}: {}", answer.status);
}

#[tokio::test]
async fn a_filter_lets_pass_what_it_matches() {
    let gateway = TestGateway::start().await;
    given_lamp(&gateway.as_subject("nginx:alice"), "org.acme:lamp").await;
    let mut by_value = subscribed(
        &gateway,
        "nginx:alice",
        "filter=gt(features/lamp/properties/watts,5)",
    )
    .await;
    let mut by_action =
        subscribed(&gateway, "nginx:alice", "filter=eq(topic:action,'created')").await;
    put(&gateway, "/features/lamp/properties/watts", json!(5)).await;
    put(&gateway, "/features/lamp/properties/watts", json!(6)).await;
    put(&gateway, "/attributes/new", json!(1)).await;
    assert_eq!(event(&mut by_value).await.2, json!(6));
    assert_eq!(event(&mut by_action).await.1, "/attributes/new");
}

#[tokio::test]
async fn a_malformed_subscription_is_refused_and_the_old_one_stays() {
    let gateway = TestGateway::start().await;
    given_lamp(&gateway.as_subject("nginx:alice"), "org.acme:lamp").await;
    let mut socket = subscribed(&gateway, "nginx:alice", "namespaces=org.acme").await;
    let cases = [
        ("filter=eq(attributes/x", "rql.expression.invalid"),
        ("extraFields=attributes(x", "json.fieldselector.invalid"),
        (
            "extraFields=attributes/{{%20nope:id%20}}",
            "placeholder:unresolved",
        ),
    ];
    for (parameters, code) in cases {
        socket
            .send(format!("START-SEND-EVENTS?{parameters}&correlation-id=s-1"))
            .await;
        let answer = socket.json().await;
        assert_eq!(answer["value"]["error"], code, "{parameters} -> {answer}");
        assert_eq!(answer["headers"]["correlation-id"], "s-1", "{answer}");
    }
    put(&gateway, "/attributes/x", json!(1)).await;
    assert_eq!(event(&mut socket).await.1, "/attributes/x");
}

#[tokio::test]
async fn a_start_replaces_what_was_asked_for() {
    let gateway = TestGateway::start().await;
    given_lamp(&gateway.as_subject("nginx:alice"), "org.acme:lamp").await;
    let mut socket = subscribed(
        &gateway,
        "nginx:alice",
        "filter=exists(attributes/wanted)&extraFields=policyId",
    )
    .await;
    put(&gateway, "/attributes/unwanted", json!(1)).await;
    // Events come after their answers: this one shows that the other was judged by what was asked for then.
    put(&gateway, "/attributes/wanted", json!(1)).await;
    assert_eq!(event(&mut socket).await.1, "/attributes/wanted");
    socket.control("START-SEND-EVENTS").await;
    put(&gateway, "/attributes/anything", json!(1)).await;
    let frame = socket.json().await;
    assert_eq!(frame["path"], "/attributes/anything");
    assert_eq!(frame.get("extra"), None, "{frame}");
}

#[tokio::test]
async fn further_fields_come_with_the_event_and_with_the_filter() {
    let gateway = TestGateway::start().await;
    given_lamp(&gateway.as_subject("nginx:alice"), "org.acme:lamp").await;
    let mut socket = subscribed(
        &gateway,
        "nginx:alice",
        "extraFields=attributes/site,features/*/definition&filter=eq(attributes/site/hall,3)",
    )
    .await;
    put(&gateway, "/attributes/site/hall", json!(4)).await;
    put(&gateway, "/attributes/site/hall", json!(3)).await;
    put(
        &gateway,
        "/features/lamp/definition",
        json!(["org.acme:Lamp:1.0.0"]),
    )
    .await;
    assert_eq!(event(&mut socket).await.1, "/attributes/site/hall");
    let frame = socket.json().await;
    let expected = json!({
        "attributes": { "site": { "hall": 3 } },
        "features": { "lamp": { "definition": ["org.acme:Lamp:1.0.0"] } }
    });
    assert_eq!(frame["extra"], expected, "{frame}");
}

#[tokio::test]
async fn neither_filter_nor_further_fields_show_what_may_not_be_read() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    alice
        .put(GUEST, &reader("nginx:bob", "thing:/attributes/site"))
        .await
        .expect(201);
    let mut oracle = subscribed(
        &gateway,
        "nginx:bob",
        "filter=eq(attributes/serial,'A-1')&extraFields=attributes",
    )
    .await;
    let mut fields = subscribed(&gateway, "nginx:bob", "extraFields=attributes,policyId").await;
    let secret = json!({ "serial": "A-1", "site": { "hall": 9 } });
    put(&gateway, "/attributes", secret).await;
    put(&gateway, "/attributes/site/hall", json!(10)).await;
    for hall in [9, 10] {
        let frame = fields.json().await;
        assert_eq!(frame["extra"]["attributes"].get("serial"), None, "{frame}");
        assert_eq!(frame["extra"].get("policyId"), None, "{frame}");
        assert!(
            frame.to_string().contains(&format!("\"hall\":{hall}")),
            "{frame}"
        );
    }
    // A filter on what bob may not read has matched nothing: the next thing he gets is his own.
    given_lamp(&gateway.as_subject("nginx:bob"), "org.bob:own").await;
    let own = event(&mut oracle).await;
    assert_eq!(own.0, "org.bob/own/things/twin/events/created");
}

#[tokio::test]
async fn losing_read_takes_further_fields_away_with_the_next_event() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    alice
        .put(GUEST, &reader("nginx:bob", "thing:/attributes"))
        .await
        .expect(201);
    let mut bob = subscribed(&gateway, "nginx:bob", "extraFields=attributes/serial").await;
    put(&gateway, "/attributes/site/hall", json!(1)).await;
    assert_eq!(bob.json().await["extra"]["attributes"]["serial"], "A-1");
    alice
        .put(GUEST, &reader("nginx:bob", "thing:/attributes/site"))
        .await
        .expect(204);
    put(&gateway, "/attributes/site/hall", json!(2)).await;
    let frame = bob.json().await;
    assert_eq!(frame["value"], 2, "{frame}");
    assert_eq!(frame["extra"]["attributes"].get("serial"), None, "{frame}");
}

#[tokio::test]
async fn a_deletion_is_delivered_without_what_is_gone() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut socket = subscribed(&gateway, "nginx:alice", "extraFields=attributes").await;
    let mut deleting = alice.web_socket().await.expect("a WebSocket");
    let delete = command("lamp", "delete", "/", Value::Null);
    assert_eq!(deleting.command("c-1", delete).await["status"], 204);
    let frame = socket.json().await;
    assert_eq!(frame["topic"], "org.acme/lamp/things/twin/events/deleted");
}

const LIVE_KINDS: [&str; 3] = ["MESSAGES", "LIVE-COMMANDS", "LIVE-EVENTS"];

/// A message, a live command and a live event of alice, of which only the event says what has changed.
async fn speak_live(alice: &mut Socket, level: i64) {
    let path = "/features/lamp/inbox/messages/blink";
    let topic = |rest: &str| format!("org.acme/lamp/things/live/{rest}");
    for (topic, path, value) in [
        (topic("messages/blink"), path, json!("now")),
        (topic("commands/modify"), "/features/lamp", json!({})),
        (topic("events/modified"), "/attributes/level", json!(level)),
    ] {
        let headers = json!({ "response-required": false });
        let frame = json!({ "topic": topic, "headers": headers, "path": path, "value": value });
        alice.send(frame.to_string()).await;
    }
}

#[tokio::test]
async fn live_signals_come_with_further_fields_and_are_filtered_by_them() {
    let (gateway, alice) = world().await;
    put(
        &gateway,
        "/features/lamp/definition",
        json!(["org.acme:Lamp:1.0.0"]),
    )
    .await;
    let fields = "extraFields=attributes/serial,features/*/definition";
    let kinds =
        LIVE_KINDS.map(|kind| format!("{kind}?{fields}&filter=eq(attributes/serial,'A-1')"));
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    let mut device = listening(&gateway, "nginx:device", &kinds).await;
    let high = "LIVE-EVENTS?extraFields=attributes/serial&filter=gt(attributes/level,5)";
    let mut watcher = listening(&gateway, "nginx:device", &[high]).await;
    let mut sender = alice.web_socket().await.expect("a WebSocket");
    speak_live(&mut sender, 4).await;
    let lamp = json!({ "lamp": { "definition": ["org.acme:Lamp:1.0.0"] } });
    for features in [Some(&lamp), Some(&lamp), None] {
        let frame = device.json().await;
        assert_eq!(
            frame["extra"]["attributes"],
            json!({ "serial": "A-1" }),
            "{frame}"
        );
        assert_eq!(frame["extra"].get("features"), features, "{frame}");
    }
    put(&gateway, "/attributes/serial", json!("B-2")).await;
    speak_live(&mut sender, 6).await;
    let frame = watcher.json().await;
    assert_eq!(
        (&frame["value"], &frame["extra"]["attributes"]["serial"]),
        (&json!(6), &json!("B-2"))
    );
    // Nothing of the second round has passed the filter: the next signal is of the third.
    put(&gateway, "/attributes/serial", json!("A-1")).await;
    alice
        .send(
            reqwest::Method::POST,
            &format!("{BLINK}?timeout=0"),
            &[],
            None,
        )
        .await
        .expect(202);
    let next = device.json().await;
    assert_eq!(
        (&next["path"], next.get("value")),
        (&json!("/inbox/messages/blink"), None),
        "{next}"
    );
}

#[tokio::test]
async fn live_signals_show_no_further_fields_that_may_not_be_read() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut guest = reader("nginx:bob", "message:/");
    let read = guest["resources"]["message:/"].clone();
    guest["resources"]["thing:/attributes/site"] = read;
    alice.put(GUEST, &guest).await.expect(201);
    let told = "MESSAGES?extraFields=attributes,policyId";
    let mut bob = listening(&gateway, "nginx:bob", &[told]).await;
    let oracle = "MESSAGES?extraFields=attributes&filter=eq(attributes/serial,'A-1')";
    let mut oracle = listening(&gateway, "nginx:bob", &[oracle]).await;
    let blink = async || {
        let path = format!("{BLINK}?timeout=0");
        alice
            .send(reqwest::Method::POST, &path, &[], None)
            .await
            .expect(202);
    };
    blink().await;
    let frame = bob.json().await;
    assert_eq!(
        frame["extra"],
        json!({ "attributes": { "site": { "hall": 3 } } }),
        "{frame}"
    );
    alice
        .put(GUEST, &reader("nginx:bob", "message:/"))
        .await
        .expect(204);
    blink().await;
    let frame = bob.json().await;
    assert_eq!(frame.get("extra"), None, "{frame}");
    // Had the filter seen what bob may not read, the first message would come before the confirmation.
    oracle.control("STOP-SEND-MESSAGES").await;
}
