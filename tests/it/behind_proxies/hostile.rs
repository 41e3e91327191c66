//! Hostile requests that reach the gateway through nginx and HAProxy: neither the proxy nor what lies behind it is talked
//! into an identity, another route, another protocol, or endless work.

use std::time::Duration;

use serde_json::json;
use tests::{Proxy, TestGateway, Vouching, raw_exchange, raw_status};

use super::{check, request};
use crate::devops::attacks::{FRAMINGS, TARGETS};
use crate::given::MISLEADING;
use crate::paths::AMBIGUOUS;
use crate::wire::{bomb, trickled};

/// What a client sends to be somebody; the proxies take it away.
const CLAIMED: &str = "x-ditto-pre-authenticated: proxy:admin";

/// A subject for which the proxies vouch, whatever clients claim.
const GUEST: Vouching<'_> = Vouching::For("proxy:guest");

#[tokio::test]
async fn no_form_of_a_target_is_another_route() {
    let gateway = TestGateway::start().await;
    let public = &gateway.endpoints().public;
    for proxy in Proxy::both(public, Vouching::ForNobody).await {
        for path in [
            "/api/2/whoami",
            "/api/2/things/org.acme:x",
            "/devops/logging",
            "/status",
            "/metrics",
        ] {
            let plain = raw_status(public, "GET", path, &[])
                .await
                .expect("a status");
            for host in ["other.example", "admin@gw.example", "127.0.0.1:1"] {
                let target = format!("GET http://{host}{path}");
                let answer = request(&proxy, &target, &[CLAIMED]).await;
                check(&proxy, &target, &answer, &[plain, 400]);
            }
        }
        for target in [
            "OPTIONS *",
            "GET *",
            "CONNECT other.example:443",
            "GET other.example:443",
        ] {
            let answer = request(&proxy, target, &[CLAIMED]).await;
            check(&proxy, target, &answer, &[400, 404, 405]);
        }
    }
}

#[tokio::test]
async fn no_spelling_of_a_path_is_another_route() {
    let gateway = TestGateway::start().await;
    for proxy in Proxy::both(&gateway.endpoints().public, GUEST).await {
        let known = request(&proxy, "GET /api/2/whoami", &[CLAIMED]).await;
        check(&proxy, "the control", &known, &[200]);
        for target in AMBIGUOUS.iter().chain(&TARGETS) {
            let answer = request(&proxy, &format!("GET {target}"), &[CLAIMED]).await;
            check(&proxy, target, &answer, &[400, 404]);
        }
        let behind = request(&proxy, "GET /nothing#/health", &[CLAIMED]).await;
        check(&proxy, "a fragment", &behind, &[400, 404]);
    }
}

#[tokio::test]
async fn two_readings_of_a_length_smuggle_nothing() {
    let gateway = TestGateway::start().await;
    let smuggled = format!("GET /api/2/whoami HTTP/1.1\r\nhost: x\r\n{CLAIMED}\r\n\r\n");
    for proxy in Proxy::both(&gateway.endpoints().public, GUEST).await {
        for framing in FRAMINGS {
            let bytes = format!(
                "PUT /api/2/whoami HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{framing}\r\n\r\n0\r\n\r\n{smuggled}"
            );
            let answer = raw_exchange(proxy.address(), bytes.as_bytes()).await;
            check(&proxy, framing, &answer, &[400, 405, 411, 415, 501]);
            assert_eq!(
                answer.matches("HTTP/1.1 ").count(),
                1,
                "{framing}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let few =
        json!({ "limits": { "per_subject": { "requests": 1, "window": "60s", "burst": 3 } } });
    let gateway = TestGateway::start_with(few).await;
    let proxies = Proxy::both(&gateway.endpoints().public, GUEST).await;
    for _ in 0..3 {
        proxies[0].caller().get("/api/2/whoami").await.expect(200);
    }
    for proxy in proxies {
        let refused = proxy.caller().get("/api/2/whoami").await;
        let seconds: u64 = refused
            .header("retry-after")
            .parse()
            .expect("whole seconds");
        assert!((1..=60).contains(&seconds), "{}: {seconds}", proxy.name());
        assert!(
            refused.body.len() < 512,
            "{}: {}",
            proxy.name(),
            refused.body
        );
        refused.expect_error(429, "too.many.requests");
        proxy.caller().get("/health").await.expect(200);
    }
}

#[tokio::test]
async fn no_header_changes_route_or_credential() {
    let gateway = TestGateway::start().await;
    let endpoints = gateway.endpoints();
    for (upstream, protected) in [
        (&endpoints.public, "GET /api/2/whoami"),
        (&endpoints.devops, "GET /devops/logging"),
        (&endpoints.devops, "GET /status"),
    ] {
        for proxy in Proxy::both(upstream, Vouching::ForNobody).await {
            for line in [CLAIMED].into_iter().chain(MISLEADING) {
                let answer = request(&proxy, protected, &[line]).await;
                check(&proxy, &format!("{protected}, {line}"), &answer, &[401]);
                let health = request(&proxy, "GET /health", &[line]).await;
                check(&proxy, line, &health, &[200]);
            }
        }
    }
}

#[tokio::test]
async fn a_refused_handshake_is_no_tunnel() {
    let gateway = TestGateway::start().await;
    let smuggled = format!("GET /api/2/whoami HTTP/1.1\r\nhost: x\r\n{CLAIMED}\r\n\r\n");
    let last = "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    for (vouching, version) in [(Vouching::ForNobody, "13"), (GUEST, "1337")] {
        for proxy in Proxy::both(&gateway.endpoints().public, vouching).await {
            let handshake = format!(
                "GET /ws/2 HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                 sec-websocket-version: {version}\r\nsec-websocket-key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n"
            );
            let bytes = format!("{handshake}{smuggled}{last}");
            let answer = raw_exchange(proxy.address(), bytes.as_bytes()).await;
            check(&proxy, "a refused handshake", &answer, &[400, 401, 426]);
        }
    }
}

/// A frame of HTTP/2 (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("short frames only");
    [&[0, 0, length, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// The head of `GET /api/2/whoami` with the claim, without any compression (RFC 7541 §6.2.2).
fn head() -> Vec<u8> {
    let mut head = vec![0x82, 0x86];
    let mut field = |name: &str, value: &str| {
        head.push(0);
        for text in [name, value] {
            head.push(u8::try_from(text.len()).expect("short texts only"));
            head.extend(text.as_bytes());
        }
    };
    field(":path", "/api/2/whoami");
    field(":authority", "x");
    let (name, value) = CLAIMED.split_once(": ").expect("a header line");
    field(name, value);
    head
}

#[tokio::test]
async fn http_2_is_no_way_around() {
    let gateway = TestGateway::start().await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS, HEADERS, and GOAWAY, so that whoever understands it closes.
    let frames = [
        frame(4, 0, 0, &[]),
        frame(1, 5, 1, &head()),
        frame(7, 0, 0, &[0; 8]),
    ]
    .concat();
    let upgrade = "GET /api/2/whoami HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\n\
                   upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n\r\n";
    for proxy in Proxy::both(&gateway.endpoints().public, Vouching::ForNobody).await {
        let bytes = [preface.clone(), frames.clone()].concat();
        let answer = raw_exchange(proxy.address(), &bytes).await;
        assert!(
            !answer.contains("proxy:admin") && !answer.contains("defaultSubject"),
            "{}: {answer}",
            proxy.name()
        );
        let bytes = [upgrade.as_bytes(), &preface, &frames].concat();
        let answer = raw_exchange(proxy.address(), &bytes).await;
        check(&proxy, "an upgrade to HTTP/2", &answer, &[400, 401]);
        assert!(
            !answer.contains("HTTP/1.1 101"),
            "{}: {answer}",
            proxy.name()
        );
    }
}

#[tokio::test]
async fn heads_and_bodies_are_bounded_in_size_and_time() {
    let settings = json!({ "http_server": { "request_timeout": "2s" } });
    let gateway = TestGateway::start_with(settings).await;
    let fields: Vec<_> = (0..70).map(|number| format!("x-{number}: 1")).collect();
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    let long = format!("x-long: {}", "x".repeat(17 * 1024));
    let target = format!("GET /api/2/whoami?x={}", "x".repeat(9 * 1024));
    let body = "PUT /api/2/things/org.acme:slow HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n{\"attributes\":\"";
    let head = "GET /api/2/whoami HTTP/1.1\r\nhost: x\r\nx-slow: ";
    for proxy in Proxy::both(&gateway.endpoints().public, GUEST).await {
        let asked = "GET /api/2/whoami";
        check(
            &proxy,
            "the control",
            &request(&proxy, asked, &[]).await,
            &[200],
        );
        check(
            &proxy,
            "70 fields",
            &request(&proxy, asked, &fields).await,
            &[431],
        );
        check(
            &proxy,
            "a long field",
            &request(&proxy, asked, &[&long]).await,
            &[400, 431],
        );
        check(
            &proxy,
            "a long target",
            &request(&proxy, &target, &[]).await,
            &[414],
        );
        let others = async {
            let answer = proxy.caller().get("/api/2/whoami").await;
            answer.expect(200);
        };
        let address = proxy.address();
        let (head, body, ()) =
            tokio::join!(trickled(address, head), trickled(address, body), others);
        for (what, (lasted, answer)) in [("head", head), ("body", body)] {
            assert!(
                lasted < Duration::from_secs(30),
                "{}: {what}: {lasted:?}",
                proxy.name()
            );
            let is_given_up = answer.is_empty()
                || [" 408 ", " 503 "]
                    .iter()
                    .any(|status| answer.contains(status));
            assert!(is_given_up, "{}: {what}: {answer}", proxy.name());
        }
    }
}

#[tokio::test]
async fn what_is_packed_stays_packed() {
    let gateway = TestGateway::start().await;
    let packed = bomb(128).await;
    let proxies = Proxy::both(&gateway.endpoints().public, GUEST).await;
    let before = gateway.memory_kib("VmHWM").await;
    for proxy in proxies {
        for encoding in ["gzip", "deflate", "identity, gzip"] {
            let head = format!(
                "PUT /api/2/things/org.acme:lamp HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                 content-type: application/json\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n",
                packed.len()
            );
            let bytes = [head.as_bytes(), &packed].concat();
            let answer = raw_exchange(proxy.address(), &bytes).await;
            check(&proxy, encoding, &answer, &[413, 415]);
        }
    }
    let grown = gateway.memory_kib("VmHWM").await.saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more");
}
