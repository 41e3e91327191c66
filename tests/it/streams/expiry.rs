//! A session lives as long as its token, and a fresh token keeps it alive.
//!
//! The gateway under test has a real clock, so these tests watch real sockets for seconds; they never sleep to wait for
//! something else.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::{
    Issuer, OidcProvider, ServerSentEvent, SigningKey, TestGateway, TokenShape, seconds_from_now,
};

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

#[tokio::test]
async fn a_token_that_has_just_ended_opens_nothing_that_lasts() {
    let key = SigningKey::ed25519();
    let issuer = Issuer::start(&[key.jwk("k")]).await;
    let gateway = TestGateway::start_with(issuer.trusted()).await;
    let mut claims = issuer.claims("alice");
    // Requests are allowed a difference of clocks, streams end when their token does.
    claims["exp"] = json!(seconds_from_now(-1));
    let token = key.sign(r#"{"alg":"EdDSA","kid":"k"}"#, &claims.to_string());
    let alice = gateway.as_bearer(&token);
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let next = socket.next().await.expect_err("a close and no frame");
    assert_eq!(next.code, 1000, "{next:?}");
    assert!(next.reason.contains("expired"), "{next:?}");
    let mut stream = alice.events("/api/2/things").await.expect("a stream");
    let first = stream.next().await.map(|event| event.name);
    assert_eq!(first.as_deref(), Some("expired"));
    assert!(stream.next().await.is_none(), "and nothing after it");
}
