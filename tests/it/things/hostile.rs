//! Hostile bodies and pointers on every kind of write: each gets its code, and nothing changes.

use serde_json::{Value, json};
use tests::{TestGateway, raw_exchange};

use super::THING;
use crate::given::given_lamp;

/// A way to bring JSON in: method, path (`@` is the thing), and what stands before and after it.
type Write = (&'static str, &'static str, &'static str, &'static str);

const WRITES: &[Write] = &[
    ("POST", "/api/2/things", r#"{"attributes":"#, "}"),
    ("PUT", "@", r#"{"attributes":"#, "}"),
    ("PUT", "@/attributes", "", ""),
    ("PUT", "@/attributes/new", "", ""),
    ("PUT", "@/features", r#"{"lamp":{"properties":"#, "}}"),
    ("PUT", "@/features/lamp", r#"{"desiredProperties":"#, "}"),
    ("PUT", "@/features/lamp/properties", "", ""),
    ("PUT", "@/features/lamp/properties/new", "", ""),
    ("PUT", "@/features/lamp/desiredProperties", "", ""),
    ("PUT", "@/features/lamp/desiredProperties/new", "", ""),
    ("PATCH", "@", r#"{"attributes":"#, "}"),
    ("PATCH", "@/attributes", "", ""),
    ("PATCH", "@/attributes/new", "", ""),
    ("PATCH", "@/features", r#"{"lamp":{"properties":"#, "}}"),
    ("PATCH", "@/features/lamp", r#"{"desiredProperties":"#, "}"),
    ("PATCH", "@/features/lamp/properties", "", ""),
    ("PATCH", "@/features/lamp/properties/new", "", ""),
    ("PATCH", "@/features/lamp/desiredProperties", "", ""),
    ("PATCH", "@/features/lamp/desiredProperties/new", "", ""),
    (
        "POST",
        "@/migrateDefinition",
        r#"{"thingDefinitionUrl":"https://m.example/m","migrationPayload":{"attributes":"#,
        "}}",
    ),
];

/// Ways to send a message; nobody is waited for.
const MESSAGES: &[Write] = &[
    ("POST", "@/inbox/messages/x?timeout=0", "", ""),
    ("POST", "@/outbox/messages/x?timeout=0", "", ""),
    ("POST", "@/features/lamp/inbox/messages/x?timeout=0", "", ""),
    (
        "POST",
        "@/features/lamp/outbox/messages/x?timeout=0",
        "",
        "",
    ),
    ("POST", "@/inbox/claim?timeout=0", "", ""),
];

/// JSON, or something like it, that is refused wherever it comes in.
fn malformed() -> Vec<(Vec<u8>, &'static str)> {
    let deep = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    vec![
        (b"{\"a\":1".to_vec(), "400 json.invalid"),
        (b"{\"a\":1,\"a\":2}".to_vec(), "400 json.invalid"),
        (b"{\"b\":{\"a\":1,\"a\":1}}".to_vec(), "400 json.invalid"),
        (b"{\"a\":\"\xff\xfe\"}".to_vec(), "400 json.invalid"),
        (b"{\"\xff\":1}".to_vec(), "400 json.invalid"),
        (b"{\"a\":\"\\ud800\"}".to_vec(), "400 json.invalid"),
        (deep(200).into_bytes(), "400 json.invalid"),
        (deep(20_000).into_bytes(), "400 json.invalid"),
        (large(1024 * 1024), "413 gateway:body.toolarge"),
    ]
}

/// JSON that no thing may have.
fn illegal() -> Vec<(Vec<u8>, &'static str)> {
    let long = format!(r#"{{"{}":1}}"#, "k".repeat(257));
    vec![
        (b"{\"a/b\":1}".to_vec(), "400 json.key.invalid"),
        (b"{\"b\":{\"a/b\":1}}".to_vec(), "400 json.key.invalid"),
        (b"{\"\":1}".to_vec(), "400 json.key.invalid"),
        (b"{\"b\\u0000\":1}".to_vec(), "400 json.key.invalid"),
        (b"{\"\\u00e4\":1}".to_vec(), "400 json.key.invalid"),
        (long.into_bytes(), "400 json.key.invalid"),
        (large(102_400), "413 things:thing.toolarge"),
    ]
}

fn large(characters: usize) -> Vec<u8> {
    format!(r#"{{"a":"{}"}}"#, "x".repeat(characters)).into_bytes()
}

#[tokio::test]
async fn every_write_refuses_every_hostile_body() {
    let (gateway, before) = given().await;
    let mut surprises = Vec::new();
    for write in WRITES {
        for (hostile, expected) in malformed().into_iter().chain(illegal()) {
            check(&gateway, write, &hostile, expected, &mut surprises).await;
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert_eq!(state(&gateway).await, before);
}

#[tokio::test]
async fn every_message_refuses_what_is_no_json_and_what_is_too_large() {
    let (gateway, before) = given().await;
    let mut surprises = Vec::new();
    for message in MESSAGES {
        let too_large = (large(256_000), "413 messages:payload.toolarge");
        for (hostile, expected) in malformed().into_iter().chain([too_large]) {
            check(&gateway, message, &hostile, expected, &mut surprises).await;
        }
        check(&gateway, message, b"{\"a/b\":1}", "202", &mut surprises).await;
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert_eq!(state(&gateway).await, before);
}

/// What a JSON library keeps for itself is still what clients sent: in a body, in a frame, in the store and after a start.
#[tokio::test]
async fn names_of_a_library_are_names() {
    let (gateway, _) = given().await;
    let alice = gateway.as_subject("nginx:alice");
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let attribute = |name: &str| format!("{THING}/attributes/{name}");
    let mut sent = Vec::new();
    for name in ["RawValue", "Number"] {
        for value in ["1", r#""1""#, r#""{\"a\":[]}""#, "null"] {
            sent.push(format!(r#"{{"$serde_json::private::{name}":{value}}}"#));
        }
    }
    for (number, body) in sent.iter().enumerate() {
        let value: Value = serde_json::from_str(body).expect("JSON");
        alice
            .put(&attribute(&format!("b{number}")), &value)
            .await
            .expect(201);
        let command = json!({
            "topic": "org.acme/lamp/things/twin/commands/modify",
            "path": format!("/attributes/f{number}"),
            "value": value,
        });
        let answer = socket.command(&format!("c-{number}"), command).await;
        assert_eq!(answer["status"], 201, "{body}: {answer}");
    }
    let gateway = gateway.restart().await;
    let alice = gateway.as_subject("nginx:alice");
    for (number, body) in sent.iter().enumerate() {
        for way in ["b", "f"] {
            let shown = alice.get(&attribute(&format!("{way}{number}"))).await;
            assert_eq!(&shown.expect(200).body, body);
        }
    }
    alice.put(&attribute("last"), &json!(1)).await.expect(201);
    let past = format!("{THING}?from-historical-revision=2&fields=attributes");
    let mut past = alice.events(&past).await.expect("a stream");
    let first = past.next().await.expect("an event").data;
    assert_eq!(first, format!(r#"{{"attributes":{{"b0":{}}}}}"#, sent[0]));
}

/// What follows a part of the thing, and what is said to it whatever the method.
const POINTERS: &[(&str, &str)] = &[
    ("//x", "400 json.pointer.invalid"),
    ("/a//b", "400 json.pointer.invalid"),
    ("/a%2F%2Fb", "400 json.pointer.invalid"),
    ("/a/../b", "400 gateway:path.invalid"),
    ("/a/%2e%2E/b", "400 gateway:path.invalid"),
    ("/a/./b", "400 gateway:path.invalid"),
    ("/a%00", "400 gateway:path.invalid"),
    ("/a%252Fb", "400 gateway:path.invalid"),
    ("/a%252e%252e", "400 gateway:path.invalid"),
    ("/a%5Cb", "400 gateway:path.invalid"),
    ("/%ff", "400 gateway:path.invalid"),
    ("/%c0%af", "400 gateway:path.invalid"),
    ("/%zz", "400 gateway:path.invalid"),
    ("/%C3%A4", "400 json.key.invalid"),
    ("/a~1b", "400 json.key.invalid"),
    ("/a%0Ab", "400 json.key.invalid"),
];

#[tokio::test]
async fn every_method_refuses_every_hostile_pointer() {
    let (gateway, before) = given().await;
    let long = (format!("/{}", "k".repeat(257)), "400 json.key.invalid");
    let deep = ("/a".repeat(300), "400 json.pointer.invalid");
    let endless = ("/k".repeat(4200), "414 gateway:uri.toolong");
    let mut surprises = Vec::new();
    for part in [
        "attributes",
        "features/lamp/properties",
        "features/lamp/desiredProperties",
    ] {
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let pointers = POINTERS
                .iter()
                .map(|(pointer, code)| ((*pointer).to_owned(), *code));
            let further = [long.clone(), deep.clone(), endless.clone()];
            for (pointer, expected) in pointers.chain(further) {
                let path = format!("{THING}/{part}{pointer}");
                let answer = send(&gateway, (method, &path), b"1").await;
                note((method, &path), &answer, expected, &mut surprises);
            }
        }
    }
    let ids = [
        "k".repeat(257),
        "a%2Fb".to_owned(),
        "%C3%A4".to_owned(),
        "a%0A".to_owned(),
    ];
    for id in ids {
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let path = format!("{THING}/features/{id}");
            let answer = send(&gateway, (method, &path), b"{}").await;
            note(
                (method, &path),
                &answer,
                "400 json.key.invalid",
                &mut surprises,
            );
            let path = format!("/api/2/things/org.acme:{id}");
            let answer = send(&gateway, (method, &path), b"{}").await;
            note(
                (method, &path),
                &answer,
                "400 things:id.invalid",
                &mut surprises,
            );
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert_eq!(state(&gateway).await, before);
}

async fn given() -> (TestGateway, Value) {
    let gateway = TestGateway::start_with(serde_json::json!({
        "limits": { "per_source": false, "per_subject": false },
        "logging": { "level": "info" },
    }))
    .await;
    given_lamp(&gateway.as_subject("nginx:alice"), "org.acme:lamp").await;
    let before = state(&gateway).await;
    (gateway, before)
}

async fn state(gateway: &TestGateway) -> Value {
    let path = format!("{THING}?fields=thingId,attributes,features,definition,_revision");
    let thing = gateway.as_subject("nginx:alice").get(&path).await;
    thing.expect(200).json()
}

async fn check(
    gateway: &TestGateway,
    (method, path, before, after): &Write,
    hostile: &[u8],
    expected: &str,
    surprises: &mut Vec<String>,
) {
    let path = path.replace('@', THING);
    let body = [before.as_bytes(), hostile, after.as_bytes()].concat();
    let answer = send(gateway, (method, &path), &body).await;
    let shown: String = String::from_utf8_lossy(hostile).chars().take(30).collect();
    note(
        (method, &format!("{path} {shown}")),
        &answer,
        expected,
        surprises,
    );
}

fn note((method, path): (&str, &str), answer: &str, expected: &str, surprises: &mut Vec<String>) {
    if answer != expected {
        let path: String = path.chars().take(90).collect();
        surprises.push(format!("{method} {path}: {answer}, not {expected}"));
    }
}

/// Sends bytes as they are, and returns status and code.
async fn send(gateway: &TestGateway, (method, path): (&str, &str), body: &[u8]) -> String {
    let address = &gateway.endpoints().public;
    let media_type = if method == "PATCH" {
        "application/merge-patch+json"
    } else {
        "application/json"
    };
    let body = if matches!(method, "GET" | "DELETE") {
        b""
    } else {
        body
    };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: {media_type}\r\n\
         x-ditto-pre-authenticated: nginx:alice\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let answer = raw_exchange(address, &[head.as_bytes(), body].concat()).await;
    let status = answer.split(' ').nth(1).unwrap_or_default();
    match answer
        .split(r#""error":""#)
        .nth(1)
        .and_then(|rest| rest.split('"').next())
    {
        Some(code) => format!("{status} {code}"),
        None => status.to_owned(),
    }
}
