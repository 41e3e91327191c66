//! New tokens on an open session: how they turn out, and what they do to its clock and its subjects.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{OidcProvider, Socket, TestGateway, TokenShape};

use super::{GUEST, LAMP};
use crate::given::{given_lamp, reader};

mod outcomes;

const SHORT: TokenShape = TokenShape {
    audience: "twinward",
    algorithm: "ES256",
    lifetime_seconds: 4,
};

async fn opened(gateway: &TestGateway, token: &str) -> Socket {
    gateway
        .as_bearer(token)
        .web_socket()
        .await
        .expect("a WebSocket")
}

#[tokio::test]
async fn no_failed_refresh_stops_the_clock() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    // Long enough for all that follows, also on a machine that is busy.
    let longer = TokenShape {
        lifetime_seconds: 12,
        ..SHORT
    };
    let mut socket = opened(&gateway, &provider.token_of("alice", longer).await).await;
    let opened = Instant::now();
    // An outage of the provider after a change of keys: the token cannot be judged.
    provider.rotate_keys(false).await;
    let unknown = provider.token("alice").await;
    provider.answer_with(503).await;
    for useless in ["garbage", unknown.as_str(), "a.b.c", "..", "%00"] {
        socket.send(format!("JWT-TOKEN?jwtToken={useless}")).await;
        socket.expect_silence(Duration::from_millis(300)).await;
    }
    socket
        .send(format!("JWT-TOKEN?jwtToken={}", "x".repeat(900_000)))
        .await;
    assert_eq!(socket.closed().await.code, 1000);
    assert!(
        opened.elapsed() < Duration::from_secs(20),
        "{:?}",
        opened.elapsed()
    );
}

#[tokio::test]
async fn a_flood_of_refreshes_costs_one_a_second() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let mut socket = opened(&gateway, &provider.token("alice").await).await;
    socket.control("START-SEND-SESSION-ANNOUNCEMENTS").await;
    let token = provider.token("alice").await;
    let started = Instant::now();
    for _ in 0..1000 {
        socket.send(format!("JWT-TOKEN?jwtToken={token}")).await;
    }
    let mut accepted = 0;
    for _ in 0..1000 {
        let frame = socket.json().await;
        let topic = frame["topic"].as_str().unwrap_or_default().to_owned();
        accepted += u64::from(topic.ends_with("/refreshed"));
        assert!(accepted > 0 && topic.contains("/refresh"), "{frame}");
    }
    let seconds = started.elapsed().as_secs();
    assert!(
        accepted <= seconds + 1,
        "{accepted} refreshes in {seconds} s"
    );
}

#[tokio::test]
async fn subjects_narrow_at_once_and_widen_with_the_next_start() {
    let provider = OidcProvider::start().await;
    let mut settings = provider.trusted();
    let issuer = &mut settings["auth"]["oauth"]["openid_connect_issuers"]["acme"];
    issuer["audience"] = json!(["twinward", "narrow"]);
    issuer["auth_subjects"] = json!(["{{ jwt:sub }}", "for-{{ jwt:aud }}"]);
    let gateway = TestGateway::start_with(settings).await;
    let owner = gateway.as_subject("nginx:owner");
    given_lamp(&owner, "org.acme:lamp").await;
    let mut guest = reader("acme:for-twinward", "thing:/");
    guest["resources"]["message:/"] = guest["resources"]["thing:/"].clone();
    owner.put(GUEST, &guest).await.expect(201);
    let narrow = TokenShape {
        audience: "narrow",
        ..TokenShape::default()
    };
    let mut socket = opened(&gateway, &provider.token("alice").await).await;
    socket.control("START-SEND-SESSION-ANNOUNCEMENTS").await;
    socket.control("START-SEND-EVENTS").await;
    socket.control("START-SEND-MESSAGES").await;
    let change = async |name: &str| {
        owner
            .put(&format!("{LAMP}/attributes/{name}"), &json!(1))
            .await
            .expect(201);
        let message = format!("{LAMP}/inbox/messages/{name}?timeout=0");
        owner.post(&message, &json!(1)).await.expect(202);
    };
    change("seen").await;
    expect_both(&mut socket, "seen").await;
    open_history(&mut socket).await;
    for (shape, name) in [(narrow, "lost"), (TokenShape::default(), "gained")] {
        let token = provider.token_of("alice", shape).await;
        socket.send(format!("JWT-TOKEN?jwtToken={token}")).await;
        let frame = socket.json().await;
        assert_eq!(
            frame["topic"], "_/_/sessions/announcements/refreshed",
            "{frame}"
        );
        change(name).await;
        // One token a second is considered.
        socket.expect_silence(Duration::from_millis(1100)).await;
    }
    for (history, expected) in [("h-0", "failed"), ("h-1", "next")] {
        if history == "h-1" {
            open_history(&mut socket).await;
        }
        let demand = json!({ "subscriptionId": history, "demand": 1 });
        socket.send(streaming("request", &demand)).await;
        let topic = socket.json().await["topic"].to_string();
        assert!(topic.contains(&format!("/streaming/{expected}")), "{topic}");
    }
    socket.control("START-SEND-EVENTS").await;
    change("again").await;
    assert_eq!(socket.json().await["path"], "/attributes/again");
    // The message was accepted, and would come within this time.
    socket.expect_silence(Duration::from_millis(500)).await;
    socket.control("START-SEND-MESSAGES").await;
    change("both").await;
    expect_both(&mut socket, "both").await;
}

fn streaming(action: &str, value: &Value) -> String {
    let topic = format!("org.acme/lamp/things/twin/streaming/{action}");
    json!({ "topic": topic, "headers": {}, "path": "/", "value": value }).to_string()
}

async fn open_history(socket: &mut Socket) {
    let subscribe = streaming("subscribeForPersistedEvents", &json!({ "prefix": "h-" }));
    socket.send(subscribe).await;
    let created = socket.json().await;
    let topic = created["topic"].as_str().unwrap_or_default();
    assert!(topic.ends_with("/created"), "{created}");
}

/// An event and a message of this name, in whichever order.
async fn expect_both(socket: &mut Socket, name: &str) {
    let mut paths = [
        socket.json().await["path"].to_string(),
        socket.json().await["path"].to_string(),
    ];
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            format!("\"/attributes/{name}\""),
            format!("\"/inbox/messages/{name}\"")
        ]
    );
}
