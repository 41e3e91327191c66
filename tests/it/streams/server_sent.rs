//! `text/event-stream` on things.

use serde_json::{Value, json};
use tests::{Caller, EventStream, OidcProvider, TestGateway, TokenShape};

use super::LAMP;
use crate::given::{given_lamp, owned_by, reader};

pub(super) async fn data(stream: &mut EventStream) -> Value {
    let event = stream.next().await.expect("the stream goes on");
    serde_json::from_str(&event.data).expect("an event carries JSON")
}

pub(super) async fn opened(caller: &Caller, path: &str) -> EventStream {
    match caller.events(path).await {
        Ok(stream) => stream,
        Err(answer) => panic!("no stream but {}: {}", answer.status, answer.body),
    }
}

#[tokio::test]
async fn a_change_arrives_as_the_changed_part_of_the_thing() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut all = opened(&alice, "/api/2/things?fields=thingId,attributes,_revision").await;
    let mut one = opened(&alice, LAMP).await;
    let mut value = opened(&alice, &format!("{LAMP}/attributes/x")).await;
    alice
        .put(&format!("{LAMP}/attributes/x"), &json!({ "y": 1 }))
        .await
        .expect(201);

    let part = json!({ "thingId": "org.acme:lamp", "attributes": { "x": { "y": 1 } } });
    let mut with_revision = part.clone();
    with_revision["_revision"] = json!(2);
    assert_eq!(data(&mut all).await, with_revision);
    assert_eq!(data(&mut one).await, part);
    assert_eq!(data(&mut value).await, json!({ "y": 1 }));
}

#[tokio::test]
async fn ids_and_namespaces_narrow_a_stream() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    let mut by_id = opened(&alice, "/api/2/things?ids=org.acme:b").await;
    let mut by_namespace = opened(&alice, "/api/2/things?namespaces=org.other").await;
    for thing_id in ["org.acme:a", "org.acme:b", "org.other:c"] {
        given_lamp(&alice, thing_id).await;
    }
    assert_eq!(data(&mut by_id).await["thingId"], "org.acme:b");
    assert_eq!(data(&mut by_namespace).await["thingId"], "org.other:c");
}

#[tokio::test]
async fn a_stream_resumes_after_the_last_event_seen() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut stream = opened(&alice, LAMP).await;
    let attribute = format!("{LAMP}/attributes/x");
    alice.put(&attribute, &json!(1)).await.expect(201);
    let seen = stream.next().await.expect("an event");
    assert!(!seen.id.is_empty(), "{seen:?}");
    drop(stream);
    for number in 2..=4 {
        alice.put(&attribute, &json!(number)).await.expect(204);
    }
    let mut resumed = opened(&alice.with("last-event-id", &seen.id), LAMP).await;
    for number in 2..=4 {
        assert_eq!(data(&mut resumed).await["attributes"]["x"], number);
    }
    alice.put(&attribute, &json!(5)).await.expect(204);
    assert_eq!(
        data(&mut resumed).await["attributes"]["x"],
        5,
        "the stream goes on live"
    );
}

#[tokio::test]
async fn a_stream_resumes_across_a_kill() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut stream = opened(&alice, LAMP).await;
    alice
        .put(&format!("{LAMP}/attributes/x"), &json!(1))
        .await
        .expect(201);
    let seen = stream.next().await.expect("an event");
    alice
        .put(&format!("{LAMP}/attributes/x"), &json!(2))
        .await
        .expect(204);

    let gateway = gateway.kill_and_restart().await;
    let alice = gateway.as_subject("nginx:alice");
    let mut resumed = opened(&alice.with("last-event-id", &seen.id), LAMP).await;
    assert_eq!(data(&mut resumed).await["attributes"]["x"], 2);
}

#[tokio::test]
async fn another_ones_position_shows_nothing_of_his() {
    let gateway = TestGateway::start().await;
    let (alice, bob) = (
        gateway.as_subject("nginx:alice"),
        gateway.as_subject("nginx:bob"),
    );
    given_lamp(&alice, "org.acme:lamp").await;
    let mut stream = opened(&alice, LAMP).await;
    alice
        .put(&format!("{LAMP}/attributes/serial"), &json!("secret"))
        .await
        .expect(204);
    let position = stream.next().await.expect("an event").id;
    alice
        .put(&format!("{LAMP}/attributes/serial"), &json!("secret"))
        .await
        .expect(204);
    let mut foreign = opened(&bob.with("last-event-id", &position), "/api/2/things").await;
    given_lamp(&bob, "org.acme:bobs").await;
    assert_eq!(data(&mut foreign).await["thingId"], "org.acme:bobs");
    for nonsense in ["-1", "x", "99999999999999999999999", "1;drop"] {
        let refused = bob
            .with("last-event-id", nonsense)
            .events("/api/2/things")
            .await;
        assert_eq!(
            refused.err().map(|answer| answer.status),
            Some(400),
            "{nonsense}"
        );
    }
}

#[tokio::test]
async fn what_was_missed_is_throttled_and_ends_with_the_token() {
    let provider = OidcProvider::start().await;
    let mut settings = provider.trusted();
    settings["streaming"] = json!({
        "sse": { "throttling": { "enabled": true, "interval": "1s", "limit": 1 } }
    });
    let gateway = TestGateway::start_with(settings).await;
    let alice = gateway.as_bearer(&provider.token("alice").await);
    given_lamp(&alice, "org.acme:lamp").await;
    for number in 0..20 {
        alice
            .put(&format!("{LAMP}/attributes/serial"), &json!(number))
            .await
            .expect(204);
    }
    let short = TokenShape {
        audience: "twinward",
        algorithm: "ES256",
        lifetime_seconds: 3,
    };
    let short = gateway.as_bearer(&provider.token_of("alice", short).await);
    let mut resumed = opened(&short.with("last-event-id", "0"), LAMP).await;
    let mut names = Vec::new();
    while let Some(event) = resumed.next().await {
        names.push(event.name);
    }
    assert_eq!(names.pop().as_deref(), Some("expired"), "after {names:?}");
    assert!(
        (1..=6).contains(&names.len()),
        "{} events at one per second within three seconds",
        names.len()
    );
}

#[tokio::test]
async fn the_policy_of_today_decides_about_events_of_yesterday() {
    let gateway = TestGateway::start().await;
    let as_subject = |name: &str| gateway.as_subject(&format!("nginx:{name}"));
    let (alice, bob, carol) = (as_subject("alice"), as_subject("bob"), as_subject("carol"));
    given_lamp(&alice, "org.acme:lamp").await;
    let entry = |policy_id: &str| format!("/api/2/policies/{policy_id}/entries/guest");
    alice
        .put(&entry("org.acme:lamp"), &reader("nginx:bob", "thing:/"))
        .await
        .expect(201);
    alice
        .put(&format!("{LAMP}/attributes/serial"), &json!("secret"))
        .await
        .expect(204);
    alice
        .put("/api/2/policies/org.acme:other", &owned_by("nginx:alice"))
        .await
        .expect(201);
    alice
        .put(&entry("org.acme:other"), &reader("nginx:carol", "thing:/"))
        .await
        .expect(201);
    alice
        .put(&format!("{LAMP}/policyId"), &json!("org.acme:other"))
        .await
        .expect(204);

    let from_the_start = |caller: &Caller| caller.with("last-event-id", "0");
    let mut bobs = opened(&from_the_start(&bob), "/api/2/things").await;
    given_lamp(&bob, "org.acme:bobs").await;
    assert_eq!(
        data(&mut bobs).await["thingId"],
        "org.acme:bobs",
        "who lost the thing sees nothing of it"
    );
    let mut carols = opened(&from_the_start(&carol), "/api/2/things").await;
    assert_eq!(
        data(&mut carols).await["attributes"]["serial"],
        "A-1",
        "who gained the thing sees it"
    );

    alice.delete(LAMP).await.expect(204);
    alice
        .delete("/api/2/policies/org.acme:other")
        .await
        .expect(204);
    let mut carols = opened(&from_the_start(&carol), "/api/2/things").await;
    given_lamp(&carol, "org.acme:carols").await;
    assert_eq!(
        data(&mut carols).await["thingId"],
        "org.acme:carols",
        "of what is gone, only a policy that is still there shows anything"
    );
}

#[tokio::test]
async fn a_partial_reader_streams_his_part() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let guest = reader("nginx:bob", "thing:/attributes/site");
    alice
        .put("/api/2/policies/org.acme:lamp/entries/guest", &guest)
        .await
        .expect(201);
    let mut stream = opened(&gateway.as_subject("nginx:bob"), "/api/2/things").await;
    alice
        .put(&format!("{LAMP}/attributes/serial"), &json!("secret"))
        .await
        .expect(204);
    alice
        .put(
            &format!("{LAMP}/attributes"),
            &json!({ "serial": "secret", "site": 4 }),
        )
        .await
        .expect(204);
    let expected = json!({ "thingId": "org.acme:lamp", "attributes": { "site": 4 } });
    assert_eq!(data(&mut stream).await, expected);
}

#[tokio::test]
async fn only_an_explicit_wish_makes_a_stream() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let answer = alice.with("accept", "*/*").get(LAMP).await.expect(200);
    assert!(
        answer
            .header("content-type")
            .starts_with("application/json"),
        "{:?}",
        answer.headers
    );
}
