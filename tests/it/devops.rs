//! The operators' door: its own port, its own credentials, nothing shared with the public edge.

pub(crate) mod attacks;
mod canaries;
mod conformance;
mod console;
mod control;
mod explain;
mod frames;
mod given;
mod logs;
mod metrics;
mod namespaces;
mod oauth_rotation;
mod panics;
mod rotation;
mod route_table;
mod tokens;
mod traces;

use serde_json::{Value, json};
use tests::TestGateway;

use crate::given::METRICS_TOKEN;

#[tokio::test]
async fn liveness_needs_no_credential_and_gives_nothing_away() {
    let gateway = TestGateway::start().await;
    for route in ["/health", "/alive", "/ready"] {
        let answer = gateway.operators_door().get(route).await;
        assert_eq!(answer.status, 200, "{route}: {}", answer.body);
    }
    assert_eq!(
        gateway.operators_door().get("/health").await.json(),
        json!({ "status": "UP" })
    );
    assert_eq!(
        gateway.anonymous().get("/health").await.expect(200).json(),
        json!({ "status": "UP" })
    );
}

#[tokio::test]
async fn nothing_opens_without_a_credential() {
    let gateway = TestGateway::start().await;
    for route in ["/devops/logging", "/status", "/overall/status", "/metrics"] {
        let answer = gateway.operators_door().get(route).await;
        assert_eq!(answer.status, 401, "{route}: {}", answer.body);
        assert_eq!(answer.json()["status"], 401, "{route}");
        let challenge = answer.header("www-authenticate");
        assert!(
            challenge.starts_with("Basic realm=\"DITTO-"),
            "{route}: {challenge}"
        );
    }
}

#[tokio::test]
async fn credentials_of_the_public_edge_open_nothing_here() {
    let gateway = TestGateway::start_unconfigured().await;
    let door = gateway.operators_door();
    let callers = [
        ("an API key", door.bearer(&gateway.first_api_key())),
        (
            "a vouched subject",
            door.with("x-ditto-pre-authenticated", "nginx:devops"),
        ),
        (
            "another name",
            door.basic("admin", &gateway.first_operator_password()),
        ),
        ("Ditto's default password", door.basic("devops", "foobar")),
        ("an empty password", door.basic("devops", "")),
    ];
    for (what, caller) in callers {
        let answer = caller.get("/devops/logging").await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.body);
    }
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down() {
    let gateway = TestGateway::start().await;
    let guesser = gateway.operators_door().basic("devops", "guess");
    let mut refused = guesser.get("/devops/logging").await.expect(401);
    for _ in 0..20 {
        refused = guesser.get("/devops/logging").await;
    }
    let seconds: u64 = refused
        .header("retry-after")
        .parse()
        .expect("whole seconds");
    assert!((1..=60).contains(&seconds), "{seconds}");
    refused.expect_error(429, "too.many.requests");
    gateway.operators_door().get("/alive").await.expect(200);
}

#[tokio::test]
async fn a_log_level_changes_while_serving() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let change = json!({ "logger": "org.eclipse.ditto.gateway", "level": "trace" });
    operator.put("/devops/logging", &change).await.expect(200);
    let levels = operator.get("/devops/logging").await.expect(200).json();
    assert!(contains(&levels, &change), "{levels}");
    operator
        .put(
            "/devops/logging",
            &json!({ "logger": "org.eclipse.ditto.gateway" }),
        )
        .await
        .expect_error(400, "json.field.missing");
    let nonsense = json!({ "logger": "org.eclipse.ditto.gateway", "level": "loud" });
    operator
        .put("/devops/logging", &nonsense)
        .await
        .expect_error(400, "json.invalid");
}

#[tokio::test]
async fn metrics_are_text_for_a_scraper() {
    let gateway =
        TestGateway::start_with(json!({ "devops": { "metrics_token": METRICS_TOKEN } })).await;
    gateway
        .as_subject("nginx:alice")
        .get("/api/2/whoami")
        .await
        .expect(200);
    let answer = gateway
        .operators_door()
        .bearer(METRICS_TOKEN)
        .get("/metrics")
        .await
        .expect(200);
    assert!(
        answer.header("content-type").starts_with("text/plain"),
        "{:?}",
        answer.headers
    );
    assert!(
        answer.body.lines().any(|line| line.starts_with("# TYPE ")),
        "{}",
        answer.body
    );
    gateway
        .operators_door()
        .bearer(METRICS_TOKEN)
        .get("/devops/logging")
        .await
        .expect(401);
}

/// Whether `expected` is an element of any array in `value`.
fn contains(value: &Value, expected: &Value) -> bool {
    match value {
        Value::Array(items) => items
            .iter()
            .any(|item| is_superset(item, expected) || contains(item, expected)),
        Value::Object(members) => members.values().any(|member| contains(member, expected)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_superset(item: &Value, expected: &Value) -> bool {
    let members = expected.as_object().into_iter().flatten();
    members
        .into_iter()
        .all(|(name, value)| item.get(name) == Some(value))
}
