//! Closing a namespace, and erasing what is in it.

use serde_json::json;
use tests::TestGateway;

use super::given::{MEDIATOR, given_things, namespace_command, piggyback};

#[tokio::test]
async fn nothing_in_a_closed_namespace_is_read_or_written() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let alice = gateway.as_subject("nginx:alice");
    given_things(&alice, &["org.acme:lamp", "org.acme.sub:lamp"], &json!({})).await;
    let blocked = namespace_command(&operator, "blockNamespace", "org.acme").await;
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
    namespace_command(&operator, "unblockNamespace", "org.acme").await;
    alice.get("/api/2/things/org.acme:lamp").await.expect(200);
}

#[tokio::test]
async fn a_command_to_one_service_is_done_and_answered_by_it() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let alice = gateway.as_subject("nginx:alice");
    given_things(&alice, &["org.acme:lamp"], &json!({})).await;
    let headers = json!({ "aggregate": true, "is-group-topic": true });
    let block = json!({ "type": "namespaces.commands:blockNamespace", "namespace": "org.acme" });
    let answer = piggyback(&operator, "/things", (MEDIATOR, headers.clone(), block)).await;
    assert_eq!(
        answer.expect(200).json()["things"]["twinward-0"]["status"],
        200
    );
    alice
        .get("/api/2/things/org.acme:lamp")
        .await
        .expect_error(409, "namespace.blocked");
    let path = json!({ "type": "common.commands:retrieveConfig", "path": "store" });
    let actor = "/user/devOpsCommandsActor";
    let answer = piggyback(&operator, "/gateway", (actor, headers, path)).await;
    let config = &answer.expect(200).json()["gateway"]["twinward-0"]["config"];
    assert!(
        config["path"].is_string(),
        "the part that was asked for: {config}"
    );
}

#[tokio::test]
async fn only_a_closed_namespace_is_erased_and_then_for_good() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let alice = gateway.as_subject("nginx:alice");
    let secret = json!({ "attributes": { "note": "canary-4711" } });
    let things = ["org.acme:lamp", "org.acme:gone", "org.zoo:lamp"];
    given_things(&alice, &things, &secret).await;
    alice
        .delete("/api/2/things/org.acme:gone")
        .await
        .expect(204);
    let refused = namespace_command(&operator, "purgeNamespace", "org.acme").await;
    assert_eq!(
        refused["gateway"]["twinward-0"]["error"], "namespace.notblocked",
        "{refused}"
    );
    alice.get("/api/2/things/org.acme:lamp").await.expect(200);

    namespace_command(&operator, "blockNamespace", "org.acme").await;
    let erased = namespace_command(&operator, "purgeNamespace", "org.acme").await;
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
    namespace_command(&operator, "unblockNamespace", "org.acme").await;
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
            let answer = namespace_command(&operator, kind, namespace).await;
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
    given_things(&alice, &["org.acme:lamp"], &json!({})).await;
    let reason = json!({ "type": "purge-entities", "details": ["org.acme:lamp"] });
    let shutdown = json!({ "type": "common.commands:shutdown", "reason": reason });
    let silent = piggyback(&operator, "", (MEDIATOR, json!({}), shutdown)).await;
    silent.expect_error(408, "command.timeout");
    let hot = operator.get("/stats/things").await.expect(200).json();
    assert_eq!(
        (&hot["hotThings"], &hot["hotPolicies"]),
        (&json!(0), &json!(0)),
        "{hot}"
    );
    alice.get("/api/2/things/org.acme:lamp").await.expect(200);
}
