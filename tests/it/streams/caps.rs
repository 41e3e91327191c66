//! How many streams may be open, and how fast they may be opened.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{Caller, Socket, TestGateway};

use super::{command, counted};

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
    let started = Instant::now();
    for _ in 0..15 {
        socket.send("STOP-SEND-EVENTS").await;
    }
    for _ in 0..15 {
        assert_eq!(socket.text().await, "STOP-SEND-EVENTS:ACK");
    }
    let elapsed = started.elapsed();
    assert!(
        elapsed >= Duration::from_millis(1000),
        "{elapsed:?} for three windows"
    );
}

/// Frames of one connection at moments of its own, and their answers.
struct Burst {
    socket: Socket,
    started: Instant,
}

impl Burst {
    /// Opens a socket and the first window of both countings.
    async fn begin(caller: &Caller) -> Self {
        let mut socket = caller.web_socket().await.expect("a WebSocket");
        let started = Instant::now();
        socket.control("STOP-SEND-EVENTS").await;
        Self { socket, started }
    }

    /// Asks for a thing that is not there, once the clock is that far; false if it is further already.
    async fn ask(&mut self, at: Duration, number: usize) -> bool {
        tokio::time::sleep_until((self.started + at).into()).await;
        let mut frame = command("none", "retrieve", "/", Value::Null);
        frame["headers"]["correlation-id"] = json!(format!("c-{number}"));
        self.socket.send(frame.to_string()).await;
        self.started.elapsed() < at + WINDOW / 8
    }
}

const WINDOW: Duration = Duration::from_secs(2);

#[tokio::test]
async fn frames_wait_and_beyond_the_factor_they_are_refused() {
    let throttling = json!({
        "enabled": true, "interval": "2s", "limit": 4, "rejection_factor": 1.25
    });
    let settings = json!({ "streaming": { "websocket": { "throttling": throttling } } });
    let gateway = TestGateway::start_with(settings).await;
    let alice = gateway.as_subject("nginx:alice");
    let mut burst = loop {
        // The throttle's second window goes from 1.5 to 2.5, the fixed third one from 2 to 3: what waits for 2.5 meets there
        // what was let through before. A machine that is too slow for that is asked again.
        let mut burst = Burst::begin(&alice).await;
        let mut is_in_time = burst.ask(WINDOW * 3 / 2, 1).await;
        for number in 2..=8 {
            is_in_time &= burst.ask(WINDOW * 9 / 4, number).await;
        }
        if is_in_time {
            break burst;
        }
    };
    for number in 1..=6 {
        let answer = burst.socket.json().await;
        assert_eq!(answer["status"], 404, "{number}: {answer}");
    }
    let waited = burst.started.elapsed();
    assert!(waited >= WINDOW * 5 / 2, "{waited:?} for the third window");
    for number in 7..=8 {
        let answer = burst.socket.json().await;
        assert_eq!(answer["status"], 429, "{number}: {answer}");
        assert_eq!(answer["value"]["error"], "too.many.requests", "{answer}");
        assert_eq!(answer["topic"], "org.acme/none/things/twin/errors");
        let headers = &answer["headers"];
        assert_eq!(headers["correlation-id"], format!("c-{number}"));
        assert_eq!(headers["retry-after"], 2, "a whole interval: {answer}");
    }
    let throttled = "streaming_throttled_total";
    let delayed = counted(&gateway, throttled, &[r#"outcome="delayed""#]);
    assert!(delayed.await >= 1);
    let rejected = counted(&gateway, throttled, &[r#"outcome="rejected""#]);
    assert!(rejected.await >= 2);
    // The socket stays, and goes on in the next window.
    burst.socket.control("STOP-SEND-EVENTS").await;
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
    let operator = gateway.as_operator();
    let listed = operator.get("/devops/limits").await.expect(200).json();
    assert!(listed.to_string().contains("nginx:alice"), "{listed}");
}
