//! Every way in which a new token on an open session can turn out.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{
    Caller, Closed as ClosedSocket, Issuer, Reply, SigningKey, TestGateway, encode, merged,
    seconds_from_now,
};

use super::super::announcements::announcement;
use super::super::counted;
use crate::api_keys::{EDGE_HASH, EDGE_KEY};

/// What becomes of a session that is sent something as a new token.
#[derive(Clone, Copy)]
enum Outcome {
    /// The new expiry counts.
    Accepted,
    /// It is closed, with a reason that says this.
    Closed(&'static str),
    /// The old expiry counts.
    Ignored,
}

use Outcome::{Accepted, Closed, Ignored};

const REFUSED: Outcome = Closed("was refused");
const OF_ANOTHER: Outcome = Closed("not of the caller");

/// When the session's own token ends, in seconds from now, and when a good new one does.
const OLD: i64 = 600;
const NEW: i64 = 1200;

/// A gateway that trusts two issuers, one of them under a condition.
struct World {
    key: SigningKey,
    issuer: Issuer,
    other: Issuer,
    gateway: TestGateway,
}

impl World {
    async fn start() -> Self {
        let key = SigningKey::ed25519();
        let jwk = [key.jwk("k")];
        let (issuer, other) = (Issuer::start(&jwk).await, Issuer::start(&jwk).await);
        let trusts = |issuer: &Issuer, conditions: &[&str]| {
            json!({
                "issuer": issuer.issuer(), "audience": ["twinward"], "prerequisite_conditions": conditions
            })
        };
        let issuers =
            json!({ "acme": trusts(&issuer, &["{{ jwt:plant }}"]), "other": trusts(&other, &[]) });
        let gateway = TestGateway::start_with(json!({
            "auth": {
                "oauth": { "protocol": "http", "openid_connect_issuers": issuers },
                "permission_sets": { "all": { "permissions": "full" } },
                "identities": { "press": { "credential": { "api_key": EDGE_HASH }, "permissions": ["all"] } }
            },
            "limits": { "per_source": false, "per_subject": false, "handshakes_per_source": false }
        }));
        Self {
            gateway: gateway.await,
            key,
            issuer,
            other,
        }
    }

    /// Claims of a good new token of alice with these changes; a claim that is null is left out.
    fn claims(&self, changes: Value) -> Value {
        let good = json!({ "plant": "p-3", "exp": seconds_from_now(NEW) });
        let mut claims = merged(merged(self.issuer.claims("alice"), good), changes);
        let members = claims.as_object_mut().expect("an object");
        members.retain(|_, value| !value.is_null());
        claims
    }

    fn signed(&self, claims: &Value) -> String {
        self.key
            .sign(r#"{"alg":"EdDSA","kid":"k"}"#, &claims.to_string())
    }

    /// A good new token of alice with these changes.
    fn token(&self, changes: Value) -> String {
        self.signed(&self.claims(changes))
    }

    /// A good new token of alice with this header.
    fn headed(&self, header: &str) -> String {
        self.key.sign(header, &self.claims(json!({})).to_string())
    }

    /// Alice with a token that ends before the new ones do.
    fn alice(&self) -> Caller {
        let token = self.token(json!({ "exp": seconds_from_now(OLD) }));
        self.gateway.as_bearer(&token)
    }

    /// Sends `frame` on a session of `caller` that hears of it, and on one that does not; either way it counts.
    async fn check(&self, caller: &Caller, (what, frame): (&str, &str), outcome: Outcome) {
        let before = self.counted(outcome).await;
        check_silent(caller, (what, frame), outcome).await;
        check_told(caller, (what, frame), outcome).await;
        assert_eq!(self.counted(outcome).await, before + 2, "{what}: counted");
    }

    /// How many refreshes have ended like this.
    async fn counted(&self, outcome: Outcome) -> u64 {
        let outcome = match outcome {
            Accepted => "accepted",
            Closed(_) => "refused",
            Ignored => "ignored",
        };
        let label = format!("outcome=\"{outcome}\"");
        counted(&self.gateway, "streaming_refreshes_total", &[&label]).await
    }
}

async fn check_silent(caller: &Caller, (what, frame): (&str, &str), outcome: Outcome) {
    let mut socket = caller.web_socket().await.expect("a WebSocket");
    socket.send(frame).await;
    match outcome {
        Accepted | Ignored => socket.control("STOP-SEND-EVENTS").await,
        Closed(reason) => check_closed(what, socket.next().await, reason),
    }
}

async fn check_told(caller: &Caller, (what, frame): (&str, &str), outcome: Outcome) {
    let mut socket = caller.web_socket().await.expect("a WebSocket");
    socket.control("START-SEND-SESSION-ANNOUNCEMENTS").await;
    socket.send(frame).await;
    let (word, value) = announcement(&mut socket).await;
    let left = value["secondsLeft"].as_i64();
    match outcome {
        Accepted => {
            assert_eq!(word, "refreshed", "{what}: {value}");
            assert!(left.is_some_and(|left| left > OLD), "{what}: {value}");
        }
        Ignored => {
            assert_eq!(word, "refreshRejected", "{what}: {value}");
            assert!(left.is_some_and(|left| left <= OLD), "{what}: {value}");
        }
        Closed(reason) => {
            assert_eq!(word, "refreshRejected", "{what}: {value}");
            check_closed(what, socket.next().await, reason);
        }
    }
}

fn check_closed(what: &str, next: Result<String, ClosedSocket>, reason: &str) {
    let closed = next.expect_err(what);
    assert_eq!(closed.code, 1000, "{what}: {closed:?}");
    assert!(closed.reason.contains(reason), "{what}: {closed:?}");
}

/// What is sent as a token, why, and what becomes of the session.
type Row = (&'static str, String, Outcome);

impl World {
    fn of_whom(&self) -> Vec<Row> {
        let with = |sub: Value| self.token(json!({ "sub": sub }));
        let other = self.signed(&self.other.claims("alice"));
        vec![
            ("the same caller", self.token(json!({})), Accepted),
            ("somebody else", with(json!("bob")), OF_ANOTHER),
            ("nobody", with(Value::Null), OF_ANOTHER),
            ("another trusted issuer", other, OF_ANOTHER),
        ]
    }

    fn flawed(&self) -> Vec<Row> {
        let with = |name: &str, value: Value| self.token(json!({ name: value }));
        let headed = |header: &str| self.headed(header);
        let at = seconds_from_now;
        let good = self.token(json!({}));
        let (signed, signature) = good.rsplit_once('.').expect("three parts");
        let (_, payload) = signed.split_once('.').expect("three parts");
        let another = "A".repeat(signature.len());
        let tolerated = self.token(json!({ "iat": at(-10), "exp": at(-3) }));
        let none = encode(r#"{"alg":"none","kid":"k"}"#);
        [
            ("expired, and tolerated", tolerated),
            ("another signature", format!("{signed}.{another}")),
            ("no algorithm", format!("{none}.{payload}.{signature}")),
            (
                "a key that the issuer does not have",
                headed(r#"{"alg":"EdDSA","kid":"x"}"#),
            ),
            ("another algorithm", headed(r#"{"alg":"HS256","kid":"k"}"#)),
            ("expired", with("exp", json!(at(-60)))),
            ("no end", with("exp", Value::Null)),
            ("an end that is text", with("exp", json!("tomorrow"))),
            ("a year", with("exp", json!(at(31_536_000)))),
            ("not yet", with("nbf", json!(at(600)))),
            ("another audience", with("aud", json!("elsewhere"))),
            ("no audience", with("aud", Value::Null)),
            ("a condition that does not hold", with("plant", Value::Null)),
        ]
        .map(|(what, token)| (what, token, REFUSED))
        .into()
    }

    /// Text of which nothing can be said.
    fn no_tokens(&self) -> Vec<Row> {
        let good = self.token(json!({}));
        let (signed, _) = good.rsplit_once('.').expect("three parts");
        [
            ("nothing", String::new()),
            ("a word", "garbage".to_owned()),
            ("two parts", signed.to_owned()),
            ("no signature", format!("{signed}.")),
            ("five parts", format!("{good}.x.y")),
            ("no JSON", "a.b.c".to_owned()),
            ("no text", "%00".to_owned()),
            ("a malformed escape", "%zz".to_owned()),
            ("a MiB less a little", "x".repeat(1_000_000)),
            ("two tokens", format!("{good}&jwtToken={good}")),
        ]
        .map(|(what, token)| (what, token, Ignored))
        .into()
    }
}

#[tokio::test]
async fn every_token_has_the_outcome_that_is_documented() {
    let world = World::start().await;
    let alice = world.alice();
    let revoked = json!({ "kind": "jti", "value": "t-1" });
    let operator = world.gateway.as_operator();
    operator
        .post("/devops/revocations", &revoked)
        .await
        .expect(201);
    let revoked = world.token(json!({ "jti": "t-1" }));
    let stranger = Issuer::start(&[world.key.jwk("k")]).await;
    let unknown = world.signed(&stranger.claims("alice"));
    let mut rows = world.of_whom();
    rows.extend(world.flawed());
    rows.extend(world.no_tokens());
    rows.push(("revoked", revoked, Closed("was revoked")));
    rows.push(("an unknown issuer", unknown, Ignored));
    for (what, token, outcome) in rows {
        let frame = format!("JWT-TOKEN?jwtToken={token}");
        world.check(&alice, (what, &frame), outcome).await;
    }
    // Its keys cannot be had any more, so nobody knows whether the token is good.
    let broken = Reply::Raw("503 Service Unavailable", String::new(), String::new());
    world.issuer.reply("/jwks", broken);
    let unjudged = world.headed(r#"{"alg":"EdDSA","kid":"y"}"#);
    let frame = format!("JWT-TOKEN?jwtToken={unjudged}");
    world
        .check(&alice, ("a provider that is down", &frame), Ignored)
        .await;
}

#[tokio::test]
async fn other_sessions_take_no_token_and_a_frame_needs_one() {
    let world = World::start().await;
    let alice = world.alice();
    for frame in [
        "JWT-TOKEN",
        "JWT-TOKEN?",
        "JWT-TOKEN?jwtToken",
        "JWT-TOKEN?token=x",
    ] {
        world.check(&alice, (frame, frame), Ignored).await;
    }
    let frame = format!("JWT-TOKEN?other=x&jwtToken={}", world.token(json!({})));
    world
        .check(&alice, ("another parameter besides", &frame), Accepted)
        .await;
    for (what, caller) in [
        (
            "opened by a proxy's word",
            world.gateway.as_subject("nginx:alice"),
        ),
        ("opened with a key", world.gateway.as_bearer(EDGE_KEY)),
    ] {
        world.check(&caller, (what, &frame), OF_ANOTHER).await;
    }
}

#[tokio::test]
async fn the_second_token_within_a_second_is_ignored() {
    let world = World::start().await;
    let mut socket = world.alice().web_socket().await.expect("a WebSocket");
    socket.control("START-SEND-SESSION-ANNOUNCEMENTS").await;
    let later = world.token(json!({ "exp": seconds_from_now(2 * NEW) }));
    for token in [&world.token(json!({})), &later] {
        socket.send(format!("JWT-TOKEN?jwtToken={token}")).await;
    }
    assert_eq!(announcement(&mut socket).await.0, "refreshed");
    let (word, value) = announcement(&mut socket).await;
    assert_eq!(word, "refreshRejected", "{value}");
    assert!(
        value["secondsLeft"]
            .as_i64()
            .is_some_and(|left| left <= NEW),
        "{value}"
    );
    assert_eq!(world.counted(Ignored).await, 1);
    // A second later the next one counts.
    socket.expect_silence(Duration::from_millis(1100)).await;
    socket.send(format!("JWT-TOKEN?jwtToken={later}")).await;
    assert_eq!(announcement(&mut socket).await.0, "refreshed");
}
