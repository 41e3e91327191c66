//! What a change of the configuration takes from those who are there already.

use std::fs;

use serde_json::{Value, json};
use tests::{Issuer, SigningKey, Socket, TestGateway, merged, seconds_from_now};

use super::{Key, configure, epoch, generated, identities, is_open};
use crate::given::given_lamp;

/// `saw` with these permissions, and `mill` with all.
fn with_sets(saw: &Key, mill: &Key, permissions: Value) -> Value {
    merged(
        identities(json!({
            "saw": { "credential": { "api_key": saw.hash }, "permissions": ["some"] },
            "mill": { "credential": { "api_key": mill.hash }, "permissions": ["all"] },
        })),
        json!({ "auth": { "permission_sets": { "some": { "permissions": permissions } } } }),
    )
}

#[tokio::test]
async fn another_key_under_the_same_id_in_a_file_ends_the_sessions_of_the_old_one() {
    let (old, new) = (SigningKey::ed25519(), SigningKey::ed25519());
    let issuer = Issuer::start(&[]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jwks.json");
    let keys = |jwks: &[Value]| {
        fs::write(&path, json!({ "keys": jwks }).to_string()).expect("a file");
    };
    keys(&[old.jwk("one"), old.jwk("two")]);
    let entry = json!({ "auth": { "oauth": { "openid_connect_issuers": { "acme": { "jwks_file": path } } } } });
    let gateway = TestGateway::start_with(merged(issuer.trusted(), entry)).await;
    let claims = issuer.claims("alice").to_string();
    let of_key = |key_id: &str| {
        let header = json!({ "alg": "EdDSA", "kid": key_id }).to_string();
        gateway.as_bearer(&old.sign(&header, &claims))
    };
    let (replaced, kept) = (of_key("one"), of_key("two"));
    let mut closing = replaced.web_socket().await.expect("a WebSocket");
    let mut open = kept.web_socket().await.expect("a WebSocket");
    keys(&[new.jwk("one"), old.jwk("two")]);
    epoch(&gateway, 2).await;
    assert_eq!(closing.closed().await.code, 1008);
    replaced.get("/api/2/whoami").await.expect(401);
    assert!(is_open(&mut open).await);
    kept.get("/api/2/whoami").await.expect(200);
}

#[tokio::test]
async fn a_set_that_loses_a_scope_ends_the_sessions_that_had_it() {
    let gateway = TestGateway::start().await;
    let (saw, mill) = (generated(&gateway).await, generated(&gateway).await);
    let wide = json!(["things:read", "things:write", "ws", "sse"]);
    configure(&gateway, with_sets(&saw, &mill, wide));
    epoch(&gateway, 2).await;
    let (limited, other) = (gateway.as_bearer(&saw.key), gateway.as_bearer(&mill.key));
    given_lamp(&limited, "org.acme:lamp").await;
    let mut socket = limited.web_socket().await.expect("a WebSocket");
    let mut events = limited.events("/api/2/things").await.expect("a stream");
    let mut kept = other.web_socket().await.expect("a WebSocket");
    assert!(is_open(&mut socket).await);

    configure(
        &gateway,
        with_sets(&saw, &mill, json!(["things:write", "ws"])),
    );
    epoch(&gateway, 3).await;
    limited
        .put("/api/2/things/org.acme:lamp/attributes/x", &json!(1))
        .await
        .expect(201);
    assert_eq!(socket.closed().await.code, 1008);
    while let Some(event) = events.next().await {
        assert!(
            !event.data.contains("attributes"),
            "an event came after the change"
        );
    }
    limited
        .get("/api/2/things/org.acme:lamp")
        .await
        .expect_error(403, "gateway:scope.missing");
    assert!(is_open(&mut kept).await);
    let mut again = limited.web_socket().await.expect("a WebSocket");
    assert_eq!(reading(&mut again).await, "gateway:scope.missing");
}

/// What only people read, and what opens a wider door, ends nobody's session.
#[tokio::test]
async fn a_remark_or_a_further_scope_ends_no_session() {
    let gateway = TestGateway::start().await;
    let (saw, mill) = (generated(&gateway).await, generated(&gateway).await);
    configure(
        &gateway,
        with_sets(&saw, &mill, json!(["things:read", "ws"])),
    );
    epoch(&gateway, 2).await;
    let caller = gateway.as_bearer(&saw.key);
    let mut socket = caller.web_socket().await.expect("a WebSocket");
    assert!(is_open(&mut socket).await);
    let remarks = json!({ "auth": {
        "api_keys": { "shared_above": 3 },
        "identities": { "saw": {
            "description": "in the hall", "owner": "mill",
            "credential": { "comment": "spare", "created_at": "2026-01-01T00:00:00Z" },
        } },
    } });
    let wider = with_sets(&saw, &mill, json!(["things:read", "things:write", "ws"]));
    configure(&gateway, merged(wider, remarks.clone()));
    epoch(&gateway, 3).await;
    assert!(is_open(&mut socket).await);
    let narrower = with_sets(&saw, &mill, json!(["ws"]));
    configure(&gateway, merged(narrower, remarks));
    epoch(&gateway, 4).await;
    assert_eq!(socket.closed().await.code, 1008);
}

async fn reading(socket: &mut Socket) -> String {
    let retrieve = json!({ "topic": "org.acme/lamp/things/twin/commands/retrieve", "headers": {}, "path": "/" });
    let answer = socket.command("read", retrieve).await;
    answer["value"]["error"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn a_key_that_is_taken_out_of_a_file_ends_its_sessions() {
    let issuer = Issuer::start(&[]).await;
    let (old, new) = (SigningKey::ed25519(), SigningKey::ed25519());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("jwks.json");
    let publish = |keys: Value| fs::write(&path, json!({ "keys": keys }).to_string());
    publish(json!([old.jwk("old"), new.jwk("new")])).expect("a file");
    let entry = json!({ "auth": { "oauth": { "openid_connect_issuers": { "acme": { "jwks_file": path } } } } });
    let gateway = TestGateway::start_with(merged(issuer.trusted(), entry)).await;
    let token = |key: &SigningKey, id: &str| {
        let claims = merged(
            issuer.claims("alice"),
            json!({ "exp": seconds_from_now(600) }),
        );
        key.sign(
            &json!({ "alg": "EdDSA", "kid": id }).to_string(),
            &claims.to_string(),
        )
    };
    let (gone, staying) = (
        gateway.as_bearer(&token(&old, "old")),
        gateway.as_bearer(&token(&new, "new")),
    );
    let mut cut = gone.web_socket().await.expect("a WebSocket");
    let mut kept = staying.web_socket().await.expect("a WebSocket");

    publish(json!([new.jwk("new")])).expect("a file");
    epoch(&gateway, 2).await;
    gone.get("/api/2/whoami").await.expect(401);
    assert_eq!(cut.closed().await.code, 1008);
    assert!(is_open(&mut kept).await);
}

#[tokio::test]
async fn keys_that_an_issuer_gives_up_end_sessions_after_a_reload_too() {
    let (old, new) = (SigningKey::ed25519(), SigningKey::ed25519());
    let issuer = Issuer::start(&[old.jwk("old"), new.jwk("new")]).await;
    let often =
        json!({ "auth": { "oauth": { "keys": { "refresh": "1s", "cool_down": "100ms" } } } });
    let settings = merged(issuer.trusted(), often);
    let gateway = TestGateway::start_with(settings.clone()).await;
    let token = |key: &SigningKey, id: &str| {
        key.sign(
            &json!({ "alg": "EdDSA", "kid": id }).to_string(),
            &issuer.claims("alice").to_string(),
        )
    };
    // A general setting of tokens makes another provider, which takes the keys over.
    let other = json!({ "auth": { "oauth": { "allowed_clock_skew": "9s" } } });
    configure(&gateway, merged(settings, other));
    epoch(&gateway, 2).await;
    let mut cut = gateway
        .as_bearer(&token(&old, "old"))
        .web_socket()
        .await
        .expect("a WebSocket");
    let mut kept = gateway
        .as_bearer(&token(&new, "new"))
        .web_socket()
        .await
        .expect("a WebSocket");
    issuer.serve_keys(&[new.jwk("new")]);
    assert_eq!(cut.closed().await.code, 1008);
    assert!(is_open(&mut kept).await);
}

#[tokio::test]
async fn who_waits_for_a_slow_hash_gets_the_answer_of_the_configuration_of_then() {
    let gateway = TestGateway::start().await;
    let mut slow = Vec::new();
    for _ in 0..6 {
        let output = gateway
            .command(&["api-key", "generate", "--format", "edge", "--json"])
            .await;
        let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let text = |name: &str| made[name].as_str().expect("a text").to_owned();
        slow.push((text("key"), text("hash")));
    }
    let with = |count: usize| {
        let entry = |(number, (_, hash)): (usize, &(String, String))| {
            let identity = json!({ "credential": { "api_key": hash }, "permissions": ["all"] });
            (format!("id-{number}"), identity)
        };
        let entries: serde_json::Map<_, _> =
            slow.iter().take(count).enumerate().map(entry).collect();
        let lane = json!({ "auth": { "api_keys": { "slow_lane": { "threads": 1 } } } });
        merged(identities(entries.into()), lane)
    };
    configure(&gateway, with(6));
    epoch(&gateway, 2).await;
    // An unknown key holds up the lane for six hashes.
    let bogus: Vec<_> = (0..1)
        .map(|number| {
            let key = slow[0].0.replace(&slow[0].0[..4], &format!("AAA{number}"));
            let source = format!("192.0.2.{number}");
            let caller = gateway.as_bearer(&key).with("x-forwarded-for", &source);
            tokio::spawn(async move { caller.get("/api/2/whoami").await.status })
        })
        .collect();
    let last = gateway.as_bearer(&slow[5].0);
    let waiting = tokio::spawn(async move { last.get("/api/2/whoami").await.status });
    configure(&gateway, with(5));
    gateway.signal("HUP").await;
    epoch(&gateway, 3).await;
    let status = waiting.await.expect("an answer");
    assert!(
        [401, 503].contains(&status),
        "{status}: the identity is there no longer"
    );
    for answer in bogus {
        assert!([401, 503].contains(&answer.await.expect("an answer")));
    }
}
