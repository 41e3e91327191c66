//! Sessions that live long: under a clock that is moved, and through many refreshes.

use serde_json::{Value, json};
use tests::{Caller, MovedClock, SigningKey, Socket, TestGateway};

use super::announcements::{announcement, read};
use super::{GUEST, command, event};
use crate::given::{given_lamp, reader};

const HOUR: i64 = 3600;

/// An issuer, a gateway that trusts its key, and the clock that both go by.
struct World {
    clock: MovedClock,
    key: SigningKey,
    gateway: TestGateway,
}

impl World {
    async fn start(wrapper: impl Fn(&MovedClock) -> Vec<String>) -> Self {
        let (clock, key) = (MovedClock::new(), SigningKey::ed25519());
        let folder = tempfile::tempdir().expect("a temporary folder");
        let keys = folder.path().join("jwks.json");
        let text = json!({ "keys": [key.jwk("k")] }).to_string();
        std::fs::write(&keys, text).expect("a file can be written");
        let issuer =
            json!({ "issuer": "id.acme.example", "audience": ["twinward"], "jwks_file": keys });
        let oauth = json!({ "openid_connect_issuers": { "acme": issuer } });
        let settings = json!({ "auth": { "oauth": oauth }, "limits": { "per_source": false, "per_subject": false } });
        let gateway = TestGateway::start_under(wrapper(&clock), settings).await;
        Self {
            clock,
            key,
            gateway,
        }
    }

    /// A token of `subject`, good for `life` seconds from now on.
    fn token(&self, subject: &str, life: i64) -> String {
        let claims = json!({
            "iss": "https://id.acme.example", "sub": subject, "aud": "twinward",
            "iat": self.clock.seconds_from_now(0), "exp": self.clock.seconds_from_now(life),
        });
        self.key
            .sign(r#"{"alg":"EdDSA","kid":"k"}"#, &claims.to_string())
    }

    async fn opened(&self, subject: &str, life: i64) -> Socket {
        let caller = self.gateway.as_bearer(&self.token(subject, life));
        caller.web_socket().await.expect("a WebSocket")
    }

    /// Somebody whose word does not end, so that something happens all day, to a lamp that Alice may read.
    async fn owner_of_the_lamp(&self) -> Caller {
        let owner = self.gateway.as_subject("nginx:owner");
        given_lamp(&owner, "org.acme:lamp").await;
        let guest = reader("acme:alice", "thing:/");
        owner.put(GUEST, &guest).await.expect(201);
        owner
    }
}

async fn refresh(socket: &mut Socket, token: &str) -> Value {
    socket.send(format!("JWT-TOKEN?jwtToken={token}")).await;
    let (subject, value) = announcement(socket).await;
    assert_eq!(subject, "refreshed", "{value}");
    value
}

#[tokio::test]
async fn a_session_lives_through_a_day_of_refreshes_and_ends_when_they_do() {
    let world = World::start(MovedClock::wrapper).await;
    let owner = world.owner_of_the_lamp().await;
    let mut writer = owner.web_socket().await.expect("a WebSocket");
    let mut session = world.opened("alice", 4 * HOUR).await;
    session.control("START-SEND-EVENTS").await;
    session.control("START-SEND-SESSION-ANNOUNCEMENTS").await;
    for hours in (4..=24).step_by(4) {
        world.clock.advance(4 * HOUR - 30);
        // Whatever wakes it lets it see the time; it may say so before it confirms.
        session.send("STOP-SEND-MESSAGES").await;
        let told = [session.text().await, session.text().await];
        assert!(
            told.contains(&"STOP-SEND-MESSAGES:ACK".to_owned()),
            "{told:?}"
        );
        let expiring = told.iter().find(|text| text.starts_with('{'));
        let (subject, value) = read(expiring.expect("an announcement"));
        assert_eq!(subject, "expiring", "{value}");
        assert!(
            value["secondsLeft"].as_u64().is_some_and(|left| left <= 30),
            "{value}"
        );
        let value = refresh(&mut session, &world.token("alice", 4 * HOUR + 30)).await;
        assert!(
            value["secondsLeft"]
                .as_i64()
                .is_some_and(|left| left > 4 * HOUR),
            "{value}"
        );
        world.clock.advance(30);
        let change = command("lamp", "modify", "/attributes/hours", json!(hours));
        assert!(writer.command("c-1", change).await["status"].as_u64() < Some(300));
        assert_eq!(event(&mut session).await.2, json!(hours));
    }
    world.clock.advance(4 * HOUR + 1);
    let change = command("lamp", "modify", "/attributes/hours", json!(28));
    assert_eq!(writer.command("c-2", change).await["status"], 204);
    assert_eq!(
        announcement(&mut session).await.0,
        "expired",
        "and nothing before it"
    );
    assert_eq!(session.closed().await.code, 1000);
}

#[tokio::test]
async fn a_session_lives_through_a_thousand_refreshes_without_growing() {
    let world = World::start(MovedClock::wrapper).await;
    let mut session = world.opened("alice", 30).await;
    session.control("START-SEND-EVENTS").await;
    session.control("START-SEND-SESSION-ANNOUNCEMENTS").await;
    let mut at_first = 0;
    for number in 1..=1000 {
        world.clock.advance(2);
        refresh(&mut session, &world.token("alice", 30)).await;
        if number == 200 {
            at_first = world.gateway.memory_kib("VmRSS").await;
        }
    }
    let grown = world
        .gateway
        .memory_kib("VmRSS")
        .await
        .saturating_sub(at_first);
    // The gateway remembers up to 100,000 tokens that it has verified, in less than a KiB each; the session adds nothing.
    assert!(grown < 800, "{grown} KiB more after 800 refreshes");
    session.control("STOP-SEND-EVENTS").await;
}

#[tokio::test]
async fn a_wall_clock_that_is_set_prolongs_no_session() {
    let world = World::start(MovedClock::wall_wrapper).await;
    let owner = world.owner_of_the_lamp().await;
    let mut short = world.opened("alice", 5).await;
    let mut long = world.opened("alice", HOUR + 60).await;
    let mut longest = world.opened("alice", 3 * HOUR).await;
    for session in [&mut long, &mut longest] {
        session.control("START-SEND-EVENTS").await;
    }
    world.clock.advance(-HOUR);
    assert_eq!(
        short.closed().await.code,
        1000,
        "five seconds are over by any other clock"
    );
    world.clock.advance(2 * HOUR + 120);
    let change = json!(true);
    owner
        .put("/api/2/things/org.acme:lamp/attributes/late", &change)
        .await
        .expect(201);
    let ended = long.next().await.expect_err("an end and no event");
    assert_eq!(ended.code, 1000);
    assert_eq!(event(&mut longest).await.2, change);
    let expired = world
        .gateway
        .as_bearer(&world.token("alice", -11))
        .web_socket()
        .await;
    assert_eq!(expired.err().map(|(status, _)| status), Some(401));
}
