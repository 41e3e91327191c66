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
    for status in [300, 404, 500] {
        let device_side = async {
            let command = device.json().await;
            let value = json!({ "site": { "hall": 9 }, "serial": "secret" });
            let answer = answer_to(&command, status, "application/json", value);
            device.send(answer.to_string()).await;
        };
        let (answer, ()) = tokio::join!(guest.get(path), device_side);
        assert_eq!(answer.json(), json!({ "site": { "hall": 9 } }), "{status}");
        assert_eq!(answer.status, status);
    }
    let device_side = async {
        let command = device.json().await;
        let mut answer = answer_to(
            &command,
            200,
            "application/json",
            json!({ "serial": "secret" }),
        );
        answer["topic"] = "org.acme/lamp/things/live/errors".into();
        device.send(answer.to_string()).await;
    };
    let (answer, ()) = tokio::join!(guest.get(path), device_side);
    assert!(!answer.body.contains("secret"), "{}", answer.body);
}

#[tokio::test]
async fn a_channel_condition_is_for_retrievals_of_things() {
    let (_gateway, alice) = world().await;
    let (value, condition) = (json!(1), "live-channel-condition=eq(attributes/serial,1)");
    let not_allowed = "things:live.channelcondition.notallowed";
    for path in [
        "/api/2/things",
        "/api/2/things/org.acme:lamp/migrateDefinition",
        "/api/2/things/org.acme:lamp/inbox/messages/blink",
        "/api/2/things/org.acme:lamp/inbox/claim",
    ] {
        let answer = alice.post(&format!("{path}?{condition}"), &value).await;
        answer.expect_error(405, not_allowed);
    }
    let policy = format!("/api/2/policies/org.acme:p?{condition}");
    alice
        .put(&policy, &value)
        .await
        .expect_error(405, not_allowed);
    for path in [policy.clone(), format!("/api/2/things?ids=a:b&{condition}")] {
        let refused = alice.get(&path).await;
        let refused = refused.expect_error(400, "command.headers.invalid");
        assert!(
            refused.body.contains("`live-channel-condition`"),
            "{}",
            refused.body
        );
    }
}

#[tokio::test]
async fn what_has_not_changed_says_which_channel_it_was() {
    let (_gateway, alice) = world().await;
    let fails = format!("{SERIAL}?live-channel-condition=eq(attributes/serial,%22B-2%22)");
    let answer = alice.with("if-none-match", "*").get(&fails).await;
    assert_eq!(answer.status, 304);
    assert_eq!(answer.header("channel"), "twin");
    assert_eq!(answer.header("live-channel-condition-matched"), "false");
}

#[tokio::test]
async fn what_only_a_twin_honours_is_refused_on_the_way_to_a_device() {
    let (_gateway, alice) = world().await;
    let message = "/api/2/things/org.acme:lamp/inbox/messages/x?timeout=0";
    for (name, value) in [
        (
            "put-metadata",
            r#"[{"key":"/attributes/serial/by","value":1}]"#,
        ),
        ("get-metadata", "attributes/serial/by"),
        ("delete-metadata", "attributes/serial/by"),
        (
            "merge-thing-patch-conditions",
            r#"{"serial":"eq(attributes/serial,1)"}"#,
        ),
        ("at-historical-revision", "1"),
    ] {
        let asking = alice.with(name, value);
        let answer = asking.post(message, &json!(1)).await;
        answer.expect_error(400, "command.headers.invalid");
        let answer = asking
            .patch(&format!("{SERIAL}?channel=live&timeout=50ms"), &json!(1))
            .await;
        answer.expect_error(400, "command.headers.invalid");
    }
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

/// A retrieval of `query`, and the device's answer if one is given.
async fn smart(
    alice: &Caller,
    device: &mut tests::Socket,
    (query, live_value): (&str, Option<Value>),
) -> tests::Answer {
    let path = format!("{SERIAL}?{query}");
    let Some(value) = live_value else {
        return alice.get(&path).await;
    };
    let device_side = async {
        let command = device.json().await;
        let answer = answer_to(&command, 200, "application/json", value);
        device.send(answer.to_string()).await;
    };
    tokio::join!(alice.get(&path), device_side).0
}

#[tokio::test]
async fn a_condition_on_the_twin_chooses_the_channel() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["LIVE-COMMANDS"]).await;
    let holds = "live-channel-condition=eq(attributes/serial,%22A-1%22)";
    let fails = "live-channel-condition=eq(attributes/serial,%22B-2%22)";
    let silent = "timeout=50ms";
    let fail = "live-channel-timeout-strategy=fail";
    let use_twin = "live-channel-timeout-strategy=use-twin";
    let live = || Some(json!("live"));
    // What is asked, whether the device answers, and status, value, `matched` and channel of the response.
    let cases = [
        (fails.to_owned(), None, (200, "\"A-1\"", "false", "twin")),
        (holds.to_owned(), live(), (200, "\"live\"", "true", "live")),
        (format!("{holds}&{silent}"), None, (408, "", "true", "live")),
        (
            format!("{holds}&{silent}&{fail}"),
            None,
            (408, "", "true", "live"),
        ),
        (
            format!("{holds}&{silent}&{use_twin}"),
            None,
            (200, "\"A-1\"", "true", "twin"),
        ),
        (
            format!("channel=live&{use_twin}"),
            live(),
            (200, "\"live\"", "true", "live"),
        ),
        (
            format!("channel=live&{silent}&{use_twin}"),
            None,
            (200, "\"A-1\"", "true", "twin"),
        ),
    ];
    for (query, answer, (status, body, matched, channel)) in cases {
        let is_silent = answer.is_none();
        let answer = smart(&alice, &mut device, (&query, answer)).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.body);
        if status == 200 {
            assert_eq!(answer.body, body, "{query}");
        } else {
            assert_eq!(answer.status_and_code(), "408 command.timeout", "{query}");
        }
        assert_eq!(
            answer.header("live-channel-condition-matched"),
            matched,
            "{query}"
        );
        assert_eq!(answer.header("channel"), channel, "{query}");
        if is_silent && query != fails {
            // The device was asked, and is asked no more.
            device.json().await;
        }
    }
    device.expect_silence(QUIET).await;
}

#[tokio::test]
async fn a_channel_condition_tells_nobody_what_they_may_not_read() {
    let (gateway, alice) = world().await;
    let entry = "/api/2/policies/org.acme:p/entries/guest";
    let guest = reader("nginx:guest", "thing:/attributes/site");
    alice.put(entry, &guest).await.expect(201);
    let guest = gateway.as_subject("nginx:guest");
    let site = "/api/2/things/org.acme:lamp/attributes/site";
    let secret = "live-channel-condition=eq(attributes/serial,%22A-1%22)";
    guest
        .get(&format!("{site}?{secret}"))
        .await
        .expect_error(412, "things:condition.failed");
    let stranger = gateway.as_subject("nginx:stranger");
    stranger
        .get(&format!("{site}?{secret}"))
        .await
        .expect_error(404, "things:attribute.notfound");
    let value = json!(1);
    for (condition, status, code) in [
        (
            "eq(attributes/serial,1)",
            405,
            "things:live.channelcondition.notallowed",
        ),
        ("eq(attributes/serial", 400, "things:condition.invalid"),
    ] {
        let path = format!("{SERIAL}?live-channel-condition={condition}");
        alice.put(&path, &value).await.expect_error(status, code);
    }
    let malformed = format!("{SERIAL}?channel=live&live-channel-timeout-strategy=hope");
    alice
        .get(&malformed)
        .await
        .expect_error(400, "header.invalid");
}

#[tokio::test]
async fn a_socket_chooses_its_channel_too() {
    let (gateway, _alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["LIVE-COMMANDS"]).await;
    let mut alice = listening(&gateway, "nginx:alice", &[]).await;
    let asking = |topic: &str, headers: Value| {
        let topic = format!("org.acme/lamp/things/{topic}/commands/retrieve");
        json!({ "topic": topic, "headers": headers, "path": "/attributes/serial" })
    };
    let fails = json!({ "live-channel-condition": "eq(attributes/serial,\"B-2\")" });
    let answer = alice.command("c-1", asking("twin", fails)).await;
    assert_eq!(answer["value"], "A-1", "{answer}");
    assert_eq!(
        answer["headers"]["live-channel-condition-matched"], false,
        "{answer}"
    );
    let holds = json!({ "live-channel-condition": "eq(attributes/serial,\"A-1\")" });
    let device_side = async {
        let command = device.json().await;
        let answer = answer_to(&command, 200, "application/json", json!("live"));
        device.send(answer.to_string()).await;
    };
    let (answer, ()) = tokio::join!(alice.command("c-2", asking("twin", holds)), device_side);
    assert_eq!(answer["value"], "live", "{answer}");
    assert_eq!(answer["headers"]["channel"], "live", "{answer}");
    let silent = json!({ "live-channel-timeout-strategy": "use-twin", "timeout": "50ms" });
    let answer = alice.command("c-3", asking("live", silent)).await;
    assert_eq!(answer["value"], "A-1", "{answer}");
    assert_eq!(answer["headers"]["channel"], "twin", "{answer}");
    // The topic says which channel is meant, whatever a header says.
    let answer = alice
        .command("c-5", asking("twin", json!({ "channel": "live" })))
        .await;
    assert_eq!(answer["value"], "A-1", "{answer}");
    assert_eq!(answer["headers"]["channel"], "twin", "{answer}");
    let mut write = live("modify", "/attributes/serial", json!(1));
    write["headers"] = json!({ "live-channel-condition": "eq(attributes/serial,\"A-1\")" });
    let answer = alice.command("c-4", write).await;
    assert_eq!(
        answer["value"]["error"], "things:live.channelcondition.notallowed",
        "{answer}"
    );
}

#[tokio::test]
async fn a_condition_holds_back_what_goes_to_the_device() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["LIVE-COMMANDS", "MESSAGES"]).await;
    let fails = "condition=eq(attributes/serial,%22B-2%22)";
    let value = json!(1);
    alice
        .put(&format!("{SERIAL}?channel=live&{fails}"), &value)
        .await
        .expect_error(412, "things:condition.failed");
    alice
        .get(&format!("{SERIAL}?channel=live&{fails}"))
        .await
        .expect_error(412, "things:condition.failed");
    let message = "/api/2/things/org.acme:lamp/inbox/messages/x?timeout=0";
    alice
        .post(&format!("{message}&{fails}"), &value)
        .await
        .expect_error(412, "things:condition.failed");
    device.expect_silence(QUIET).await;
    let holds = "condition=eq(attributes/serial,%22A-1%22)";
    alice
        .post(&format!("{message}&{holds}"), &value)
        .await
        .expect(202);
    assert_eq!(device.json().await["value"], 1);
    let past = alice.with("at-historical-revision", "1");
    let answer = past
        .get(&format!("{SERIAL}?channel=live&timeout=50ms"))
        .await;
    assert_eq!(answer.status, 400, "{}", answer.body);
}

#[tokio::test]
async fn a_filter_narrows_live_signals() {
    let (gateway, alice) = world().await;
    let mut owner = gateway
        .as_subject("nginx:alice")
        .web_socket()
        .await
        .expect("a WebSocket");
    owner
        .control("START-SEND-LIVE-EVENTS?filter=gt(attributes/level,5)")
        .await;
    owner
        .control("START-SEND-MESSAGES?filter=eq(topic:subject,%22wanted%22)")
        .await;
    let mut device = listening(&gateway, "nginx:device", &[]).await;
    for level in [1, 9] {
        let event = json!({
            "topic": "org.acme/lamp/things/live/events/modified", "path": "/attributes/level",
            "headers": {}, "value": level
        });
        device.send(event.to_string()).await;
    }
    assert_eq!(owner.json().await["value"], 9);
    for subject in ["other", "wanted"] {
        let path = format!("/api/2/things/org.acme:lamp/inbox/messages/{subject}?timeout=0");
        alice.post(&path, &json!(subject)).await.expect(202);
    }
    assert_eq!(owner.json().await["value"], "wanted");
    owner.send("START-SEND-MESSAGES?filter=gt(").await;
    let refusal = owner.json().await;
    assert_eq!(
        refusal["value"]["error"], "rql.expression.invalid",
        "{refusal}"
    );
}
