//! Around the fence: what a namespace rule keeps away from a caller, though the policy would grant it everything.
//!
//! Tried are frames of every kind, wildcards, look-alike spellings, subscriptions, and what is not offered at all.

mod names;

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Caller, Proxy, Socket, TestGateway, Vouching};

use super::peer::{entry, policy};

const DENIED: &str = "gateway:namespace.notaccessible";

/// Everybody reaches `org.acme`; who comes with the proxy's `x-inside: yes`, also `plant`.
async fn fenced() -> (TestGateway, Caller, Caller) {
    let gateway = TestGateway::start_with(json!({
        "limits": { "per_source": false, "per_subject": false },
        "auth": { "namespace_access": [
            { "conditions": ["{{ header:x-inside | fn:filter('eq','yes') }}"],
              "allowed_namespaces": ["plant", "plant.*", "org.acme"] },
            { "conditions": ["{{ fn:default('always') }}"], "allowed_namespaces": ["org.acme"] },
        ] },
    }))
    .await;
    let inside = gateway.as_subject("nginx:bob").with("x-inside", "yes");
    let outside = gateway.as_subject("nginx:alice");
    let everyone = entry(
        &["alice", "bob"],
        "+RW policy:/, +RW thing:/, +RW message:/",
    );
    for id in ["plant:t", "plant.x:t", "org.acme:t"] {
        let start = policy(json!({ "everyone": everyone }), json!({}));
        let path = format!("/api/2/policies/{id}");
        inside.put(&path, &start).await.expect(201);
    }
    for id in ["plant:t", "org.acme:t"] {
        let thing = json!({ "policyId": id, "attributes": { "n": 0 } });
        let path = format!("/api/2/things/{id}");
        inside.put(&path, &thing).await.expect(201);
    }
    (gateway, inside, outside)
}

/// Who stands outside, directly and through nginx and HAProxy; the latter end with the proxies.
async fn everywhere(gateway: &TestGateway, outside: Caller) -> ([Proxy; 2], Vec<Caller>) {
    let proxies = Proxy::both(&gateway.endpoints().public, Vouching::For("nginx:alice")).await;
    let mut callers = vec![outside];
    callers.extend(proxies.iter().map(Proxy::caller));
    (proxies, callers)
}

fn frame(topic: &str, path: &str, value: Value) -> Value {
    let mut frame = json!({ "topic": topic, "path": path, "headers": { "timeout": "1" } });
    if !value.is_null() {
        frame["value"] = value;
    }
    frame
}

async fn refused(socket: &mut Socket, frame: Value) {
    let answer = socket.command("attempt", frame.clone()).await;
    let told = (&answer["status"], &answer["value"]["error"]);
    assert_eq!(told, (&json!(403), &json!(DENIED)), "{frame} -> {answer}");
}

/// Frames of every kind into the fenced namespaces.
fn forbidden() -> Vec<Value> {
    let hello = "/inbox/messages/hello";
    vec![
        frame("plant/t/things/live/messages/hello", hello, json!(1)),
        frame(
            "plant/t/things/live/messages/hello",
            "/features/f/outbox/messages/hello",
            json!(1),
        ),
        frame("plant/t/things/live/commands/retrieve", "/", Value::Null),
        frame(
            "plant/t/things/live/commands/modify",
            "/attributes/n",
            json!(1),
        ),
        frame(
            "plant/t/things/live/events/modified",
            "/attributes/n",
            json!(1),
        ),
        frame(
            "plant/t/things/twin/commands/retrieve",
            "/attributes/n",
            Value::Null,
        ),
        frame(
            "plant/t/things/twin/commands/modify",
            "/attributes/n",
            json!(1),
        ),
        frame(
            "plant/t/things/twin/commands/merge",
            "/",
            json!({ "attributes": { "n": 1 } }),
        ),
        frame("plant/t/things/twin/commands/delete", "/", Value::Null),
        frame("plant.x/t/policies/commands/retrieve", "/", Value::Null),
        frame("plant/t/policies/commands/modify", "/imports", json!({})),
        frame(
            "plant/new/policies/commands/create",
            "/",
            policy(json!({}), json!({})),
        ),
        frame(
            "_/_/things/twin/commands/retrieve",
            "/",
            json!({ "thingIds": ["org.acme:t", "plant:t"] }),
        ),
    ]
}

#[tokio::test]
async fn no_frame_gets_around_it() {
    let (gateway, inside, outside) = fenced().await;
    let mut device = inside.web_socket().await.expect("a WebSocket");
    for stream in ["MESSAGES", "LIVE-COMMANDS", "LIVE-EVENTS"] {
        device.control(&format!("START-SEND-{stream}")).await;
    }
    let (_proxies, outsiders) = everywhere(&gateway, outside).await;
    for outside in outsiders {
        let mut socket = outside.web_socket().await.expect("a WebSocket");
        for frame in forbidden() {
            refused(&mut socket, frame).await;
        }
    }
    device.expect_silence(Duration::from_millis(100)).await;
    let unchanged = inside
        .get("/api/2/things/plant:t/attributes/n")
        .await
        .expect(200);
    assert_eq!(unchanged.body, "0");
}

/// Other spellings of a namespace are other namespaces, or none; nothing is folded, trimmed or decoded twice.
#[tokio::test]
async fn no_spelling_gets_around_it() {
    let (gateway, inside, outside) = fenced().await;
    let (_proxies, outsiders) = everywhere(&gateway, outside).await;
    for outside in &outsiders {
        spell(outside).await;
    }
    let question =
        json!({ "resource": "thing:/", "entityId": "plant:t", "hasPermissions": ["READ"] });
    let answer = inside
        .post("/api/2/checkPermissions", &json!({ "may": question }))
        .await
        .expect(200);
    assert_eq!(answer.json(), json!({ "may": true }));
}

/// Tries every spelling that somebody may take for the fenced namespace.
async fn spell(outside: &Caller) {
    let mut socket = outside.web_socket().await.expect("a WebSocket");
    for namespace in [
        "PLANT",
        "Plant",
        "plant.",
        ".plant",
        "plant.x",
        "*",
        "plant*",
        "pl\u{e0}nt",
        "\u{ff50}lant",
        "plant\u{200b}",
        " plant",
        "org.acme*",
        "ORG.ACME",
        "org.acme.x",
        "org.acme ",
    ] {
        let topic = format!("{namespace}/t/things/twin/commands/retrieve");
        let answer = socket
            .command("attempt", frame(&topic, "/", Value::Null))
            .await;
        let status = answer["status"].as_u64().unwrap_or_default();
        assert!([400, 403].contains(&status), "{namespace}: {answer}");
        let encoded: String = namespace
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect();
        for kind in ["things", "policies"] {
            let answer = outside.get(&format!("/api/2/{kind}/{encoded}:t")).await;
            assert!(
                [400, 403].contains(&answer.status),
                "{kind} {namespace}: {}",
                answer.body
            );
        }
    }
    for path in [
        "/api/2/things/plant%3At",
        "/api/2/things/%70lant:t",
        "/api/2/policies/plant%3At/entries",
        "/api/2/things?ids=org.acme:t,plant%3At",
    ] {
        outside.get(path).await.expect_error(403, DENIED);
    }
    for namespace in ["plant", "plant.*", "*", "PLANT", "org.acme,plant"] {
        // Questions about what is out of reach are answered as if it were not there.
        let question = json!({ "resource": "thing:/", "entityId": format!("{}:t", namespace.trim_end_matches(".*")), "hasPermissions": ["READ"] });
        let answer = outside
            .post("/api/2/checkPermissions", &json!({ "may": question }))
            .await;
        let silent = answer.status == 400 || answer.json() == json!({ "may": false });
        assert!(silent, "{namespace}: {}", answer.body);
    }
}

#[tokio::test]
async fn no_subscription_gets_around_it() {
    let (_gateway, inside, outside) = fenced().await;
    let mut all = outside.web_socket().await.expect("a WebSocket");
    let mut named = outside.web_socket().await.expect("a WebSocket");
    for stream in ["EVENTS", "MESSAGES", "LIVE-COMMANDS", "LIVE-EVENTS"] {
        all.control(&format!("START-SEND-{stream}")).await;
        named
            .control(&format!("START-SEND-{stream}?namespaces=plant,org.acme"))
            .await;
    }
    let mut events = outside
        .events("/api/2/things?namespaces=plant,org.acme")
        .await
        .expect("a stream");
    let mut device = inside.web_socket().await.expect("a WebSocket");
    for id in ["plant", "org.acme"] {
        inside
            .put(&format!("/api/2/things/{id}:t/attributes/n"), &json!(1))
            .await
            .expect(204);
        let message = format!("/api/2/things/{id}:t/inbox/messages/hello?timeout=0");
        inside.post(&message, &json!(2)).await.expect(202);
        let event = format!("{id}/t/things/live/events/modified");
        device
            .send(frame(&event, "/attributes/n", json!(3)).to_string())
            .await;
    }
    for socket in [&mut all, &mut named] {
        for _ in 0..3 {
            let frame = socket.json().await;
            let topic = frame["topic"].as_str().unwrap_or_default();
            assert!(topic.starts_with("org.acme/t/"), "{frame}");
        }
        socket.expect_silence(Duration::from_millis(50)).await;
    }
    let event = events.next().await.expect("an event");
    assert!(event.data.contains("org.acme:t"), "{event:?}");
    outside
        .events("/api/2/things/plant:t")
        .await
        .expect_err("no stream")
        .expect_error(403, DENIED);
}

/// Searching is not offered; asking for it finds nothing, with and without namespaces.
#[tokio::test]
async fn no_search_gets_around_it() {
    let (gateway, _inside, outside) = fenced().await;
    let (_proxies, outsiders) = everywhere(&gateway, outside).await;
    for outside in &outsiders {
        search(outside).await;
    }
}

async fn search(outside: &Caller) {
    for path in [
        "/api/2/search/things",
        "/api/2/search/things?namespaces=plant",
        "/api/2/search/things?namespaces=*&filter=eq(attributes/n,0)",
        "/api/2/search/things/count",
        "/api/2/things",
    ] {
        let answer = outside.get(path).await;
        assert!(
            [400, 404].contains(&answer.status),
            "{path}: {} {}",
            answer.status,
            answer.body
        );
        assert!(!answer.body.contains("plant:t"), "{}", answer.body);
    }
    let mut socket = outside.web_socket().await.expect("a WebSocket");
    let search = frame(
        "_/_/things/twin/search/subscribe",
        "/",
        json!({ "namespaces": ["plant"] }),
    );
    let answer = socket.command("attempt", search).await;
    assert!(
        answer["value"]["error"].is_string() && answer["status"] != 200,
        "{answer}"
    );
}
