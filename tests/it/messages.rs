//! Messages between applications and devices: over HTTP to whoever listens on a WebSocket, and back.

mod acknowledgements;
mod hanging_up;
mod live_channel;
mod walkthrough;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, Caller, TestGateway};

use crate::given::{lamp, listening, reader};

/// Long enough to show that nothing arrives where something else just did.
pub(crate) const QUIET: Duration = Duration::from_millis(100);

pub(crate) const BLINK: &str = "/api/2/things/org.acme:lamp/inbox/messages/blink";

/// A gateway with a thing of `nginx:alice`, of which `nginx:device` may read messages and attributes, and no more.
pub(crate) async fn world() -> (TestGateway, Caller) {
    world_with(Value::Null).await
}

async fn world_with(settings: Value) -> (TestGateway, Caller) {
    let gateway = TestGateway::start_with(settings).await;
    let alice = gateway.as_subject("nginx:alice");
    let everything = json!({ "grant": ["READ", "WRITE"], "revoke": [] });
    let mut policy = crate::given::owned_by("nginx:alice");
    policy["entries"]["device"] = reader("nginx:device", "message:/");
    policy["entries"]["device"]["resources"]["thing:/"] = everything;
    alice
        .put("/api/2/policies/org.acme:p", &policy)
        .await
        .expect(201);
    let mut thing = lamp();
    thing["policyId"] = "org.acme:p".into();
    alice
        .put("/api/2/things/org.acme:lamp", &thing)
        .await
        .expect(201);
    (gateway, alice)
}

/// The answer to a signal that a device received: the same topic, path and correlation id.
pub(crate) fn answer_to(signal: &Value, status: u16, content_type: &str, value: Value) -> Value {
    let mut answer = json!({
        "topic": signal["topic"], "path": signal["path"], "status": status,
        "headers": { "correlation-id": signal["headers"]["correlation-id"], "content-type": content_type }
    });
    if !value.is_null() {
        answer["value"] = value;
    }
    answer
}

async fn post(caller: &Caller, path: &str, content_type: &str, body: &str) -> Answer {
    let headers = [("content-type", content_type)];
    caller
        .send(Method::POST, path, &headers, Some(body.to_owned()))
        .await
}

#[tokio::test]
async fn a_device_answers_an_http_caller() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let path = "/api/2/things/org.acme:lamp/features/lamp/inbox/messages/blink?timeout=10&correlation-id=c-7";
    let device_side = async {
        let message = device.json().await;
        let expected = json!({
            "topic": "org.acme/lamp/things/live/messages/blink",
            "path": "/features/lamp/inbox/messages/blink",
            "value": { "times": 3 },
            "headers": {
                "content-type": "application/json", "correlation-id": "c-7", "timeout": "10",
                "response-required": true, "ditto-originator": "nginx:alice", "version": 2,
                "ditto-message-direction": "TO", "ditto-message-subject": "blink",
                "ditto-message-thing-id": "org.acme:lamp", "ditto-message-feature-id": "lamp"
            }
        });
        assert_eq!(message, expected);
        let answer = answer_to(
            &message,
            418,
            "text/plain; charset=utf-8",
            json!("3 × blinked"),
        );
        device.send(answer.to_string()).await;
    };
    let (answer, ()) = tokio::join!(
        post(&alice, path, "application/json", r#"{"times":3}"#),
        device_side
    );
    assert_eq!((answer.status, answer.body.as_str()), (418, "3 × blinked"));
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.header("correlation-id"), "c-7");
    assert_eq!(answer.header("ditto-originator"), "nginx:device");
}

#[tokio::test]
async fn payloads_keep_what_they_are_both_ways() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let cases = [
        (
            "application/json",
            r#"{"a":[1,null]}"#,
            json!({ "a": [1, null] }),
        ),
        ("application/vnd.acme+json", "[1,2]", json!([1, 2])),
        ("text/plain; charset=utf-8", "Grüße", json!("Grüße")),
        ("application/octet-stream", "\u{1}\u{2}\u{3}", json!("AQID")),
        ("image/png", "\u{0}png", json!("AHBuZw==")),
    ];
    for (content_type, body, value) in cases {
        let echo = async {
            let message = device.json().await;
            assert_eq!(message["value"], value, "{content_type}");
            assert_eq!(message["headers"]["content-type"], content_type);
            let answer = answer_to(&message, 200, content_type, message["value"].clone());
            device.send(answer.to_string()).await;
        };
        let (answer, ()) = tokio::join!(post(&alice, BLINK, content_type, body), echo);
        assert_eq!((answer.status, answer.body.as_str()), (200, body));
        assert_eq!(answer.header("content-type"), content_type);
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    let echo = async {
        let message = device.json().await;
        assert!(message.get("value").is_none(), "{message}");
        let answer = json!({
            "topic": message["topic"], "path": message["path"], "status": 200, "value": "plain",
            "headers": { "correlation-id": message["headers"]["correlation-id"] }
        });
        device.send(answer.to_string()).await;
    };
    let (answer, ()) = tokio::join!(alice.send(Method::POST, BLINK, &[], None), echo);
    assert_eq!((answer.status, answer.body.as_str()), (200, "plain"));
    assert_eq!(answer.header("content-type"), "application/octet-stream");
}

#[tokio::test]
async fn the_status_of_an_answer_is_the_device_s() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    for (status, expected, body) in [
        (200, 200, "x"),
        (204, 204, ""),
        (404, 404, "x"),
        (502, 200, "x"),
        (599, 599, "x"),
    ] {
        let device_side = async {
            let message = device.json().await;
            let answer = answer_to(&message, status, "text/plain", json!("x"));
            device.send(answer.to_string()).await;
        };
        let (answer, ()) = tokio::join!(post(&alice, BLINK, "text/plain", "?"), device_side);
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (expected, body),
            "{status}"
        );
    }
    let device_side = async {
        let message = device.json().await;
        let error = json!({ "status": 409, "error": "acme:busy", "message": "Busy." });
        let answer = json!({
            "topic": "org.acme/lamp/things/live/errors", "path": "/", "status": 409, "value": error,
            "headers": {
                "correlation-id": message["headers"]["correlation-id"], "content-type": "application/json"
            }
        });
        device.send(answer.to_string()).await;
    };
    let (answer, ()) = tokio::join!(post(&alice, BLINK, "text/plain", "?"), device_side);
    answer.expect_error(409, "acme:busy");
}

#[tokio::test]
async fn waiting_has_bounds() {
    let (gateway, alice) = world().await;
    let ask = async |path: &str| post(&alice, path, "text/plain", "?").await;
    ask(&format!("{BLINK}?timeout=50ms"))
        .await
        .expect_error(408, "command.timeout");
    for silent in [
        "timeout=0",
        "response-required=false",
        "requested-acks=&timeout=0",
    ] {
        let answer = ask(&format!("{BLINK}?{silent}")).await.expect(202);
        assert_eq!(answer.body, "", "{silent}");
    }
    for (query, code) in [
        ("timeout=61", "timeout.invalid"),
        ("timeout=soon", "timeout.invalid"),
        ("timeout=0&response-required=true", "header.invalid"),
        ("timeout=0&requested-acks=live-response", "header.invalid"),
        ("requested-acks=a", "acknowledgement:label.invalid"),
    ] {
        ask(&format!("{BLINK}?{query}"))
            .await
            .expect_error(400, code);
    }
    let claim = "/api/2/things/org.acme:lamp/inbox/claim";
    ask(&format!("{claim}?timeout=601"))
        .await
        .expect_error(400, "timeout.invalid");
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let device_side = async {
        let message = device.json().await;
        assert_eq!(message["headers"]["timeout"], "600");
        let answer = answer_to(&message, 200, "text/plain", json!("yours"));
        device.send(answer.to_string()).await;
    };
    let claim = format!("{claim}?timeout=10m");
    let (answer, ()) = tokio::join!(ask(&claim), device_side);
    assert_eq!((answer.status, answer.body.as_str()), (200, "yours"));
}

#[tokio::test]
async fn paths_that_are_no_messages_are_refused() {
    let (_gateway, alice) = world().await;
    let thing = "/api/2/things/org.acme:lamp";
    for (path, status, code) in [
        ("inbox/messages", 400, "messages:subject.invalid"),
        ("inbox/messages/a%0Ab", 400, "messages:subject.invalid"),
        ("inbox/letters/x", 404, "gateway:path.notfound"),
        ("outbox/claim", 404, "gateway:path.notfound"),
        ("inbox/claim/x", 404, "gateway:path.notfound"),
    ] {
        post(&alice, &format!("{thing}/{path}"), "text/plain", "?")
            .await
            .expect_error(status, code);
    }
    alice
        .get(BLINK)
        .await
        .expect_error(405, "gateway:method.notallowed");
    alice
        .put(BLINK, &json!(1))
        .await
        .expect_error(405, "gateway:method.notallowed");
    post(&alice, BLINK, "application/json", "{")
        .await
        .expect_error(400, "json.invalid");
    let missing = "/api/2/things/org.acme:missing/inbox/messages/x";
    post(&alice, missing, "text/plain", "?")
        .await
        .expect_error(404, "things:thing.notfound");
}

#[tokio::test]
async fn a_message_to_a_feature_needs_the_thing_only() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let device_side = async {
        let message = device.json().await;
        assert_eq!(message["path"], "/features/missing/outbox/messages/a/b c");
        assert_eq!(message["headers"]["ditto-message-direction"], "FROM");
        let answer = answer_to(&message, 418, "text/plain", Value::Null);
        device.send(answer.to_string()).await;
    };
    let path = "/api/2/things/org.acme:lamp/features/missing/outbox/messages/a/b%20c";
    let (answer, ()) = tokio::join!(post(&alice, path, "text/plain", "?"), device_side);
    assert_eq!((answer.status, answer.body.as_str()), (418, ""));
}

#[tokio::test]
async fn nobody_sends_without_write_but_claims() {
    let (gateway, _alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    // The device may read messages, the stranger nothing at all.
    for subject in ["nginx:device", "nginx:stranger"] {
        let caller = gateway.as_subject(subject);
        for path in [
            BLINK,
            "/api/2/things/org.acme:lamp/features/lamp/outbox/messages/x",
        ] {
            post(&caller, &format!("{path}?timeout=0"), "text/plain", "?")
                .await
                .expect_error(403, "messages:send.notallowed");
        }
        let mut socket = caller.web_socket().await.expect("a WebSocket");
        let message = json!({
            "topic": "org.acme/lamp/things/live/messages/blink", "headers": {},
            "path": "/inbox/messages/blink", "value": "?"
        });
        let answer = socket.command("c-1", message).await;
        assert_eq!(answer["status"], 403, "{answer}");
        assert_eq!(
            answer["value"]["error"], "messages:send.notallowed",
            "{answer}"
        );
        assert_eq!(
            answer["topic"], "org.acme/lamp/things/live/errors",
            "{answer}"
        );
    }
    device.expect_silence(QUIET).await;
    let stranger = gateway.as_subject("nginx:stranger");
    let device_side = async {
        let message = device.json().await;
        assert_eq!(message["path"], "/inbox/messages/claim");
        assert_eq!(message["headers"]["ditto-originator"], "nginx:stranger");
        let answer = answer_to(&message, 201, "text/plain", json!("welcome"));
        device.send(answer.to_string()).await;
    };
    let claim = "/api/2/things/org.acme:lamp/inbox/claim";
    let (answer, ()) = tokio::join!(post(&stranger, claim, "text/plain", "secret"), device_side);
    assert_eq!((answer.status, answer.body.as_str()), (201, "welcome"));
    // A message of that subject is a message.
    let message = "/api/2/things/org.acme:lamp/inbox/messages/claim";
    post(&stranger, message, "text/plain", "secret")
        .await
        .expect_error(403, "messages:send.notallowed");
    let long = format!("{message}?timeout=61");
    post(&stranger, &long, "text/plain", "secret")
        .await
        .expect_error(400, "timeout.invalid");
}

#[tokio::test]
async fn what_is_revoked_below_a_subject_is_another_subject() {
    let (gateway, alice) = world().await;
    let entry = json!({
        "subjects": { "nginx:guest": { "type": "test" } },
        "resources": {
            "message:/inbox/messages/a": { "grant": ["READ"], "revoke": [] },
            "message:/inbox/messages/a/b": { "grant": [], "revoke": ["READ"] },
            "message:/inbox/messages/d/e": { "grant": ["READ"], "revoke": [] },
        }
    });
    let path = "/api/2/policies/org.acme:p/entries/guest";
    alice.put(path, &entry).await.expect(201);
    let mut guest = listening(&gateway, "nginx:guest", &["MESSAGES"]).await;
    let box_of = "/api/2/things/org.acme:lamp/inbox/messages";
    // Neither what is revoked nor what stands above a grant arrives: the next thing heard is what does.
    for hidden in ["a/b", "a/b/c", "d"] {
        let path = format!("{box_of}/{hidden}?timeout=0");
        post(&alice, &path, "text/plain", "?").await.expect(202);
    }
    for seen in ["a", "a/c", "d/e"] {
        let device_side = async {
            let message = guest.json().await;
            assert_eq!(
                message["headers"]["ditto-message-subject"], seen,
                "{message}"
            );
            let answer = answer_to(&message, 200, "text/plain", json!(seen));
            guest.send(answer.to_string()).await;
        };
        let path = format!("{box_of}/{seen}");
        let (answer, ()) = tokio::join!(post(&alice, &path, "text/plain", "?"), device_side);
        assert_eq!((answer.status, answer.body.as_str()), (200, seen));
    }
}

#[tokio::test]
async fn a_device_is_told_where_answers_are_wanted_and_what_it_is_about() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let path = "/api/2/things/org.acme:lamp/inbox/messages/x~1~0?timeout=0";
    let asking = alice.with("reply-to", "q");
    post(&asking, path, "text/plain", "?").await.expect(202);
    let message = device.json().await;
    assert_eq!(message["headers"]["reply-to"], "q", "{message}");
    let (topic, place) = (
        "org.acme/lamp/things/live/messages/x~1~0",
        "/inbox/messages/x~1~0",
    );
    assert_eq!(
        (&message["topic"], &message["path"]),
        (&json!(topic), &json!(place))
    );
    // What came from a socket looks the same.
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let same = json!({ "topic": topic, "path": place, "value": "?",
        "headers": { "response-required": false, "content-type": "text/plain" } });
    socket.send(same.to_string()).await;
    let message = device.json().await;
    assert_eq!(
        (&message["topic"], &message["path"]),
        (&json!(topic), &json!(place))
    );
}

#[tokio::test]
async fn an_answer_whose_type_is_none_is_bytes() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let device_side = async {
        let message = device.json().await;
        let answer = answer_to(&message, 200, "foo bar/", json!("as it is"));
        device.send(answer.to_string()).await;
    };
    let (answer, ()) = tokio::join!(post(&alice, BLINK, "text/plain", "?"), device_side);
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    assert_eq!(answer.expect(200).body, "as it is");
}

#[tokio::test]
async fn nobody_receives_or_answers_without_read() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let mut eve = listening(&gateway, "nginx:eve", &["MESSAGES"]).await;
    let path = format!("{BLINK}?correlation-id=guessed");
    let others = async {
        let message = device.json().await;
        // Eve guesses everything right, but may not read the message that she answers.
        eve.send(answer_to(&message, 200, "text/plain", json!("eve")).to_string())
            .await;
        eve.control("STOP-SEND-LIVE-EVENTS").await;
        let answer = answer_to(&message, 200, "text/plain", json!("device"));
        device.send(answer.to_string()).await;
    };
    let (answer, ()) = tokio::join!(post(&alice, &path, "text/plain", "?"), others);
    assert_eq!(answer.body, "device");
    eve.expect_silence(QUIET).await;
}

#[tokio::test]
async fn losing_read_ends_delivery_and_answers_at_once() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let mut owner = listening(&gateway, "nginx:alice", &["MESSAGES"]).await;
    let entry = "/api/2/policies/org.acme:p/entries/device";
    let others = async {
        let message = device.json().await;
        alice.delete(entry).await.expect(204);
        device
            .send(answer_to(&message, 200, "text/plain", json!("device")).to_string())
            .await;
        device.control("STOP-SEND-LIVE-EVENTS").await;
        let answer = answer_to(&owner.json().await, 200, "text/plain", json!("owner"));
        owner.send(answer.to_string()).await;
    };
    let (answer, ()) = tokio::join!(post(&alice, BLINK, "text/plain", "?"), others);
    assert_eq!(answer.body, "owner");
    post(&alice, &format!("{BLINK}?timeout=0"), "text/plain", "?")
        .await
        .expect(202);
    owner.json().await;
    device.expect_silence(QUIET).await;
}

#[tokio::test]
async fn only_the_answer_that_fits_is_taken_and_only_once() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let mut second = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let others = async {
        let message = device.json().await;
        let right = answer_to(&message, 200, "text/plain", json!("right"));
        let mut wrong_id = right.clone();
        wrong_id["headers"]["correlation-id"] = "another".into();
        let mut wrong_path = right.clone();
        wrong_path["path"] = "/outbox/messages/blink".into();
        let mut wrong_thing = right.clone();
        wrong_thing["topic"] = "org.acme/other/things/live/messages/blink".into();
        for answer in [wrong_id, wrong_path, wrong_thing, right] {
            device.send(answer.to_string()).await;
        }
        // The other responder is later; its answer is dropped and it is not told.
        device.control("STOP-SEND-LIVE-EVENTS").await;
        let message = second.json().await;
        second
            .send(answer_to(&message, 500, "text/plain", json!("late")).to_string())
            .await;
        second.control("STOP-SEND-LIVE-EVENTS").await;
    };
    let (answer, ()) = tokio::join!(post(&alice, BLINK, "text/plain", "?"), others);
    assert_eq!((answer.status, answer.body.as_str()), (200, "right"));
}

#[tokio::test]
async fn why_an_answer_was_not_taken_is_told_at_the_end() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let others = async {
        let mut answer = answer_to(&device.json().await, 200, "text/plain", Value::Null);
        answer["path"] = "/outbox/messages/blink".into();
        device.send(answer.to_string()).await;
    };
    let path = format!("{BLINK}?timeout=500ms");
    let (answer, ()) = tokio::join!(post(&alice, &path, "text/plain", "?"), others);
    let answer = answer.expect_error(408, "command.timeout");
    assert!(answer.body.contains("another path"), "{}", answer.body);
}

#[tokio::test]
async fn one_correlation_id_waits_once() {
    let (gateway, alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let path = format!("{BLINK}?correlation-id=same");
    let others = async {
        let message = device.json().await;
        post(&alice, &path, "text/plain", "?")
            .await
            .expect_error(409, "acknowledgement:request.duplicate.correlation-id");
        // Who does not wait needs no place, and another thing is another place.
        post(&alice, &format!("{path}&timeout=0"), "text/plain", "?")
            .await
            .expect(202);
        assert_eq!(device.json().await["headers"]["correlation-id"], "same");
        let answer = answer_to(&message, 200, "text/plain", json!("first"));
        device.send(answer.to_string()).await;
    };
    let (answer, ()) = tokio::join!(post(&alice, &path, "text/plain", "?"), others);
    assert_eq!((answer.status, answer.body.as_str()), (200, "first"));
}

#[tokio::test]
async fn a_message_has_a_size() {
    let settings = json!({ "limits": { "message_size": "1k" } });
    let (gateway, alice) = world_with(settings).await;
    let path = format!("{BLINK}?timeout=0");
    let (fits, exceeds) = ("x".repeat(1024), "x".repeat(1025));
    for content_type in ["text/plain", "application/octet-stream"] {
        post(&alice, &path, content_type, &fits).await.expect(202);
        post(&alice, &path, content_type, &exceeds)
            .await
            .expect_error(413, "messages:payload.toolarge");
    }
    let mut socket = gateway
        .as_subject("nginx:alice")
        .web_socket()
        .await
        .expect("a WebSocket");
    let message = json!({
        "topic": "org.acme/lamp/things/live/messages/blink",
        "headers": { "content-type": "text/plain" },
        "path": "/inbox/messages/blink", "value": exceeds
    });
    let answer = socket.command("c-1", message).await;
    assert_eq!(
        answer["value"]["error"], "messages:payload.toolarge",
        "{answer}"
    );
    let huge = "x".repeat(1024 * 1024 + 1);
    post(&alice, &path, "text/plain", &huge)
        .await
        .expect_error(413, "gateway:body.toolarge");
}

#[tokio::test]
async fn sockets_send_messages_to_each_other() {
    let (gateway, _alice) = world().await;
    let mut device = listening(&gateway, "nginx:device", &["MESSAGES"]).await;
    let mut alice = listening(&gateway, "nginx:alice", &["MESSAGES"]).await;
    let message = json!({
        "topic": "org.acme/lamp/things/live/messages/ask", "path": "/inbox/messages/ask", "value": "hey",
        "headers": { "content-type": "text/plain", "my-header": "mine", "ditto-originator": "nginx:root" }
    });
    let device_side = async {
        let received = device.json().await;
        assert_eq!(received["value"], "hey");
        let headers = &received["headers"];
        assert_eq!(headers["my-header"], "mine", "{received}");
        assert_eq!(headers["ditto-originator"], "nginx:alice", "{received}");
        let answer = answer_to(&received, 200, "text/plain", json!("hello"));
        device.send(answer.to_string()).await;
    };
    let (answer, ()) = tokio::join!(alice.command("c-1", message.clone()), device_side);
    assert_eq!(
        answer["topic"], "org.acme/lamp/things/live/messages/ask",
        "{answer}"
    );
    assert_eq!(
        (&answer["path"], &answer["value"]),
        (&json!("/inbox/messages/ask"), &json!("hello"))
    );
    // Her own message did not come back to her, and nobody answers what wants no answer.
    let mut silent = message;
    silent["headers"]["response-required"] = false.into();
    silent["headers"]["correlation-id"] = "c-2".into();
    alice.send(silent.to_string()).await;
    assert_eq!(device.json().await["headers"]["response-required"], false);
    alice.expect_silence(QUIET).await;
}

#[tokio::test]
async fn a_socket_is_told_when_nobody_answers() {
    let (gateway, _alice) = world().await;
    let mut alice = listening(&gateway, "nginx:alice", &[]).await;
    let message = json!({
        "topic": "org.acme/lamp/things/live/messages/ask", "path": "/inbox/messages/ask",
        "headers": { "timeout": "50ms" }
    });
    let answer = alice.command("c-1", message.clone()).await;
    assert_eq!(answer["value"]["error"], "command.timeout", "{answer}");
    let mut zero = message;
    zero["headers"] = json!({ "timeout": "0", "response-required": true });
    let answer = alice.command("c-2", zero).await;
    assert_eq!(answer["value"]["error"], "header.invalid", "{answer}");
}

#[tokio::test]
async fn malformed_messages_get_an_error_frame() {
    let (gateway, _alice) = world().await;
    let mut socket = listening(&gateway, "nginx:alice", &[]).await;
    let topic = "org.acme/lamp/things/live/messages/ask";
    for (path, code) in [
        ("/inbox/messages/other", "protocoladapter:illegal.adaptable"),
        ("/attributes", "messages:messageformat.invalid"),
        ("/inbox/messages", "messages:subject.invalid"),
    ] {
        let frame = json!({ "topic": topic, "headers": {}, "path": path });
        let answer = socket.command("c-1", frame).await;
        assert_eq!(answer["value"]["error"], code, "{path}: {answer}");
    }
}

#[tokio::test]
async fn messages_are_streamed_as_events() {
    let (gateway, alice) = world().await;
    let device = gateway.as_subject("nginx:device");
    let boxes = "/api/2/things/org.acme:lamp/inbox/messages";
    let mut all = device.events(boxes).await.expect("a stream");
    let mut some = device
        .events(&format!("{boxes}/a/b"))
        .await
        .expect("a stream");
    let mut hidden = gateway
        .as_subject("nginx:stranger")
        .events(boxes)
        .await
        .expect("a stream");
    let silent = |subject: &str| format!("{boxes}/{subject}?timeout=0");
    post(&alice, &silent("x"), "text/plain", "one\ntwo")
        .await
        .expect(202);
    post(&alice, &silent("a/b"), "application/json", r#"{"a":1}"#)
        .await
        .expect(202);
    // Another place, which none of the streams is about.
    let outbox = "/api/2/things/org.acme:lamp/outbox/messages/a/b?timeout=0";
    post(&alice, outbox, "text/plain", "?").await.expect(202);
    let first = all.next().await.expect("an event");
    assert_eq!(
        (first.name.as_str(), first.data.as_str()),
        ("x", "one\ntwo")
    );
    for stream in [&mut all, &mut some] {
        let event = stream.next().await.expect("an event");
        assert_eq!(
            (event.name.as_str(), event.data.as_str()),
            ("a/b", r#"{"a":1}"#)
        );
    }
    let rest = async {
        tokio::select! { event = all.next() => event, event = some.next() => event, event = hidden.next() => event }
    };
    assert!(
        tokio::time::timeout(QUIET, rest).await.is_err(),
        "nothing else arrives"
    );
    let filtered = device.events(&format!("{boxes}?filter=exists(x)")).await;
    let refusal = filtered.expect_err("a refusal");
    assert_eq!(refusal.status_and_code(), "400 signal.unsupported");
}
