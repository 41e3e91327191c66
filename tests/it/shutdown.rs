//! How a process ends: nothing that was acknowledged is lost, whoever waits is answered, streams are told.

use std::time::Instant;

use reqwest::Method;
use serde_json::json;
use tests::{Caller, Socket, TestGateway, eventually};

use crate::given::given_lamp;

/// Writes a counter until nobody answers any more; returns the last value that was acknowledged.
async fn write_on(caller: Caller, path: String) -> (u64, Vec<u16>) {
    let (mut acknowledged, mut others) = (0, Vec::new());
    for value in 1.. {
        let headers = [("content-type", "application/json")];
        let sent = caller.try_send(Method::PUT, &path, &headers, Some(value.to_string()));
        match sent.await {
            Ok(answer) if answer.status < 300 => acknowledged = value,
            Ok(answer) => others.push(answer.status),
            Err(_) => break,
        }
    }
    (acknowledged, others)
}

#[tokio::test]
async fn sigterm_under_load_loses_nothing_that_was_acknowledged() {
    let unlimited = json!({ "limits": { "per_source": false, "per_subject": false } });
    let gateway = TestGateway::start_with(unlimited).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let mut events = alice
        .events("/api/2/things?fields=thingId")
        .await
        .expect("a stream");
    let writers: Vec<_> = (0..8)
        .map(|number| {
            let path = format!("/api/2/things/org.acme:lamp/attributes/w{number}");
            tokio::spawn(write_on(alice.clone(), path))
        })
        .collect();
    eventually("every writer at work", || async {
        let thing = alice
            .get("/api/2/things/org.acme:lamp")
            .await
            .expect(200)
            .json();
        (0..8)
            .all(|number| thing["attributes"][format!("w{number}")].is_number())
            .then_some(())
    })
    .await;

    let begun = Instant::now();
    gateway.signal("TERM").await;
    assert_eq!(socket.closed().await.code, 1012);
    while events.next().await.is_some() {}
    let stopped = gateway.ended().await;
    assert_eq!(stopped.code, Some(0));
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());

    let gateway = stopped.again().await;
    let alice = gateway.as_subject("nginx:alice");
    let thing = alice
        .get("/api/2/things/org.acme:lamp")
        .await
        .expect(200)
        .json();
    for (number, writer) in writers.into_iter().enumerate() {
        let (acknowledged, others) = writer.await.expect("it ends");
        assert_eq!(others, Vec::<u16>::new());
        let stored = thing["attributes"][format!("w{number}")].as_u64();
        assert!(
            stored >= Some(acknowledged),
            "w{number}: {stored:?} after {acknowledged}"
        );
    }
    let report = gateway
        .command(&["audit", "verify", "--config", "twinward.yaml"])
        .await;
    assert_eq!(report.status.code(), Some(0));
}

/// A device that takes messages.
async fn listening(caller: &Caller) -> Socket {
    let mut socket = caller.web_socket().await.expect("a WebSocket");
    socket.control("START-SEND-MESSAGES").await;
    socket
}

#[tokio::test]
async fn whoever_waits_for_longer_than_the_end_is_answered() {
    let gateway =
        TestGateway::start_with(json!({ "http_server": { "shutdown_timeout": "500ms" } })).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut device = listening(&alice).await;
    // It never answers, so that this waits for its timeout.
    let waiting = tokio::spawn(async move {
        let path = "/api/2/things/org.acme:lamp/inbox/messages/ask?timeout=55";
        alice.post(path, &json!("?")).await
    });
    device.text().await;
    gateway.signal("TERM").await;
    let answer = waiting.await.expect("an answer");
    answer.expect_error(503, "gateway:service.unavailable");
    assert_eq!(gateway.ended().await.code, Some(0));
}

#[tokio::test]
async fn probes_see_the_end_before_it_comes() {
    let gateway =
        TestGateway::start_with(json!({ "http_server": { "shutdown_timeout": "60s" } })).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let door = gateway.operators_door();
    door.get("/ready").await.expect(200);
    let mut device = listening(&alice).await;
    let waiting = tokio::spawn(async move {
        let path = "/api/2/things/org.acme:lamp/inbox/messages/ask?timeout=55";
        let headers = [("content-type", "application/json")];
        alice
            .try_send(Method::POST, path, &headers, Some("1".to_owned()))
            .await
    });
    device.text().await;
    gateway.signal("TERM").await;
    eventually("a probe that fails", || async {
        (door.get("/ready").await.status == 500).then_some(())
    })
    .await;
    // Whoever asks twice does not wait for the rest.
    gateway.signal("TERM").await;
    assert_eq!(gateway.ended().await.code, Some(0));
    waiting.abort();
}
