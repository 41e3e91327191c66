//! Subjects that go: they are told over a WebSocket, acknowledge, and are removed by an event of their own.
//!
//! The gateway under test has a real clock, so subjects live for seconds here; tests wait for what happens.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::{Caller, TestGateway, eventually};

use crate::given::{given_lamp, owned_by};

const POLICY: &str = "/api/2/policies/org.acme:lamp";

fn precise() -> Value {
    json!({ "policies": {
        "subject_expiry_granularity": "1s",
        "subject_deletion_announcement_granularity": "1s",
        "announcement": { "default_randomization_interval": "0s" }
    } })
}

#[expect(
    clippy::disallowed_methods,
    reason = "the gateway under test goes by the real clock"
)]
fn guest(seconds: i64, announcement: Value) -> Value {
    let expiry = Timestamp::now() + SignedDuration::from_secs(seconds);
    let mut subject = json!({ "type": "test", "expiry": expiry.to_string() });
    if !announcement.is_null() {
        subject["announcement"] = announcement;
    }
    json!({
        "subjects": { "nginx:bob": subject },
        "resources": { "thing:/": { "grant": ["READ"], "revoke": [] } }
    })
}

async fn until_removed(alice: &Caller, revision: u64) {
    eventually("the removal of the expired subject", || async {
        let read = alice
            .get(&format!("{POLICY}?fields=_revision,entries"))
            .await
            .json();
        (read["_revision"] == revision).then(|| {
            assert_eq!(read["entries"]["guest"]["subjects"], json!({}), "{read}");
        })
    })
    .await;
}

#[tokio::test]
async fn an_expired_subject_is_told_and_removed_even_after_a_restart() {
    let gateway = TestGateway::start_with(precise()).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    alice
        .put(&format!("{POLICY}/entries/guest"), &guest(3, Value::Null))
        .await
        .expect(201);
    gateway
        .as_subject("nginx:bob")
        .get("/api/2/things/org.acme:lamp")
        .await
        .expect(200);
    let gateway = gateway.stop().await.again().await;
    let alice = gateway.as_subject("nginx:alice");
    until_removed(&alice, 3).await;
    gateway
        .as_subject("nginx:bob")
        .get("/api/2/things/org.acme:lamp")
        .await
        .expect_error(404, "things:thing.notfound");
}

#[tokio::test]
async fn whoever_expires_hears_of_it_until_it_is_acknowledged() {
    let gateway = TestGateway::start_with(precise()).await;
    let (alice, bob, carol) = (
        gateway.as_subject("nginx:alice"),
        gateway.as_subject("nginx:bob"),
        gateway.as_subject("nginx:carol"),
    );
    given_lamp(&alice, "org.acme:lamp").await;
    let declaring = bob.web_socket_with("declared-acks=ops:seen");
    let mut socket = declaring.await.expect("a WebSocket");
    socket.control("START-SEND-POLICY-ANNOUNCEMENTS").await;
    let mut elsewhere = bob.web_socket().await.expect("a WebSocket");
    elsewhere
        .control("START-SEND-POLICY-ANNOUNCEMENTS?namespaces=other")
        .await;
    let mut strange = carol.web_socket().await.expect("a WebSocket");
    strange.control("START-SEND-POLICY-ANNOUNCEMENTS").await;
    let announcement = json!({
        "beforeExpiry": "3600s", "requestedAcks": { "labels": ["ops:seen"], "timeout": "1s" }
    });
    alice
        .put(&format!("{POLICY}/entries/guest"), &guest(6, announcement))
        .await
        .expect(201);

    let first = socket.json().await;
    assert_eq!(
        first["topic"],
        "org.acme/lamp/policies/announcements/subjectDeletion"
    );
    assert_eq!(first["value"]["subjectIds"], json!(["nginx:bob"]));
    assert_eq!(first["headers"]["requested-acks"], json!(["ops:seen"]));
    let again = socket.json().await;
    assert_ne!(
        first["headers"]["correlation-id"], again["headers"]["correlation-id"],
        "nobody acknowledged, so it is repeated"
    );
    let acknowledgement = json!({
        "topic": "org.acme/lamp/policies/acks/ops:seen", "path": "/", "status": 200,
        "headers": { "correlation-id": again["headers"]["correlation-id"] }
    });
    socket.send(acknowledgement.to_string()).await;
    until_removed(&alice, 3).await;
    socket
        .expect_silence(std::time::Duration::from_millis(100))
        .await;
    for other in [&mut elsewhere, &mut strange] {
        other
            .expect_silence(std::time::Duration::from_millis(10))
            .await;
    }
}

#[tokio::test]
async fn whoever_is_removed_hears_of_it() {
    let gateway = TestGateway::start_with(precise()).await;
    let alice = gateway.as_subject("nginx:alice");
    alice
        .put(POLICY, &owned_by("nginx:alice"))
        .await
        .expect(201);
    let entry = guest(3600, json!({ "whenDeleted": true }));
    alice
        .put(&format!("{POLICY}/entries/guest"), &entry)
        .await
        .expect(201);
    let mut socket = gateway
        .as_subject("nginx:bob")
        .web_socket()
        .await
        .expect("a WebSocket");
    socket.control("START-SEND-POLICY-ANNOUNCEMENTS").await;
    alice
        .delete(&format!("{POLICY}/entries/guest"))
        .await
        .expect(204);
    let told = socket.json().await;
    assert_eq!(told["value"]["subjectIds"], json!(["nginx:bob"]), "{told}");
    socket.control("STOP-SEND-POLICY-ANNOUNCEMENTS").await;
}
