//! Eclipse Ditto's own JavaScript client, unchanged, against a gateway: in Node.js and in a browser.

use std::collections::BTreeMap;
use std::process::Output;

use serde_json::{Value, json};
use tests::{Caller, OidcProvider, TestGateway, deadline, merged, node_script};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

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

#[tokio::test]
async fn it_works_in_a_browser_with_a_token_in_the_query() {
    let provider = OidcProvider::start().await;
    let (output, log) = browse(&provider).await;
    let steps = steps(&output, &log);
    check_steps(&steps, [("putThing", json!(201))]);
    check_steps(&steps, over_sockets());
    check_steps(
        &steps,
        [
            ("problems", json!([])),
            ("opens", json!(true)),
            ("opens without a token", json!(false)),
            ("opens with half a token", json!(false)),
            ("opens for another origin", json!(false)),
            ("done", json!(true)),
        ],
    );
}

/// Runs the client on a page whose origin the gateway allows; what the script told, and what the gateway logged.
async fn browse(provider: &OidcProvider) -> (Output, String) {
    let mut script = node_script("ditto-browser.mjs")
        .spawn()
        .expect("node starts");
    let mut stdout = BufReader::new(script.stdout.take().expect("standard output is piped"));
    let mut line = String::new();
    let reading = stdout.read_line(&mut line);
    deadline("the page's server", reading)
        .await
        .expect("a line");
    let page: Value = serde_json::from_str(&line).expect("one JSON line");
    let origins = json!({ "http_server": { "allowed_origins": [page["origin"]] } });
    let gateway = TestGateway::start_with(merged(provider.trusted(), origins)).await;
    let token = provider.token("alice").await;
    let setting =
        json!({ "domain": gateway.endpoints().public, "token": token, "namespace": "org.acme" });
    let mut stdin = script.stdin.take().expect("standard input is piped");
    let told = stdin.write_all(format!("{setting}\n").as_bytes()).await;
    told.expect("the script listens");
    script.stdout = Some(stdout.into_inner());
    let output = deadline("the browser", script.wait_with_output()).await;
    let log = gateway.log();
    assert!(!log.contains(&token), "the token was logged");
    (output.expect("the script ends"), log)
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
    let over_http = [
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
    ];
    check_steps(&steps, over_http);
    check_steps(&steps, over_sockets());
    check_steps(&steps, [("done", json!(true))]);
}

/// What `tests/node/ditto-sockets.mjs` tells.
fn over_sockets() -> [(&'static str, Value); 9] {
    let event = json!({ "action": "created", "path": "/attributes/seen", "value": true });
    [
        ("event", event),
        ("putAttribute by socket", json!(201)),
        ("getAttribute by socket", json!([1, 2])),
        ("missing thing by socket", json!("things:thing.notfound")),
        ("filtered", json!([8, 9])),
        (
            "message",
            json!({ "status": 200, "body": { "heard": "hey" } }),
        ),
        ("message by socket", json!({ "heard": "ho" })),
        ("acknowledged", json!(204)),
        ("acknowledged by socket", json!(204)),
    ]
}

#[track_caller]
fn check_steps(
    steps: &BTreeMap<String, Value>,
    expected: impl IntoIterator<Item = (&'static str, Value)>,
) {
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
    steps(&output, "")
}

/// The steps that a script told, if it came to its end.
#[track_caller]
fn steps(output: &Output, log: &str) -> BTreeMap<String, Value> {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "after {stdout}\n{stderr}\n{log}");
    let lines = stdout
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter_map(|line| Some((line["step"].as_str()?.to_owned(), line["result"].clone())))
        .collect()
}
