//! Revocation as operators use it, see `docs/revocation.md`: in force with the acknowledgement, for open streams too.

mod open_streams;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{
    Issuer, SigningKey, Socket, TestGateway, eventually, is_long_run, merged, seconds_from_now,
};

/// Within this time after the acknowledgement, no session of the revoked is open: 250 ms on a machine of one's own.
fn bound() -> Duration {
    Duration::from_millis(if is_long_run() { 250 } else { 2_000 })
}

struct Fixture {
    gateway: TestGateway,
    issuer: Issuer,
    key: SigningKey,
}

async fn fixture(overlay: Value) -> Fixture {
    let key = SigningKey::ed25519();
    let issuer = Issuer::start(&[key.jwk("key")]).await;
    let open = json!({
        "limits": { "per_source": false, "per_subject": false, "streams_per_subject": false,
            "streams_per_source": false, "handshakes_per_source": false },
        "logging": { "level": "info" },
    });
    let settings = merged(merged(issuer.trusted(), open), overlay);
    Fixture {
        gateway: TestGateway::start_with(settings).await,
        issuer,
        key,
    }
}

impl Fixture {
    fn token(&self, subject: &str, changed: Value) -> String {
        let claims = merged(self.issuer.claims(subject), changed);
        self.key
            .sign(r#"{"alg":"EdDSA","kid":"key"}"#, &claims.to_string())
    }

    async fn revoke(&self, revocation: &Value) -> Value {
        let answer = self
            .gateway
            .as_operator()
            .post("/devops/revocations", revocation)
            .await;
        assert!(
            [200, 201].contains(&answer.status),
            "{} {}",
            answer.status,
            answer.body
        );
        answer.json()
    }

    async fn status(&self, token: &str) -> u16 {
        self.gateway
            .as_bearer(token)
            .get("/api/2/whoami")
            .await
            .status
    }
}

#[tokio::test]
async fn each_kind_is_in_force_with_the_next_request() {
    let fixture = fixture(json!({})).await;
    let named = fixture.token("alice", json!({ "jti": "t-1" }));
    let other = fixture.token("alice", json!({ "jti": "t-2" }));
    let bob = fixture.token("bob", json!({}));
    for token in [&named, &other, &bob] {
        assert_eq!(fixture.status(token).await, 200);
    }
    fixture
        .revoke(&json!({ "kind": "jti", "value": "t-1", "reason": "lost laptop" }))
        .await;
    assert_eq!(
        fixture.status(&named).await,
        401,
        "although it was remembered"
    );
    assert_eq!(fixture.status(&other).await, 200);
    fixture
        .revoke(&json!({ "kind": "subject", "value": "acme:alice" }))
        .await;
    assert_eq!(fixture.status(&other).await, 401);
    assert_eq!(fixture.status(&bob).await, 200);
    let newer = fixture.token("alice", json!({ "iat": seconds_from_now(5) }));
    assert_eq!(
        fixture.status(&newer).await,
        200,
        "issued after the revocation"
    );
    fixture
        .revoke(&json!({ "kind": "issuer", "value": "acme" }))
        .await;
    assert_eq!(fixture.status(&bob).await, 401);
    assert_eq!(fixture.status(&newer).await, 200);
    fixture
        .revoke(&json!({ "kind": "key", "value": "key" }))
        .await;
    assert_eq!(fixture.status(&newer).await, 401);
    let vouched = fixture.gateway.as_subject("nginx:carol");
    vouched.get("/api/2/whoami").await.expect(200);
    fixture
        .revoke(&json!({ "kind": "subject", "value": "nginx:carol" }))
        .await;
    vouched.get("/api/2/whoami").await.expect(200);
    fixture
        .revoke(&json!({ "kind": "subject", "value": "nginx:carol", "permanent": true }))
        .await;
    vouched
        .get("/api/2/whoami")
        .await
        .expect_error(401, "gateway:authentication.failed");
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let mut fixture = fixture(json!({})).await;
    let token = fixture.token("alice", json!({}));
    assert_eq!(fixture.status(&token).await, 200);
    fixture
        .revoke(&json!({ "kind": "subject", "value": "acme:alice" }))
        .await;
    fixture.gateway = fixture.gateway.kill_and_restart().await;
    assert_eq!(fixture.status(&token).await, 401);
    let bob = fixture.token("bob", json!({}));
    assert_eq!(fixture.status(&bob).await, 200);
}

#[tokio::test]
async fn a_thousand_open_sockets_of_a_revoked_subject_are_closed_in_time() {
    let sockets = if is_long_run() { 1000 } else { 200 };
    let fixture = fixture(json!({})).await;
    let alice = fixture
        .gateway
        .as_bearer(&fixture.token("alice", json!({})));
    let bob = fixture.gateway.as_bearer(&fixture.token("bob", json!({})));
    let mut open = Vec::new();
    for _ in 0..sockets {
        let mut socket = alice.web_socket().await.expect("a socket");
        socket.control("START-SEND-EVENTS").await;
        open.push(socket);
    }
    let mut events = alice.events("/api/2/things").await.expect("a stream");
    let mut others = bob.web_socket().await.expect("a socket");
    let watching: Vec<_> = open
        .into_iter()
        .map(|mut socket: Socket| {
            tokio::spawn(async move { (socket.closed().await, Instant::now()) })
        })
        .collect();
    fixture
        .revoke(&json!({ "kind": "subject", "value": "acme:alice" }))
        .await;
    let acknowledged = Instant::now();
    let mut slowest = Duration::ZERO;
    for watched in watching {
        let (closed, at) = watched.await.expect("a close");
        assert_eq!(closed.code, 1008, "{closed:?}");
        assert!(closed.reason.contains("revoked"), "{closed:?}");
        slowest = slowest.max(at.saturating_duration_since(acknowledged));
    }
    eprintln!("{sockets} sockets, the last closed {slowest:?} after the acknowledgement");
    assert!(slowest < bound(), "{slowest:?}");
    while events.next().await.is_some() {}
    others.control("START-SEND-EVENTS").await;
    assert_eq!(alice.web_socket().await.expect_err("no new socket").0, 401);
}

#[tokio::test]
async fn a_refresh_with_a_revoked_token_ends_the_session() {
    let fixture = fixture(json!({})).await;
    let (first, second) = (
        fixture.token("alice", json!({})),
        fixture.token("alice", json!({ "jti": "t-2" })),
    );
    let mut socket = fixture
        .gateway
        .as_bearer(&first)
        .web_socket()
        .await
        .expect("a socket");
    fixture
        .revoke(&json!({ "kind": "jti", "value": "t-2" }))
        .await;
    socket.send(format!("JWT-TOKEN?jwtToken={second}")).await;
    assert_eq!(socket.closed().await.code, 1000);
}

#[tokio::test]
async fn streams_opened_with_a_key_that_its_issuer_removed_end() {
    let often =
        json!({ "auth": { "oauth": { "keys": { "refresh": "1s", "cool_down": "50ms" } } } });
    let fixture = fixture(often).await;
    let (token, next) = (fixture.token("alice", json!({})), SigningKey::ed25519());
    let mut socket = fixture
        .gateway
        .as_bearer(&token)
        .web_socket()
        .await
        .expect("a socket");
    fixture.issuer.serve_keys(&[next.jwk("next")]);
    assert_eq!(socket.closed().await.code, 1008);
    eventually("the refusal of the removed key", || async {
        (fixture.status(&token).await == 401).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_revoked_api_key_looks_like_a_wrong_one() {
    let gateway = TestGateway::start_unconfigured().await;
    let key = gateway.first_api_key();
    let caller = gateway.as_bearer(&key).with("correlation-id", "same");
    caller.get("/api/2/whoami").await.expect(200);
    let id = key
        .split('_')
        .nth(2)
        .expect("brand, environment, id and secret");
    let id = id.split('.').next().expect("an id");
    let mut socket = gateway
        .as_bearer(&key)
        .web_socket()
        .await
        .expect("a socket");
    let added = gateway
        .as_operator()
        .post(
            "/devops/revocations",
            &json!({ "kind": "key", "value": id }),
        )
        .await;
    assert!([200, 201].contains(&added.status), "{}", added.body);
    let revoked = caller.get("/api/2/whoami").await;
    let wrong = gateway
        .as_bearer(&format!("{key}x"))
        .with("correlation-id", "same")
        .get("/api/2/whoami")
        .await;
    assert_eq!((revoked.status, &revoked.body), (401, &wrong.body));
    assert_eq!(socket.closed().await.code, 1008);
}
