//! One request, one path: nothing ambiguous reaches a route.

use tests::{TestGateway, raw_exchange, raw_status};

/// Targets that are no route but might be taken for one.
pub(crate) const AMBIGUOUS: [&str; 19] = [
    "//api/2/whoami",
    "/api//2/whoami",
    "/./api/2/whoami",
    "/api/2/./whoami",
    "/api/2/things/../whoami",
    "/api/2/%2e%2e/2/whoami",
    "/api/2/%2E/whoami",
    "/%61pi/2/whoami",
    "/api%2f2/whoami",
    "/api/2%2Fwhoami",
    "/api/2/whoami;x=1",
    "/api/2/whoami%3Bx=1",
    "/api\\2\\whoami",
    "/api/2/whoami%00",
    "/api/2/whoami%c0%af",
    "/api/2/whoami%u0041",
    "/API/2/whoami",
    "/api/2/whoamiX",
    "/api/2/things/a%2500:b",
];

const VOUCHED: &str = "x-ditto-pre-authenticated: nginx:alice";

#[tokio::test]
async fn ambiguous_paths_reach_no_route() {
    let gateway = TestGateway::start().await;
    let address = &gateway.endpoints().public;
    assert_eq!(
        raw_status(address, "GET", "/api/2/whoami", &[VOUCHED]).await,
        Some(200),
        "the check can pass"
    );
    for target in AMBIGUOUS {
        let status = raw_status(address, "GET", target, &[VOUCHED]).await;
        assert!(matches!(status, Some(400 | 404)), "{target}: {status:?}");
    }
}

#[tokio::test]
async fn nothing_behind_a_number_sign_is_read() {
    let gateway = TestGateway::start().await;
    let address = &gateway.endpoints().public;
    for (target, same_as) in [("/api/2/whoami#/../health", 401), ("/nothing#/health", 404)] {
        let status = raw_status(address, "GET", target, &[]).await;
        assert!(
            status == Some(400) || status == Some(same_as),
            "{target}: {status:?}"
        );
    }
}

#[tokio::test]
async fn headers_do_not_change_the_route() {
    let gateway = TestGateway::start().await;
    let address = &gateway.endpoints().public;
    for line in [
        "x-original-url: /health",
        "x-rewrite-url: /health",
        "x-forwarded-uri: /health",
        "x-http-method-override: OPTIONS",
        "user-agent: kube-probe/1.30",
        "user-agent: GoogleHC/1.0",
    ] {
        assert_eq!(
            raw_status(address, "GET", "/api/2/whoami", &[line]).await,
            Some(401),
            "{line}"
        );
    }
}

#[tokio::test]
async fn other_spellings_of_the_identity_header_are_no_identity() {
    let gateway = TestGateway::start().await;
    let address = &gateway.endpoints().public;
    for line in [
        "x_ditto_pre_authenticated: nginx:alice",
        "x-ditto-pre-authenticated : nginx:alice",
        "x-ditto-pre_authenticated: nginx:alice",
    ] {
        let status = raw_status(address, "GET", "/api/2/whoami", &[line]).await;
        assert!(matches!(status, Some(400 | 401)), "{line}: {status:?}");
    }
    let status = raw_status(
        address,
        "GET",
        "/api/2/whoami",
        &["X-DITTO-Pre-Authenticated: nginx:alice"],
    )
    .await;
    assert_eq!(status, Some(200), "header names ignore case");
}

#[tokio::test]
async fn two_lengths_are_one_too_many() {
    let gateway = TestGateway::start().await;
    let address = &gateway.endpoints().public;
    let smuggled =
        "GET /api/2/whoami HTTP/1.1\r\nhost: x\r\nx-ditto-pre-authenticated: nginx:alice\r\n\r\n";
    let lengths = [
        "content-length: 4\r\ncontent-length: 5",
        "content-length: +4",
        "content-length: 4, 4",
        "content-length: 0x4",
        "content-length: 4\r\ntransfer-encoding: chunked",
        "transfer-encoding: xchunked",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity",
    ];
    for lines in lengths {
        let request = format!(
            "PUT /api/2/things/a:b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{VOUCHED}\r\n{lines}\r\n\r\n{smuggled}"
        );
        let answer = raw_exchange(address, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{lines}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{lines}: {answer}");
    }
}

#[tokio::test]
async fn unknown_routes_answer_in_error_json() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    for (path, status) in [
        ("/api/2/connections", 404),
        ("/api/2/nothing", 404),
        ("/nothing", 404),
        ("/api/7/things", 404),
    ] {
        let answer = alice.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert_eq!(answer.json()["status"], status, "{path}: {}", answer.body);
    }
    alice
        .get("/api/7/things")
        .await
        .expect_error(404, "api.version.notsupported");
    let answer = alice
        .post("/api/2/whoami", &serde_json::json!({}))
        .await
        .expect(405);
    assert_eq!(answer.json()["status"], 405);
}
