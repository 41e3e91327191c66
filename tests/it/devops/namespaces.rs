//! Closing a namespace, and erasing what is in it.

use serde_json::{Value, json};
use tests::{Caller, TestGateway};

async fn command(operator: &Caller, kind: &str, namespace: &str) -> Value {
    let body = json!({
        "targetActorSelection": "/system/distributedPubSubMediator",
        "headers": { "aggregate": kind == "purgeNamespace", "is-group-topic": true },
        "piggybackCommand": { "type": format!("namespaces.commands:{kind}"), "namespace": namespace },
    });
    operator
        .post("/devops/piggyback", &body)
        .await
        .expect(200)
        .json()
}

#[tokio::test]
async fn nothing_in_a_closed_namespace_is_read_or_written() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let alice = gateway.as_subject("nginx:alice");
    for id in ["org.acme:lamp", "org.acme.sub:lamp"] {
        alice
            .put(&format!("/api/2/things/{id}"), &json!({}))
            .await
            .expect(201);
    }
    let blocked = command(&operator, "blockNamespace", "org.acme").await;
    assert_eq!(
        blocked,
        json!({ "type": "namespaces.responses:blockNamespace", "status": 200, "namespace": "org.acme", "resourceType": "namespaces" })
    );
    for path in [
        "/api/2/things/org.acme:lamp",
        "/api/2/things/org.acme:lamp/attributes",
        "/api/2/policies/org.acme:lamp",
    ] {
        alice.get(path).await.expect_error(409, "namespace.blocked");
    }
    for path in [
        "/api/2/things/org.acme:lamp/attributes/a",
        "/api/2/things/org.acme:new",
    ] {
        alice
            .put(path, &json!({}))
            .await
            .expect_error(409, "namespace.blocked");
    }
    alice
        .delete("/api/2/things/org.acme:lamp")
        .await
        .expect_error(409, "namespace.blocked");
    alice
        .get("/api/2/things/org.acme.sub:lamp")
        .await
        .expect(200);
    let health = operator.get("/status/health").await.expect(200);
    assert!(health.body.contains("org.acme"), "{}", health.body);
    command(&operator, "unblockNamespace", "org.acme").await;
    alice.get("/api/2/things/org.acme:lamp").await.expect(200);
}

#[tokio::test]
async fn only_a_closed_namespace_is_erased_and_then_for_good() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let alice = gateway.as_subject("nginx:alice");
    let secret = json!({ "attributes": { "note": "canary-4711" } });
    for id in ["org.acme:lamp", "org.acme:gone", "org.zoo:lamp"] {
        alice
            .put(&format!("/api/2/things/{id}"), &secret)
            .await
            .expect(201);
    }
    alice
        .delete("/api/2/things/org.acme:gone")
        .await
        .expect(204);
    let refused = command(&operator, "purgeNamespace", "org.acme").await;
    assert_eq!(
        refused["gateway"]["twinward-0"]["error"], "namespace.notblocked",
        "{refused}"
    );
    alice.get("/api/2/things/org.acme:lamp").await.expect(200);

    command(&operator, "blockNamespace", "org.acme").await;
    let erased = command(&operator, "purgeNamespace", "org.acme").await;
    for (service, resource) in [
        ("things", "thing"),
        ("policies", "policy"),
        ("search", "thing-search"),
    ] {
        let answer = &erased[service]["twinward-0"];
        assert_eq!(answer["resourceType"], resource, "{erased}");
        assert_eq!(
            (&answer["successful"], &answer["status"]),
            (&json!(true), &json!(200))
        );
    }
    command(&operator, "unblockNamespace", "org.acme").await;
    let gateway = gateway.kill_and_restart().await;
    let alice = gateway.as_subject("nginx:alice");
    alice.get("/api/2/things/org.acme:lamp").await.expect(404);
    alice.get("/api/2/policies/org.acme:lamp").await.expect(404);
    alice.get("/api/2/things/org.zoo:lamp").await.expect(200);
    alice
        .put("/api/2/things/org.acme:lamp", &json!({}))
        .await
        .expect(201);
    let again = alice
        .get("/api/2/things/org.acme:lamp?fields=_revision")
        .await;
    assert_eq!(again.expect(200).json(), json!({ "_revision": 1 }));
}

#[tokio::test]
async fn commands_without_an_exact_namespace_do_nothing() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    for namespace in ["", "org.acme:lamp"] {
        for kind in ["blockNamespace", "unblockNamespace"] {
            let answer = command(&operator, kind, namespace).await;
            assert_eq!(
                answer["error"], "json.field.missing",
                "{kind} {namespace:?}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn shutting_entities_down_only_makes_room_in_memory() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let alice = gateway.as_subject("nginx:alice");
    alice
        .put("/api/2/things/org.acme:lamp", &json!({}))
        .await
        .expect(201);
    let body = json!({
        "targetActorSelection": "/system/distributedPubSubMediator",
        "headers": {},
        "piggybackCommand": { "type": "common.commands:shutdown",
            "reason": { "type": "purge-entities", "details": ["org.acme:lamp"] } },
    });
    let silent = operator.post("/devops/piggyback", &body).await;
    silent.expect_error(408, "command.timeout");
    let hot = operator.get("/stats/things").await.expect(200).json();
    assert_eq!(
        (&hot["hotThings"], &hot["hotPolicies"]),
        (&json!(0), &json!(0)),
        "{hot}"
    );
    alice.get("/api/2/things/org.acme:lamp").await.expect(200);
}
