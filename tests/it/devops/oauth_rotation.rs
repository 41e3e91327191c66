//! The operators' issuer replaces its keys while operators are at work with tokens, by HTTP and in a real browser.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;
use tests::{OidcProvider, TestGateway, merged, node_script};

use super::rotation::ask_on;
use super::tokens::{SHAPE, curl_levels, settings};

#[tokio::test]
async fn an_issuers_keys_are_replaced_under_load_and_no_operator_is_refused() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(settings(&provider)).await;
    let door = gateway.operators_door();
    let stop = Arc::new(AtomicBool::new(false));
    let mut load = Vec::new();
    let mut token = provider.token_of("alice", SHAPE).await;
    for _ in 0..4 {
        let operator = door.bearer(&token);
        load.extend([(); 2].map(|()| tokio::spawn(ask_on(operator.clone(), Arc::clone(&stop)))));
        curl_levels(&gateway, &token).await;
        provider.rotate_keys(true).await;
        // Signed with a key that the gateway has not seen.
        token = provider.token_of("alice", SHAPE).await;
        curl_levels(&gateway, &token).await;
    }
    stop.store(true, Ordering::Relaxed);
    for operator in load {
        let (answered, others) = operator.await.expect("it ends");
        assert!(answered > 0, "the load must have been there");
        assert_eq!(others, Vec::<u16>::new());
    }
    provider.rotate_keys(false).await;
    let newest = provider.token_of("alice", SHAPE).await;
    curl_levels(&gateway, &newest).await;
    let refused = door.bearer(&token).get("/devops/logging").await;
    refused.expect_error(401, "gateway:authentication.failed");
}

#[tokio::test]
async fn the_console_outlives_a_new_key_and_logs_in_again_once_the_old_one_is_gone() {
    let provider = OidcProvider::start().await;
    let console = json!({ "devops": { "console": { "client_id": "console", "resource": "urn:operators:RS256:600" } } });
    let gateway = TestGateway::start_with(merged(settings(&provider), console)).await;
    let told = json!({
        "url": format!("http://{}", gateway.endpoints().devops),
        "issuer": format!("http://{}", provider.issuer()),
        "user": "alice",
    });
    let output = node_script("console-rotation.mjs")
        .arg(told.to_string())
        .output();
    let output = tests::deadline("the browser", output)
        .await
        .expect("node starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{}", gateway.log());
    let seen: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON line");
    assert_eq!(seen["refusedBefore"], json!([]), "{seen}");
    assert_eq!(
        seen["revoked"],
        json!(["acme:by-the-old-key", "acme:by-the-new-key"]),
        "{seen}"
    );
    assert_eq!(seen["refusedAfter"], json!([401]), "{seen}");
}
