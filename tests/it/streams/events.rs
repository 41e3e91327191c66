//! Which events reach which subscriber, in which order.

use serde_json::{Value, json};
use tests::TestGateway;

use super::{GUEST, LAMP, command, event};
use crate::given::{given_lamp, listening, reader};

#[tokio::test]
async fn a_subscriber_sees_every_kind_of_change() {
    let gateway = TestGateway::start().await;
    let mut socket = listening(&gateway, "nginx:alice", &["EVENTS"]).await;
    let alice = gateway.as_subject("nginx:alice");
    alice
        .put(LAMP, &json!({ "attributes": { "x": 1 } }))
        .await
        .expect(201);
    let frame = socket.json().await;
    assert_eq!(frame["topic"], "org.acme/lamp/things/twin/events/created");
    assert_eq!(frame["value"]["attributes"], json!({ "x": 1 }));
    assert_eq!(
        (&frame["revision"], &frame["headers"]["ditto-originator"]),
        (&json!(1), &json!("nginx:alice"))
    );
    assert!(
        frame["timestamp"]
            .as_str()
            .is_some_and(|text| text.ends_with('Z')),
        "{frame}"
    );

    alice
        .put(&format!("{LAMP}/attributes/x"), &json!(2))
        .await
        .expect(204);
    alice
        .put(&format!("{LAMP}/features/f"), &json!({}))
        .await
        .expect(201);
    alice
        .patch(LAMP, &json!({ "attributes": { "x": null } }))
        .await
        .expect(204);
    alice
        .delete(&format!("{LAMP}/features/f"))
        .await
        .expect(204);
    alice.delete(LAMP).await.expect(204);
    let topic = |action: &str| format!("org.acme/lamp/things/twin/events/{action}");
    let expected = [
        (topic("modified"), "/attributes/x", json!(2)),
        (topic("created"), "/features/f", json!({})),
        (topic("merged"), "/", json!({ "attributes": { "x": null } })),
        (topic("deleted"), "/features/f", Value::Null),
        (topic("deleted"), "/", Value::Null),
    ];
    for (topic, path, value) in expected {
        assert_eq!(event(&mut socket).await, (topic, path.to_owned(), value));
    }
}

#[tokio::test]
async fn nobody_sees_his_own_echo() {
    let gateway = TestGateway::start().await;
    given_lamp(&gateway.as_subject("nginx:alice"), "org.acme:lamp").await;
    let mut socket = listening(&gateway, "nginx:alice", &["EVENTS"]).await;
    let own = command("lamp", "modify", "/attributes/own", json!(1));
    assert_eq!(socket.command("c-1", own).await["status"], 201);
    gateway
        .as_subject("nginx:alice")
        .put(&format!("{LAMP}/attributes/foreign"), &json!(2))
        .await
        .expect(201);
    assert_eq!(event(&mut socket).await.1, "/attributes/foreign");
}

#[tokio::test]
async fn events_of_one_thing_come_in_order_and_completely() {
    let gateway =
        TestGateway::start_with(json!({ "limits": { "per_subject": false, "per_source": false } }))
            .await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut sockets = [
        listening(&gateway, "nginx:alice", &["EVENTS"]).await,
        listening(&gateway, "nginx:alice", &["EVENTS"]).await,
    ];
    let writers = (0..4).map(|writer| {
        let alice = alice.clone();
        async move {
            for number in 0..25 {
                alice
                    .put(&format!("{LAMP}/attributes/w{writer}"), &json!(number))
                    .await;
            }
        }
    });
    futures_util::future::join_all(writers).await;
    for socket in &mut sockets {
        for revision in 2..=101 {
            let frame = socket.json().await;
            assert_eq!(frame["revision"], revision, "{frame}");
        }
    }
}

#[tokio::test]
async fn a_stranger_sees_nothing_and_a_partial_reader_his_part() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    alice
        .put(GUEST, &reader("nginx:bob", "thing:/attributes/site"))
        .await
        .expect(201);
    let mut bob = listening(&gateway, "nginx:bob", &["EVENTS"]).await;
    let mut stranger = listening(&gateway, "nginx:stranger", &["EVENTS"]).await;

    alice
        .put(&format!("{LAMP}/attributes/serial"), &json!("secret"))
        .await
        .expect(204);
    alice
        .put(
            &format!("{LAMP}/attributes"),
            &json!({ "serial": "secret", "site": { "hall": 4 } }),
        )
        .await
        .expect(204);
    alice
        .put(&format!("{LAMP}/attributes/site/hall"), &json!(5))
        .await
        .expect(204);
    let seen = [event(&mut bob).await, event(&mut bob).await];
    let seen: Vec<_> = seen
        .into_iter()
        .map(|(_, path, value)| (path, value))
        .collect();
    let expected = [
        ("/attributes".to_owned(), json!({ "site": { "hall": 4 } })),
        ("/attributes/site/hall".to_owned(), json!(5)),
    ];
    assert_eq!(seen, expected);

    given_lamp(&gateway.as_subject("nginx:stranger"), "org.acme:own").await;
    assert_eq!(
        event(&mut stranger).await.0,
        "org.acme/own/things/twin/events/created"
    );
}

#[tokio::test]
async fn losing_read_withholds_the_next_event() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    alice
        .put(GUEST, &reader("nginx:bob", "thing:/"))
        .await
        .expect(201);
    let mut bob = listening(&gateway, "nginx:bob", &["EVENTS"]).await;
    alice
        .put(&format!("{LAMP}/attributes/x"), &json!(1))
        .await
        .expect(201);
    assert_eq!(event(&mut bob).await.1, "/attributes/x");

    alice.delete(GUEST).await.expect(204);
    alice
        .put(&format!("{LAMP}/attributes/x"), &json!(2))
        .await
        .expect(204);
    given_lamp(&gateway.as_subject("nginx:bob"), "org.acme:own").await;
    assert_eq!(
        event(&mut bob).await.0,
        "org.acme/own/things/twin/events/created"
    );
}

#[tokio::test]
async fn namespaces_narrow_a_subscription_and_stop_ends_it() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    socket
        .control("START-SEND-EVENTS?namespaces=org.acme,org.other")
        .await;
    given_lamp(&alice, "org.unwanted:a").await;
    given_lamp(&alice, "org.other:b").await;
    assert_eq!(
        event(&mut socket).await.0,
        "org.other/b/things/twin/events/created"
    );
    socket.control("STOP-SEND-EVENTS").await;
    given_lamp(&alice, "org.acme:c").await;
    let answer = socket
        .command("c-1", command("c", "retrieve", "/", Value::Null))
        .await;
    assert_eq!(answer["status"], 200);
    socket.control("START-SEND-EVENTS").await;
    given_lamp(&alice, "org.acme:d").await;
    assert_eq!(
        event(&mut socket).await.0,
        "org.acme/d/things/twin/events/created"
    );
}
