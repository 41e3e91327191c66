//! What a client learns of its own session.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{OidcProvider, Socket, TestGateway, TokenShape};

use super::counted;
use crate::given::given_lamp;

const SHORT: TokenShape = TokenShape {
    audience: "twinward",
    algorithm: "ES256",
    lifetime_seconds: 4,
};

/// The next announcement, by its last word, and its value.
pub(super) async fn announcement(socket: &mut Socket) -> (String, Value) {
    read(&socket.text().await)
}

/// The same of a frame.
pub(super) fn read(frame: &str) -> (String, Value) {
    let frame: Value = serde_json::from_str(frame).expect("JSON");
    let topic = frame["topic"].as_str().unwrap_or_default();
    let subject = topic.strip_prefix("_/_/sessions/announcements/");
    let subject = subject.unwrap_or_else(|| panic!("no announcement: {frame}"));
    assert_eq!(frame["path"], "/");
    assert!(frame["value"]["reason"].is_string(), "{frame}");
    (subject.to_owned(), frame["value"].clone())
}

async fn announcing(provider: &OidcProvider, gateway: &TestGateway, shape: TokenShape) -> Socket {
    let token = provider.token_of("alice", shape).await;
    let caller = gateway.as_bearer(&token);
    let mut socket = caller.web_socket().await.expect("a WebSocket");
    socket.control("START-SEND-SESSION-ANNOUNCEMENTS").await;
    socket
}

#[tokio::test]
async fn a_session_hears_of_its_refresh_and_of_its_end() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let mut socket = announcing(&provider, &gateway, SHORT).await;
    let (subject, value) = announcement(&mut socket).await;
    assert_eq!(subject, "expiring");
    assert!(
        value["secondsLeft"].as_u64().is_some_and(|left| left <= 2),
        "{value}"
    );
    let fresh = provider.token_of("alice", SHORT).await;
    socket.send(format!("JWT-TOKEN?jwtToken={fresh}")).await;
    let (subject, value) = announcement(&mut socket).await;
    assert_eq!(subject, "refreshed");
    assert!(
        value["secondsLeft"].as_u64().is_some_and(|left| left >= 2),
        "{value}"
    );
    assert!(value["expiresAt"].is_string(), "{value}");
    assert_eq!(announcement(&mut socket).await.0, "expiring");
    let (subject, value) = announcement(&mut socket).await;
    assert_eq!(
        (subject.as_str(), &value["secondsLeft"]),
        ("expired", &json!(0))
    );
    assert_eq!(socket.closed().await.code, 1000);
}

#[tokio::test]
async fn a_refresh_that_says_nothing_is_rejected_in_so_many_words() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let mut socket = announcing(&provider, &gateway, TokenShape::default()).await;
    socket.send("JWT-TOKEN?jwtToken=no.token").await;
    let (subject, value) = announcement(&mut socket).await;
    assert_eq!(subject, "refreshRejected");
    assert!(
        value["secondsLeft"].as_u64().is_some_and(|left| left > 500),
        "{value}"
    );
    // One a second is considered, whatever it is.
    let fresh = provider.token("alice").await;
    socket.send(format!("JWT-TOKEN?jwtToken={fresh}")).await;
    assert_eq!(announcement(&mut socket).await.0, "refreshRejected");
    // And one that is refused is told before the close.
    socket.expect_silence(Duration::from_millis(1100)).await;
    let bobs = provider.token("bob").await;
    socket.send(format!("JWT-TOKEN?jwtToken={bobs}")).await;
    assert_eq!(announcement(&mut socket).await.0, "refreshRejected");
    assert_eq!(socket.closed().await.code, 1000);
}

#[tokio::test]
async fn who_did_not_ask_hears_nothing() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let mut socket = announcing(&provider, &gateway, SHORT).await;
    socket.control("STOP-SEND-SESSION-ANNOUNCEMENTS").await;
    let next = socket.next().await;
    assert!(next.is_err(), "the close comes first: {next:?}");
}

#[tokio::test]
async fn a_revocation_is_told_to_who_asked_and_others_are_only_closed() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let alice = gateway.as_bearer(&provider.token("alice").await);
    let mut told = announcing(&provider, &gateway, TokenShape::default()).await;
    let mut silent = alice.web_socket().await.expect("a WebSocket");
    silent.control("START-SEND-EVENTS").await;
    let mut stopped = announcing(&provider, &gateway, TokenShape::default()).await;
    stopped.control("STOP-SEND-SESSION-ANNOUNCEMENTS").await;
    let subject = alice.get("/api/2/whoami").await.expect(200).json();
    let revocation = json!({ "kind": "subject", "value": subject["defaultSubject"] });
    let operator = gateway.as_operator();
    operator
        .post("/devops/revocations", &revocation)
        .await
        .expect(201);
    let (subject, value) = announcement(&mut told).await;
    assert_eq!(
        (subject.as_str(), &value["secondsLeft"]),
        ("revoked", &json!(0))
    );
    let expires_at = value["expiresAt"]
        .as_str()
        .expect("when it would have ended");
    expires_at
        .parse::<jiff::Timestamp>()
        .expect("as RFC 3339 says");
    for socket in [&mut told, &mut silent, &mut stopped] {
        let closed = socket.next().await.expect_err("nothing but the close");
        assert_eq!(closed.code, 1008);
        assert!(closed.reason.contains("revoked"), "{closed:?}");
    }
    let closes = counted(&gateway, "streaming_closes_total", &[r#"reason="revoked""#]);
    assert_eq!(closes.await, 3);
}

#[tokio::test]
async fn announcements_and_events_come_on_one_socket() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let alice = gateway.as_bearer(&provider.token("alice").await);
    let mut socket = announcing(&provider, &gateway, TokenShape::default()).await;
    socket.control("START-SEND-EVENTS").await;
    given_lamp(&alice, "org.acme:lamp").await;
    assert_eq!(
        socket.json().await["topic"],
        "org.acme/lamp/things/twin/events/created"
    );
}
