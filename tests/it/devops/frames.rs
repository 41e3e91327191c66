//! Commands of operators in frames of the public WebSocket, directly and through proxies: nobody carries them out.

use serde_json::{Value, json};
use tests::{Caller, Proxy, TestGateway, Vouching};

use super::given::MEDIATOR;
use crate::api_keys::{EDGE_HASH, EDGE_KEY};
use crate::given::{given_lamp, owned_by};

/// Blocks `org.acme`, if anybody carries it out.
fn block() -> Value {
    json!({ "type": "namespaces.commands:blockNamespace", "namespace": "org.acme" })
}

/// The command in every form that somebody might read it in.
fn frames() -> Vec<Value> {
    let headers = json!({ "aggregate": false, "is-group-topic": true, "ditto-sudo": true });
    let envelope = |topic: &str, path: &str| json!({ "topic": topic, "headers": headers, "path": path, "value": block() });
    vec![
        json!({ "targetActorSelection": MEDIATOR, "headers": headers, "piggybackCommand": block() }),
        block(),
        json!({ "type": "devops.commands:executePiggybackCommand", "piggybackCommand": block() }),
        envelope("_/_/devops/twin/commands/executePiggybackCommand", "/"),
        envelope("org.acme/lamp/devops/live/commands/modify", "/piggyback"),
        envelope("org.acme/_/namespaces/twin/commands/blockNamespace", "/"),
        envelope(
            "org.acme/lamp/things/twin/commands/retrieve",
            "/devops/config",
        ),
        envelope(
            "org.acme/lamp/things/twin/commands/modify",
            "/devops/piggyback",
        ),
    ]
}

/// Sends every frame, and then a write to the namespace that would be blocked.
async fn check(way: &str, caller: &Caller) {
    let mut socket = caller.web_socket().await.expect("a WebSocket");
    for frame in frames() {
        socket.send(frame.to_string()).await;
        let answer = socket.json().await;
        let status = answer["status"].as_u64();
        assert!(
            matches!(status, Some(400 | 403 | 404)),
            "{way}: {frame} -> {answer}"
        );
        assert!(
            !answer.to_string().contains("devops_passwords"),
            "{way}: {answer}"
        );
    }
    let modify = json!({
        "topic": "org.acme/lamp/things/twin/commands/modify", "headers": {}, "path": "/attributes/on", "value": true,
    });
    let answer = socket.command("not-blocked", modify).await;
    let status = answer["status"].as_u64();
    assert!(matches!(status, Some(201 | 204)), "{way}: {answer}");
}

#[tokio::test]
async fn nobody_carries_out_a_command_of_operators_that_comes_as_a_frame() {
    let gateway = TestGateway::start_with(json!({ "auth": {
        "permission_sets": { "set": { "permissions": "full" } },
        "identities": { "press-07": { "id": "devops", "credential": { "api_key": EDGE_HASH }, "permissions": ["set"] } },
    } }))
    .await;
    let (vouched, press) = (
        gateway.as_subject("nginx:devops"),
        gateway.as_bearer(EDGE_KEY),
    );
    given_lamp(&vouched, "org.acme:lamp").await;
    let mut policy = owned_by("nginx:devops");
    let subjects = json!({ "nginx:devops": { "type": "test" }, "edge:devops": { "type": "test" } });
    policy["entries"]["owner"]["subjects"] = subjects;
    let replaced = vouched.put("/api/2/policies/org.acme:lamp", &policy).await;
    replaced.expect(204);
    check("vouched for", &vouched).await;
    check("an API key", &press).await;
    let public = &gateway.endpoints().public;
    for proxy in Proxy::both(public, Vouching::For("nginx:devops")).await {
        check(proxy.name(), &proxy.caller()).await;
    }
    for path in [
        "/devops/logging",
        "/devops/piggyback",
        "/status",
        "/metrics",
    ] {
        for caller in [&vouched, &press] {
            caller.get(path).await.expect(404);
        }
    }
}
