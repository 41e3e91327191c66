//! What many tests start from.

use serde_json::{Value, json};
use tests::{Caller, Socket, TestGateway};

/// What scrapers show where it is configured as `devops.metrics_token`.
pub(crate) const METRICS_TOKEN: &str = "scrape-me-with-thirty-two-bytes-or-more";

/// Header lines that make one proxy or library take a request for another, or for somebody else's.
pub(crate) const MISLEADING: [&str; 9] = [
    "x-forwarded-uri: /health",
    "x-original-url: /health",
    "x-rewrite-url: /health",
    "x-http-method-override: OPTIONS",
    "user-agent: kube-probe/1.30",
    "user-agent: GoogleHC/1.0",
    "x-forwarded-user: devops",
    "x-real-ip: 127.0.0.1",
    "forwarded: for=127.0.0.1",
];

/// The entries of a policy in which `owner` may do everything.
pub(crate) fn owned_by(owner: &str) -> Value {
    let everything = json!({ "grant": ["READ", "WRITE"], "revoke": [] });
    json!({ "entries": { "owner": {
        "subjects": { owner: { "type": "test" } },
        "resources": { "policy:/": everything, "thing:/": everything, "message:/": everything }
    } } })
}

/// An entry that gives `subject` READ on `resource` and nothing else.
pub(crate) fn reader(subject: &str, resource: &str) -> Value {
    json!({
        "subjects": { subject: { "type": "test" } },
        "resources": { resource: { "grant": ["READ"], "revoke": [] } }
    })
}

/// A thing with attributes and one feature.
pub(crate) fn lamp() -> Value {
    json!({
        "attributes": { "site": { "hall": 3 }, "serial": "A-1" },
        "features": { "lamp": { "properties": { "on": false, "watts": 4.5 } } }
    })
}

/// Creates [`lamp`] as `thing_id` with the policy that an implicit creation makes.
pub(crate) async fn given_lamp(owner: &Caller, thing_id: &str) {
    owner
        .put(&format!("/api/2/things/{thing_id}"), &lamp())
        .await
        .expect(201);
}

/// A socket of `subject` that has subscribed to all of `streams`, e.g. `EVENTS?namespaces=org.acme`.
pub(crate) async fn listening(gateway: &TestGateway, subject: &str, streams: &[&str]) -> Socket {
    let caller = gateway.as_subject(subject);
    let mut socket = caller.web_socket().await.expect("a WebSocket");
    for stream in streams {
        socket.control(&format!("START-SEND-{stream}")).await;
    }
    socket
}

/// How so many requests with the caller's credential end, one after the other.
pub(crate) async fn statuses(caller: &Caller, times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(caller.get("/api/2/whoami").await.status);
    }
    statuses
}
