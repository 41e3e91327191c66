//! Text of strangers that would be a line of its own in a log, an instruction to a terminal, or a record for auditors.

use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    Caller, Issuer, Proxy, SigningKey, TestGateway, Vouching, encode, eventually, merged,
    raw_exchange,
};

use crate::given::given_lamp;

/// Ends a line, begins one that looks like the gateway's own, and paints the terminal.
const EVIL: &str = "x\r\n2026-01-01T00:00:00Z  INFO FORGED {\"event\":\"auth.allow\"}\u{1b}[2J\u{7}\u{9b}31m\u{2028}\u{202e}";
/// The same in a path or a query.
const ESCAPED: &str =
    "x%0D%0A2026-01-01T00:00:00Z%20%20INFO%20FORGED%1B%5B2J%07%C2%9B31m%E2%80%A8%E2%80%AE";

/// In paths, queries and bodies.
async fn say_it_in_requests(nobody: &Caller, alice: &Caller) {
    for path in [
        format!("/api/2/things/org.acme:{ESCAPED}"),
        format!("/api/2/things/org.acme:lamp/attributes/{ESCAPED}"),
        format!("/api/2/things/org.acme:lamp/features/{ESCAPED}"),
        format!("/api/2/things?ids=org.acme:{ESCAPED}"),
        format!("/api/2/things?fields={ESCAPED}"),
        format!("/api/2/things/org.acme:lamp?condition=eq(attributes/x,%22{ESCAPED}%22)"),
        format!("/api/2/policies/org.acme:{ESCAPED}"),
        format!("/api/2/policies/org.acme:lamp/entries/{ESCAPED}"),
        format!("/api/2/policies/org.acme:lamp/entries/DEFAULT/subjects/nginx:{ESCAPED}"),
        format!("/api/2/{ESCAPED}"),
        format!("/{ESCAPED}"),
        format!("/api/2/whoami?correlation-id={ESCAPED}"),
        format!("/api/2/whoami?{ESCAPED}={ESCAPED}"),
        format!("/ws/2?access_token={ESCAPED}"),
    ] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let media_type = [("content-type", "application/json")];
            let body = Some(json!(EVIL).to_string());
            alice.send(method, &path, &media_type, body).await;
        }
        nobody.get(&path).await;
    }
    let message = format!("/api/2/things/org.acme:lamp/inbox/messages/{ESCAPED}?timeout=0");
    alice.post(&message, &json!(EVIL)).await;
    let subjects = json!({ format!("nginx:{EVIL}"): { "type": EVIL } });
    let entry = json!({ "subjects": subjects, "resources": { "thing:/": { "grant": [EVIL], "revoke": [] } } });
    let entries = "/api/2/policies/org.acme:lamp/entries/evil";
    alice.put(entries, &entry).await;
    alice
        .put(
            "/api/2/things/org.acme:lamp",
            &json!({ "policyId": EVIL, "thingId": EVIL }),
        )
        .await;
}

/// In headers and claims of tokens that are signed all the same.
async fn say_it_in_tokens(gateway: &TestGateway, issuer: &Issuer, key: &SigningKey) {
    let header = json!({ "alg": "EdDSA", "kid": EVIL }).to_string();
    let claims = issuer.claims(EVIL);
    for token in [
        key.sign(&header, &claims.to_string()),
        key.sign(r#"{"alg":"EdDSA","kid":"key"}"#, &claims.to_string()),
        key.sign(
            r#"{"alg":"EdDSA","kid":"key"}"#,
            &merged(claims.clone(), json!({ "iss": EVIL })).to_string(),
        ),
        key.sign(
            r#"{"alg":"EdDSA","kid":"key"}"#,
            &merged(claims, json!({ "sub": "alice", "jti": EVIL })).to_string(),
        ),
        key.sign(
            r#"{"alg":"EdDSA","kid":"key"}"#,
            &issuer.claims(&"\u{1}".repeat(700)).to_string(),
        ),
        key.sign(
            r#"{"alg":"EdDSA","kid":"key"}"#,
            &merged(
                issuer.claims("alice"),
                json!({ "jti": "\u{1}".repeat(700) }),
            )
            .to_string(),
        ),
        format!("{}.{}.x", encode(EVIL), encode(EVIL)),
    ] {
        gateway.as_bearer(&token).get("/api/2/whoami").await;
    }
}

/// In frames of every kind.
async fn say_it_in_frames(alice: &Caller) {
    let mut socket = alice.web_socket().await.expect("a socket");
    for frame in [
        EVIL.to_owned(),
        format!("START-SEND-EVENTS?filter={ESCAPED}"),
        format!("START-SEND-EVENTS?filter={EVIL}"),
        format!("JWT-TOKEN?jwtToken={EVIL}"),
    ] {
        socket.send(frame).await;
    }
    for (topic, path) in [
        (
            "org.acme/lamp/things/twin/commands/modify".to_owned(),
            format!("/attributes/{EVIL}"),
        ),
        (
            format!("org.acme/{EVIL}/things/twin/commands/modify"),
            "/attributes/x".to_owned(),
        ),
        (
            format!("org.acme/lamp/things/live/messages/{EVIL}"),
            format!("/inbox/messages/{EVIL}"),
        ),
    ] {
        let headers = json!({ "correlation-id": EVIL, EVIL: EVIL, "content-type": EVIL });
        let envelope = json!({ "topic": topic, "headers": headers, "path": path, "value": EVIL });
        socket.send(envelope.to_string()).await;
    }
    // Frames are handled in order: once this is answered, so are the others.
    let last = json!({ "topic": "org.acme/lamp/things/twin/commands/retrieve", "headers": { "correlation-id": "last" }, "path": "/" });
    socket.send(last.to_string()).await;
    while socket.json().await["headers"]["correlation-id"] != "last" {}
}

/// Bytes in header lines that a client library would not send.
async fn say_it_in_header_lines(address: &str) {
    for name in [
        "user-agent",
        "correlation-id",
        "x-correlation-id",
        "host",
        "x-ditto-pre-authenticated",
        "x-forwarded-for",
        "authorization",
        "origin",
        "content-type",
        "if-match",
    ] {
        for value in [
            "a\u{1b}[2JFORGED",
            "a\rFORGED",
            "a\u{7f}FORGED",
            "a\u{9b}31mFORGED",
        ] {
            let request = format!(
                "GET /api/2/whoami HTTP/1.1\r\nconnection: close\r\n{name}: {value}\r\n\r\n"
            );
            let answer = raw_exchange(address, request.as_bytes()).await;
            assert!(!answer.contains('\u{1b}'), "{name}: {answer}");
            assert!(!answer.contains("\rFORGED"), "{name}: {answer}");
        }
        let long = format!("GET /api/2/whoami HTTP/1.1\r\nconnection: close\r\n{name}: ");
        let long = [long.as_bytes(), &vec![b'x'; 1 << 20], b"\r\n\r\n"].concat();
        let answer = raw_exchange(address, &long).await;
        assert!(
            !answer.contains(" 200 ") && answer.len() < 4096,
            "{name}: {answer:.200}"
        );
    }
}

#[track_caller]
fn check_line(what: &str, line: &str) {
    assert!(!line.contains(char::is_control), "{what}: {line:?}");
    assert!(!line.contains(['\u{2028}', '\u{202e}']), "{what}: {line:?}");
    assert!(
        !line.starts_with("FORGED") && !line.starts_with("2026-01-01"),
        "{what}: {line:?}"
    );
    assert!(line.len() < 64 * 1024, "{what}: {} bytes", line.len());
}

async fn no_line_is_forged(format: &str) {
    let key = SigningKey::ed25519();
    let issuer = Issuer::start(&[key.jwk("key")]).await;
    let gateway = TestGateway::start_with(merged(
        issuer.trusted(),
        json!({
            "logging": { "level": "trace", "format": format },
            "audit": { "level": "full" },
            "limits": { "per_source": false, "per_subject": false },
        }),
    ))
    .await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    say_it_in_tokens(&gateway, &issuer, &key).await;
    let proxies = Proxy::both(&gateway.endpoints().public, Vouching::AsToldByClients).await;
    let mut doors = vec![gateway.anonymous()];
    doors.extend(proxies.iter().map(Proxy::caller));
    for door in &doors {
        let alice = door.with("x-ditto-pre-authenticated", "nginx:alice");
        say_it_in_requests(door, &alice).await;
        say_it_in_frames(&alice).await;
        say_it_in_header_lines(door.address()).await;
    }
    let marker = gateway.as_subject("nginx:marker");
    marker
        .put("/api/2/things/org.acme:marker", &json!({}))
        .await
        .expect(201);
    let path = gateway.data().join("audit.jsonl");
    let audit = eventually("the last record", || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let is_there = text.contains("org.acme:marker") && text.contains("access.write");
        std::future::ready(is_there.then_some(text))
    })
    .await;
    let log = std::fs::read_to_string(gateway.folder().join("stderr.log")).expect("a log");
    for line in log.split('\n') {
        check_line("log", line);
        if format == "json" && !line.is_empty() {
            serde_json::from_str::<Value>(line).expect("one object per line");
        }
    }
    for line in audit.split('\n').filter(|line| !line.is_empty()) {
        check_line("audit", line);
        assert!(line.len() < 8 * 1024, "{} bytes", line.len());
        let record: Value = serde_json::from_str(line).expect("one record per line");
        assert!(record["seq"].is_u64(), "{line}");
    }
}

#[tokio::test]
async fn no_line_of_text_is_forged() {
    no_line_is_forged("text").await;
}

#[tokio::test]
async fn no_line_of_json_is_forged() {
    no_line_is_forged("json").await;
}
