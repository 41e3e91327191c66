//! Into the fenced namespace by its name: in bodies, through other things and policies, and by what answers embed.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Caller, Socket, merged};

use super::super::peer::{entry, policy};
use super::{DENIED, fenced, frame, refused};

/// A policy that lets the outsider do everything.
fn own_policy() -> Value {
    let owner = entry(&["alice"], "+RW policy:/, +RW thing:/, +RW message:/");
    policy(json!({ "owner": owner }), json!({}))
}

/// Bodies of things to come that reach into `plant`.
fn reaching_in() -> Vec<Value> {
    let named = merged(own_policy(), json!({ "policyId": "plant:new" }));
    let importing = policy(own_policy()["entries"].clone(), json!({ "plant:t": {} }));
    vec![
        json!({ "policyId": "plant:new", "_policy": own_policy() }),
        json!({ "_policy": named }),
        json!({ "_policy": importing }),
        json!({ "_copyPolicyFrom": "plant:t" }),
        json!({ "_copyPolicyFrom": "plant:missing" }),
        json!({ "_copyPolicyFrom": "{{ ref:things/plant:t/policyId }}" }),
        json!({ "_copyPolicyFrom": "{{ ref:things/plant:missing/policyId }}" }),
        json!({ "_copyPolicyFrom": "{{ ref:things/org.acme:t/attributes/policy }}" }),
        json!({ "policyId": "plant:new", "_copyPolicyFrom": "org.acme:t" }),
        json!({ "policyId": "plant:t" }),
        json!({ "policyId": "plant:missing" }),
    ]
}

async fn denied(caller: &Caller, method: Method, path: &str, body: &Value) {
    let content_type = if method == Method::PATCH {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let headers = [("content-type", content_type)];
    let answer = caller
        .send(method.clone(), path, &headers, Some(body.to_string()))
        .await;
    let told = answer.status_and_code();
    assert_eq!(told, format!("403 {DENIED}"), "{method} {path} {body}");
}

#[tokio::test]
async fn no_thing_is_made_with_what_lies_behind_it() {
    let (_gateway, inside, outside) = fenced().await;
    inside
        .put(
            "/api/2/things/org.acme:t/attributes/policy",
            &json!("plant:t"),
        )
        .await
        .expect(201);
    let mut socket = outside.web_socket().await.expect("a WebSocket");
    for body in reaching_in() {
        let thing = "/api/2/things/org.acme:new";
        denied(&outside, Method::PUT, thing, &body).await;
        denied(&outside, Method::PATCH, thing, &body).await;
        let collection = "/api/2/things?namespace=org.acme";
        denied(&outside, Method::POST, collection, &body).await;
        for command in ["create", "modify", "merge"] {
            let topic = format!("org.acme/new/things/twin/commands/{command}");
            refused(&mut socket, frame(&topic, "/", body.clone())).await;
        }
    }
    for path in [
        "things/org.acme:new",
        "policies/plant:new",
        "policies/org.acme:new",
    ] {
        inside.get(&format!("/api/2/{path}")).await.expect(404);
    }
    // What stays on this side of it goes on as before.
    for (id, body) in [
        ("org.acme:implied", json!({})),
        ("org.acme:inline", json!({ "_policy": own_policy() })),
        (
            "org.acme:copied",
            json!({ "_copyPolicyFrom": "org.acme:t" }),
        ),
        ("org.acme:put", json!({ "policyId": "org.acme:t" })),
    ] {
        let path = format!("/api/2/things/{id}");
        outside.put(&path, &body).await.expect(201);
    }
}

#[tokio::test]
async fn no_thing_is_put_under_a_policy_behind_it() {
    let (_gateway, inside, outside) = fenced().await;
    let (thing, id) = ("/api/2/things/org.acme:t", json!("plant:t"));
    let mut socket = outside.web_socket().await.expect("a WebSocket");
    let part = format!("{thing}/policyId");
    denied(&outside, Method::PUT, &part, &id).await;
    denied(&outside, Method::PATCH, &part, &id).await;
    denied(&outside, Method::PUT, thing, &json!({ "policyId": id })).await;
    denied(&outside, Method::PATCH, thing, &json!({ "policyId": id })).await;
    let topic = "org.acme/t/things/twin/commands/modify";
    refused(&mut socket, frame(topic, "/policyId", id.clone())).await;
    let unchanged = outside.get(&part).await.expect(200);
    assert_eq!(unchanged.json(), json!("org.acme:t"));
    // Where it stands already, naming it again changes nothing.
    inside.put(&part, &id).await.expect(204);
    let same = json!({ "policyId": id, "attributes": { "n": 7 } });
    outside.put(thing, &same).await.expect(204);
}

#[tokio::test]
async fn no_answer_embeds_what_lies_behind_it() {
    let (_gateway, inside, outside) = fenced().await;
    let under = json!({ "policyId": "plant:t" });
    inside
        .put("/api/2/things/org.acme:under", &under)
        .await
        .expect(201);
    for path in [
        "/api/2/things/org.acme:under?fields=thingId,_policy",
        "/api/2/things?ids=org.acme:under&fields=thingId,_policy",
    ] {
        let seen = inside.get(path).await.expect(200);
        assert!(seen.body.contains("everyone"), "{path}: {}", seen.body);
        let seen = outside.get(path).await.expect(200);
        assert!(
            seen.body.contains("org.acme:under"),
            "{path}: {}",
            seen.body
        );
        assert!(!seen.body.contains("_policy"), "{path}: {}", seen.body);
    }
    let mut socket = outside.web_socket().await.expect("a WebSocket");
    assert_eq!(embedded(&mut socket, "org.acme/under").await, Value::Null);
    assert_eq!(
        embedded(&mut socket, "org.acme/t").await["policyId"],
        "org.acme:t"
    );
}

/// The policy that a retrieve command shows within the thing.
async fn embedded(socket: &mut Socket, thing: &str) -> Value {
    let topic = format!("{thing}/things/twin/commands/retrieve");
    let mut frame = frame(&topic, "/", Value::Null);
    frame["fields"] = json!("thingId,_policy");
    let answer = socket.command("embedded", frame).await;
    assert_eq!(answer["status"], 200, "{answer}");
    answer["value"]["_policy"].clone()
}

#[tokio::test]
async fn no_import_gets_around_it() {
    let (_gateway, inside, outside) = fenced().await;
    let here = "/api/2/policies/org.acme:t";
    let import = format!("{here}/imports/plant:t");
    denied(&outside, Method::PUT, &import, &json!({})).await;
    let imports = format!("{here}/imports");
    denied(
        &outside,
        Method::PUT,
        &imports,
        &json!({ "plant:missing": {} }),
    )
    .await;
    let importing = policy(own_policy()["entries"].clone(), json!({ "plant:t": {} }));
    denied(&outside, Method::PUT, here, &importing).await;
    let new = "/api/2/policies/org.acme:importing";
    denied(&outside, Method::PUT, new, &importing).await;
    let mut socket = outside.web_socket().await.expect("a WebSocket");
    let topic = "org.acme/t/policies/commands/modify";
    refused(&mut socket, frame(topic, "/imports/plant:t", json!({}))).await;

    let open = json!({ "entries": { "everyone": { "importable": "implicit" } } });
    let everyone = entry(
        &["alice", "bob"],
        "+RW policy:/, +RW thing:/, +RW message:/",
    );
    let open = merged(policy(json!({ "everyone": everyone }), json!({})), open);
    inside
        .put("/api/2/policies/plant:t", &open)
        .await
        .expect(204);
    inside.put(&import, &json!({})).await.expect(201);
    let label = "imported-plant:t-everyone";
    let resolved = |caller: &Caller| caller.with("policy-view", "resolved");
    let seen = resolved(&inside).get(here).await.expect(200);
    assert!(seen.body.contains(label), "{}", seen.body);
    let seen = resolved(&outside).get(here).await.expect(200);
    assert!(seen.body.contains("everyone"), "{}", seen.body);
    assert!(!seen.body.contains(label), "{}", seen.body);
}
