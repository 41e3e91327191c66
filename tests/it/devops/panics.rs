//! A panic while a request with a secret is being answered: it says what failed, and not for whom.

use reqwest::Method;
use serde_json::json;
use tests::{Caller, TestGateway};
use tokio::process::Command;

use crate::api_keys::{EDGE_HASH, EDGE_KEY};

/// What a thread that cannot be started makes of the request that needed it.
const PANIC: &str = "OS can't spawn worker thread";

/// Lets the gateway have so much address space and no more: memory that it holds goes on, a stack for a thread does not fit.
async fn bound(gateway: &TestGateway, bytes: &str) {
    let id = gateway.process_id().await.to_string();
    let limit = format!("--as={bytes}:");
    let mut command = Command::new("prlimit");
    let status = command.args(["--pid", &id, &limit]).status().await;
    assert!(status.expect("prlimit starts").success(), "{limit}");
}

/// Whatever comes of a request whose task panics: no answer, or one that is no success.
async fn expect_none(caller: &Caller, path: &str, headers: &[(&str, &str)]) {
    if let Ok(answer) = caller.try_send(Method::GET, path, headers, None).await {
        assert!(
            answer.status >= 500,
            "{path}: {} {}",
            answer.status,
            answer.body
        );
    }
}

#[tokio::test]
async fn a_panic_shows_no_secret_of_its_request_and_ends_nothing_else() {
    let verbose = ["env", "RUST_BACKTRACE=full"].map(str::to_owned).to_vec();
    let settings = json!({
        "auth": {
            "permission_sets": { "set": { "permissions": "full" } },
            "identities": { "press-07": { "credential": { "api_key": EDGE_HASH }, "permissions": ["set"] } },
        },
        "logging": { "level": "trace" },
    });
    let gateway = TestGateway::start_under(verbose, settings).await;
    let password = gateway.first_operator_password();
    let operator = gateway.as_operator();
    let press = gateway.as_bearer(EDGE_KEY);
    let lamp = "/api/2/things/org.acme:lamp";
    press
        .put(
            lamp,
            &json!({ "attributes": { "pin": "canary-in-a-body" } }),
        )
        .await
        .expect(201);

    let held = gateway.memory_kib("VmSize").await * 1024;
    bound(&gateway, &held.to_string()).await;
    expect_none(&operator, "/devops/logging", &[]).await;
    expect_none(&press, lamp, &[("at-historical-revision", "1")]).await;
    bound(&gateway, "unlimited").await;

    let log = gateway.log();
    assert!(
        log.matches(PANIC).count() >= 2,
        "both must have panicked: {log}"
    );
    assert!(log.contains("stack backtrace"), "{log}");
    let encoded = operator.headers().iter().map(|(_, value)| value.as_str());
    for secret in encoded.chain([
        password.as_str(),
        EDGE_KEY,
        EDGE_HASH,
        "canary",
        "$argon2id$v",
    ]) {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    operator.get("/devops/logging").await.expect(200);
    let past = press.with("at-historical-revision", "1").get(lamp).await;
    past.expect(200);
}
