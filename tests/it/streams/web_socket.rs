//! Commands and control messages over `/ws/2`.

use serde_json::{Value, json};
use tests::{OidcProvider, TestGateway};

use super::{command, counted, event};
use crate::given::{given_lamp, lamp};

#[tokio::test]
async fn twin_commands_answer_like_http() {
    let gateway = TestGateway::start().await;
    let mut socket = gateway
        .as_subject("nginx:alice")
        .web_socket()
        .await
        .expect("a WebSocket");
    let steps = [
        (command("lamp", "create", "/", lamp()), 201),
        (command("lamp", "create", "/", lamp()), 409),
        (command("lamp", "retrieve", "/", Value::Null), 200),
        (
            command("lamp", "modify", "/attributes/serial", json!("B-2")),
            204,
        ),
        (
            command("lamp", "modify", "/attributes/new", json!({ "x": 1 })),
            201,
        ),
        (
            command(
                "lamp",
                "merge",
                "/attributes",
                json!({ "new": null, "y": 2 }),
            ),
            204,
        ),
        (
            command("lamp", "retrieve", "/attributes/new", Value::Null),
            404,
        ),
        (
            command("lamp", "delete", "/features/lamp", Value::Null),
            204,
        ),
        (command("lamp", "delete", "/", Value::Null), 204),
        (command("lamp", "retrieve", "/", Value::Null), 404),
    ];
    for (number, (envelope, status)) in steps.into_iter().enumerate() {
        let answer = socket
            .command(&format!("c-{number}"), envelope.clone())
            .await;
        assert_eq!(answer["status"], status, "{envelope} -> {answer}");
        if status < 400 {
            assert_eq!(
                (&answer["topic"], &answer["path"]),
                (&envelope["topic"], &envelope["path"]),
                "{answer}"
            );
        } else {
            assert_eq!(
                answer["topic"], "org.acme/lamp/things/twin/errors",
                "{answer}"
            );
            assert_eq!(answer["value"]["status"], status, "{answer}");
        }
    }
}

#[tokio::test]
async fn several_things_are_retrieved_at_once() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:a").await;
    given_lamp(&alice, "org.acme:b").await;
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let many = json!({
        "topic": "_/_/things/twin/commands/retrieve", "headers": {}, "path": "/", "fields": "thingId",
        "value": { "thingIds": ["org.acme:b", "org.acme:missing", "org.acme:a"] }
    });
    let answer = socket.command("c-1", many).await;
    assert_eq!(
        answer["value"],
        json!([{ "thingId": "org.acme:b" }, { "thingId": "org.acme:a" }]),
        "{answer}"
    );
}

#[tokio::test]
async fn policies_are_written_by_frames_too() {
    let gateway = TestGateway::start().await;
    let mut socket = gateway
        .as_subject("nginx:alice")
        .web_socket()
        .await
        .expect("a WebSocket");
    let policy = crate::given::owned_by("nginx:alice");
    let topic = |action: &str| format!("org.acme/p/policies/commands/{action}");
    let create = json!({ "topic": topic("create"), "headers": {}, "path": "/", "value": policy });
    assert_eq!(socket.command("c-1", create).await["status"], 201);
    let retrieve =
        json!({ "topic": topic("retrieve"), "headers": {}, "path": "/entries/owner/subjects" });
    let answer = socket.command("c-2", retrieve).await;
    assert_eq!(
        answer["value"],
        json!({ "nginx:alice": { "type": "test" } }),
        "{answer}"
    );
}

#[tokio::test]
async fn a_command_that_wants_no_response_gets_none() {
    let gateway = TestGateway::start().await;
    let mut socket = gateway
        .as_subject("nginx:alice")
        .web_socket()
        .await
        .expect("a WebSocket");
    let mut silent = command("lamp", "create", "/", lamp());
    silent["headers"] = json!({ "correlation-id": "silent", "response-required": false });
    socket.send(silent.to_string()).await;
    // Frames of one socket are handled in order: had the first an answer, it would come first.
    let mut loud = command("lamp", "retrieve", "/", Value::Null);
    loud["headers"] = json!({ "correlation-id": "loud" });
    socket.send(loud.to_string()).await;
    let answer = socket.json().await;
    assert_eq!(
        (&answer["headers"]["correlation-id"], &answer["status"]),
        (&json!("loud"), &json!(200)),
        "{answer}"
    );
}

#[tokio::test]
async fn nonsense_gets_an_error_frame_and_the_socket_stays() {
    let gateway = TestGateway::start().await;
    let mut socket = gateway
        .as_subject("nginx:alice")
        .web_socket()
        .await
        .expect("a WebSocket");
    let cases = [
        ("", "json.format.invalid"),
        ("{", "json.invalid"),
        ("[]", "json.invalid"),
        ("{}", "json.field.missing"),
        (
            r#"{"topic":"a/b/things/twin/commands/retrieve"}"#,
            "json.field.missing",
        ),
        (
            r#"{"topic":"a/b/things/twin/commands/dance","path":"/"}"#,
            "protocoladapter:unknown.topicpath",
        ),
        (
            r#"{"topic":"a/b/connections/commands/retrieve","path":"/"}"#,
            "protocoladapter:unknown.topicpath",
        ),
        (
            r#"{"topic":"a/b/things/twin/commands/modify","path":"/nowhere","value":1}"#,
            "protocoladapter:unknown.path",
        ),
    ];
    for (frame, code) in cases {
        socket.send(frame).await;
        let answer = socket.json().await;
        assert_eq!(answer["value"]["error"], code, "{frame:?} -> {answer}");
        assert_eq!(
            answer["value"]["status"], answer["status"],
            "{frame:?} -> {answer}"
        );
    }
    socket.control("START-SEND-EVENTS").await;
}

#[tokio::test]
async fn what_only_a_server_says_is_ignored() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let error = json!({ "status": 404, "error": "things:thing.notfound", "message": "?" });
    let frames = [
        ("org.acme/lamp/things/twin/events/modified", None, json!(1)),
        (
            "org.acme/lamp/things/twin/commands/modify",
            Some(204),
            Value::Null,
        ),
        ("org.acme/lamp/things/twin/errors", Some(404), error.clone()),
        ("org.acme/lamp/policies/errors", Some(404), error),
        ("org.acme/lamp/things/twin/acks", Some(200), json!({})),
        (
            "org.acme/lamp/policies/announcements/subjectDeletion",
            None,
            json!({ "deleteAt": "2026-01-01T00:00:00Z", "subjectIds": ["nginx:alice"] }),
        ),
    ];
    for (topic, status, value) in frames.clone() {
        let mut frame = json!({ "topic": topic, "path": "/attributes/serial", "value": value });
        frame["headers"] = json!({ "correlation-id": "c-1" });
        if let Some(status) = status {
            frame["status"] = json!(status);
        }
        socket.send(frame.to_string()).await;
    }
    // Nothing was answered, or it would come first.
    socket.control("STOP-SEND-EVENTS").await;
    let serial = alice.get("/api/2/things/org.acme:lamp/attributes/serial");
    assert_eq!(serial.await.expect(200).json(), "A-1", "nothing was done");
    let labels = [r#"type="ws""#, r#"direction="in""#];
    let received = counted(&gateway, "streaming_messages_total", &labels).await;
    assert_eq!(received, frames.len() as u64 + 1, "each is counted");
}

#[tokio::test]
async fn correlation_ids_of_two_sockets_do_not_mix() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let named = alice.with("correlation-id", "same");
    let mut first = named.web_socket().await.expect("a WebSocket");
    let mut second = named.web_socket().await.expect("a WebSocket");
    second.control("START-SEND-EVENTS").await;
    let modify = command("lamp", "modify", "/attributes/serial", json!("B-2"));
    assert_eq!(first.command("same", modify).await["status"], 204);
    let (_, path, value) = event(&mut second).await;
    assert_eq!((path.as_str(), value), ("/attributes/serial", json!("B-2")));
}

#[tokio::test]
async fn a_page_of_another_site_opens_no_socket() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    for origin in [
        "https://evil.example",
        "null",
        "http://127.0.0.1.evil.example",
    ] {
        let refused = alice
            .with("origin", origin)
            .web_socket()
            .await
            .err()
            .map(|(status, _)| status);
        assert_eq!(refused, Some(403), "{origin}");
    }
    let own = format!("http://{}", gateway.endpoints().public);
    alice
        .with("origin", &own)
        .web_socket()
        .await
        .expect("the gateway's own origin");
    let answer = alice.get("/ws/2").await;
    assert!(
        (400..500).contains(&answer.status),
        "no upgrade: {}",
        answer.status
    );
}

#[tokio::test]
async fn a_token_opens_a_socket_from_its_two_places_only() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    let token = provider.token("alice").await;
    let anonymous = gateway.anonymous();
    for query in ["ticket", "token", "jwt", "authorization", "Access_Token"] {
        let refused = anonymous.web_socket_with(&format!("{query}={token}")).await;
        assert_eq!(
            refused.err().map(|(status, _)| status),
            Some(401),
            "{query}"
        );
    }
    for carried in [format!("bearer, {token}"), format!("access_token.{token}")] {
        let caller = anonymous.with("sec-websocket-protocol", &carried);
        let refused = caller.web_socket().await;
        assert_eq!(
            refused.err().map(|(status, _)| status),
            Some(401),
            "{carried}"
        );
    }
    let twice = gateway
        .as_bearer(&token)
        .web_socket_with(&format!("access_token={token}"))
        .await;
    assert_eq!(
        twice.err().map(|(status, _)| status),
        Some(401),
        "in both places"
    );
    anonymous
        .web_socket_with(&format!("access_token={token}"))
        .await
        .expect("a WebSocket");
    gateway
        .as_bearer(&token)
        .web_socket()
        .await
        .expect("a WebSocket");
    assert!(!gateway.log().contains(&token), "a token was logged");
}

#[tokio::test]
async fn internal_headers_in_frames_do_nothing() {
    let gateway = TestGateway::start().await;
    given_lamp(&gateway.as_subject("nginx:alice"), "org.acme:lamp").await;
    let context = json!({ "type": "x", "subjects": [{ "id": "nginx:alice", "type": "x" }] });
    let forged = json!({
        "ditto-sudo": true, "ditto-auth-context": context, "ditto-originator": "nginx:root",
        "ditto-read-subjects": ["nginx:bob"], "ditto-origin": "x", "ditto-dry-run": true,
        "ditto-partial-access-paths": {}, "x-ditto-pre-authenticated": "nginx:alice",
    });
    let mut bob = gateway
        .as_subject("nginx:bob")
        .web_socket()
        .await
        .expect("a WebSocket");
    bob.control("START-SEND-EVENTS").await;
    let mut read = command("lamp", "retrieve", "/", Value::Null);
    read["headers"] = forged.clone();
    let answer = bob.command("c-1", read).await;
    assert_eq!(
        answer["value"]["error"], "things:thing.notfound",
        "{answer}"
    );
    let mut watching = gateway
        .as_subject("nginx:alice")
        .web_socket()
        .await
        .expect("a WebSocket");
    watching.control("START-SEND-EVENTS").await;
    let mut writing = gateway
        .as_subject("nginx:alice")
        .web_socket()
        .await
        .expect("a WebSocket");
    let mut write = command("lamp", "modify", "/attributes/serial", json!("B-2"));
    write["headers"] = forged;
    assert_eq!(writing.command("c-2", write).await["status"], 204);
    let event = watching.json().await;
    let headers = event["headers"].as_object().expect("headers");
    assert_eq!(headers["ditto-originator"], "nginx:alice", "{event}");
    let internal = [
        "ditto-sudo",
        "ditto-read-subjects",
        "ditto-auth-context",
        "x-ditto-pre-authenticated",
    ];
    assert!(
        internal.iter().all(|name| !headers.contains_key(*name)),
        "{event}"
    );
    // Nothing of it has reached bob.
    bob.control("STOP-SEND-EVENTS").await;
}
