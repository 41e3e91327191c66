//! What has happened to a policy, over HTTP and the WebSocket.

use serde_json::{Value, json};
use tests::{Socket, TestGateway};

use crate::given::{given_lamp, reader};

const GUEST: &str = "/api/2/policies/org.acme:lamp/entries/guest";
const POLICY: &str = "/api/2/policies/org.acme:lamp";

async fn policy_step(socket: &mut Socket, action: &str, value: Value) -> Value {
    let envelope = json!({
        "topic": format!("org.acme/lamp/policies/streaming/{action}"),
        "headers": { "correlation-id": action }, "path": "/", "value": value
    });
    socket.send(envelope.to_string()).await;
    let frame = socket.json().await;
    let is_step = |topic: &str| topic.starts_with("org.acme/lamp/policies/streaming/");
    assert!(frame["topic"].as_str().is_some_and(is_step), "{frame}");
    frame
}

/// Everything that a reader of the policy's history gets: topic, path and revision of each event.
async fn policy_history(socket: &mut Socket, range: Value) -> Vec<String> {
    let created = policy_step(socket, "subscribeForPersistedEvents", range).await;
    let id = created["value"]["subscriptionId"].clone();
    let demand = json!({ "subscriptionId": id, "demand": 99 });
    let mut frame = policy_step(socket, "request", demand).await;
    let mut events = Vec::new();
    while frame["topic"] == "org.acme/lamp/policies/streaming/next" {
        let item = &frame["value"]["item"];
        let topic = item["topic"].as_str().unwrap_or_default();
        let action = topic.rsplit('/').next().unwrap_or_default();
        events.push(format!("{action} {} {}", item["path"], item["revision"]));
        frame = socket.json().await;
    }
    let end = frame["topic"].as_str().unwrap_or_default();
    let end = end.rsplit('/').next().unwrap_or_default();
    let code = frame["value"]["error"]["error"].as_str();
    events.push(code.unwrap_or(end).to_owned());
    events
}

#[tokio::test]
async fn policies_have_a_history_too() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut guest = reader("nginx:bob", "policy:/entries/guest/subjects");
    alice.put(GUEST, &guest).await.expect(201);
    guest["subjects"]["nginx:carol"] = json!({ "type": "test" });
    alice.put(GUEST, &guest).await.expect(204);
    let carol = format!("{GUEST}/subjects/nginx:carol");
    alice.delete(&carol).await.expect(204);
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let all = [
        "created \"/\" 1",
        "created \"/entries/guest\" 2",
        "modified \"/entries/guest\" 3",
        "deleted \"/entries/guest/subjects/nginx:carol\" 4",
        "complete",
    ];
    assert_eq!(policy_history(&mut socket, json!({})).await, all);
    let range = json!({ "fromHistoricalRevision": 2, "toHistoricalRevision": 3 });
    let some = [
        "created \"/entries/guest\" 2",
        "modified \"/entries/guest\" 3",
        "complete",
    ];
    assert_eq!(policy_history(&mut socket, range).await, some);
    let filtered = json!({ "filter": "eq(policyId,'x')" });
    let refused = json!({
        "topic": "org.acme/lamp/policies/streaming/subscribeForPersistedEvents",
        "path": "/", "value": filtered
    });
    let answer = socket.command("f", refused).await;
    assert_eq!(answer["value"]["error"], "signal.unsupported", "{answer}");

    // Bob reads the subjects of one entry, whatever the event was about.
    let mut bobs = gateway
        .as_subject("nginx:bob")
        .web_socket()
        .await
        .expect("a WebSocket");
    assert_eq!(policy_history(&mut bobs, json!({})).await, all);
    let created = policy_step(&mut bobs, "subscribeForPersistedEvents", json!({})).await;
    let demand = json!({ "subscriptionId": created["value"]["subscriptionId"], "demand": 1 });
    let first = policy_step(&mut bobs, "request", demand).await;
    let first = &first["value"]["item"]["value"];
    assert_eq!(
        first,
        &json!({ "policyId": "org.acme:lamp" }),
        "others' entries are not his"
    );

    let mut others = gateway
        .as_subject("nginx:mallory")
        .web_socket()
        .await
        .expect("a WebSocket");
    let hidden = policy_history(&mut others, json!({})).await;
    assert_eq!(hidden, ["policies:policy.notfound"]);
}

#[tokio::test]
async fn the_past_of_a_policy_is_read_over_http_and_the_web_socket() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let first = alice.get(POLICY).await.expect(200).json();
    alice
        .put(GUEST, &reader("nginx:bob", "thing:/"))
        .await
        .expect(201);
    let past = alice.with("at-historical-revision", "1");
    let read = past.get(POLICY).await.expect(200);
    assert_eq!(read.json(), first);
    assert_eq!(read.header("etag"), "\"rev:1\"");
    past.get(GUEST)
        .await
        .expect_error(404, "policies:entry.notfound");
    let as_parameter = |value: &str| format!("{POLICY}?at-historical-revision={value}");
    let now = alice.get(&as_parameter("2")).await.expect(200).json();
    assert!(now["entries"]["guest"].is_object(), "{now}");
    let code = "policies:policy.history.notfound";
    alice.get(&as_parameter("3")).await.expect_error(404, code);
    alice
        .with("at-historical-timestamp", "2001-01-01T00:00:00Z")
        .get(POLICY)
        .await
        .expect_error(404, code);
    // The policy of today decides who sees the past.
    let bob = gateway.as_subject("nginx:bob");
    let hidden = "policies:policy.notfound";
    bob.get(&as_parameter("1")).await.expect_error(404, hidden);
    let invalid = "command.headers.invalid";
    past.put(POLICY, &first).await.expect_error(400, invalid);
    past.delete(GUEST).await.expect_error(400, invalid);
    let resolved = format!("{POLICY}?policy-view=resolved");
    past.get(&resolved).await.expect_error(400, invalid);
    past.with("condition", "exists(policyId)")
        .get(POLICY)
        .await
        .expect_error(400, invalid);

    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let mut command = json!({
        "topic": "org.acme/lamp/policies/commands/retrieve", "path": "/",
        "headers": { "at-historical-revision": 1 }
    });
    let answer = socket.command("one", command.clone()).await;
    assert_eq!(answer["value"], first, "{answer}");
    command["headers"]["at-historical-revision"] = json!(9);
    let answer = socket.command("two", command.clone()).await;
    assert_eq!(answer["value"]["error"], code, "{answer}");
    command["topic"] = json!("org.acme/lamp/policies/commands/delete");
    let answer = socket.command("three", command).await;
    assert_eq!(answer["value"]["error"], invalid, "{answer}");
}
