//! Attacks on the operators' door, with bytes that no well-behaved client sends, also through nginx and HAProxy.

use std::time::Duration;

use base64::Engine;
use serde_json::json;
use tests::{Proxy, TestGateway, Vouching, raw_exchange, raw_status};

use super::given::refused_start;
use crate::given::MISLEADING;
use crate::wire::trickled;

/// Targets of operators' routes, each written in a way that some proxy or library would take for another.
pub(crate) const TARGETS: [&str; 33] = [
    "//devops/logging",
    "/./devops/logging",
    "/../devops/logging",
    "/devops/./logging",
    "/health/../devops/logging",
    "/health/%2e%2e/devops/logging",
    "/%2e%2e/devops/logging",
    "/devops%2flogging",
    "/devops%2Flogging",
    "/devops%5clogging",
    "/devops\\logging",
    "/devops;x=1/logging",
    "/devops/logging;x=1",
    "/devops%3Bx/logging",
    "/devops/logging%00",
    "/%00devops/logging",
    "/devops/%c0%aflogging",
    "/devops/%u006cogging",
    "/%64evops/logging",
    "/devops/l%6Fgging",
    "/devopsX",
    "/devops/loggingA/x",
    "/statusx",
    "/statusx/health",
    "/healthz/../devops",
    "/Devops/logging",
    "/DEVOPS/logging",
    "/devops/logging/../config",
    "/devops/logging/%2e%2e/config",
    "/devops/logging/a%2f..%2fconfig",
    "/status../devops/logging",
    "/metrics/..;/devops/logging",
    "/console/../devops/config",
];

/// Header lines that say in two ways how long a body is, or in one that is none.
pub(crate) const FRAMINGS: [&str; 8] = [
    "content-length: 5\r\ntransfer-encoding: chunked",
    "transfer-encoding: xchunked",
    "transfer-encoding: chunked\r\ntransfer-encoding: identity",
    "content-length: 0\r\ncontent-length: 5",
    "content-length: +5",
    "content-length: 0x5",
    "content-length: 5, 5",
    "transfer-encoding:\r\n chunked",
];

#[tokio::test]
async fn no_spelling_reaches_a_protected_route() {
    let gateway = TestGateway::start().await;
    let door = &gateway.endpoints().devops;
    for target in TARGETS {
        let status = raw_status(door, "GET", target, &[]).await;
        assert!(
            matches!(status, Some(400 | 401 | 404)),
            "{target}: {status:?}"
        );
    }
    for target in [
        "http://other/devops/logging",
        "http://other/health",
        "*",
        "other:443",
    ] {
        for method in ["GET", "OPTIONS"] {
            let status = raw_status(door, method, target, &[]).await;
            assert!(
                matches!(status, Some(400 | 401 | 404 | 405)),
                "{method} {target}: {status:?}"
            );
        }
    }
    let fragment = raw_status(door, "GET", "/health#/devops/logging", &[]).await;
    assert!(matches!(fragment, Some(200 | 400)), "{fragment:?}");
}

#[tokio::test]
async fn headers_change_neither_route_nor_credential() {
    let gateway = TestGateway::start().await;
    let door = &gateway.endpoints().devops;
    let others = [
        "x-ditto-pre-authenticated: nginx:devops",
        "connection: authorization",
    ];
    for header in MISLEADING.into_iter().chain(others) {
        let status = raw_status(door, "GET", "/devops/logging", &[header]).await;
        assert_eq!(status, Some(401), "{header}");
        let status = raw_status(door, "GET", "/health", &[header]).await;
        assert_eq!(status, Some(200), "{header}");
    }
}

#[tokio::test]
async fn two_readings_of_a_length_are_none() {
    let gateway = TestGateway::start().await;
    let door = &gateway.endpoints().devops;
    let second = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
    for framing in FRAMINGS {
        let request = format!(
            "PUT /devops/logging HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n0\r\n\r\n{second}"
        );
        let answer = raw_exchange(door, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{framing}: {answer}");
        assert!(
            !answer.contains("{\"status\":\"UP\"}"),
            "{framing}: {answer}"
        );
    }
}

#[tokio::test]
async fn sizes_are_bounded() {
    let gateway = TestGateway::start().await;
    let door = &gateway.endpoints().devops;
    let long = format!("/devops/logging?x={}", "x".repeat(9 * 1024));
    assert_eq!(raw_status(door, "GET", &long, &[]).await, Some(414));
    let header = format!("x-filler: {}", "x".repeat(200 * 1024));
    let status = raw_status(door, "GET", "/health", &[&header]).await;
    assert!(matches!(status, Some(400 | 431)), "{status:?}");
    let operator = gateway.as_operator();
    let large = json!({ "level": "x".repeat(100 * 1024) });
    operator
        .put("/devops/logging", &large)
        .await
        .expect_error(413, "gateway:body.toolarge");
}

/// Who says before how much would come is told before it comes.
#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_not_waited_for() {
    let gateway = TestGateway::start().await;
    let endpoints = gateway.endpoints();
    let password = gateway.first_operator_password();
    let password = base64::prelude::BASE64_STANDARD.encode(format!("devops:{password}"));
    for (address, request) in [
        (
            &endpoints.devops,
            format!("PUT /devops/logging HTTP/1.1\r\nauthorization: Basic {password}"),
        ),
        (
            &endpoints.public,
            "PUT /api/2/things/org.acme:x HTTP/1.1\r\nx-ditto-pre-authenticated: nginx:alice"
                .to_owned(),
        ),
        (
            &endpoints.public,
            "POST /api/2/things/org.acme:x/inbox/messages/y HTTP/1.1\r\nx-ditto-pre-authenticated: nginx:alice"
                .to_owned(),
        ),
    ] {
        for expect in ["", "expect: 100-continue\r\n"] {
            let head = format!(
                "{request}\r\nhost: x\r\ncontent-type: application/json\r\n{expect}content-length: 1000000000000\r\n\r\n"
            );
            let answer = raw_exchange(address, head.as_bytes()).await;
            let answer = answer.trim_start_matches("HTTP/1.1 100 Continue\r\n\r\n");
            assert!(answer.starts_with("HTTP/1.1 413 "), "{request}: {answer}");
            assert!(answer.contains("gateway:body.toolarge"), "{request}: {answer}");
        }
    }
}

#[tokio::test]
async fn requests_that_trickle_in_keep_nobody_out_and_are_given_up_on() {
    let gateway = TestGateway::start().await;
    let door = gateway.endpoints().devops.clone();
    let operator = gateway.as_operator();
    let head = "PUT /devops/logging HTTP/1.1\r\nhost: x\r\n";
    let password = base64::engine::general_purpose::STANDARD
        .encode(format!("devops:{}", gateway.first_operator_password()));
    let body = format!("{head}authorization: Basic {password}\r\ncontent-length: 60000\r\n\r\n{{");
    let starts = std::iter::once(body).chain((0..100).map(|_| format!("{head}x-slow: ")));
    let slow: Vec<_> = starts
        .map(|start| {
            let door = door.clone();
            tokio::spawn(async move { trickled(&door, &start).await })
        })
        .collect();
    operator.get("/devops/logging").await.expect(200);
    for request in slow {
        let (lasted, answer) = request.await.expect("it is ended");
        assert!(lasted < Duration::from_secs(30), "{lasted:?}");
        let is_given_up = answer.is_empty() || answer.starts_with("HTTP/1.1 408 ");
        assert!(is_given_up, "{answer}");
    }
    operator.get("/devops/logging").await.expect(200);
}

#[tokio::test]
async fn other_protocols_are_no_way_around() {
    let gateway = TestGateway::start().await;
    let door = &gateway.endpoints().devops;
    let upgrade = [
        "connection: upgrade, http2-settings",
        "upgrade: h2c",
        "http2-settings: AAMAAABkAAQAAP__",
    ];
    assert_eq!(
        raw_status(door, "GET", "/devops/logging", &upgrade).await,
        Some(401)
    );
    let preface = raw_exchange(
        door,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    )
    .await;
    assert!(!preface.contains("200"), "{preface}");
    let proxied = raw_exchange(
        door,
        b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nGET /health HTTP/1.1\r\nhost: x\r\n\r\n",
    )
    .await;
    assert!(!proxied.contains("200 OK"), "{proxied}");
}

#[tokio::test]
async fn lines_of_the_log_cannot_be_forged() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    for path in [
        "/devops/sessions/x%0AFORGED",
        "/devops/logging/%1b%5b31mFORGED",
        "/devops/sessions?subject=a%0d%0aFORGED",
    ] {
        operator.get(path).await;
    }
    let log = gateway.log();
    assert!(!log.lines().any(|line| line.starts_with("FORGED")), "{log}");
    assert!(!log.contains("\u{1b}[31mFORGED"));
}

#[tokio::test]
async fn labels_of_metrics_are_not_the_clients_choice() {
    let gateway = TestGateway::start().await;
    let operator = gateway.as_operator();
    let proxies = Proxy::both(&gateway.endpoints().public, Vouching::AsToldByClients).await;
    let mut doors = vec![gateway.anonymous()];
    doors.extend(proxies.iter().map(Proxy::caller));
    let count = async || {
        operator
            .get("/metrics")
            .await
            .expect(200)
            .body
            .lines()
            .count()
    };
    let ask = async |number: usize| {
        let door = &doors[number % doors.len()];
        let by = |name: &str| door.with("x-ditto-pre-authenticated", name);
        let alice = by("nginx:alice");
        let method = format!("M{number}").parse().expect("a method");
        alice
            .send(method, &format!("/api/2/x{number}"), &[], None)
            .await;
        alice
            .get(&format!("/api/2/things/org.acme:t{number}?x{number}=1"))
            .await;
        by(&format!("nginx:u{number}")).get("/api/2/whoami").await;
    };
    for number in 0..3 {
        ask(number).await;
    }
    let before = count().await;
    for number in 3..40 {
        ask(number).await;
    }
    let after = count().await;
    assert!(after <= before + 5, "{before} lines became {after}");
}

#[tokio::test]
async fn unsafe_operators_configurations_do_not_start() {
    for overlay in [
        json!({ "devops": { "listen_addr": "0.0.0.0:0" } }),
        json!({ "devops": { "trusted_proxies": ["0.0.0.0/0"] } }),
        json!({ "devops": { "devops_passwords": ["foobar"] } }),
        json!({ "devops": { "devops_authentication_method": "oauth2" } }),
        json!({ "devops": { "oauth": { "openid_connect_issuers": { "ops": { "issuer": "id.example" } } } } }),
    ] {
        let said = refused_start(&overlay).await;
        assert!(said.contains("devops."), "{overlay}: {said}");
    }
}

#[tokio::test]
async fn proxies_in_front_change_nothing() {
    let gateway = TestGateway::start().await;
    let password = gateway.first_operator_password();
    for proxy in [
        Proxy::nginx(&gateway.endpoints().devops).await,
        Proxy::haproxy(&gateway.endpoints().devops).await,
    ] {
        for target in TARGETS {
            let status = raw_status(proxy.address(), "GET", target, &[]).await;
            // A proxy may resolve dots itself; then it asks for the route under its plain name, without a credential.
            assert!(
                matches!(status, Some(400 | 401 | 404)),
                "{}: {target}: {status:?}",
                proxy.name()
            );
        }
        let second = "GET /devops/logging HTTP/1.1\r\nhost: x\r\n\r\n";
        let denied = format!(
            "PUT /devops/logging HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{second}",
            second.len()
        );
        let close = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let answer = raw_exchange(proxy.address(), format!("{denied}{close}").as_bytes()).await;
        assert_eq!(
            answer.matches("HTTP/1.1 401").count(),
            1,
            "{}: {answer}",
            proxy.name()
        );
        assert!(
            !answer.contains("loggerConfigs"),
            "{}: {answer}",
            proxy.name()
        );
        let operator = proxy.caller().basic("devops", &password);
        operator.get("/devops/logging").await.expect(200);
        for number in 0..12 {
            let spoofed = proxy
                .caller()
                .with("x-forwarded-for", &format!("10.0.0.{number}"));
            spoofed
                .basic("devops", &format!("guess {number}"))
                .get("/devops/logging")
                .await;
        }
        let guesser = proxy
            .caller()
            .basic("devops", "guess")
            .get("/devops/logging")
            .await;
        guesser.expect_error(429, "too.many.requests");
        gateway
            .as_operator()
            .get("/devops/logging")
            .await
            .expect(200);
    }
}
