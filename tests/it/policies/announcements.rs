//! Announcements over `kill -9`: what was acknowledged is not said again, what was not is.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Caller, Socket, TestGateway};

use crate::given::owned_by;

const DECLARED: &str = "declared-acks=ops:seen";
const POLICY: &str = "/api/2/policies/org.acme:lamp";

fn precise() -> Value {
    json!({ "policies": { "announcement": {
        "default_randomization_interval": "0s", "backoff": { "max": "1s" }
    } } })
}

/// An entry for bob, who expires in years and wants to hear of it now.
fn guest(announcement: Value) -> Value {
    json!({
        "subjects": { "nginx:bob": {
            "type": "test", "expiry": "2099-01-01T00:00:00Z", "announcement": announcement
        } },
        "resources": { "thing:/": { "grant": ["READ"], "revoke": [] } }
    })
}

async fn given_guest(alice: &Caller, announcement: Value) {
    let mut policy = owned_by("nginx:alice");
    policy["entries"]["guest"] = guest(announcement);
    alice.put(POLICY, &policy).await.expect(201);
}

async fn listening(gateway: &TestGateway) -> Socket {
    let mut socket = declaring(gateway, "nginx:bob").await;
    socket.control("START-SEND-POLICY-ANNOUNCEMENTS").await;
    socket
}

/// A socket that gives the acknowledgement which announcements ask for, once nobody else does.
async fn declaring(gateway: &TestGateway, subject: &str) -> Socket {
    let caller = gateway.as_subject(subject);
    tests::eventually("the label to be free", async || {
        let mut socket = caller.web_socket_with(DECLARED).await.ok()?;
        socket.send("STOP-SEND-EVENTS").await;
        (socket.next().await.ok()? == "STOP-SEND-EVENTS:ACK").then_some(socket)
    })
    .await
}

fn acknowledgement(announcement: &Value, label: &str) -> Value {
    json!({
        "topic": format!("org.acme/lamp/policies/acks/{label}"), "path": "/", "status": 200,
        "headers": { "correlation-id": announcement["headers"]["correlation-id"] }
    })
}

/// Acknowledges, and returns once that is as durable as everything before the next answer is.
async fn acknowledge(socket: &mut Socket, announcement: &Value) {
    let acknowledgement = acknowledgement(announcement, "ops:seen");
    socket.send(acknowledgement.to_string()).await;
    let question = json!({
        "topic": "org.acme/lamp/policies/commands/retrieve", "path": "/", "value": null
    });
    let answer = socket.command("after", question).await;
    assert_eq!(answer["status"], 404, "bob may not read it: {answer}");
}

/// Longer than an announcement is awaited and then paused.
const REPEATED_WITHIN: Duration = Duration::from_millis(3500);

fn far_ahead() -> Value {
    json!({
        "beforeExpiry": "999999h", "requestedAcks": { "labels": ["ops:seen"], "timeout": "2s" }
    })
}

#[tokio::test]
async fn only_what_was_not_acknowledged_is_said_again_after_a_kill() {
    let gateway = TestGateway::start_with(precise()).await;
    let mut socket = listening(&gateway).await;
    given_guest(&gateway.as_subject("nginx:alice"), far_ahead()).await;
    let first = socket.json().await;
    assert_eq!(first["value"]["deleteAt"], "2099-01-01T00:00:00Z");

    let gateway = gateway.kill_and_restart().await;
    let mut socket = listening(&gateway).await;
    // Whoever comes late hears of it when it is repeated; nobody acknowledged the first.
    let again = socket.json().await;
    assert_eq!(again["value"], first["value"]);
    acknowledge(&mut socket, &again).await;

    let gateway = gateway.kill_and_restart().await;
    let mut socket = listening(&gateway).await;
    socket.expect_silence(REPEATED_WITHIN).await;
    let alice = gateway.as_subject("nginx:alice");
    let guests = alice
        .get(&format!("{POLICY}/entries/guest/subjects"))
        .await
        .expect(200)
        .json();
    assert!(guests["nginx:bob"].is_object(), "its time has not come");
}

#[tokio::test]
async fn whoever_was_removed_just_before_a_kill_is_told_after_it() {
    let gateway = TestGateway::start_with(precise()).await;
    let alice = gateway.as_subject("nginx:alice");
    let announcement = json!({
        "whenDeleted": true, "requestedAcks": { "labels": ["ops:seen"], "timeout": "2s" }
    });
    given_guest(&alice, announcement).await;
    alice
        .delete(&format!("{POLICY}/entries/guest"))
        .await
        .expect(204);
    let gateway = gateway.kill_and_restart().await;
    let mut socket = listening(&gateway).await;
    let told = socket.json().await;
    assert_eq!(told["value"]["subjectIds"], json!(["nginx:bob"]), "{told}");
    acknowledge(&mut socket, &told).await;
    let gateway = gateway.kill_and_restart().await;
    let mut socket = listening(&gateway).await;
    socket.expect_silence(REPEATED_WITHIN).await;
}

#[tokio::test]
async fn only_who_is_told_and_declared_the_label_acknowledges() {
    let gateway = TestGateway::start_with(precise()).await;
    let bob = gateway.as_subject("nginx:bob");
    let mut plain = bob.web_socket().await.expect("a WebSocket");
    plain.control("START-SEND-POLICY-ANNOUNCEMENTS").await;
    let mut stranger = declaring(&gateway, "nginx:carol").await;
    stranger.control("START-SEND-POLICY-ANNOUNCEMENTS").await;
    given_guest(&gateway.as_subject("nginx:alice"), far_ahead()).await;

    let first = plain.json().await;
    let asked = &first["headers"]["requested-acks"];
    assert!(asked.is_null(), "it declared nothing: {first}");
    let mut nameless = acknowledgement(&first, "ops:seen");
    nameless["headers"] = json!({});
    for (frame, code) in [
        (acknowledgement(&first, "ops:seen"), "label.not.declared"),
        (
            acknowledgement(&first, "twin-persisted"),
            "ditto.acklabel.forbidden",
        ),
        (nameless, "correlation-id.missing"),
    ] {
        plain.send(frame.to_string()).await;
        let refusal = plain.json().await;
        let error = &refusal["value"]["error"];
        assert_eq!(error, &format!("acknowledgement:{code}"), "{refusal}");
        assert_eq!(refusal["status"], 400, "{refusal}");
        assert_eq!(refusal["topic"], "org.acme/lamp/policies/errors");
    }
    // It knows the id and holds the label, and is not who was told: it gets no answer, and counts for nothing.
    acknowledge(&mut stranger, &first).await;
    let second = plain.json().await;
    assert_eq!(second["value"], first["value"], "nobody was heard");

    drop(stranger);
    let mut bob = listening(&gateway).await;
    let asking = bob.json().await;
    assert_eq!(asking["headers"]["requested-acks"], json!(["ops:seen"]));
    assert_eq!(asking["headers"]["timeout"], "2000ms", "{asking}");
    acknowledge(&mut bob, &asking).await;
    bob.expect_silence(REPEATED_WITHIN).await;
}
