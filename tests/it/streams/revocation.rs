//! Credentials that are taken back while their sessions are open.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{OidcProvider, Socket, TestGateway};

use crate::given::given_lamp;

async fn revoke(gateway: &TestGateway, body: Value) -> Instant {
    let answer = gateway
        .as_operator()
        .post("/devops/revocations", &body)
        .await;
    assert!(
        (200..300).contains(&answer.status),
        "{} {}",
        answer.status,
        answer.body
    );
    Instant::now()
}

/// How long after `since` the socket closed, with which code; events on the way are counted.
async fn closed(socket: &mut Socket, since: Instant) -> (u16, Duration) {
    let closed = socket.closed().await;
    assert!(!closed.reason.is_empty(), "a close says why");
    (closed.code, since.elapsed())
}

const BOUND: Duration = Duration::from_millis(250);

#[tokio::test]
async fn sessions_of_a_revoked_subject_end_and_others_go_on() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let alice = gateway.as_bearer(&provider.token("alice").await);
    let bob = gateway.as_bearer(&provider.token("bob").await);
    given_lamp(&bob, "org.acme:bobs").await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        let mut socket = alice.web_socket().await.expect("a WebSocket");
        socket.control("START-SEND-EVENTS").await;
        sockets.push(socket);
    }
    let mut announced = alice.web_socket().await.expect("a WebSocket");
    announced.control("START-SEND-SESSION-ANNOUNCEMENTS").await;
    let mut stream = alice.events("/api/2/things").await.expect("a stream");
    let mut unconcerned = bob.web_socket().await.expect("a WebSocket");
    unconcerned.control("START-SEND-EVENTS").await;

    let subject = whoami(&alice).await;
    let since = revoke(&gateway, json!({ "kind": "subject", "value": subject })).await;
    for socket in &mut sockets {
        let (code, after) = closed(socket, since).await;
        assert_eq!(code, 1008);
        assert!(after < BOUND, "closed after {after:?}");
    }
    let frame = announced.json().await;
    assert_eq!(
        frame["topic"], "_/_/sessions/announcements/revoked",
        "{frame}"
    );
    assert_eq!(announced.closed().await.code, 1008);
    assert_eq!(
        stream.next().await.map(|event| event.name).as_deref(),
        Some("revoked")
    );
    assert!(stream.next().await.is_none());
    bob.put("/api/2/things/org.acme:bobs/attributes/x", &json!(1))
        .await
        .expect(201);
    assert_eq!(unconcerned.json().await["path"], "/attributes/x");
}

async fn whoami(caller: &tests::Caller) -> String {
    let answer = caller.get("/api/2/whoami").await.expect(200);
    answer.json()["defaultSubject"]
        .as_str()
        .expect("a subject")
        .to_owned()
}

#[tokio::test]
async fn a_revoked_issuer_takes_all_its_sessions_along() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let mut sockets = Vec::new();
    for client in ["alice", "bob", "carol"] {
        let caller = gateway.as_bearer(&provider.token(client).await);
        sockets.push(caller.web_socket().await.expect("a WebSocket"));
    }
    let mut proxied = gateway
        .as_subject("nginx:alice")
        .web_socket()
        .await
        .expect("a WebSocket");
    let issuer = format!("http://{}", provider.issuer());
    let since = revoke(&gateway, json!({ "kind": "issuer", "value": issuer })).await;
    for socket in &mut sockets {
        let (code, after) = closed(socket, since).await;
        assert_eq!(code, 1008);
        assert!(after < BOUND, "closed after {after:?}");
    }
    proxied.control("START-SEND-EVENTS").await;
}

#[tokio::test]
async fn a_revoked_key_takes_its_sessions_along() {
    let gateway = TestGateway::start_unconfigured().await;
    let key = gateway.first_api_key();
    let caller = gateway.as_bearer(&key);
    let mut socket = caller.web_socket().await.expect("a WebSocket");
    let mut stream = caller.events("/api/2/things").await.expect("a stream");
    let key_id = key
        .split(['_', '.'])
        .nth(2)
        .expect("a key names its id")
        .to_owned();
    let since = revoke(&gateway, json!({ "kind": "key", "value": key_id })).await;
    let (code, after) = closed(&mut socket, since).await;
    assert_eq!(code, 1008);
    assert!(after < BOUND, "closed after {after:?}");
    assert_eq!(
        stream.next().await.map(|event| event.name).as_deref(),
        Some("revoked")
    );
    assert_eq!(caller.get("/api/2/whoami").await.status, 401);
}

#[tokio::test]
async fn a_revoked_token_cannot_be_refreshed_with() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let token = provider.token("alice").await;
    let alice = gateway.as_bearer(&token);
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let revoked = provider.token("alice").await;
    let token_id = claims(&revoked)["jti"]
        .as_str()
        .expect("a token id")
        .to_owned();
    revoke(&gateway, json!({ "kind": "jti", "value": token_id })).await;
    socket.control("START-SEND-EVENTS").await;
    socket.send(format!("JWT-TOKEN?jwtToken={revoked}")).await;
    assert_eq!(socket.closed().await.code, 1000);
}

fn claims(token: &str) -> Value {
    use base64::Engine;
    let body = token.split('.').nth(1).expect("three parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body);
    serde_json::from_slice(&bytes.expect("base64url")).expect("JSON")
}
