//! Pages of other sites, in browsers whose users have credentials here.

use reqwest::Method;
use serde_json::json;
use tests::{Answer, Caller, TestGateway};

const OWN: &str = "https://app.acme.example";

async fn gateway() -> TestGateway {
    TestGateway::start_with(json!({ "http_server": { "allowed_origins": [OWN] } })).await
}

async fn preflight(caller: &Caller, origin: &str, method: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", method),
        (
            "access-control-request-headers",
            "authorization, x-ditto-pre-authenticated",
        ),
        ("access-control-request-private-network", "true"),
    ];
    caller
        .send(
            Method::OPTIONS,
            "/api/2/things/org.acme:lamp",
            &headers,
            None,
        )
        .await
}

#[track_caller]
fn check_no_permission(origin: &str, answer: &Answer) {
    let given: Vec<_> = answer
        .headers
        .keys()
        .filter(|name| name.as_str().starts_with("access-control-"))
        .collect();
    assert!(given.is_empty(), "{origin}: {given:?}");
}

#[tokio::test]
async fn a_foreign_page_gets_no_permission() {
    let gateway = gateway().await;
    let nobody = gateway.anonymous();
    for origin in [
        "https://evil.example",
        "null",
        "https://app.acme.example.evil.example",
        "https://evil-app.acme.example",
        "http://app.acme.example",
        "https://app.acme.example:8443",
        "https://APP.acme.example",
        "https://app.acme.example, https://evil.example",
        "https://app.acme.example\u{e9}",
        "file://",
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            let answer = preflight(&nobody, origin, method).await;
            assert!(
                [400, 403].contains(&answer.status),
                "{origin}: {}",
                answer.status
            );
            check_no_permission(origin, &answer);
        }
        let caller = gateway.as_subject("nginx:alice").with("origin", origin);
        check_no_permission(origin, &caller.get("/api/2/whoami").await);
        for (method, path) in [
            (Method::PUT, "/api/2/things/org.acme:lamp"),
            (Method::POST, "/api/2/things"),
            (Method::DELETE, "/api/2/things/org.acme:lamp"),
            (Method::POST, "/api/2/things/org.acme:lamp/inbox/messages/x"),
        ] {
            let answer = caller.send(method, path, &[], Some("{}".to_owned())).await;
            assert!(
                [400, 403].contains(&answer.status),
                "{origin}: {}",
                answer.status
            );
            check_no_permission(origin, &answer);
        }
    }
    gateway
        .as_subject("nginx:alice")
        .get("/api/2/things/org.acme:lamp")
        .await
        .expect(404);
}

#[tokio::test]
async fn a_listed_page_is_named_and_credentials_of_the_browser_are_not_invited() {
    let gateway = gateway().await;
    let answer = preflight(&gateway.anonymous(), OWN, "PUT")
        .await
        .expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), OWN);
    let read = gateway
        .as_subject("nginx:alice")
        .with("origin", OWN)
        .get("/api/2/whoami")
        .await
        .expect(200);
    assert_eq!(read.header("access-control-allow-origin"), OWN);
    let shown = read.header("access-control-expose-headers");
    for name in ["ditto-metadata", "etag", "entity-revision"] {
        assert!(shown.split(", ").any(|each| each == name), "{shown}");
    }
    for answer in [&answer, &read] {
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert_ne!(answer.header("access-control-allow-origin"), "*");
        assert!(
            answer
                .header("vary")
                .to_ascii_lowercase()
                .contains("origin"),
            "a shared cache must not answer another page with this"
        );
    }
}
