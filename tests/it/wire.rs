//! What is said on a connection to the public edge below or beside a well-formed request: other protocols, other framings,
//! bytes that come late or grow when they are unpacked.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{TestGateway, deadline, raw_exchange, raw_status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::given::given_lamp;

const VOUCHED: &str = "x-ditto-pre-authenticated: nginx:alice";

#[tokio::test]
async fn only_a_path_is_a_target() {
    let gateway = TestGateway::start().await;
    let address = &gateway.endpoints().public;
    for target in [
        "http://other.example/api/2/whoami",
        "http://other.example/devops/logging",
        "https://other.example/health",
        "other.example:443",
        "*",
    ] {
        for method in ["GET", "OPTIONS", "CONNECT"] {
            let status = raw_status(address, method, target, &[VOUCHED]).await;
            assert!(
                matches!(status, Some(400 | 404 | 405)),
                "{method} {target}: {status:?}"
            );
        }
    }
}

#[tokio::test]
async fn http_2_is_neither_offered_nor_understood() {
    let gateway = TestGateway::start().await;
    let address = &gateway.endpoints().public;
    // The preface, an empty SETTINGS frame, and the HEADERS of `GET /health` (RFC 9113 §3.4, RFC 7541 appendix A).
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    bytes.extend(b"\0\0\x0a\x01\x05\0\0\0\x01\x82\x86\x04\x07/health");
    let answer = raw_exchange(address, &bytes).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
    let upgrade = [
        "upgrade: h2c",
        "http2-settings: AAMAAABkAAQAAP__",
        "x-upgrade: h2c",
    ];
    assert_eq!(
        raw_status(address, "GET", "/api/2/whoami", &upgrade).await,
        Some(401),
        "without a credential"
    );
    let request = format!(
        "GET /api/2/whoami HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings, close\r\n\
         upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n{VOUCHED}\r\n\r\n"
    );
    let answer = raw_exchange(address, request.as_bytes()).await;
    assert!(!answer.starts_with("HTTP/1.1 101"), "{answer}");
}

/// The head of the next answer on a connection; its body is one of JSON without braces inside.
async fn next_head(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    while received.last() != Some(&b'}') {
        let byte = deadline("an answer", stream.read_u8()).await;
        received.push(byte.expect("the connection goes on"));
    }
    let received = String::from_utf8(received).expect("an answer is text");
    let (head, _) = received.split_once("\r\n\r\n").expect("a head");
    head.to_owned()
}

/// A connection lives on behind a short body that nobody wanted, and ends behind a longer one.
#[tokio::test]
async fn a_refused_write_keeps_its_connection() {
    let gateway = TestGateway::start().await;
    let address = &gateway.endpoints().public;
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let vouched = format!("{VOUCHED}\r\n");
    let thing = "/api/2/things/org.acme:lamp";
    for (length, path, fields, expected) in [
        (1, thing, "", "401"),
        (64 * 1024, thing, "", "401"),
        (64 * 1024, "/api/2/nothing", &*vouched, "404"),
        (64 * 1024, "/api/2/whoami", &vouched, "405"),
        (10, thing, "expect: 100-continue\r\n", "100"),
        (64 * 1024 + 1, thing, "", "401"),
    ] {
        let head =
            format!("PUT {path} HTTP/1.1\r\nhost: x\r\n{fields}content-length: {length}\r\n\r\n");
        let request = head.into_bytes().into_iter().chain(vec![b'1'; length]);
        let sent = stream.write_all(&request.collect::<Vec<_>>()).await;
        sent.expect("the connection goes on");
        let head = next_head(&mut stream).await;
        assert!(head.starts_with(&format!("HTTP/1.1 {expected} ")), "{head}");
        let ends = head.contains("connection: close");
        assert_eq!(ends, length > 64 * 1024, "{length}: {head}");
    }
}

/// Whoever does not send what it promised is told all the same, and so is who sends what has no end.
#[tokio::test]
async fn the_body_of_a_refused_write_is_not_waited_for() {
    let gateway = TestGateway::start().await;
    let next = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
    for (field, rest) in [
        ("content-length: 3", "1".to_owned()),
        (
            "upgrade: websocket\r\ncontent-length: 3",
            format!("1.5{next}"),
        ),
        ("connection: close\r\ncontent-length: 3", "1".to_owned()),
    ] {
        let began = Instant::now();
        let request = format!("PUT /api/2/things/a:b HTTP/1.1\r\nhost: x\r\n{field}\r\n\r\n{rest}");
        let answer = raw_exchange(&gateway.endpoints().public, request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 401 "), "{field}: {answer}");
        assert!(answer.contains("connection: close"), "{field}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{field}: {answer}");
        let took = began.elapsed();
        assert!(took < Duration::from_secs(5), "{field}: {took:?}");
    }
}

#[tokio::test]
async fn further_framings_are_refused() {
    let gateway = TestGateway::start().await;
    let address = &gateway.endpoints().public;
    let smuggled = format!("GET /api/2/whoami HTTP/1.1\r\nhost: x\r\n{VOUCHED}\r\n\r\n");
    let put = "PUT /api/2/things/a:b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    for (what, request) in [
        (
            "a folded line",
            format!("{put}{VOUCHED}\r\ntransfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        ),
        (
            "two encodings in one line",
            format!(
                "{put}{VOUCHED}\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n{smuggled}"
            ),
        ),
        (
            "a line feed alone in a chunk's extension",
            format!(
                "{put}{VOUCHED}\r\ntransfer-encoding: chunked\r\n\r\n2;\n{{}}\r\n0\r\n\r\n{smuggled}"
            ),
        ),
        (
            "a negative chunk",
            format!(
                "{put}{VOUCHED}\r\ntransfer-encoding: chunked\r\n\r\n-2\r\n{{}}\r\n0\r\n\r\n{smuggled}"
            ),
        ),
        (
            "a chunk of more bytes than there can be",
            format!(
                "{put}{VOUCHED}\r\ntransfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n{{}}\r\n0\r\n\r\n{smuggled}"
            ),
        ),
        (
            "a length of HTTP/1.0 with an encoding",
            format!(
                "PUT /api/2/things/a:b HTTP/1.0\r\n{VOUCHED}\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
            ),
        ),
        (
            "a blank before the colon",
            format!("{put}{VOUCHED}\r\ncontent-length : 4\r\n\r\n{smuggled}"),
        ),
    ] {
        let answer = raw_exchange(address, request.as_bytes()).await;
        assert!(!answer.contains(" 200 "), "{what}: {answer}");
        assert!(!answer.contains("nginx:alice"), "{what}: {answer}");
        assert!(
            answer.is_empty()
                || answer.starts_with("HTTP/1.1 4")
                || answer.starts_with("HTTP/1.0 4"),
            "{what}: {answer}"
        );
    }
    let nothing = gateway
        .as_subject("nginx:alice")
        .get("/api/2/things/a:b")
        .await;
    nothing.expect_error(404, "things:thing.notfound");
}

#[tokio::test]
async fn what_follows_a_refused_handshake_is_not_read() {
    let gateway = TestGateway::start().await;
    let address = &gateway.endpoints().public;
    let handshake = "GET /ws/2 HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                     sec-websocket-version: 13\r\nsec-websocket-key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\r\n";
    let smuggled = format!("GET /api/2/whoami HTTP/1.1\r\nhost: x\r\n{VOUCHED}\r\n\r\n");
    let answer = raw_exchange(address, format!("{handshake}{smuggled}").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(!answer.contains("nginx:alice"), "{answer}");
}

#[tokio::test]
async fn fields_without_number_are_refused() {
    let gateway = TestGateway::start().await;
    let mut caller = gateway.as_subject("nginx:alice");
    for number in 0..64 {
        caller = caller.with(&format!("x-{number}"), "1");
    }
    caller
        .get("/api/2/whoami")
        .await
        .expect_error(431, "headers.too.large");
    for number in 64..200 {
        caller = caller.with(&format!("x-{number}"), "1");
    }
    let status = caller.get("/api/2/whoami").await.status;
    assert!([400, 431].contains(&status), "{status}");
}

/// Sends `head`, then one byte more every 100 ms; how long until the gateway ends it, and with what.
pub(crate) async fn trickled(address: &str, head: &str) -> (Duration, String) {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (mut receiving, mut sending) = stream.into_split();
    let started = Instant::now();
    sending
        .write_all(head.as_bytes())
        .await
        .expect("it listens");
    let trickle = tokio::spawn(async move {
        while sending.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut answer = Vec::new();
    let _ = deadline("the end", receiving.read_to_end(&mut answer)).await;
    trickle.abort();
    (
        started.elapsed(),
        String::from_utf8_lossy(&answer).into_owned(),
    )
}

#[tokio::test]
async fn requests_that_trickle_in_are_given_up_on() {
    let settings = json!({ "http_server": { "request_timeout": "2s" } });
    let gateway = TestGateway::start_with(settings).await;
    let address = &gateway.endpoints().public;
    let head = "GET /api/2/whoami HTTP/1.1\r\nhost: x\r\nx-slow: ";
    let body = format!(
        "PUT /api/2/things/org.acme:slow HTTP/1.1\r\nhost: x\r\n{VOUCHED}\r\ncontent-length: 100000\r\n\r\n{{\"attributes\":\""
    );
    let (head, body) = tokio::join!(trickled(address, head), trickled(address, &body));
    for (what, (lasted, answer)) in [("head", head), ("body", body)] {
        assert!(lasted < Duration::from_secs(30), "{what}: {lasted:?}");
        assert!(
            answer.is_empty()
                || [" 408 ", " 503 "]
                    .iter()
                    .any(|status| answer.contains(status)),
            "{what}: {answer}"
        );
    }
}

/// So many MiB of blanks, packed.
pub(crate) async fn bomb(mebibytes: usize) -> Vec<u8> {
    let mut gzip = Command::new("gzip")
        .args(["-9", "-c"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("gzip is everywhere");
    let mut input = gzip.stdin.take().expect("a pipe");
    let writing = tokio::spawn(async move {
        let blanks = vec![b' '; 1 << 20];
        for _ in 0..mebibytes {
            input.write_all(&blanks).await.expect("gzip reads");
        }
    });
    let output = deadline("gzip", gzip.wait_with_output()).await;
    writing.await.expect("all of it");
    output.expect("gzip ends").stdout
}

#[tokio::test]
async fn what_is_packed_stays_packed() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let packed = bomb(128).await;
    assert!(packed.len() < 200_000, "{} bytes", packed.len());
    let before = gateway.memory_kib("VmHWM").await;
    for (method, path) in [
        ("PUT", "/api/2/things/org.acme:lamp"),
        ("PUT", "/api/2/things/org.acme:lamp/attributes/x"),
        ("PATCH", "/api/2/things/org.acme:lamp"),
        ("POST", "/api/2/things"),
        ("PUT", "/api/2/policies/org.acme:lamp"),
        ("POST", "/api/2/checkPermissions"),
    ] {
        for encoding in ["gzip", "deflate", "br", "zstd", "x-gzip", "identity, gzip"] {
            let media_type = if method == "PATCH" {
                "application/merge-patch+json"
            } else {
                "application/json"
            };
            let mut request = format!(
                "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{VOUCHED}\r\n\
                 content-type: {media_type}\r\ncontent-encoding: {encoding}\r\ncontent-length: {}\r\n\r\n",
                packed.len()
            )
            .into_bytes();
            request.extend(&packed);
            let answer = raw_exchange(&gateway.endpoints().public, &request).await;
            let status = answer.split(' ').nth(1);
            assert!(
                matches!(status, Some("413" | "415")),
                "{method} {path} {encoding}: {answer}"
            );
        }
    }
    let grown = gateway.memory_kib("VmHWM").await.saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more");
    let lamp = alice.get("/api/2/things/org.acme:lamp").await.expect(200);
    assert_eq!(lamp.json()["attributes"]["serial"], "A-1");
}

/// Read as line ends (RFC 9112 section 2.2) or refused: where one request stands, nobody sees two or none.
#[tokio::test]
async fn line_feeds_alone_smuggle_nothing() {
    let gateway = TestGateway::start().await;
    let endpoints = gateway.endpoints();
    let inner = "GET /api/2/whoami HTTP/1.1\r\nhost: x\r\n\r\n";
    let length = inner.len();
    for (head, answers) in [
        (
            "GET /health HTTP/1.1\nhost: x\nconnection: close\n\n".to_owned(),
            1,
        ),
        (
            format!(
                "GET /health HTTP/1.1\nhost: x\ncontent-length: {length}\nconnection: close\n\n{inner}"
            ),
            1,
        ),
        (
            format!(
                "GET /health HTTP/1.1\r\nhost: x\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{length:x}\r\n{inner}\r\n0\r\n\r\n"
            ),
            1,
        ),
        (
            format!("GET /health HTTP/1.1\r\nhost: x\r\nx: a\rb\r\n\r\n{inner}"),
            1,
        ),
    ] {
        for address in [&endpoints.public, &endpoints.devops] {
            let answered = raw_exchange(address, head.as_bytes()).await;
            let statuses = answered.matches("HTTP/1.1 ").count();
            assert_eq!(statuses, answers, "{head:?}: {answered}");
            assert!(!answered.contains("whoami"), "{answered}");
        }
    }
}

/// An event right behind another is sent at once, whether or not the client has acknowledged the first (RFC 896, RFC 9293
/// section 3.7.4).
#[tokio::test]
async fn small_answers_do_not_wait_for_acknowledgements() {
    let trace = tempfile::NamedTempFile::new().expect("a temporary file");
    let path = trace.path().display().to_string();
    let calls = "trace=accept4,setsockopt";
    let wrapper = ["strace", "-f", "-qq", "-e", calls, "-o", &path];
    let wrapper = wrapper.iter().map(ToString::to_string).collect();
    let gateway = TestGateway::start_under(wrapper, json!({})).await;
    gateway.anonymous().get("/health").await.expect(200);
    gateway.operators_door().get("/health").await.expect(200);
    gateway.stop().await;
    let text = std::fs::read_to_string(trace.path()).expect("strace has written its trace");
    let accepted = text.lines().filter(|line| has_accepted(line)).count();
    let at_once = text.matches("TCP_NODELAY, [1]").count();
    assert!(accepted >= 2, "{text}");
    assert_eq!(accepted, at_once, "{text}");
}

/// Whether this line of `strace` ends a call that has accepted a connection.
fn has_accepted(line: &str) -> bool {
    let result = line.rsplit_once("= ").map(|(_, result)| result);
    line.contains("accept4") && result.is_some_and(|number| number.parse::<u32>().is_ok())
}
