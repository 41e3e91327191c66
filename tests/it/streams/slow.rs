//! Clients that do not read.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Caller, OidcProvider, TestGateway, deadline, eventually, merged};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::{LAMP, counted};
use crate::audit::recorded;
use crate::given::given_lamp;

/// More of 90 KiB each than the gateway's buffers and the kernel's, which grow to 4 MiB, hold together.
const CHANGES: u32 = 80;

fn settings() -> serde_json::Value {
    json!({
        "limits": { "per_subject": false, "per_source": false },
        "logging": { "level": "info" }
    })
}

/// A subscriber with small buffers who never reads on.
async fn stalled(gateway: &TestGateway, controls: &[&str]) -> tokio::net::TcpStream {
    let address = gateway.endpoints().public.parse().expect("an address");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut stream = socket.connect(address).await.expect("a connection");
    let request = format!(
        "GET /ws/2 HTTP/1.1\r\nhost: {address}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: x3JJHMbDL1EzLkh9GBhXDw==\r\n\
         x-ditto-pre-authenticated: nginx:alice\r\n\r\n"
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it takes the handshake");
    for control in controls {
        let mut frame = vec![
            0x81,
            0x80 | u8::try_from(control.len()).expect("short"),
            0,
            0,
            0,
            0,
        ];
        frame.extend(control.as_bytes());
        stream.write_all(&frame).await.expect("it takes a frame");
    }
    let mut received = String::new();
    let last = format!("{}:ACK", controls.last().expect("a control message"));
    while !received.contains(&last) {
        let byte = deadline("the confirmation", stream.read_u8()).await;
        received.push(char::from(byte.expect("an answer")));
    }
    stream
}

/// Makes one event of about 90 KiB.
async fn change(alice: &Caller, number: u32) {
    let filler = "x".repeat(90 * 1024);
    let path = format!("{LAMP}/attributes/filler");
    let answer = alice.put(&path, &json!(format!("{number}{filler}"))).await;
    assert!(answer.status < 300, "{}", answer.status);
}

/// Everything that the stalled client finds once it reads after all.
async fn rest(stream: &mut tokio::net::TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = deadline("the end of the connection", stream.read_to_end(&mut rest)).await;
    rest
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

#[tokio::test]
async fn who_does_not_read_is_told_once_and_disconnected_and_nobody_else_notices() {
    let gateway = TestGateway::start_with(settings()).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut healthy = alice.web_socket().await.expect("a WebSocket");
    healthy.control("START-SEND-EVENTS").await;
    let mut stalled = stalled(&gateway, &["START-SEND-EVENTS"]).await;
    let mut slowest = Duration::ZERO;
    for number in 0..CHANGES {
        let started = Instant::now();
        change(&alice, number).await;
        let frame = healthy.json().await;
        assert_eq!(
            frame["revision"],
            number + 2,
            "the healthy one misses nothing"
        );
        slowest = slowest.max(started.elapsed());
    }
    assert!(
        slowest < Duration::from_secs(5),
        "an event took {slowest:?}"
    );
    let rest = rest(&mut stalled).await;
    assert!(
        rest.len() < 6 << 20,
        "{} bytes were kept for it",
        rest.len()
    );
    assert!(
        contains(&rest, &1013_u16.to_be_bytes()),
        "a close with 1013"
    );
    let (received, lost) = (revisions(&rest), told_lost(&rest));
    let expected: Vec<u64> = (2..).take(received.len()).collect();
    assert_eq!(received, expected, "nothing is missing before the end");
    // More than the one that found no room: what waited for it was never sent.
    assert!(lost > 1, "{lost} lost");
    check_counts(&gateway, ("ws", received.len()), lost).await;
    let label = r#"reason="slow_consumer""#;
    let closes = counted(&gateway, "streaming_closes_total", &[label]).await;
    assert_eq!(closes, 1);
    let line = format!("reads too slowly, {lost} lost");
    eventually("a line in the log", || async {
        gateway.log().contains(&line).then_some(())
    })
    .await;
}

/// Revisions of the events that arrived as a whole.
fn revisions(received: &[u8]) -> Vec<u64> {
    let text = String::from_utf8_lossy(received);
    let parts = text.split("\"revision\":").skip(1);
    let number = |part: &str| {
        part.split(|letter: char| !letter.is_ascii_digit())
            .next()
            .map(str::to_owned)
    };
    parts
        .map(|part| number(part).expect("a number").parse().expect("a number"))
        .collect()
}

/// How many the end of the stream says are lost.
fn told_lost(received: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(received);
    let (_, rest) = text.rsplit_once("too slowly: ").expect("it says why");
    let number = rest.split(' ').next().expect("a number");
    number.parse().expect("a number")
}

/// What metrics and the audit record say of the stream that took so many events and lost others; besides it, a healthy
/// WebSocket took every one.
async fn check_counts(gateway: &TestGateway, (kind, received): (&str, usize), lost: u64) {
    let kind = format!("type=\"{kind}\"");
    let messages = "streaming_messages_total";
    let dropped = counted(gateway, messages, &[&kind, r#"direction="dropped""#]).await;
    assert_eq!(dropped, lost, "every loss is counted, and once");
    let out = counted(gateway, messages, &[&kind, r#"direction="out""#]).await;
    let healthy = if kind.contains("ws") {
        CHANGES as usize
    } else {
        0
    };
    assert_eq!(out, (healthy + received) as u64, "what was sent is");
    let closed = recorded(gateway, "stream.close", |record| {
        record["info"]["cause"] == "slow_consumer"
    })
    .await;
    assert_eq!(closed["info"]["lost"], lost, "{closed}");
}

#[tokio::test]
async fn who_asked_for_announcements_is_told_of_the_gap_and_goes_on() {
    let gateway = TestGateway::start_with(settings()).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut healthy = alice.web_socket().await.expect("a WebSocket");
    healthy.control("START-SEND-EVENTS").await;
    let controls = ["START-SEND-SESSION-ANNOUNCEMENTS", "START-SEND-EVENTS"];
    let mut slow = stalled(&gateway, &controls).await;
    let mut number = 0;
    while !has_lost(&gateway).await {
        assert!(number < CHANGES, "all of them were kept");
        change(&alice, number).await;
        healthy.json().await;
        number += 1;
    }
    // It reads again before its time is up.
    until(&mut slow, b"announcements/gap").await;
    change(&alice, 99).await;
    let next = format!("\"revision\":{}", number + 2);
    until(&mut slow, next.as_bytes()).await;
}

/// Whether a session has lost an event, as operators see it.
async fn has_lost(gateway: &TestGateway) -> bool {
    let sessions = gateway.as_operator().get("/devops/sessions").await.json();
    let sessions = sessions["sessions"].as_array().expect("a list").clone();
    sessions
        .iter()
        .any(|session| session["lost"].as_u64() > Some(0))
}

/// Reads until `needle` comes along.
async fn until(stream: &mut tokio::net::TcpStream, needle: &[u8]) {
    let mut tail = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    while !contains(&tail, needle) {
        tail.drain(..tail.len().saturating_sub(needle.len()));
        let length = deadline("what is looked for", stream.read(&mut buffer)).await;
        let length = length.expect("an open socket");
        assert!(length > 0, "it was disconnected");
        tail.extend(buffer.get(..length).unwrap_or_default());
    }
}

/// A refresh waits for nothing, and whoever asked for it is told what becomes of each.
#[tokio::test]
async fn who_refreshes_all_the_time_and_never_reads_is_given_up() {
    let provider = OidcProvider::start().await;
    let gateway = TestGateway::start_with(merged(settings(), provider.trusted())).await;
    let mut stalled = stalled(&gateway, &["START-SEND-SESSION-ANNOUNCEMENTS"]).await;
    let before = gateway.memory_kib("VmRSS").await;
    let mut frame = vec![0x81, 0x80 | 20, 0, 0, 0, 0];
    frame.extend(b"JWT-TOKEN?jwtToken=x");
    let portion = frame.repeat(1000);
    // What is said of so many is ten times what the kernel keeps.
    for _ in 0..200 {
        if deadline("sending", stalled.write_all(&portion))
            .await
            .is_err()
        {
            break;
        }
    }
    let rest = rest(&mut stalled).await;
    assert!(rest.len() < 8 << 20, "{} bytes were kept", rest.len());
    assert!(contains(&rest, b"refreshRejected"), "each was answered");
    assert!(contains(&rest, &1013_u16.to_be_bytes()), "closed with 1013");
    let grown = gateway.memory_kib("VmRSS").await.saturating_sub(before);
    assert!(grown < 24 * 1024, "{grown} KiB more");
}

#[tokio::test]
async fn who_asked_for_announcements_and_never_reads_is_disconnected_too() {
    let gateway = TestGateway::start_with(settings()).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let controls = ["START-SEND-SESSION-ANNOUNCEMENTS", "START-SEND-EVENTS"];
    let mut stalled = stalled(&gateway, &controls).await;
    for number in 0..CHANGES {
        change(&alice, number).await;
    }
    let before = Instant::now();
    // Nothing is read until the gateway has given up.
    eventually("the session to be ended", || async {
        let sessions = gateway.as_operator().get("/devops/sessions").await;
        (!sessions.body.contains("nginx:alice")).then_some(())
    })
    .await;
    assert!(
        before.elapsed() < Duration::from_secs(20),
        "{:?}",
        before.elapsed()
    );
    let rest = rest(&mut stalled).await;
    assert!(contains(&rest, b"announcements/gap"), "the loss is told");
    assert!(
        contains(&rest, &1013_u16.to_be_bytes()),
        "a close with 1013"
    );
}

#[tokio::test]
async fn a_stream_of_events_that_nobody_reads_ends_with_a_gap() {
    let gateway = TestGateway::start_with(settings()).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut stream = alice.events(LAMP).await.expect("a stream");
    // More than the kernel's buffers hold.
    for number in 0..CHANGES {
        change(&alice, number).await;
    }
    let mut last = tests::ServerSentEvent::default();
    let mut seen = 0;
    while let Some(event) = stream.next().await {
        last = event;
        seen += 1;
    }
    assert_eq!(last.name, "gap", "after {seen} events");
    assert!(seen < CHANGES, "all of them were kept");
    let lost = told_lost(last.data.as_bytes());
    check_counts(&gateway, ("sse", seen as usize - 1), lost).await;
}
