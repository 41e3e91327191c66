//! The operators' page in a real browser.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{OidcProvider, TestGateway, TokenShape, merged, node_script};

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

/// `issuers` are the listeners whose issuers are shown.
fn check(seen: &Value, issuers: &[&str]) {
    assert_eq!(seen["problems"], json!([]), "{seen}");
    assert_eq!(seen["firstStop"], "Skip to content", "{seen}");
    assert_eq!(seen["injected"], 0, "{seen}");
    assert_eq!(seen["sessions"], "(1)", "{seen}");
    let denials = seen["denials"].as_str().expect("text");
    assert!(denials.contains("401"), "{seen}");
    assert_eq!(seen["sticksOut"], false, "{seen}");
    assert_eq!(seen["background"], "rgb(13, 17, 23)", "{seen}");
    let address = seen["address"].as_str().expect("text");
    assert!(!address.contains("code="), "{seen}");
    check_tables(seen, issuers);
}

fn check_tables(seen: &Value, issuers: &[&str]) {
    let rows = |table: &str| seen[table].as_array().expect("rows").clone();
    let shown: Vec<_> = rows("issuers").iter().map(|row| row[0].clone()).collect();
    assert_eq!(json!(shown), json!(issuers), "{seen}");
    for row in rows("issuers") {
        let keys: u32 = row[3].as_str().expect("text").parse().expect("a number");
        assert!(keys > 0, "{row}");
        let age = row[4].as_str().expect("text");
        assert!(age.ends_with(" s") || age.ends_with(" min"), "{row}");
    }
    let limited = |limit: &str, who: &str| {
        let is_meant = |row: &&Value| row[0] == limit && row[1] == who;
        let found = rows("limits").iter().find(is_meant).cloned();
        found.unwrap_or_else(|| panic!("{limit} {who}: {seen}"))
    };
    limited("per subject", "nginx:bob");
    limited("failed operator", "198.51.100.7");
    let rates = rows("rates");
    let names: Vec<_> = rates.iter().map(|rate| rate[0].clone()).collect();
    let expected = [
        "requests per second",
        "refused per second",
        "events per second",
    ];
    assert_eq!(json!(names), json!(expected), "{seen}");
    assert!(rates[0][1].as_f64() > Some(0.0), "{seen}");
}

/// Few requests a caller, so that somebody is limited.
fn limits() -> Value {
    json!({ "limits": { "per_subject": { "requests": 1, "window": "1h", "burst": 3 } } })
}

/// Somebody who is limited, and while `visit` looks somebody who goes on asking and somebody who goes on guessing
/// passwords from elsewhere.
async fn visit_busy(gateway: &TestGateway, login: (&str, &str)) -> Value {
    let bob = gateway.as_subject("nginx:bob");
    for status in [200, 200, 200, 429] {
        bob.get("/api/2/whoami").await.expect(status);
    }
    let door = gateway.operators_door();
    let guesser = door
        .basic("devops", "guess")
        .with("x-forwarded-for", "198.51.100.7");
    let alice = gateway.as_subject("nginx:alice");
    let asking = async {
        loop {
            alice.get("/api/2/whoami").await;
            guesser.get("/devops/logging").await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        seen = visit(gateway, login) => seen,
        () = asking => unreachable!("it goes on"),
    }
}

#[tokio::test]
async fn an_operator_with_a_password_looks_and_acts() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(merged(provider.trusted(), limits())).await;
    let _socket = given_life(&gateway).await;
    let password = gateway.first_operator_password();
    let seen = visit_busy(&gateway, ("password", &password)).await;
    check(&seen, &["public"]);
    assert_eq!(seen["hosts"], json!([gateway.endpoints().devops]), "{seen}");
    assert!(!gateway.log().contains(&password));
}

#[tokio::test]
async fn an_operator_logs_in_at_the_issuer() {
    let provider = OidcProvider::start().await;
    let issuer = json!({ "issuer": provider.issuer(), "audience": ["operators"] });
    let operators = json!({ "devops": {
        "devops_authentication_method": "oauth2",
        "devops_oauth2_subjects": ["ops:alice"],
        "oauth": { "protocol": "http", "openid_connect_issuers": { "ops": issuer } },
        "console": { "client_id": "console", "resource": "urn:operators:RS256:600" },
    } });
    let gateway = TestGateway::start_with(merged(operators, limits())).await;
    let _socket = given_life(&gateway).await;
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
    let seen = visit_busy(&gateway, ("user", "alice")).await;
    check(&seen, &["operators"]);
    assert_eq!(
        seen["hosts"],
        json!([gateway.endpoints().devops, provider.issuer()]),
        "{seen}"
    );
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
