//! Asking what one may, beyond what `policy_services` asks: unknown ids, malformed questions, imports.

use serde_json::{Value, json};

use super::{Talk, entry, policy};

fn check(resource: &str, entity: &str, permissions: &[&str]) -> Value {
    json!({ "resource": resource, "entityId": entity, "hasPermissions": permissions })
}

#[tokio::test]
async fn callers_ask_what_they_may() {
    let talk = Talk::start().await;
    let roles = json!({ "reader": entry(&["bob"], "+R thing:/, +RW message:/inbox, +X policy:/entries/x") });
    talk.put("alice a:roles", policy(roles, json!({})), "201")
        .await;
    talk.put(
        "alice a:t",
        policy(json!({}), json!({ "a:roles": {} })),
        "201",
    )
    .await;
    talk.put("alice /things/a:t", json!({ "policyId": "a:t" }), "201")
        .await;
    answers(&talk).await;
    refusals(&talk).await;
}

async fn answers(talk: &Talk) {
    let questions = json!({
        "imported": check("thing:/", "a:t", &["READ"]),
        "more": check("thing:/", "a:t", &["READ", "WRITE"]),
        "message": check("message:/inbox/messages/hello", "a:t", &["READ", "WRITE"]),
        "outbox": check("message:/outbox/messages/hello", "a:t", &["WRITE"]),
        "execute": check("policy:/entries/x/actions/activateTokenIntegration", "a:t", &["EXECUTE"]),
        "own": check("thing:/", "a:t", &["PAINT"]),
        "no thing": check("thing:/", "a:none", &["READ"]),
        "no policy": check("policy:/", "a:none", &["READ"]),
        "no message": check("message:/", "a:none", &["WRITE"]),
    });
    let answer = talk.post("bob /checkPermissions", questions, "200").await;
    let expected = json!({
        "imported": true, "more": false, "message": true, "outbox": false, "execute": true,
        "own": false, "no thing": false, "no policy": false, "no message": false,
    });
    assert_eq!(answer.json(), expected);
    // Nothing need be readable to ask about it.
    talk.get("bob a:t", "404 policies:policy.notfound").await;
    talk.delete("alice a:roles", "204").await;
    let gone = json!({ "imported": check("thing:/", "a:t", &["READ"]) });
    let answer = talk.post("bob /checkPermissions", gone, "200").await;
    assert_eq!(answer.json(), json!({ "imported": false }));
    let nothing = talk.post("bob /checkPermissions", json!({}), "200").await;
    assert_eq!(nothing.json(), json!({}));
}

async fn refusals(talk: &Talk) {
    let fine = check("thing:/", "a:t", &["READ"]);
    for (bad, code) in [
        (check("wot:/", "a:t", &["READ"]), "400 json.invalid"),
        (check("thing", "a:t", &["READ"]), "400 json.invalid"),
        (check("thing:/", "a:t", &[]), "400 json.invalid"),
        (
            check("thing:/", "malformed", &["READ"]),
            "400 things:id.invalid",
        ),
        (
            check("message:/", "malformed", &["READ"]),
            "400 things:id.invalid",
        ),
        (
            check("policy:/", "malformed", &["READ"]),
            "400 policies:id.invalid",
        ),
        (
            json!({ "entityId": "a:t", "hasPermissions": ["READ"] }),
            "400 json.field.missing",
        ),
        (
            json!({ "resource": "thing:/", "hasPermissions": ["READ"] }),
            "400 json.field.missing",
        ),
        (
            json!({ "resource": "thing:/", "entityId": "a:t" }),
            "400 json.field.missing",
        ),
    ] {
        let body = json!({ "fine": fine, "bad": bad });
        talk.post("bob /checkPermissions", body, code).await;
    }
    talk.post("bob /checkPermissions", json!([]), "400 json.invalid")
        .await;
}
