//! Eclipse Ditto's own JavaScript client, unchanged, against a gateway.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tests::{Caller, OidcProvider, TestGateway, deadline, node_script};

#[tokio::test]
async fn it_works_for_a_subject_that_a_proxy_vouches_for() {
    let gateway = TestGateway::start().await;
    check(&gateway.as_subject("nginx:alice")).await;
}

#[tokio::test]
async fn it_works_with_a_token() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(provider.trusted()).await;
    check(&gateway.as_bearer(&provider.token("alice").await)).await;
}

#[tokio::test]
async fn it_works_with_an_api_key() {
    let gateway = TestGateway::start_unconfigured().await;
    check(&gateway.as_bearer(&gateway.first_api_key())).await;
}

/// Runs the client's script as `caller` and compares every step's result.
async fn check(caller: &Caller) {
    let steps = run(caller).await;
    let lamp = json!({ "definition": ["org.acme:Lamp:1.0.0"], "properties": { "on": false } });
    let thing = json!({
        "thingId": "org.acme:lamp",
        "policyId": "org.acme:lamp-policy",
        "attributes": { "site": { "hall": 3 } },
        "features": { "lamp": lamp }
    });
    let expected = [
        ("putPolicy", json!(201)),
        ("putEntry", json!(201)),
        ("putSubject", json!(201)),
        ("getPolicy", json!(["owner", "guest"])),
        ("getResource", json!(["READ"])),
        ("putThing", json!(201)),
        ("putThing again", json!(204)),
        ("getThing", thing),
        ("putAttribute", json!(201)),
        ("getAttribute", json!(7)),
        ("getThings", json!(["org.acme:lamp"])),
        ("missing thing", json!(404)),
        ("putFeature", json!(201)),
        ("putProperty", json!(204)),
        ("getProperty", json!(4.5)),
        ("getFeatures", json!(["lamp", "meter"])),
        (
            "event",
            json!({ "action": "created", "path": "/attributes/seen", "value": true }),
        ),
        ("putAttribute by socket", json!(201)),
        ("getAttribute by socket", json!([1, 2])),
        ("missing thing by socket", json!("things:thing.notfound")),
        (
            "message",
            json!({ "status": 200, "body": { "heard": "hey" } }),
        ),
        ("acknowledged", json!(204)),
        ("message by socket", json!({ "heard": "ho" })),
        ("done", json!(true)),
    ];
    for (step, result) in expected {
        assert_eq!(steps.get(step), Some(&result), "step {step}");
    }
}

async fn run(caller: &Caller) -> BTreeMap<String, Value> {
    let headers: BTreeMap<_, _> = caller.headers().iter().cloned().collect();
    let settings =
        json!({ "domain": caller.address(), "headers": headers, "namespace": "org.acme" });
    let output = node_script("ditto-client.mjs")
        .arg(settings.to_string())
        .output();
    let output = deadline("Ditto's client", output)
        .await
        .expect("node starts");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "after {stdout}\n{stderr}");
    let lines = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter_map(|line| Some((line["step"].as_str()?.to_owned(), line["result"].clone())))
        .collect()
}
