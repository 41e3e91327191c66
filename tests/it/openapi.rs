//! What the gateway tells of itself: `/openapi.json` and the page that shows it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::{TestGateway, node_script};

mod schemathesis;

#[tokio::test]
async fn anyone_may_read_the_description_and_nothing_else_is_told() {
    let gateway = TestGateway::start().await;
    let anonymous = gateway.anonymous();
    let answer = anonymous.get("/openapi.json").await.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.1");
    assert!(document["paths"].get("/docs").is_none(), "it is not served");
    // One that is configured in every way a test configures says the same, to anybody.
    let other = TestGateway::start_with(json!({
        "auth": { "oauth": { "openid_connect_issuers": {
            "acme": { "issuer": "id.acme.example/realms/plant", "audience": ["twinward"], "jwks_file": null },
        } } },
    }))
    .await;
    let same = other.as_subject("nginx:alice").get("/openapi.json").await;
    assert_eq!(same.expect(200).body, answer.body);
    for told in ["acme.example", "trusted_proxies", "127.0.0.1"] {
        assert!(!answer.body.contains(told), "{told}");
    }
}

/// Every operation that asks for a credential refuses to answer without one, and the others answer.
#[tokio::test]
async fn what_is_described_is_served_to_whom_it_says() {
    let gateway = TestGateway::start_with(json!({
        "http_server": { "serve_docs": true },
        "limits": { "per_source": false },
        "auth": { "brute_force": false },
    }))
    .await;
    let anonymous = gateway.anonymous();
    let document = anonymous.get("/openapi.json").await.expect(200).json();
    let mut seen = 0;
    for (template, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let Ok(method) = method.to_ascii_uppercase().parse() else {
                continue;
            };
            if operation.get("responses").is_none() {
                continue;
            }
            let path = example(template);
            let answer = anonymous.send(method, &path, &[], None).await;
            let expected = if operation["security"] == json!([]) {
                200
            } else {
                401
            };
            assert_eq!(answer.status, expected, "{operation}: {}", answer.body);
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

/// What is not described is not served: another method is 405, another path 404.
#[tokio::test]
async fn what_is_served_is_described() {
    let gateway = TestGateway::start_with(json!({
        "http_server": { "serve_docs": true },
        "limits": { "per_source": false, "per_subject": false },
    }))
    .await;
    let alice = gateway.as_subject("nginx:alice");
    let document = alice.get("/openapi.json").await.expect(200).json();
    for (template, item) in document["paths"].as_object().expect("paths") {
        for method in ["GET", "PUT", "POST", "PATCH", "DELETE"] {
            let described = item.get(method.to_ascii_lowercase());
            // A stream of messages would not end.
            if method == "GET" && described.is_some_and(|it| it["tags"][0] == "Messages") {
                continue;
            }
            let path = example(template);
            let method = method.parse().expect("a method");
            let answer = alice.send(method, &path, &[], None).await;
            assert_eq!(
                answer.status == 405,
                described.is_none(),
                "{path}: {}",
                answer.body
            );
        }
    }
}

fn example(template: &str) -> String {
    template
        .replace("{file}", "app.js")
        .replace("{resourcePath}", "thing:/")
        .replace("{subjectId}", "nginx:alice")
        .replace("{importedPolicyId}", "org.acme:other")
        .split('/')
        .map(|segment| match segment.strip_prefix('{') {
            Some("thingId}" | "policyId}") => "org.acme:lamp",
            Some(_) => "x",
            None => segment,
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[tokio::test]
async fn the_page_is_there_if_it_was_asked_for() {
    let without = TestGateway::start().await;
    for path in ["/docs", "/docs/app.js"] {
        let refused = without.anonymous().get(path).await;
        refused.expect_error(404, "gateway:path.notfound");
    }
    let gateway = TestGateway::start_with(json!({ "http_server": { "serve_docs": true } })).await;
    let anonymous = gateway.anonymous();
    for (path, media_type) in [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/", "text/html; charset=utf-8"),
        ("/docs/app.js", "text/javascript; charset=utf-8"),
        ("/docs/style.css", "text/css; charset=utf-8"),
    ] {
        let file = anonymous.get(path).await.expect(200);
        assert_eq!(file.header("content-type"), media_type, "{path}");
        let policy = file.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(
            !policy.contains("unsafe") && !policy.contains("http"),
            "{policy}"
        );
        assert!(!file.body.contains("://"), "{path} names another host");
    }
    let other = anonymous.get("/docs/main.rs").await;
    other.expect_error(404, "gateway:path.notfound");
}

/// In a browser: every operation of the description is there, can be found and tried, and nobody else is asked anything.
#[tokio::test]
async fn a_browser_shows_every_operation() {
    let gateway = TestGateway::start_with(json!({ "http_server": { "serve_docs": true } })).await;
    let url = format!("http://{}", gateway.endpoints().public);
    let mut told = json!({ "url": url });
    if let Some(folder) = std::env::var_os("TWINWARD_TESTS_SCREENSHOTS") {
        told["screenshots"] = folder.to_string_lossy().into_owned().into();
    }
    let output = node_script("docs.mjs").arg(told.to_string()).output();
    let output = tests::deadline("the browser", output)
        .await
        .expect("node starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let seen: Value = serde_json::from_slice(&output.stdout).expect("one JSON line");
    assert_eq!(seen["problems"], json!([]), "{seen}");
    assert_eq!(seen["hosts"], json!([gateway.endpoints().public]), "{seen}");
    assert_eq!(seen["schema"], true, "{seen}");
    assert_eq!(seen["sticksOut"], false, "{seen}");
    let found = seen["found"].as_array().expect("a list");
    let found: Vec<&str> = found.iter().filter_map(Value::as_str).collect();
    let expected = [
        "putFeatureProperties",
        "putFeatureProperty",
        "putFeatureDesiredProperties",
        "putFeatureDesiredProperty",
    ];
    assert_eq!(found, expected);
    let tried = seen["tried"].as_str().expect("text");
    assert!(tried.contains(r#"{"status":"UP"}"#), "{tried}");
    let document = gateway.anonymous().get("/openapi.json").await.json();
    let described: BTreeSet<&str> = document["paths"]
        .as_object()
        .expect("paths")
        .values()
        .flat_map(|item| item.as_object().expect("operations").values())
        .filter_map(|operation| operation.get("operationId")?.as_str())
        .collect();
    let shown = seen["operations"].as_array().expect("a list");
    let shown: BTreeSet<&str> = shown.iter().filter_map(Value::as_str).collect();
    assert_eq!(shown, described);
}
