//! Acknowledgements: requested over HTTP and WebSocket, declared and given on a WebSocket.

use serde_json::{Value, json};
use tests::{Caller, Socket, TestGateway};

use super::{QUIET, answer_to, listening, world};
use crate::streams::command;

const SERIAL: &str = "/api/2/things/org.acme:lamp/attributes/serial";

/// A socket of `subject` that declares `labels` and has subscribed to all of `streams`.
async fn declaring(
    gateway: &TestGateway,
    (subject, labels): (&str, &str),
    streams: &[&str],
) -> Socket {
    let caller = gateway.as_subject(subject);
    let socket = caller
        .web_socket_with(&format!("declared-acks={labels}"))
        .await;
    let mut socket = socket.expect("a WebSocket");
    for stream in streams {
        socket.control(&format!("START-SEND-{stream}")).await;
    }
    socket
}

/// The acknowledgement of a signal that asks for `label`.
fn acknowledgement(signal: &Value, channel: &str, (label, status): (&str, u16)) -> Value {
    json!({
        "topic": format!("org.acme/lamp/things/{channel}/acks/{label}"), "path": "/", "status": status,
        "headers": { "correlation-id": signal["headers"]["correlation-id"], "content-type": "application/json" },
        "value": { "row": 77 }
    })
}

async fn write(alice: &Caller, query: &str) -> tests::Answer {
    alice.put(&format!("{SERIAL}?{query}"), &json!("B-2")).await
}

/// The next frame, an event that asks for exactly `labels`, answered under each with `status`.
async fn acknowledge_next(socket: &mut Socket, labels: &[&str], status: u16) {
    let event = socket.json().await;
    assert_eq!(event["headers"]["requested-acks"], json!(labels), "{event}");
    for label in labels {
        let ack = acknowledgement(&event, "twin", (label, status));
        socket.send(ack.to_string()).await;
    }
}

#[tokio::test]
async fn a_write_waits_for_those_who_declared() {
    let (gateway, alice) = world().await;
    let mut archive = declaring(
        &gateway,
        ("nginx:alice", "acme:archived,acme:unused"),
        &["EVENTS"],
    )
    .await;
    let mut other = declaring(&gateway, ("nginx:device", "acme:seen"), &["EVENTS"]).await;
    let mut plain = listening(&gateway, "nginx:alice", &["EVENTS"]).await;
    let (answer, (), ()) = tokio::join!(
        write(
            &alice,
            "requested-acks=twin-persisted,acme:archived,acme:seen&correlation-id=c-1"
        ),
        acknowledge_next(&mut archive, &["acme:archived"], 201),
        acknowledge_next(&mut other, &["acme:seen"], 204),
    );
    let json = answer.expect(200).json();
    assert_eq!(json["twin-persisted"]["status"], 204, "{json}");
    assert!(
        json["twin-persisted"]["headers"]["etag"].is_string(),
        "{json}"
    );
    let archived = &json["acme:archived"];
    assert_eq!(
        (&archived["status"], &archived["payload"]),
        (&json!(201), &json!({ "row": 77 }))
    );
    assert_eq!(archived["headers"]["correlation-id"], "c-1", "{json}");
    assert_eq!(json["acme:seen"]["status"], 204, "{json}");
    let event = plain.json().await;
    assert_eq!(event["headers"].get("requested-acks"), None, "{event}");
}

#[tokio::test]
async fn a_migration_waits_like_any_other_write() {
    let (gateway, alice) = world().await;
    let mut archive = declaring(&gateway, ("nginx:alice", "acme:archived"), &["EVENTS"]).await;
    let path = |query: &str| format!("/api/2/things/org.acme:lamp/migrateDefinition?{query}");
    let body = json!({ "thingDefinitionUrl": "https://models.example/m" });
    let (waiting, noting) = (
        path("requested-acks=twin-persisted,acme:archived"),
        alice.with("put-metadata", r#"[{"key":"definition/by","value":"us"}]"#),
    );
    let (answer, ()) = tokio::join!(
        noting.post(&waiting, &body),
        acknowledge_next(&mut archive, &["acme:archived"], 200),
    );
    let json = answer.expect(200).json();
    let own = &json["twin-persisted"];
    assert_eq!(
        (&own["status"], &own["payload"]["mergeStatus"]),
        (&json!(200), &json!("APPLIED"))
    );
    assert!(own["headers"]["etag"].is_string(), "{json}");
    assert_eq!(json["acme:archived"]["status"], 200, "{json}");
    let noted = alice.with("get-metadata", "definition/by");
    let noted = noted.get("/api/2/things/org.acme:lamp").await.expect(200);
    assert_eq!(
        noted.header("ditto-metadata"),
        r#"{"definition":{"by":"us"}}"#
    );

    let silent = path("requested-acks=acme:nobody&timeout=50ms");
    let silent = alice.post(&silent, &body).await;
    silent.expect_error(408, "acknowledgement:request.timeout");
    for (query, code) in [
        ("requested-acks=search-persisted", "command.headers.invalid"),
        (
            "requested-acks=acme:archived&dry-run=true",
            "command.headers.invalid",
        ),
    ] {
        let refused = alice.post(&path(query), &body).await;
        refused.expect_error(400, code);
    }
    let denied = gateway.as_subject("nginx:stranger");
    let denied = denied.post(&waiting, &body).await;
    denied.expect_error(403, "things:thing.notmodifiable");
}

#[tokio::test]
async fn one_acknowledgement_speaks_for_itself() {
    let (gateway, alice) = world().await;
    let mut archive = declaring(&gateway, ("nginx:alice", "acme:archived"), &["EVENTS"]).await;
    let (answer, ()) = tokio::join!(
        write(&alice, "requested-acks=acme:archived"),
        acknowledge_next(&mut archive, &["acme:archived"], 202),
    );
    assert_eq!(answer.expect(202).json(), json!({ "row": 77 }));
    // Only the built-in label: as if nothing had been requested.
    write(&alice, "requested-acks=twin-persisted")
        .await
        .expect(204);
    let created = alice
        .put(
            "/api/2/things/org.acme:lamp/attributes/new?requested-acks=twin-persisted",
            &json!(1),
        )
        .await
        .expect(201);
    assert_eq!(created.body, "1");
}

#[tokio::test]
async fn a_failure_or_silence_fails_the_whole() {
    let (gateway, alice) = world().await;
    let mut archive = declaring(&gateway, ("nginx:alice", "acme:archived"), &["EVENTS"]).await;
    let (answer, ()) = tokio::join!(
        write(&alice, "requested-acks=twin-persisted,acme:archived"),
        acknowledge_next(&mut archive, &["acme:archived"], 500),
    );
    assert_eq!(answer.expect(424).json()["acme:archived"]["status"], 500);
    let alone = write(&alice, "requested-acks=acme:nobody&timeout=50ms").await;
    alone.expect_error(408, "acknowledgement:request.timeout");
    let both = write(
        &alice,
        "requested-acks=twin-persisted,acme:nobody&timeout=50ms",
    )
    .await;
    let json = both.expect(424).json();
    assert_eq!(json["twin-persisted"]["status"], 204, "{json}");
    let missing = &json["acme:nobody"];
    assert_eq!(missing["status"], 408, "{json}");
    assert_eq!(
        missing["payload"]["error"], "acknowledgement:request.timeout",
        "{json}"
    );
}

#[tokio::test]
async fn a_failed_command_is_told_as_it_is() {
    let (gateway, alice) = world().await;
    let stranger = gateway.as_subject("nginx:stranger");
    write(&stranger, "requested-acks=twin-persisted,acme:nobody")
        .await
        .expect_error(403, "things:attribute.notmodifiable");
    alice
        .put(
            "/api/2/things/org.acme:none/attributes/x?requested-acks=acme:nobody",
            &json!(1),
        )
        .await
        .expect_error(404, "things:thing.notfound");
}

#[tokio::test]
async fn a_waived_response_leaves_the_statuses() {
    let (gateway, alice) = world().await;
    let mut archive = declaring(&gateway, ("nginx:alice", "acme:archived"), &["EVENTS"]).await;
    for (query, given, expected, body) in [
        ("requested-acks=acme:archived", 200, 202, Value::Null),
        ("requested-acks=acme:archived", 409, 409, Value::Null),
        (
            "requested-acks=twin-persisted,acme:archived",
            409,
            424,
            json!({ "twin-persisted": { "status": 204 }, "acme:archived": { "status": 409 } }),
        ),
    ] {
        let query = format!("{query}&response-required=false");
        let (answer, ()) = tokio::join!(
            write(&alice, &query),
            acknowledge_next(&mut archive, &["acme:archived"], given),
        );
        let answer = answer.expect(expected);
        if body.is_null() {
            assert_eq!(answer.body, "", "{query}");
        } else {
            assert_eq!(answer.json(), body, "{query}");
        }
    }
}

#[tokio::test]
async fn who_does_not_get_the_event_acknowledges_weakly() {
    let (gateway, alice) = world().await;
    let unsubscribed = declaring(&gateway, ("nginx:alice", "acme:idle"), &[]).await;
    let elsewhere = declaring(
        &gateway,
        ("nginx:alice", "acme:elsewhere"),
        &["EVENTS?namespaces=other"],
    )
    .await;
    let stranger = declaring(&gateway, ("nginx:stranger", "acme:stranger"), &["EVENTS"]).await;
    for label in ["acme:idle", "acme:elsewhere", "acme:stranger"] {
        let answer = write(&alice, &format!("requested-acks=twin-persisted,{label}")).await;
        let json = answer.expect(200).json();
        assert_eq!(json[label]["status"], 200, "{json}");
        assert_eq!(json[label]["headers"]["ditto-weak-ack"], true, "{json}");
    }
    drop((unsubscribed, elsewhere, stranger));
}

#[tokio::test]
async fn nobody_acknowledges_under_a_label_of_others() {
    let (gateway, alice) = world().await;
    let mut archive = declaring(&gateway, ("nginx:alice", "acme:archived"), &["EVENTS"]).await;
    let mut eve = declaring(&gateway, ("nginx:eve", "eve:own"), &[]).await;
    let others = async {
        let event = archive.json().await;
        for (label, code) in [
            ("acme:archived", "acknowledgement:label.not.declared"),
            ("twin-persisted", "acknowledgement:ditto.acklabel.forbidden"),
            ("live-response", "acknowledgement:ditto.acklabel.forbidden"),
        ] {
            let ack = acknowledgement(&event, "twin", (label, 200));
            eve.send(ack.to_string()).await;
            let refusal = eve.json().await;
            assert_eq!(refusal["value"]["error"], code, "{refusal}");
        }
        // Under her own label, which nobody asked for, and on another channel: dropped without a word.
        eve.send(acknowledgement(&event, "twin", ("eve:own", 200)).to_string())
            .await;
        archive
            .send(acknowledgement(&event, "live", ("acme:archived", 500)).to_string())
            .await;
        let mut wrong = acknowledgement(&event, "twin", ("acme:archived", 500));
        wrong["headers"]["correlation-id"] = "another".into();
        archive.send(wrong.to_string()).await;
        let mut nameless = acknowledgement(&event, "twin", ("acme:archived", 500));
        nameless["headers"] = json!({});
        archive.send(nameless.to_string()).await;
        let refusal = archive.json().await;
        assert_eq!(
            refusal["value"]["error"], "acknowledgement:correlation-id.missing",
            "{refusal}"
        );
        archive
            .send(acknowledgement(&event, "twin", ("acme:archived", 200)).to_string())
            .await;
        archive
            .send(acknowledgement(&event, "twin", ("acme:archived", 500)).to_string())
            .await;
        eve.expect_silence(QUIET).await;
    };
    let (answer, ()) = tokio::join!(write(&alice, "requested-acks=acme:archived"), others);
    answer.expect(200);
}

#[tokio::test]
async fn a_label_has_one_session() {
    let (gateway, _alice) = world().await;
    let first = declaring(&gateway, ("nginx:alice", "acme:archived"), &[]).await;
    let mut second = gateway
        .as_subject("nginx:device")
        .web_socket_with("declared-acks=acme:other,acme:archived")
        .await
        .expect("a WebSocket");
    let refusal = second.json().await;
    assert_eq!(
        refusal["value"]["error"], "acknowledgement:label.not.unique",
        "{refusal}"
    );
    assert_eq!(refusal["status"], 409, "{refusal}");
    assert_eq!(second.closed().await.code, 1000);
    drop(first);
    let freed = tests::eventually("the label to be free", async || {
        let caller = gateway.as_subject("nginx:device");
        let mut socket = caller
            .web_socket_with("declared-acks=acme:archived")
            .await
            .ok()?;
        socket.send("STOP-SEND-EVENTS").await;
        (socket.next().await.ok()? == "STOP-SEND-EVENTS:ACK").then_some(())
    });
    freed.await;
}

#[tokio::test]
async fn malformed_labels_are_refused() {
    let (gateway, alice) = world().await;
    for labels in ["ab", "a%20b", "%7B%7Bx:y%7D%7D:z", "%5B1%5D"] {
        let refused = gateway
            .as_subject("nginx:alice")
            .web_socket_with(&format!("declared-acks={labels}"))
            .await;
        assert_eq!(
            refused.err().map(|(status, _)| status),
            Some(400),
            "{labels}"
        );
        let answer = write(&alice, &format!("requested-acks={labels}")).await;
        assert_eq!(answer.status, 400, "{labels}: {}", answer.body);
    }
    let mut socket = gateway
        .as_subject("nginx:alice")
        .web_socket_with("declared-acks=twin-persisted")
        .await
        .expect("a WebSocket");
    let refusal = socket.json().await;
    assert_eq!(
        refusal["value"]["error"], "acknowledgement:ditto.acklabel.forbidden",
        "{refusal}"
    );
    assert_eq!(socket.closed().await.code, 1000);
    write(&alice, "requested-acks=search-persisted")
        .await
        .expect_error(400, "command.headers.invalid");
}

#[tokio::test]
async fn a_socket_requests_acknowledgements_too() {
    let (gateway, _alice) = world().await;
    let mut archive = declaring(&gateway, ("nginx:device", "acme:archived"), &["EVENTS"]).await;
    let mut alice = listening(&gateway, "nginx:alice", &[]).await;
    let mut modify = command("lamp", "modify", "/attributes/serial", json!("B-3"));
    modify["headers"] = json!({ "requested-acks": ["twin-persisted", "acme:archived"] });
    let (answer, ()) = tokio::join!(
        alice.command("c-1", modify.clone()),
        acknowledge_next(&mut archive, &["acme:archived"], 200),
    );
    assert_eq!(
        answer["topic"], "org.acme/lamp/things/twin/acks",
        "{answer}"
    );
    assert_eq!(
        (&answer["path"], &answer["status"]),
        (&json!("/"), &json!(200)),
        "{answer}"
    );
    assert_eq!(answer["value"]["twin-persisted"]["status"], 204, "{answer}");
    assert_eq!(
        answer["value"]["acme:archived"]["payload"]["row"], 77,
        "{answer}"
    );

    modify["headers"] = json!({ "requested-acks": ["acme:nobody"], "timeout": "50ms" });
    let answer = alice.command("c-2", modify.clone()).await;
    assert_eq!(answer["status"], 408, "{answer}");
    modify["headers"] = json!({ "requested-acks": ["acme:nobody"], "response-required": false });
    let answer = alice.command("c-3", modify.clone()).await;
    assert_eq!(answer["value"]["error"], "header.invalid", "{answer}");
    modify["headers"] = json!({ "requested-acks": ["a"] });
    let answer = alice.command("c-4", modify.clone()).await;
    assert_eq!(
        answer["value"]["error"], "acknowledgement:label.invalid",
        "{answer}"
    );
    modify["headers"] = json!({ "requested-acks": ["twin-persisted", "live-response"] });
    assert_eq!(alice.command("c-5", modify).await["status"], 204);
}

#[tokio::test]
async fn waiting_keeps_no_other_frame_waiting() {
    let (gateway, _alice) = world().await;
    let mut alice = listening(&gateway, "nginx:alice", &[]).await;
    let mut slow = command("lamp", "modify", "/attributes/serial", json!("B-3"));
    slow["headers"] = json!({ "correlation-id": "slow", "requested-acks": ["acme:nobody"] });
    alice.send(slow.to_string()).await;
    let retrieve = command("lamp", "retrieve", "/attributes/serial", Value::Null);
    assert_eq!(alice.command("fast", retrieve).await["value"], "B-3");
}

#[tokio::test]
async fn the_handshake_s_headers_are_defaults() {
    let (gateway, _alice) = world().await;
    let caller = gateway.as_subject("nginx:alice");
    let socket = caller
        .web_socket_with("requested-acks=acme:nobody&timeout=50ms")
        .await;
    let mut alice = socket.expect("a WebSocket");
    let modify = command("lamp", "modify", "/attributes/serial", json!("B-3"));
    assert_eq!(alice.command("c-1", modify.clone()).await["status"], 408);
    let mut own = modify;
    own["headers"] = json!({ "requested-acks": [] });
    assert_eq!(alice.command("c-2", own).await["status"], 204);
}

#[tokio::test]
async fn messages_are_answered_and_acknowledged() {
    let (gateway, alice) = world().await;
    let mut device = declaring(&gateway, ("nginx:device", "acme:seen"), &["MESSAGES"]).await;
    let idle = declaring(&gateway, ("nginx:stranger", "acme:stranger"), &["MESSAGES"]).await;
    let device_side = async {
        let message = device.json().await;
        assert_eq!(
            message["headers"]["requested-acks"],
            json!(["acme:seen"]),
            "{message}"
        );
        let ack = acknowledgement(&message, "live", ("acme:seen", 204));
        device.send(ack.to_string()).await;
        let answer = answer_to(&message, 200, "text/plain", json!("hello"));
        device.send(answer.to_string()).await;
    };
    let path =
        "/api/2/things/org.acme:lamp/inbox/messages/ask?requested-acks=acme:seen,acme:stranger";
    let body = json!("hey");
    let (answer, ()) = tokio::join!(alice.post(path, &body), device_side);
    let json = answer.expect(200).json();
    assert_eq!(json["live-response"]["payload"], "hello", "{json}");
    assert_eq!(json["acme:seen"]["status"], 204, "{json}");
    assert_eq!(
        json["acme:stranger"]["headers"]["ditto-weak-ack"], true,
        "{json}"
    );
    drop(idle);
}

#[tokio::test]
async fn a_label_that_is_named_twice_is_declared_once() {
    let (gateway, _alice) = world().await;
    let caller = gateway.as_subject("nginx:device");
    for labels in ["%5B%22acme:a%22,%22acme:a%22%5D", "acme:b,acme:b"] {
        let query = format!("declared-acks={labels}");
        let mut socket = caller.web_socket_with(&query).await.expect("a WebSocket");
        socket.control("STOP-SEND-EVENTS").await;
    }
}
