//! Streams in use when their credentials are revoked, by each kind of revocation; and keys whose time is over.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::{Caller, EventStream, SigningKey, Socket, TestGateway, eventually, is_long_run};
use tokio::task::JoinHandle;

use super::{Fixture, bound, fixture};
use crate::given::given_lamp;

const LAMP: &str = "/api/2/things/org.acme:lamp";

/// How a stream ended: when its last event came, and when it closed.
struct Ended {
    last_event: Option<Instant>,
    at: Instant,
}

async fn watch_socket(mut socket: Socket) -> Ended {
    let mut last_event = None;
    loop {
        match socket.next().await {
            Ok(_) => last_event = Some(Instant::now()),
            Err(closed) => {
                assert_eq!(closed.code, 1008, "{closed:?}");
                let at = Instant::now();
                return Ended { last_event, at };
            }
        }
    }
}

async fn watch_events(mut stream: EventStream) -> Ended {
    let mut last_event = None;
    while let Some(event) = stream.next().await {
        if event.name == "revoked" {
            assert!(stream.next().await.is_none(), "nothing comes after it");
            break;
        }
        last_event = Some(Instant::now());
    }
    let at = Instant::now();
    Ended { last_event, at }
}

/// Streams of one caller, every fourth an event stream.
async fn opened(caller: &Caller, count: usize) -> Vec<JoinHandle<Ended>> {
    let mut watched = Vec::new();
    for number in 0..count {
        if number % 4 == 3 {
            let stream = caller.events("/api/2/things").await.expect("a stream");
            watched.push(tokio::spawn(watch_events(stream)));
        } else {
            let mut socket = caller.web_socket().await.expect("a socket");
            socket.control("START-SEND-EVENTS").await;
            watched.push(tokio::spawn(watch_socket(socket)));
        }
    }
    watched
}

/// Every caller of the test may read the lamp, which its owner changes until this is dropped.
fn change_all_the_time(owner: &Caller) -> JoinHandle<()> {
    let owner = owner.clone();
    tokio::spawn(async move {
        for number in 0_u64.. {
            let path = format!("{LAMP}/attributes/serial");
            owner.put(&path, &json!(number)).await.expect(204);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

/// A token of `subject` by `key`, which the issuer publishes as `key_id`.
fn token(
    fixture: &Fixture,
    (key, key_id): (&SigningKey, &str),
    subject: &str,
    more: Value,
) -> String {
    let claims = tests::merged(fixture.issuer.claims(subject), more);
    let header = json!({ "alg": "EdDSA", "kid": key_id }).to_string();
    key.sign(&header, &claims.to_string())
}

async fn readers(owner: &Caller, subjects: &[&str]) {
    given_lamp(owner, "org.acme:lamp").await;
    let subjects: BTreeMap<_, _> = subjects
        .iter()
        .map(|subject| (format!("acme:{subject}"), json!({ "type": "test" })))
        .collect();
    let entry = json!({
        "subjects": subjects,
        "resources": { "thing:/": { "grant": ["READ"], "revoke": [] } }
    });
    let path = "/api/2/policies/org.acme:lamp/entries/readers";
    owner.put(path, &entry).await.expect(201);
}

#[tokio::test]
async fn each_kind_closes_its_streams_in_time_and_no_others() {
    let each = if is_long_run() { 250 } else { 25 };
    let fixture = fixture(json!({})).await;
    let other_key = SigningKey::ed25519();
    fixture
        .issuer
        .serve_keys(&[fixture.key.jwk("key"), other_key.jwk("other")]);
    let owner = fixture.gateway.as_subject("nginx:owner");
    readers(&owner, &["jim", "sue", "kate", "tom", "eve"]).await;
    let (main, other) = ((&fixture.key, "key"), (&other_key, "other"));
    let as_bearer = |token: &str| fixture.gateway.as_bearer(token);
    let jim = as_bearer(&token(&fixture, main, "jim", json!({ "jti": "lost" })));
    let sue = as_bearer(&token(&fixture, main, "sue", json!({})));
    let kate = as_bearer(&token(&fixture, other, "kate", json!({})));
    let early = json!({ "iat": tests::seconds_from_now(-300) });
    let tom = as_bearer(&token(&fixture, main, "tom", early));
    let late = as_bearer(&token(&fixture, main, "tom", json!({ "jti": "late" })));
    let eve = as_bearer(&token(&fixture, main, "eve", json!({})));
    let mut others = [
        eve.web_socket().await.expect("a socket"),
        late.web_socket().await.expect("a socket"),
    ];
    for socket in &mut others {
        socket.control("START-SEND-EVENTS").await;
    }

    let before = Timestamp::from_second(tests::seconds_from_now(-200)).expect("a time");
    let kinds = [
        ("jti", &jim, json!({ "kind": "jti", "value": "lost" })),
        (
            "subject",
            &sue,
            json!({ "kind": "subject", "value": "acme:sue" }),
        ),
        ("key", &kate, json!({ "kind": "key", "value": "other" })),
        (
            "before T",
            &tom,
            json!({ "kind": "subject", "value": "acme:tom", "issuedBefore": before.to_string() }),
        ),
    ];
    let mut watched = Vec::new();
    for (_, caller, _) in &kinds {
        watched.push(opened(caller, each).await);
    }
    let changing = change_all_the_time(&owner);
    for ((kind, caller, revocation), streams) in kinds.into_iter().zip(watched) {
        fixture.revoke(&revocation).await;
        let acknowledged = Instant::now();
        let (mut slowest, mut heard) = (Duration::ZERO, 0);
        for stream in streams {
            let ended = stream.await.expect("an end");
            slowest = slowest.max(ended.at.saturating_duration_since(acknowledged));
            assert!(ended.last_event.is_none_or(|last| last <= ended.at));
            heard += usize::from(ended.last_event.is_some());
        }
        eprintln!(
            "{each} streams by {kind}: the last closed {slowest:?} after the acknowledgement, {heard} had events"
        );
        assert!(slowest < bound(), "{kind}: {slowest:?}");
        assert_eq!(caller.get("/api/2/whoami").await.status, 401, "{kind}");
        assert!(caller.events("/api/2/things").await.is_err(), "{kind}");
    }
    for socket in &mut others {
        for _ in 0..5 {
            assert_eq!(socket.json().await["path"], "/attributes/serial");
        }
    }
    changing.abort();
    no_session_of(&fixture.gateway, &["acme:jim", "acme:sue", "acme:kate"]).await;
}

/// What operators see in the end.
async fn no_session_of(gateway: &TestGateway, subjects: &[&str]) {
    let operator = gateway.as_operator();
    eventually("sessions of the others only", || async {
        let sessions = operator.get("/devops/sessions").await.expect(200).body;
        let any = subjects.iter().any(|subject| sessions.contains(subject));
        (!any).then_some(())
    })
    .await;
}

/// A key as operators make one, and its id.
async fn generated(gateway: &TestGateway) -> (String, String, String) {
    let output = gateway.command(&["api-key", "generate", "--json"]).await;
    let made: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    let key = text("key");
    let id = key.split('_').nth(2).expect("an id").to_owned();
    (key, text("hash"), id)
}

#[tokio::test]
async fn a_key_whose_time_is_over_ends_its_streams() {
    let maker = TestGateway::start().await;
    let (key, hash, _) = generated(&maker).await;
    let end = Timestamp::from_second(tests::seconds_from_now(4)).expect("a time");
    let identity = json!({ "credential": { "api_key": hash, "expires_at": end.to_string() }, "permissions": ["all"] });
    let gateway = TestGateway::start_with(json!({ "auth": {
        "permission_sets": { "all": { "permissions": "full" } },
        "identities": { "press-07": identity },
    } }))
    .await;
    let caller = gateway.as_bearer(&key);
    let mut socket = caller.web_socket().await.expect("a socket");
    let mut stream = caller.events("/api/2/things").await.expect("a stream");
    let closed = socket.closed().await;
    assert!([1000, 1008].contains(&closed.code), "{closed:?}");
    assert!(!closed.reason.is_empty(), "a close says why");
    while stream.next().await.is_some() {}
    let latest = end + SignedDuration::from_secs(10);
    assert!(Timestamp::from_second(tests::seconds_from_now(0)).expect("a time") < latest);
    let refused = caller.get("/api/2/whoami").await;
    refused.expect_error(401, "gateway:authentication.failed");
    assert_eq!(
        caller.web_socket().await.err().map(|(status, _)| status),
        Some(401)
    );
}

#[tokio::test]
async fn a_kill_undoes_no_revocation_of_a_key_that_was_acknowledged() {
    let rounds = if is_long_run() { 40 } else { 5 };
    let maker = TestGateway::start().await;
    let mut identities = json!({});
    let mut keys = Vec::new();
    for number in 0..rounds {
        let (key, hash, id) = generated(&maker).await;
        identities[format!("press-{number}")] =
            json!({ "credential": { "api_key": hash }, "permissions": ["all"] });
        keys.push((key, id));
    }
    drop(maker);
    let mut gateway = TestGateway::start_with(json!({ "auth": {
        "permission_sets": { "all": { "permissions": "full" } },
        "identities": identities,
    } }))
    .await;
    let mut acknowledged = Vec::new();
    for (round, (key, id)) in keys.iter().enumerate() {
        gateway
            .as_bearer(key)
            .get("/api/2/whoami")
            .await
            .expect(200);
        let operator = gateway.as_operator();
        let body = json!({ "kind": "key", "value": id }).to_string();
        let revoking = tokio::spawn(async move {
            let media_type = [("content-type", "application/json")];
            let path = "/devops/revocations";
            let sent = operator.try_send(reqwest::Method::POST, path, &media_type, Some(body));
            sent.await
                .is_ok_and(|answer| [200, 201].contains(&answer.status))
        });
        if round == 0 {
            assert!(
                revoking.await.expect("an answer"),
                "the first is let through"
            );
            gateway = gateway.kill_and_restart().await;
            acknowledged.push(key);
        } else {
            // Somewhere between the request's arrival and its answer, or just after it.
            tokio::time::sleep(Duration::from_micros(2_500 * round as u64)).await;
            gateway = gateway.kill_and_restart().await;
            if revoking.await.expect("it ends") {
                acknowledged.push(key);
            }
        }
        for key in &acknowledged {
            let refused = gateway.as_bearer(key).get("/api/2/whoami").await;
            refused.expect_error(401, "gateway:authentication.failed");
        }
    }
    eprintln!(
        "{} of {rounds} revocations were acknowledged before the kill",
        acknowledged.len()
    );
}
