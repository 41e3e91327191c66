//! The live channel: commands that the device itself answers, and events that it reports.

use serde_json::{Value, json};
use tests::Caller;

use super::{QUIET, answer_to, listening, world};
use crate::given::reader;

const SERIAL: &str = "/api/2/things/org.acme:lamp/attributes/serial";

fn live(action: &str, path: &str, value: Value) -> Value {
    let topic = format!("org.acme/lamp/things/live/commands/{action}");
    let mut envelope = json!({ "topic": topic, "headers": {}, "path": path });
    if !value.is_null() {
        envelope["value"] = value;
    }
    envelope
}

#[tokio::test]
async fn the_device_answers_instead_of_its_twin() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["LIVE-COMMANDS"]).await;
    let retrieve = async {
        let command = device.json().await;
        assert_eq!(
            command["topic"],
            "org.acme/lamp/things/live/commands/retrieve"
        );
        assert_eq!(command["path"], "/attributes/serial");
        assert_eq!(command["headers"]["ditto-originator"], "nginx:alice");
        let answer = answer_to(&command, 200, "application/json", json!("live"));
        device.send(answer.to_string()).await;
    };
    let path = format!("{SERIAL}?channel=live");
    let (answer, ()) = tokio::join!(alice.get(&path), retrieve);
    let answer = answer.expect(200);
    assert_eq!(
        (answer.body.as_str(), answer.header("channel")),
        ("\"live\"", "live")
    );
    let modify = async {
        let command = device.json().await;
        assert_eq!(
            command["topic"],
            "org.acme/lamp/things/live/commands/modify"
        );
        assert_eq!(command["value"], "B-2");
        let answer = answer_to(&command, 204, "application/json", Value::Null);
        device.send(answer.to_string()).await;
    };
    let value = json!("B-2");
    let (answer, ()) = tokio::join!(alice.put(&path, &value), modify);
    answer.expect(204);
    assert_eq!(
        alice.get(SERIAL).await.expect(200).body,
        "\"A-1\"",
        "the twin stays"
    );
    let rest = async {
        for action in ["merge", "delete"] {
            let command = device.json().await;
            assert_eq!(
                command["topic"],
                format!("org.acme/lamp/things/live/commands/{action}")
            );
            let answer = answer_to(&command, 204, "application/json", Value::Null);
            device.send(answer.to_string()).await;
        }
    };
    let requests = async {
        alice.patch(&path, &json!(null)).await.expect(204);
        alice.delete(&path).await.expect(204);
    };
    tokio::join!(requests, rest);
}

#[tokio::test]
async fn an_answer_shows_what_the_caller_may_read() {
    let (gateway, alice) = world().await;
    let entry = "/api/2/policies/org.acme:p/entries/guest";
    let guest = reader("nginx:guest", "thing:/attributes/site");
    alice.put(entry, &guest).await.expect(201);
    let mut device = listening(&gateway, "nginx:device", &["LIVE-COMMANDS"]).await;
    let device_side = async {
        let command = device.json().await;
        let value = json!({ "site": { "hall": 9 }, "serial": "secret" });
        let answer = answer_to(&command, 200, "application/json", value);
        device.send(answer.to_string()).await;
    };
    let path = "/api/2/things/org.acme:lamp/attributes?channel=live";
    let guest = gateway.as_subject("nginx:guest");
    let (answer, ()) = tokio::join!(guest.get(path), device_side);
    assert_eq!(answer.expect(200).json(), json!({ "site": { "hall": 9 } }));
}

#[tokio::test]
async fn only_a_fitting_answer_counts() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["LIVE-COMMANDS"]).await;
    let device_side = async {
        let command = device.json().await;
        let right = answer_to(&command, 200, "application/json", json!("right"));
        let mut path = right.clone();
        path["path"] = "/attributes".into();
        let mut action = right.clone();
        action["topic"] = "org.acme/lamp/things/live/commands/modify".into();
        for answer in [path, action, right] {
            device.send(answer.to_string()).await;
        }
    };
    let path = format!("{SERIAL}?channel=live");
    let (answer, ()) = tokio::join!(alice.get(&path), device_side);
    assert_eq!(answer.expect(200).body, "\"right\"");
    let device_side = async {
        let command = device.json().await;
        let mut answer = answer_to(&command, 200, "application/json", json!("wrong"));
        answer["path"] = "/attributes".into();
        device.send(answer.to_string()).await;
    };
    let path = format!("{SERIAL}?channel=live&timeout=500ms");
    let (answer, ()) = tokio::join!(alice.get(&path), device_side);
    let answer = answer.expect_error(408, "command.timeout");
    assert!(
        answer.body.contains("no appropriate live response"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn an_error_of_the_device_is_passed_on() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["LIVE-COMMANDS"]).await;
    let device_side = async {
        let command = device.json().await;
        let error = json!({ "status": 423, "error": "acme:locked", "message": "Locked." });
        let answer = json!({
            "topic": "org.acme/lamp/things/live/errors", "path": "/", "status": 423, "value": error,
            "headers": { "correlation-id": command["headers"]["correlation-id"] }
        });
        device.send(answer.to_string()).await;
    };
    let path = format!("{SERIAL}?channel=live");
    let (answer, ()) = tokio::join!(alice.get(&path), device_side);
    answer.expect_error(423, "acme:locked");
}

#[tokio::test]
async fn the_policy_decides_as_for_the_twin() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["LIVE-COMMANDS"]).await;
    let stranger = gateway.as_subject("nginx:stranger");
    let path = format!("{SERIAL}?channel=live");
    let value = json!(1);
    stranger
        .get(&path)
        .await
        .expect_error(404, "things:attribute.notfound");
    stranger
        .put(&path, &value)
        .await
        .expect_error(403, "things:attribute.notmodifiable");
    stranger
        .delete(&path)
        .await
        .expect_error(403, "things:attribute.notmodifiable");
    let missing = "/api/2/things/org.acme:none/attributes/x?channel=live";
    alice
        .get(missing)
        .await
        .expect_error(404, "things:thing.notfound");
    alice
        .put(missing, &value)
        .await
        .expect_error(404, "things:thing.notfound");
    let mut socket = stranger.web_socket().await.expect("a WebSocket");
    for (action, error) in [
        ("retrieve", "things:attribute.notfound"),
        ("modify", "things:attribute.notmodifiable"),
    ] {
        let value = if action == "modify" {
            json!(1)
        } else {
            Value::Null
        };
        let answer = socket
            .command("c-1", live(action, "/attributes/serial", value))
            .await;
        assert_eq!(answer["value"]["error"], error, "{answer}");
    }
    device.expect_silence(QUIET).await;
}

#[tokio::test]
async fn nobody_receives_or_answers_commands_without_read() {
    let (gateway, alice) = world().await;
    let entry = "/api/2/policies/org.acme:p/entries/guest";
    let guest = reader("nginx:guest", "thing:/attributes/site");
    alice.put(entry, &guest).await.expect(201);
    let mut device = listening(&gateway, "nginx:device", &["LIVE-COMMANDS"]).await;
    let mut guest = listening(&gateway, "nginx:guest", &["LIVE-COMMANDS"]).await;
    let others = async {
        let command = device.json().await;
        let eve = answer_to(&command, 200, "application/json", json!("guest"));
        guest.send(eve.to_string()).await;
        guest.control("STOP-SEND-MESSAGES").await;
        let answer = answer_to(&command, 200, "application/json", json!("device"));
        device.send(answer.to_string()).await;
    };
    let path = format!("{SERIAL}?channel=live");
    let (answer, ()) = tokio::join!(alice.get(&path), others);
    assert_eq!(answer.expect(200).body, "\"device\"");
    guest.expect_silence(QUIET).await;
}

#[tokio::test]
async fn waiting_for_a_device_has_bounds() {
    let (_gateway, alice) = world().await;
    let ask = async |query: &str| alice.get(&format!("{SERIAL}?channel=live&{query}")).await;
    ask("timeout=50ms")
        .await
        .expect_error(408, "command.timeout");
    ask("timeout=61")
        .await
        .expect_error(400, "gateway:timeout.invalid");
    ask("response-required=false")
        .await
        .expect_error(400, "command.headers.invalid");
    let silent = alice
        .put(
            &format!("{SERIAL}?channel=live&response-required=false"),
            &json!(1),
        )
        .await;
    assert_eq!(silent.expect(202).body, "");
    assert_eq!(alice.get(SERIAL).await.expect(200).body, "\"A-1\"");
}

#[tokio::test]
async fn what_has_no_device_is_refused() {
    let (_gateway, alice) = world().await;
    alice
        .post("/api/2/things?channel=live", &json!({}))
        .await
        .expect_error(405, "things:thing.notcreatable");
    for path in [
        "things?ids=org.acme:lamp&channel=live",
        "policies/org.acme:p?channel=live",
        "whoami?channel=live",
    ] {
        alice
            .get(&format!("/api/2/{path}"))
            .await
            .expect_error(400, "command.headers.invalid");
    }
    alice
        .get(&format!("{SERIAL}?channel=lively"))
        .await
        .expect_error(400, "header.invalid");
}

#[tokio::test]
async fn sockets_command_each_other() {
    let (gateway, _alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["LIVE-COMMANDS"]).await;
    let mut alice = listening(&gateway, "nginx:alice", &["LIVE-COMMANDS"]).await;
    let device_side = async {
        let command = device.json().await;
        assert_eq!(command["fields"], "attributes/serial", "{command}");
        let value = json!({ "attributes": { "serial": "live" } });
        device
            .send(answer_to(&command, 200, "application/json", value).to_string())
            .await;
    };
    let mut retrieve = live("retrieve", "/", Value::Null);
    retrieve["fields"] = "attributes/serial".into();
    let (answer, ()) = tokio::join!(alice.command("c-1", retrieve), device_side);
    assert_eq!(
        answer["topic"], "org.acme/lamp/things/live/commands/retrieve",
        "{answer}"
    );
    assert_eq!(answer["value"]["attributes"]["serial"], "live", "{answer}");
    let mut late = live("retrieve", "/", Value::Null);
    late["headers"] = json!({ "timeout": "50ms" });
    let answer = alice.command("c-2", late).await;
    assert_eq!(
        answer["topic"], "org.acme/lamp/things/live/errors",
        "{answer}"
    );
    assert_eq!(answer["value"]["error"], "command.timeout", "{answer}");
}

#[tokio::test]
async fn live_events_reach_whoever_may_read_them() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["LIVE-EVENTS"]).await;
    let mut twin_only = listening(&gateway, "nginx:alice", &["EVENTS"]).await;
    let mut owner = listening(&gateway, "nginx:alice", &["LIVE-EVENTS"]).await;
    let mut stranger = listening(&gateway, "nginx:stranger", &["LIVE-EVENTS"]).await;
    let event = json!({
        "topic": "org.acme/lamp/things/live/events/modified", "path": "/attributes/serial",
        "headers": { "correlation-id": "c-1" }, "value": "moving", "revision": 7
    });
    device.send(event.to_string()).await;
    let received = owner.json().await;
    assert_eq!(received["topic"], event["topic"]);
    assert_eq!(
        (&received["value"], &received["revision"]),
        (&json!("moving"), &json!(7))
    );
    assert_eq!(received["headers"]["ditto-originator"], "nginx:device");
    stranger.send(event.to_string()).await;
    let refusal = stranger.json().await;
    assert_eq!(
        refusal["value"]["error"], "things:event.notallowed",
        "{refusal}"
    );
    assert_eq!(refusal["status"], 403, "{refusal}");
    for silent in [&mut device, &mut twin_only, &mut owner, &mut stranger] {
        silent.expect_silence(QUIET).await;
    }
    expect_twin_unchanged(&alice).await;
}

async fn expect_twin_unchanged(alice: &Caller) {
    assert_eq!(alice.get(SERIAL).await.expect(200).body, "\"A-1\"");
}
