//! What is said first, and what is refused, whatever the thing: the order in which a request is judged.

use reqwest::Method;
use serde_json::json;
use tests::{raw_exchange, raw_status};

use super::{THING, with_lamp};

/// Paths below the API that name nothing, or not in one way only, and what is said of them to whoever may ask.
const NOWHERE: [(&str, &str, &str); 9] = [
    ("GET", "/api/2/things/bad", "400 things:id.invalid"),
    ("GET", "/api/2/policies/bad", "400 policies:id.invalid"),
    ("GET", "/api/2/nope", "404 gateway:path.notfound"),
    ("GET", "/api/2", "404 gateway:path.notfound"),
    (
        "GET",
        "/api/2/things/org.acme:lamp/attributes/a//b",
        "400 json.pointer.invalid",
    ),
    (
        "GET",
        "/api/2/things/org.acme:lamp/attributes/%zz",
        "400 gateway:path.invalid",
    ),
    (
        "DELETE",
        "/api/2/things/org.acme:lamp/policyId",
        "405 gateway:method.notallowed",
    ),
    ("POST", "/ws/2", "405 gateway:method.notallowed"),
    ("GET", "/ws/2/x", "404 gateway:path.notfound"),
];

#[tokio::test]
async fn who_calls_is_asked_before_anything_is_said_of_the_path() {
    let (gateway, alice) = with_lamp().await;
    let strangers = [gateway.anonymous(), gateway.as_bearer("e30.e30.e30")];
    for (method, path, expected) in NOWHERE {
        let method: Method = method.parse().expect("a method");
        let answer = alice.send(method.clone(), path, &[], None).await;
        assert_eq!(answer.status_and_code(), expected, "{method} {path}");
        for stranger in &strangers {
            let answer = stranger.send(method.clone(), path, &[], None).await;
            assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
            assert!(!answer.header("www-authenticate").is_empty(), "{path}");
        }
    }
    for (path, expected) in [
        ("/nope", "404 gateway:path.notfound"),
        ("/health//", "400 json.pointer.invalid"),
        ("/api/3/things", "404 api.version.notsupported"),
    ] {
        let answer = gateway.anonymous().get(path).await;
        assert_eq!(answer.status_and_code(), expected, "{path}");
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_decoded_is_refused() {
    let (_gateway, alice) = with_lamp().await;
    for query in ["fields=%", "fields=%zz", "x=%2", "%"] {
        let answer = alice.get(&format!("{THING}?{query}")).await;
        answer.expect_error(400, "gateway:query.invalid");
    }
    let path = format!("{THING}/attributes/serial?x=%");
    let answer = alice.put(&path, &json!(1)).await;
    answer.expect_error(400, "gateway:query.invalid");
}

#[tokio::test]
async fn a_body_without_room_is_refused_before_the_thing_is_looked_at() {
    let (gateway, alice) = with_lamp().await;
    let bob = gateway.as_subject("nginx:bob");
    let large = json!({ "attributes": { "x": "x".repeat(102_400) } });
    let missing = "/api/2/things/org.acme:nothing/attributes";
    for path in [THING, missing] {
        let put = bob.put(path, &large).await;
        put.expect_error(413, "things:thing.toolarge");
        let patch = bob.patch(path, &large).await;
        patch.expect_error(413, "things:thing.toolarge");
    }
    let never = alice.with("condition", "eq(attributes/serial,\"no\")");
    let put = never.put(THING, &large).await;
    put.expect_error(413, "things:thing.toolarge");
    let small = never.put(&format!("{THING}/attributes/x"), &json!(1)).await;
    small.expect_error(412, "things:condition.failed");
}

#[tokio::test]
async fn several_things_are_read_under_a_condition_and_with_nothing_else() {
    let (_gateway, alice) = with_lamp().await;
    let other = "/api/2/things/org.acme:other";
    let created = json!({ "attributes": { "site": "cellar" } });
    alice.put(other, &created).await.expect(201);
    let both = "/api/2/things?ids=org.acme:lamp,org.acme:other&fields=thingId";
    let when = alice.with("condition", "eq(attributes/site,\"cellar\")");
    assert_eq!(
        when.get(both).await.expect(200).json(),
        json!([{ "thingId": "org.acme:other" }])
    );
    for (name, value) in [
        ("response-required", "false"),
        ("get-metadata", "*"),
        ("merge-thing-patch-conditions", "{}"),
        ("at-historical-revision", "1"),
    ] {
        let answer = alice.with(name, value).get(both).await;
        answer.expect_error(400, "command.headers.invalid");
    }
    let put = alice.with("merge-thing-patch-conditions", "{}");
    put.put(other, &json!({}))
        .await
        .expect_error(400, "command.headers.invalid");
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let (_gateway, alice) = with_lamp().await;
    let migration = format!("{THING}/migrateDefinition");
    let attributes = format!("{THING}/attributes");
    let body = |text: &str| Some(text.to_owned());
    for (method, path, sent, named) in [
        ("GET", "/api/2/things/bad-id", None, "`bad-id`"),
        ("GET", "/api/2/policies/bad-id", None, "`bad-id`"),
        ("PUT", attributes.as_str(), body(r#"{"a":1,"a":2}"#), "`a`"),
        (
            "PUT",
            attributes.as_str(),
            body(&"[".repeat(200)),
            "127 levels",
        ),
        (
            "POST",
            migration.as_str(),
            body(r#"{"thingDefinitionUrl":"https://x.example/m","patchConditions":{"a":"b"}}"#),
            "the member `patchConditions`",
        ),
        (
            "GET",
            "/api/2/things/org.acme:lamp?fields=a,,b",
            None,
            "a field is empty",
        ),
    ] {
        let json = &[("content-type", "application/json")];
        let answer = alice.send(method.parse().expect("a method"), path, json, sent);
        let answer = answer.await.expect(400).json();
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(message.contains(named), "{method} {path}: {message}");
        let advice = answer["description"].as_str().unwrap_or_default();
        assert!(!advice.starts_with("Mind that"), "{advice}");
    }
}

#[tokio::test]
async fn keys_of_dots_are_reached_through_what_encloses_them() {
    let (_gateway, alice) = with_lamp().await;
    let attributes = format!("{THING}/attributes");
    let dots = json!({ ".": 1, "..": { "x": 2 } });
    alice.put(&attributes, &dots).await.expect(204);
    alice
        .patch(&attributes, &json!({ ".": null, "..": { "x": 3 } }))
        .await
        .expect(204);
    let read = alice.get(&attributes).await.expect(200).json();
    assert_eq!(read, json!({ "..": { "x": 3 } }));
    let path = format!("{attributes}/%2E%2E/x");
    // As it stands: a client would resolve it before.
    let vouched = ["x-ditto-pre-authenticated: nginx:alice"];
    let status = raw_status(alice.address(), "GET", &path, &vouched).await;
    assert_eq!(status, Some(400));
}

#[tokio::test]
async fn who_names_no_host_gets_a_location_without_one() {
    let (gateway, _alice) = with_lamp().await;
    let request = "PUT /api/2/things/org.acme:lamp/attributes/old HTTP/1.0\r\nconnection: close\r\n\
        x-ditto-pre-authenticated: nginx:alice\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n1";
    let answer = raw_exchange(&gateway.endpoints().public, request.as_bytes()).await;
    let head = answer.to_lowercase();
    assert!(head.contains(" 201 "), "{answer}");
    assert!(
        head.contains("\r\nlocation: /api/2/things/org.acme:lamp/attributes/old\r\n"),
        "{answer}"
    );
}

/// The examples that errors and docs print can be pasted into a URL: none of the characters that no request target has.
#[tokio::test]
async fn the_examples_of_errors_can_be_pasted_into_a_url() {
    let (_gateway, alice) = with_lamp().await;
    let refused = alice.get(&format!("{THING}?condition=nonsense")).await;
    let description = refused.expect(400).json()["description"].clone();
    let example = description.as_str().and_then(|text| text.split('`').nth(1));
    let example = example.expect("an example");
    let target = format!("{THING}?condition={example}");
    let request = format!(
        "GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-ditto-pre-authenticated: nginx:alice\r\n\r\n"
    );
    let answer = raw_exchange(alice.address(), request.as_bytes()).await;
    assert!(answer.contains("things:condition.failed"), "{answer}");
}
