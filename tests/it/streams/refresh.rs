//! Every way in which a new token on an open session can turn out.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{Issuer, OidcProvider, SigningKey, Socket, TestGateway, TokenShape};

use crate::given::{given_lamp, reader};

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
async fn a_token_that_is_refused_ends_the_session_at_once() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let token = provider.token("alice").await;
    let foreign_audience = TokenShape {
        audience: "elsewhere",
        ..TokenShape::default()
    };
    let expired = TokenShape {
        lifetime_seconds: 1,
        ..SHORT
    };
    let expired = provider.token_of("alice", expired).await;
    let tampered = {
        let (head, signature) = token.rsplit_once('.').expect("three parts");
        let flipped = if signature.starts_with('A') { "B" } else { "A" };
        format!("{head}.{flipped}{}", &signature[1..])
    };
    let cases = [
        (
            "another audience",
            provider.token_of("alice", foreign_audience).await,
        ),
        ("another signature", tampered),
        ("somebody else", provider.token("bob").await),
    ];
    for (what, refused) in cases {
        let mut socket = opened(&gateway, &token).await;
        socket.send(format!("JWT-TOKEN?jwtToken={refused}")).await;
        let closed = socket.closed().await;
        assert_eq!(
            (closed.code, closed.reason.is_empty()),
            (1000, false),
            "{what}"
        );
    }
    // Clocks may differ by ten seconds, so the token is refused only after these.
    let mut socket = opened(&gateway, &token).await;
    socket.expect_silence(Duration::from_secs(12)).await;
    socket.send(format!("JWT-TOKEN?jwtToken={expired}")).await;
    assert_eq!(socket.closed().await.code, 1000, "expired");
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
    let guest = "/api/2/policies/org.acme:lamp/entries/guest";
    let reader = reader("acme:for-twinward", "thing:/");
    owner.put(guest, &reader).await.expect(201);
    let narrow = TokenShape {
        audience: "narrow",
        ..TokenShape::default()
    };
    let mut socket = opened(&gateway, &provider.token("alice").await).await;
    socket.control("START-SEND-SESSION-ANNOUNCEMENTS").await;
    socket.control("START-SEND-EVENTS").await;
    let change = async |name: &str| {
        let path = format!("/api/2/things/org.acme:lamp/attributes/{name}");
        owner.put(&path, &json!(1)).await.expect(201);
    };
    change("seen").await;
    assert_eq!(socket.json().await["path"], "/attributes/seen");
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
    socket.control("START-SEND-EVENTS").await;
    change("again").await;
    assert_eq!(socket.json().await["path"], "/attributes/again");
}

#[tokio::test]
async fn flaws_that_no_honest_issuer_makes_end_the_session_or_are_ignored() {
    let key = SigningKey::ed25519();
    let jwk = [key.jwk("k")];
    let (issuer, other) = (Issuer::start(&jwk).await, Issuer::start(&jwk).await);
    let mut settings = issuer.trusted();
    settings["auth"]["oauth"]["openid_connect_issuers"]["other"] =
        json!({ "issuer": other.issuer(), "audience": ["twinward"] });
    let gateway = TestGateway::start_with(settings).await;
    let stranger = Issuer::start(&jwk).await;
    let signed = |claims: &Value| key.sign(r#"{"alg":"EdDSA","kid":"k"}"#, &claims.to_string());
    let with = |name: &str, value: Value| {
        let mut claims = issuer.claims("alice");
        claims[name] = value;
        if claims[name].is_null() {
            claims.as_object_mut().expect("an object").remove(name);
        }
        claims
    };
    let good = signed(&issuer.claims("alice"));
    let (head, rest) = good.split_once('.').expect("three parts");
    let unsigned = format!(
        "{}.{}",
        tests::encode(r#"{"alg":"none"}"#),
        rest.replace(head, "")
    );
    let cases = [
        ("no end", signed(&with("exp", Value::Null)), true),
        (
            "an end that is text",
            signed(&with("exp", json!("tomorrow"))),
            true,
        ),
        (
            "a year",
            signed(&with("exp", json!(tests::seconds_from_now(31_536_000)))),
            true,
        ),
        (
            "not yet",
            signed(&with("nbf", json!(tests::seconds_from_now(600)))),
            true,
        ),
        ("nobody", signed(&with("sub", Value::Null)), true),
        (
            "another trusted issuer",
            signed(&other.claims("alice")),
            true,
        ),
        (
            "an unknown issuer",
            signed(&stranger.claims("alice")),
            false,
        ),
        ("an unknown algorithm", unsigned, true),
    ];
    for (what, token, ends) in cases {
        let mut socket = opened(&gateway, &good).await;
        socket.control("START-SEND-SESSION-ANNOUNCEMENTS").await;
        socket.send(format!("JWT-TOKEN?jwtToken={token}")).await;
        let told = socket.json().await;
        assert_eq!(
            told["topic"], "_/_/sessions/announcements/refreshRejected",
            "{what}: {told}"
        );
        if ends {
            assert_eq!(socket.closed().await.code, 1000, "{what}");
        } else {
            socket.control("STOP-SEND-EVENTS").await;
        }
    }
}
