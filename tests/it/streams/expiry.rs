//! A session lives as long as its token, and a fresh token keeps it alive.
//!
//! The gateway under test has a real clock, so these tests watch real sockets for seconds; they never sleep to wait for
//! something else.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::{OidcProvider, ServerSentEvent, TestGateway, TokenShape};

use crate::given::given_lamp;

const SHORT: TokenShape = TokenShape {
    audience: "twinward",
    algorithm: "ES256",
    lifetime_seconds: 3,
};

#[tokio::test]
async fn a_token_of_three_seconds_is_refreshed_twice_and_then_ends_the_session() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let token = provider.token_of("alice", SHORT).await;
    let mut socket = gateway
        .as_bearer(&token)
        .web_socket()
        .await
        .expect("a WebSocket");
    for _ in 0..2 {
        socket.expect_silence(Duration::from_millis(1500)).await;
        let fresh = provider.token_of("alice", SHORT).await;
        socket.send(format!("JWT-TOKEN?jwtToken={fresh}")).await;
    }
    let refreshed = Instant::now();
    socket.control("START-SEND-EVENTS").await;
    let closed = socket.closed().await;
    assert_eq!(closed.code, 1000, "{closed:?}");
    assert!(!closed.reason.is_empty(), "a close says why");
    let lived = refreshed.elapsed();
    assert!(
        (Duration::from_secs(1)..Duration::from_secs(5)).contains(&lived),
        "closed after {lived:?}"
    );
}

#[tokio::test]
async fn a_token_in_the_query_expires_like_one_in_the_header() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let token = provider.token_of("alice", SHORT).await;
    let query = format!("access_token={token}");
    let mut socket = gateway
        .anonymous()
        .web_socket_with(&query)
        .await
        .expect("a WebSocket");
    let opened = Instant::now();
    assert_eq!(socket.closed().await.code, 1000);
    assert!(
        opened.elapsed() < Duration::from_secs(6),
        "closed after {:?}",
        opened.elapsed()
    );
    assert!(!gateway.log().contains(&token), "the token is logged");
}

#[tokio::test]
async fn tokens_that_prove_nothing_do_not_prolong_a_session() {
    let (provider, stranger) = (OidcProvider::start().await, OidcProvider::start().await);
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let token = provider.token_of("alice", SHORT).await;
    let mut socket = gateway
        .as_bearer(&token)
        .web_socket()
        .await
        .expect("a WebSocket");
    let opened = Instant::now();
    let unsupported = stranger.token("alice").await;
    for useless in ["", "no.token", unsupported.as_str()] {
        socket.send(format!("JWT-TOKEN?jwtToken={useless}")).await;
    }
    socket.control("START-SEND-EVENTS").await;
    assert_eq!(socket.closed().await.code, 1000);
    assert!(
        opened.elapsed() < Duration::from_secs(6),
        "closed after {:?}",
        opened.elapsed()
    );
}

#[tokio::test]
async fn a_stream_of_events_says_that_its_token_expired() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let alice = gateway.as_bearer(&provider.token("alice").await);
    given_lamp(&alice, "org.acme:lamp").await;
    let short = gateway.as_bearer(&provider.token_of("alice", SHORT).await);
    let mut stream = short
        .events("/api/2/things/org.acme:lamp")
        .await
        .expect("a stream");
    let opened = Instant::now();
    alice
        .put("/api/2/things/org.acme:lamp/attributes/x", &json!(1))
        .await
        .expect(201);
    let mut last = ServerSentEvent::default();
    while let Some(event) = stream.next().await {
        last = event;
    }
    assert_eq!(last.name, "expired", "{last:?}");
    assert!(
        opened.elapsed() < Duration::from_secs(6),
        "ended after {:?}",
        opened.elapsed()
    );
}
