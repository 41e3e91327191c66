//! Too much of anything is refused in time, in Ditto's error JSON, and costs nobody else.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{Answer, TestGateway};

use crate::given::given_lamp;

fn few_per_subject() -> Value {
    json!({ "limits": { "per_subject": { "requests": 1, "window": "60s", "burst": 5 } } })
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let gateway = TestGateway::start_with(few_per_subject()).await;
    let alice = gateway.as_subject("nginx:alice");
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(alice.get("/api/2/whoami").await);
    }
    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429, 429]);
    let refused: Answer = answers.pop().expect("eight answers");
    let seconds: u64 = refused
        .header("retry-after")
        .parse()
        .expect("whole seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    refused.expect_error(429, "too.many.requests");

    gateway
        .as_subject("nginx:bob")
        .get("/api/2/whoami")
        .await
        .expect(200);
    gateway.anonymous().get("/health").await.expect(200);
}

#[tokio::test]
async fn every_kind_of_request_counts_against_one_budget() {
    let gateway = TestGateway::start_with(few_per_subject()).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let retrieve = json!({ "topic": "org.acme/lamp/things/twin/commands/retrieve", "headers": {}, "path": "/" });
    for number in 0..3 {
        assert_eq!(
            socket
                .command(&format!("c-{number}"), retrieve.clone())
                .await["status"],
            200
        );
    }
    alice
        .get("/api/2/whoami")
        .await
        .expect_error(429, "too.many.requests");
    let refused = socket.command("c-4", retrieve).await;
    assert_eq!(
        (&refused["status"], &refused["value"]["error"]),
        (&json!(429), &json!("too.many.requests"))
    );
}

#[tokio::test]
async fn a_source_without_credentials_is_limited_too() {
    let few = json!({ "limits": { "per_source": { "requests": 1, "window": "60s", "burst": 5 } } });
    let gateway = TestGateway::start_with(few).await;
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(gateway.anonymous().get("/api/2/whoami").await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429]);
    gateway.anonymous().get("/health").await.expect(200);
}

#[tokio::test]
async fn a_body_has_a_largest_size() {
    let gateway =
        TestGateway::start_with(json!({ "http_server": { "max_body_size": "64KiB" } })).await;
    let alice = gateway.as_subject("nginx:alice");
    let large = json!({ "attributes": { "x": "x".repeat(64 * 1024) } });
    let refused = alice
        .put("/api/2/things/org.acme:lamp", &large)
        .await
        .expect(413);
    assert_eq!(refused.json()["status"], 413);
    alice.get("/api/2/things/org.acme:lamp").await.expect(404);
}

#[tokio::test]
async fn a_thing_has_a_largest_size() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    let of_size = |size: usize| json!({ "attributes": { "x": "x".repeat(size) } });
    alice
        .put("/api/2/things/org.acme:small", &of_size(102_000))
        .await
        .expect(201);
    alice
        .put("/api/2/things/org.acme:large", &of_size(102_401))
        .await
        .expect_error(413, "things:thing.toolarge");
    alice
        .get("/api/2/policies/org.acme:large")
        .await
        .expect(404);
}

#[tokio::test]
async fn headers_have_a_largest_size() {
    let gateway = TestGateway::start().await;
    let large = "x".repeat(6 * 1024);
    let caller = gateway.as_subject("nginx:alice").with("x-custom", &large);
    caller
        .get("/api/2/whoami")
        .await
        .expect_error(431, "headers.too.large");
    let huge = "x".repeat(17 * 1024);
    let answer = gateway
        .as_subject("nginx:alice")
        .with("x-custom", &huge)
        .get("/api/2/whoami")
        .await;
    assert_eq!(answer.status, 431, "{}", answer.body);
    let subjects = vec!["a:b"; 101].join(",");
    gateway
        .as_subject(&subjects)
        .get("/api/2/whoami")
        .await
        .expect_error(431, "headers.too.large");
}

#[tokio::test]
async fn a_target_has_a_largest_size() {
    let gateway = TestGateway::start().await;
    let path = format!("/api/2/whoami?x={}", "x".repeat(9 * 1024));
    let answer = gateway
        .as_subject("nginx:alice")
        .get(&path)
        .await
        .expect(414);
    assert_eq!(answer.json()["status"], 414);
}

#[tokio::test]
async fn another_method_is_no_way_around() {
    let gateway = TestGateway::start_with(few_per_subject()).await;
    let alice = gateway.as_subject("nginx:alice");
    for _ in 0..5 {
        alice.get("/api/2/whoami").await.expect(200);
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let path = "/api/2/things/org.acme:lamp";
        let answer = alice.send(method.clone(), path, &[], None).await;
        assert_eq!(answer.status, 429, "{method}: {}", answer.body);
    }
}
