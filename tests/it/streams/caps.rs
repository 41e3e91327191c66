//! How many streams may be open, and how fast they may be opened.

use serde_json::json;
use tests::TestGateway;

#[tokio::test]
async fn a_subject_opens_so_many_streams_of_both_kinds_and_no_more() {
    let gateway = TestGateway::start_with(json!({ "limits": { "streams_per_subject": 3 } })).await;
    let alice = gateway.as_subject("nginx:alice");
    let first = alice.web_socket().await.expect("a WebSocket");
    let _second = alice.web_socket().await.expect("a WebSocket");
    let third = alice.events("/api/2/things").await.expect("a stream");
    let refused = alice.web_socket().await.err();
    assert_eq!(refused.map(|(status, _)| status), Some(429));
    let refused = alice.events("/api/2/things").await.expect_err("no stream");
    assert_eq!(refused.status, 429);
    assert!(
        !refused.header("retry-after").is_empty(),
        "{:?}",
        refused.headers
    );
    let bob = gateway.as_subject("nginx:bob");
    bob.web_socket().await.expect("another caller's own");
    drop(first);
    drop(third);
    tests::eventually("a free place", || async { alice.web_socket().await.ok() }).await;
}

#[tokio::test]
async fn a_source_opens_so_many_streams_whoever_it_is() {
    let gateway = TestGateway::start_with(json!({ "limits": { "streams_per_source": 2 } })).await;
    let (alice, bob) = (
        gateway.as_subject("nginx:alice"),
        gateway.as_subject("nginx:bob"),
    );
    let _first = alice.web_socket().await.expect("a WebSocket");
    let _second = bob.events("/api/2/things").await.expect("a stream");
    let refused = gateway.as_subject("nginx:carol").web_socket().await.err();
    assert_eq!(refused.map(|(status, _)| status), Some(429));
}

#[tokio::test]
async fn handshakes_have_a_rate_of_their_own() {
    let rate = json!({ "requests": 1, "window": "1h", "burst": 3 });
    let settings = json!({ "limits": { "handshakes_per_source": rate } });
    let gateway = TestGateway::start_with(settings).await;
    let alice = gateway.as_subject("nginx:alice");
    for _ in 0..2 {
        drop(alice.web_socket().await.expect("a WebSocket"));
    }
    drop(alice.events("/api/2/things").await.expect("a stream"));
    let refused = alice.web_socket().await.err();
    assert_eq!(refused.map(|(status, _)| status), Some(429));
    alice.get("/api/2/whoami").await.expect(200);
}

#[tokio::test]
async fn frames_are_throttled_by_waiting() {
    let throttling = json!({ "enabled": true, "interval": "500ms", "limit": 5 });
    let settings = json!({ "streaming": { "websocket": { "throttling": throttling } } });
    let gateway = TestGateway::start_with(settings).await;
    let mut socket = gateway
        .as_subject("nginx:alice")
        .web_socket()
        .await
        .expect("a WebSocket");
    let started = std::time::Instant::now();
    for _ in 0..15 {
        socket.send("STOP-SEND-EVENTS").await;
    }
    for _ in 0..15 {
        assert_eq!(socket.text().await, "STOP-SEND-EVENTS:ACK");
    }
    let elapsed = started.elapsed();
    assert!(
        elapsed >= std::time::Duration::from_millis(1000),
        "{elapsed:?} for three windows"
    );
}

#[tokio::test]
async fn a_used_up_budget_is_an_error_frame_and_no_end() {
    let rate = json!({ "requests": 1, "window": "1h", "burst": 4 });
    let gateway = TestGateway::start_with(json!({ "limits": { "per_subject": rate } })).await;
    let mut socket = gateway
        .as_subject("nginx:alice")
        .web_socket()
        .await
        .expect("a WebSocket");
    for _ in 0..3 {
        socket.control("STOP-SEND-EVENTS").await;
    }
    socket.send("STOP-SEND-EVENTS").await;
    let answer = socket.json().await;
    assert_eq!(answer["value"]["error"], "too.many.requests", "{answer}");
}
