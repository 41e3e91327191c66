//! Bodies, keys and pointers that are too much: each gets its code, and nothing changes.

use reqwest::Method;
use serde_json::json;
use tests::raw_exchange;

use super::{THING, with_lamp};

/// The longest thing, in characters of compact JSON.
const LENGTH_MAX: usize = 102_400;

#[tokio::test]
async fn a_thing_is_as_large_as_allowed_and_no_larger() {
    let (_gateway, alice) = with_lamp().await;
    let empty = json!({ "thingId": "org.acme:lamp", "policyId": "org.acme:lamp", "attributes": { "x": "" } });
    let room = LENGTH_MAX - empty.to_string().len();
    // A character beyond the BMP counts twice, as in Java.
    let fill = |units: usize| format!("{}{}", "😀".repeat(units / 2), "x".repeat(units % 2));
    alice
        .put(THING, &json!({ "attributes": { "x": fill(room + 1) } }))
        .await
        .expect_error(413, "things:thing.toolarge");
    alice
        .put(THING, &json!({ "attributes": { "x": fill(room) } }))
        .await
        .expect(204);
    let more = alice.put(&format!("{THING}/attributes/y"), &json!(1)).await;
    more.expect_error(413, "things:thing.toolarge");
    let more = alice
        .patch(THING, &json!({ "attributes": { "y": 1 } }))
        .await;
    more.expect_error(413, "things:thing.toolarge");
    let noted = alice.with("put-metadata", r#"[{"key":"unit","value":"K"}]"#);
    noted
        .put(&format!("{THING}/attributes/x"), &json!(fill(room)))
        .await
        .expect_error(413, "things:thing.toolarge");
    assert_eq!(
        alice.get(THING).await.expect(200).header("etag"),
        "\"rev:2\""
    );
}

#[tokio::test]
async fn hostile_bodies_are_refused() {
    let (_gateway, alice) = with_lamp().await;
    let path = format!("{THING}/attributes");
    let deep = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
    let long_key = format!(r#"{{"{}":1}}"#, "k".repeat(257));
    let cases = [
        ("", "400 json.invalid"),
        ("{\"a\":1", "400 json.invalid"),
        ("{\"a\":1}{}", "400 json.invalid"),
        ("{\"a\":1,}", "400 json.invalid"),
        ("{'a':1}", "400 json.invalid"),
        ("{\"a\":01}", "400 json.invalid"),
        ("{\"a\":NaN}", "400 json.invalid"),
        ("{\"a\":1e999}", "400 json.invalid"),
        ("{\"a\":\"\\ud800\"}", "400 json.invalid"),
        ("{\"a\":1,\"a\":2}", "400 json.invalid"),
        ("{\"\":1}", "400 json.key.invalid"),
        ("{\"a/b\":1}", "400 json.key.invalid"),
        ("{\"a\":{\"b\\u0000\":1}}", "400 json.key.invalid"),
        ("{\"\\u00e4\":1}", "400 json.key.invalid"),
        (long_key.as_str(), "400 json.key.invalid"),
        (&deep(101), "400 json.invalid"),
        (&deep(100_000), "400 json.invalid"),
    ];
    for (body, expected) in cases {
        for method in [Method::PUT, Method::PATCH] {
            let media_type = if method == Method::PUT {
                "application/json"
            } else {
                "application/merge-patch+json"
            };
            let answer = alice
                .send(
                    method.clone(),
                    &path,
                    &[("content-type", media_type)],
                    Some(body.to_owned()),
                )
                .await;
            let shown: String = body.chars().take(40).collect();
            assert_eq!(
                answer.status_and_code(),
                expected,
                "{method} {shown}: {}",
                answer.body
            );
        }
    }
    let large = format!("\"{}\"", "x".repeat(1024 * 1024));
    let answer = alice
        .send(
            Method::PUT,
            &path,
            &[("content-type", "application/json")],
            Some(large),
        )
        .await;
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert_eq!(
        alice.get(THING).await.expect(200).header("etag"),
        "\"rev:1\""
    );
}

#[tokio::test]
async fn a_body_that_is_no_utf_8_is_refused() {
    let (gateway, alice) = with_lamp().await;
    let address = &gateway.endpoints().public;
    let mut request = format!(
        "PUT {THING}/attributes/a HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         x-ditto-pre-authenticated: nginx:alice\r\ncontent-length: 4\r\n\r\n"
    )
    .into_bytes();
    request.extend_from_slice(b"\"\xff\xfe\"");
    let answer = raw_exchange(address, &request).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("json.invalid"), "{answer}");
    assert_eq!(
        alice.get(THING).await.expect(200).header("etag"),
        "\"rev:1\""
    );
}

#[tokio::test]
async fn hostile_pointers_are_refused() {
    let (_gateway, alice) = with_lamp().await;
    let deep = "/a".repeat(129);
    let deep_enough = "/a".repeat(100);
    let long = format!("/{}", "k".repeat(257));
    let cases = [
        ("//x", "400 json.pointer.invalid"),
        ("/a//b", "400 json.pointer.invalid"),
        ("/a%2F%2Fb", "400 json.pointer.invalid"),
        ("/a/../b", "404 gateway:path.notfound"),
        ("/%2e%2e/b", "400 gateway:path.invalid"),
        ("/a%00", "400 gateway:path.invalid"),
        ("/a%252Fb", "400 gateway:path.invalid"),
        ("/%C3%A4", "400 json.key.invalid"),
        ("/a~1b", "400 json.key.invalid"),
        ("/%ff", "400 gateway:path.invalid"),
        (deep.as_str(), "400 json.pointer.invalid"),
        (deep_enough.as_str(), "400 json.invalid"),
        (long.as_str(), "400 json.key.invalid"),
    ];
    for (pointer, expected) in cases {
        // A client of URLs takes dots out by itself.
        if pointer.contains("..") || pointer.contains("%2e") {
            continue;
        }
        let answer = alice
            .put(&format!("{THING}/attributes{pointer}"), &json!(1))
            .await;
        assert_eq!(
            answer.status_and_code(),
            expected,
            "{pointer}: {}",
            answer.body
        );
    }
    let uri = alice
        .get(&format!("{THING}/attributes/{}", "k/".repeat(4100)))
        .await;
    assert_eq!(uri.status, 414, "{}", uri.body);
    assert_eq!(
        alice.get(THING).await.expect(200).header("etag"),
        "\"rev:1\""
    );
}

#[tokio::test]
async fn hostile_conditions_are_refused() {
    let (_gateway, alice) = with_lamp().await;
    let nested = format!("{}exists(thingId){}", "not(".repeat(100), ")".repeat(100));
    let pattern = format!("like(attributes/serial,'{}')", "?".repeat(4000));
    for (condition, expected) in [
        (nested.as_str(), "400 things:condition.invalid"),
        (&pattern, "400 things:condition.invalid"),
        ("eq(attributes/serial,'%00')", "412 things:condition.failed"),
    ] {
        let answer = alice.get(&format!("{THING}?condition={condition}")).await;
        assert_eq!(answer.status_and_code(), expected, "{}", answer.body);
    }
}
