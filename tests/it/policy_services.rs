//! What policies do besides deciding: tell who may what, let systems act for a token, show what holds, forget who expired.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tests::{OidcProvider, TestGateway, deadline, merged};

use crate::given::{given_lamp, owned_by, reader};

const CHECK: &str = "/api/2/checkPermissions";

fn check(resource: &str, entity: &str, permissions: &[&str]) -> Value {
    json!({ "resource": resource, "entityId": entity, "hasPermissions": permissions })
}

#[tokio::test]
async fn a_caller_learns_what_it_may_do() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    let bob = gateway.as_subject("nginx:bob");
    given_lamp(&alice, "org.acme:lamp").await;
    alice
        .put(
            "/api/2/policies/org.acme:lamp/entries/bob",
            &reader("nginx:bob", "thing:/attributes"),
        )
        .await
        .expect(201);
    let questions = json!({
        "z": check("thing:/attributes/site", "org.acme:lamp", &["READ"]),
        "whole": check("thing:/", "org.acme:lamp", &["READ"]),
        "both": check("thing:/attributes", "org.acme:lamp", &["READ", "WRITE"]),
        "policy": check("policy:/", "org.acme:lamp", &["WRITE"]),
        "message": check("message:/inbox", "org.acme:lamp", &["WRITE"]),
        "unknown": check("thing:/", "org.acme:none", &["READ"]),
        "note": "no check",
    });
    let answer = bob.post(CHECK, &questions).await.expect(200);
    let expected =
        r#"{"z":true,"whole":false,"both":false,"policy":false,"message":false,"unknown":false}"#;
    assert_eq!(answer.body, expected, "in the order of the questions");
    let wrapped = json!({ "permissionChecks": questions });
    let answer = alice.post(CHECK, &wrapped).await.expect(200).json();
    assert_eq!(answer["policy"], true);
    gateway
        .anonymous()
        .post(CHECK, &questions)
        .await
        .expect(401);
}

#[tokio::test]
async fn one_malformed_check_fails_the_request() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    for (question, code) in [
        (check("wot:/", "a:b", &["READ"]), "json.invalid"),
        (check("thing", "a:b", &["READ"]), "json.invalid"),
        (check("thing:/", "nothing", &["READ"]), "things:id.invalid"),
        (
            check("policy:/", "nothing", &["READ"]),
            "policies:id.invalid",
        ),
        (check("thing:/", "a:b", &[]), "json.invalid"),
        (
            json!({ "resource": "thing:/", "entityId": "a:b" }),
            "json.field.missing",
        ),
    ] {
        let body = json!({ "fine": check("thing:/", "a:b", &["READ"]), "bad": question });
        alice.post(CHECK, &body).await.expect_error(400, code);
    }
    alice
        .post(CHECK, &json!([]))
        .await
        .expect_error(400, "json.invalid");
    alice
        .get(CHECK)
        .await
        .expect_error(405, "gateway:method.notallowed");
}

#[tokio::test]
async fn permissions_are_checked_over_the_web_socket_too() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut socket = alice.web_socket().await.expect("an open socket");
    let question = json!({
        "topic": "_/_/policies/commands/checkPermissions",
        "path": "/",
        "value": { "may": check("thing:/", "org.acme:lamp", &["WRITE"]) },
    });
    let answer = socket.command("c-1", question).await;
    assert_eq!(answer["status"], 200, "{answer}");
    assert_eq!(answer["value"], json!({ "may": true }));
}

fn with_action(subject: &str, actions: &[&str]) -> Value {
    let mut entry = reader(subject, "thing:/");
    for action in actions {
        entry["resources"][format!("policy:/entries/ops/actions/{action}")] =
            json!({ "grant": ["EXECUTE"], "revoke": [] });
    }
    entry
}

#[tokio::test]
async fn a_token_lends_its_rights_to_an_integration() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let owner = gateway.as_subject("nginx:alice");
    let token = gateway.as_bearer(&provider.token("bob").await);
    let subject = token.get("/api/2/whoami").await.expect(200).json()["defaultSubject"]
        .as_str()
        .expect("a subject")
        .to_owned();
    given_lamp(&owner, "org.acme:lamp").await;
    let policy = "/api/2/policies/org.acme:lamp";
    let entry = with_action(&subject, &["activateTokenIntegration"]);
    owner
        .put(&format!("{policy}/entries/ops"), &entry)
        .await
        .expect(201);

    let activate = format!("{policy}/entries/ops/actions/activateTokenIntegration");
    let announcement = json!({ "announcement": { "beforeExpiry": "90s", "whenDeleted": true } });
    token.post(&activate, &announcement).await.expect(204);

    let subjects = owner
        .get(&format!("{policy}/entries/ops/subjects"))
        .await
        .expect(200)
        .json();
    let added = &subjects["integration:ops:twinward"];
    assert!(added["expiry"].is_string(), "{subjects}");
    assert_eq!(added["announcement"]["beforeExpiry"], "120s");
    let integration = gateway.as_subject("integration:ops:twinward");
    integration
        .get("/api/2/things/org.acme:lamp")
        .await
        .expect(200);

    let deactivate = format!("{policy}/entries/ops/actions/deactivateTokenIntegration");
    token
        .post(&deactivate, &json!({}))
        .await
        .expect_error(403, "policies:action.failed");
    let both = with_action(
        &subject,
        &["activateTokenIntegration", "deactivateTokenIntegration"],
    );
    owner
        .put(&format!("{policy}/entries/ops"), &both)
        .await
        .expect(204);
    for action in ["activateTokenIntegration", "deactivateTokenIntegration"] {
        token
            .post(&format!("{policy}/actions/{action}"), &json!({}))
            .await
            .expect(204);
    }
    integration
        .get("/api/2/things/org.acme:lamp")
        .await
        .expect(404);
}

#[tokio::test]
async fn an_action_is_denied_without_token_or_permission() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let owner = gateway.as_subject("nginx:alice");
    given_lamp(&owner, "org.acme:lamp").await;
    let policy = "/api/2/policies/org.acme:lamp";
    let activate = format!("{policy}/entries/DEFAULT/actions/activateTokenIntegration");
    let token = gateway.as_bearer(&provider.token("bob").await);
    token
        .post(&activate, &json!({}))
        .await
        .expect_error(403, "policies:action.failed");
    owner
        .post(&activate, &json!({}))
        .await
        .expect_error(400, "policies:action.failed");
    token
        .post(
            "/api/2/policies/org.acme:none/actions/activateTokenIntegration",
            &json!({}),
        )
        .await
        .expect_error(404, "policies:policy.notfound");
    token.get(&activate).await.expect(405);
}

#[tokio::test]
async fn the_resolved_view_shows_what_is_imported() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    let mut roles = owned_by("nginx:alice");
    roles["entries"]["driver"] = reader("nginx:bob", "thing:/");
    roles["entries"]["secret"] = reader("nginx:eve", "thing:/");
    roles["entries"]["secret"]["importable"] = json!("never");
    alice
        .put("/api/2/policies/org.acme:roles", &roles)
        .await
        .expect(201);
    let mut truck = owned_by("nginx:alice");
    truck["imports"] = json!({ "org.acme:roles": {} });
    alice
        .put("/api/2/policies/org.acme:truck", &truck)
        .await
        .expect(201);

    let path = "/api/2/policies/org.acme:truck";
    let resolved = alice
        .with("if-none-match", "*")
        .get(&format!("{path}?policy-view=Resolved"))
        .await
        .expect(200);
    assert!(
        !resolved.headers.contains_key("etag"),
        "{:?}",
        resolved.headers
    );
    let entries = &resolved.json()["entries"];
    assert!(
        entries["imported-org.acme:roles-driver"].is_object(),
        "{entries}"
    );
    assert!(
        entries.get("imported-org.acme:roles-secret").is_none(),
        "{entries}"
    );
    let original = alice.get(path).await.expect(200).json();
    assert_eq!(
        original["entries"].as_object().map(serde_json::Map::len),
        Some(1)
    );
    alice
        .get(&format!("{path}?policy-view=effective"))
        .await
        .expect_error(400, "policies:view.invalid");
    let stranger = gateway
        .as_subject("nginx:mallory")
        .with("policy-view", "resolved");
    stranger
        .get(path)
        .await
        .expect_error(404, "policies:policy.notfound");
}

#[expect(
    clippy::disallowed_methods,
    reason = "the gateway under test goes by the clock of the machine"
)]
fn in_two_seconds() -> Timestamp {
    Timestamp::now() + Duration::from_secs(2)
}

#[tokio::test]
async fn a_subject_that_expires_leaves_the_policy() {
    let granularity = json!({ "policies": { "subject_expiry_granularity": "1s" } });
    let gateway = TestGateway::start_with(merged(json!({}), granularity)).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let expiry = in_two_seconds();
    let entry = json!({
        "subjects": { "nginx:guest": { "type": "guest", "expiry": expiry.to_string() } },
        "resources": { "thing:/": { "grant": ["READ"], "revoke": [] } }
    });
    let path = "/api/2/policies/org.acme:lamp/entries/guests";
    alice.put(path, &entry).await.expect(201);
    let guest = gateway.as_subject("nginx:guest");
    guest.get("/api/2/things/org.acme:lamp").await.expect(200);
    let revision = "/api/2/policies/org.acme:lamp?fields=_revision";
    deadline("the subject to go", async {
        while alice.get(revision).await.expect(200).json()["_revision"] != 3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    guest.get("/api/2/things/org.acme:lamp").await.expect(404);
    let subjects = alice.get(&format!("{path}/subjects")).await.expect(200);
    assert_eq!(subjects.json(), json!({}));
}
