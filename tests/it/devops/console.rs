//! The operators' page in a real browser.

use serde_json::{Value, json};
use tests::{OidcProvider, TestGateway, TokenShape, node_script};

use super::given::given_life;

/// What `tests/node/console.mjs` saw.
async fn visit(gateway: &TestGateway, login: (&str, &str)) -> Value {
    let mut told = json!({ "url": format!("http://{}", gateway.endpoints().devops) });
    told[login.0] = login.1.into();
    if let Some(folder) = std::env::var_os("TWINWARD_TESTS_SCREENSHOTS") {
        told["screenshots"] = folder.to_string_lossy().into_owned().into();
    }
    let output = node_script("console.mjs").arg(told.to_string()).output();
    let output = tests::deadline("the browser", output)
        .await
        .expect("node starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}\n{}", gateway.log());
    serde_json::from_slice(&output.stdout).expect("one JSON line")
}

fn check(seen: &Value) {
    assert_eq!(seen["problems"], json!([]), "{seen}");
    assert_eq!(seen["firstStop"], "Skip to content", "{seen}");
    assert_eq!(seen["injected"], 0, "{seen}");
    assert_eq!(seen["sessions"], "(1)", "{seen}");
    assert!(
        seen["denials"].as_str().expect("text").contains("401"),
        "{seen}"
    );
    assert_eq!(seen["sticksOut"], false, "{seen}");
    assert_eq!(seen["background"], "rgb(13, 17, 23)", "{seen}");
    assert!(
        !seen["address"].as_str().expect("text").contains("code="),
        "{seen}"
    );
}

#[tokio::test]
async fn an_operator_with_a_password_looks_and_acts() {
    let gateway = TestGateway::start().await;
    let _socket = given_life(&gateway).await;
    let password = gateway.first_operator_password();
    let seen = visit(&gateway, ("password", &password)).await;
    check(&seen);
    assert_eq!(seen["hosts"], json!([gateway.endpoints().devops]), "{seen}");
    assert!(!gateway.log().contains(&password));
}

#[tokio::test]
async fn an_operator_logs_in_at_the_issuer() {
    let provider = OidcProvider::start().await;
    let issuer = json!({ "issuer": provider.issuer(), "audience": ["operators"] });
    let gateway = TestGateway::start_with(json!({ "devops": {
        "devops_authentication_method": "oauth2",
        "devops_oauth2_subjects": ["ops:alice"],
        "oauth": { "protocol": "http", "openid_connect_issuers": { "ops": issuer } },
        "console": { "client_id": "console", "resource": "urn:operators:RS256:600" },
    } }))
    .await;
    let _socket = given_life(&gateway).await;
    let seen = visit(&gateway, ("user", "alice")).await;
    check(&seen);
    assert_eq!(
        seen["hosts"],
        json!([gateway.endpoints().devops, provider.issuer()]),
        "{seen}"
    );
    let other = TokenShape {
        audience: "operators",
        ..TokenShape::default()
    };
    let token = provider.token_of("bob", other).await;
    let door = gateway.operators_door();
    door.bearer(&token)
        .get("/devops/console/events")
        .await
        .expect(401);
}

#[tokio::test]
async fn the_stream_ends_by_itself_when_the_process_does() {
    let gateway = TestGateway::start().await;
    let url = format!(
        "http://{}/devops/console/events",
        gateway.endpoints().devops
    );
    let client = reqwest::Client::builder().no_proxy().build();
    let password = gateway.first_operator_password();
    let request = client.expect("a client").get(url);
    let request = request.basic_auth("devops", Some(password));
    let mut stream = request.send().await.expect("an answer");
    let first = stream.chunk().await.expect("bytes").expect("an event");
    assert!(first.starts_with(b"data: {"), "{first:?}");
    gateway.signal("TERM").await;
    let rest = async {
        // A body that is cut off is an error, one that ends is not.
        while let Some(event) = stream.chunk().await.expect("a body that ends") {
            assert!(event.starts_with(b"data: {"), "{event:?}");
        }
    };
    tests::deadline("the end of the stream", rest).await;
    let stopped = gateway.ended().await;
    assert_eq!(stopped.code, Some(0), "{}", stopped.log());
    assert!(
        !stopped.log().contains("Not everything"),
        "{}",
        stopped.log()
    );
}
