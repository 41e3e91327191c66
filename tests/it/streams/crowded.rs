//! Sessions that ask for much at once: events go on beside the answers, and whoever does not read costs little.

use std::cell::Cell;

use serde_json::{Value, json};
use tests::{Caller, Socket, TestGateway, deadline, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{LAMP, command, counted};
use crate::given::given_lamp;

/// Changes of the lamp, of 60 KB each.
const PAST: u64 = 120;

fn settings() -> Value {
    json!({
        "limits": { "per_subject": false, "per_source": false, "handshakes_per_source": false },
        "streaming": { "websocket": { "throttling": { "enabled": false } } }
    })
}

fn history(action: &str, value: &Value) -> String {
    let topic = format!("org.acme/lamp/things/twin/streaming/{action}");
    json!({ "topic": topic, "headers": {}, "path": "/", "value": value }).to_string()
}

/// A lamp with a past, and a bell that rings.
async fn given_past(gateway: &TestGateway) -> Caller {
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    given_lamp(&alice, "org.acme:bell").await;
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    for number in 0..PAST {
        let value = json!(format!("{number}{}", "x".repeat(60_000)));
        let envelope = command("lamp", "modify", "/attributes/big", value);
        let answer = socket.command(&number.to_string(), envelope).await;
        assert!(answer["status"].as_u64() < Some(300), "{answer}");
    }
    alice
}

/// Rings the bell until `is_over`, waiting for nothing but the answer; how often it rang.
async fn ring(alice: &Caller, is_over: &Cell<bool>) -> u64 {
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let mut times = 0;
    while !is_over.get() {
        times += 1;
        let value = json!({ "times": times, "filler": "x".repeat(2000) });
        let envelope = command("bell", "modify", "/attributes/rings", value);
        socket.command(&times.to_string(), envelope).await;
    }
    times
}

/// What a socket received.
#[derive(Default)]
struct Received {
    items: u64,
    answers: u64,
    rings: u64,
}

impl Received {
    /// Takes over one frame, of which the client misses none.
    fn take(&mut self, frame: &Value) {
        let topic = frame["topic"].as_str().unwrap_or_default();
        if topic.ends_with("/streaming/next") {
            self.items += 1;
            assert_eq!(frame["value"]["item"]["revision"], self.items);
        } else if topic.contains("/bell/things/twin/events/") {
            self.rings += 1;
            assert_eq!(frame["value"]["times"], self.rings, "no event is missing");
        } else if frame["status"] == 200 {
            self.answers += 1;
        }
    }
}

/// Reads at full speed until `is_over` holds of what came, while the bell rings; then the rest of what rang.
async fn read_beside_rings(
    alice: &Caller,
    socket: &mut Socket,
    is_over: impl Fn(&Received) -> bool,
) -> Received {
    let stop = Cell::new(false);
    let reading = async {
        let mut received = Received::default();
        while !is_over(&received) {
            received.take(&socket.json().await);
        }
        stop.set(true);
        received
    };
    let (rings, mut received) = tokio::join!(ring(alice, &stop), reading);
    while received.rings < rings {
        received.take(&socket.json().await);
    }
    received
}

#[tokio::test]
async fn events_go_on_beside_a_history_of_which_much_is_requested() {
    let gateway = TestGateway::start_with(settings()).await;
    let alice = given_past(&gateway).await;
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    socket.control("START-SEND-EVENTS").await;
    let before = counted(&gateway, "streaming_messages_total", OUT).await;
    socket
        .send(history("subscribeForPersistedEvents", &json!({})))
        .await;
    let demand = json!({ "subscriptionId": "0", "demand": 100_000 });
    socket.send(history("request", &demand)).await;
    let all = |received: &Received| received.items == PAST + 1 && received.rings > 0;
    let received = read_beside_rings(&alice, &mut socket, all).await;
    let after = counted(&gateway, "streaming_messages_total", OUT).await;
    assert_eq!(
        after - before,
        received.items + received.rings,
        "what was sent of the past is counted, too"
    );
}

const OUT: &[&str] = &[r#"type="ws""#, r#"direction="out""#];

#[tokio::test]
async fn events_go_on_beside_answers_to_many_requests_at_once() {
    let gateway = TestGateway::start_with(settings()).await;
    let alice = given_past(&gateway).await;
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    socket.control("START-SEND-EVENTS").await;
    for number in 0..200 {
        let mut envelope = command("lamp", "retrieve", "/", Value::Null);
        envelope["headers"]["correlation-id"] = json!(format!("r-{number}"));
        socket.send(envelope.to_string()).await;
    }
    let all = |received: &Received| received.answers == 200 && received.rings > 0;
    let received = read_beside_rings(&alice, &mut socket, all).await;
    assert_eq!(received.answers, 200);
}

/// A text frame as a client sends it.
fn frame(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("short");
    let mut frame = vec![0x81, 0xfe];
    frame.extend(length.to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

/// A connection whose client sends these headers and bytes, and never reads more than the head of the answer.
async fn stalled(
    gateway: &TestGateway,
    (target, headers): (&str, &str),
    bytes: &[u8],
) -> TcpStream {
    let address = &gateway.endpoints().public;
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!(
        "GET {target} HTTP/1.1\r\nhost: {address}\r\nx-ditto-pre-authenticated: nginx:alice\r\n{headers}\r\n"
    );
    let sent = stream.write_all(request.as_bytes()).await;
    sent.expect("it takes the request");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = deadline("the head", stream.read_u8()).await;
        head.push(byte.expect("an answer"));
    }
    let sent = deadline("sending", stream.write_all(bytes)).await;
    sent.expect("it takes the frames");
    stream
}

/// Waits until nothing more goes out to clients, and how much memory is used then.
async fn memory_at_rest(gateway: &TestGateway) -> u64 {
    let seen = Cell::new((0, 0));
    eventually("the gateway to wait for its clients", || async {
        let out = counted(gateway, "streaming_messages_total", &[r#"direction="out""#]).await;
        let (before, times) = seen.get();
        seen.set((out, if out == before { times + 1 } else { 0 }));
        (seen.get().1 > 4).then_some(())
    })
    .await;
    gateway.memory_kib("VmRSS").await
}

/// Some connections, and the most that each may cost in KiB, with what the gateway and the connection need besides.
async fn check_cost(gateway: &TestGateway, connections: Vec<TcpStream>, before: u64) {
    let grown = memory_at_rest(gateway).await.saturating_sub(before);
    let most = 16 * 1024 + 768 * connections.len() as u64;
    assert!(grown < most, "{grown} KiB for {}", connections.len());
}

#[tokio::test]
async fn who_asks_for_a_hundred_histories_and_does_not_read_costs_little() {
    let gateway = TestGateway::start_with(settings()).await;
    let _alice = given_past(&gateway).await;
    let before = memory_at_rest(&gateway).await;
    let steps = (0..100).flat_map(|number| {
        let demand = json!({ "subscriptionId": number.to_string(), "demand": 100_000 });
        let subscribe = history("subscribeForPersistedEvents", &json!({}));
        [frame(&subscribe), frame(&history("request", &demand))]
    });
    let steps: Vec<u8> = steps.flatten().collect();
    let upgrade = "upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: x3JJHMbDL1EzLkh9GBhXDw==\r\n";
    let mut connections = Vec::new();
    for _ in 0..8 {
        connections.push(stalled(&gateway, ("/ws/2", upgrade), &steps).await);
    }
    check_cost(&gateway, connections, before).await;
}

#[tokio::test]
async fn who_resumes_a_stream_and_does_not_read_costs_little() {
    let gateway = TestGateway::start_with(settings()).await;
    let _alice = given_past(&gateway).await;
    let before = memory_at_rest(&gateway).await;
    let headers = "accept: text/event-stream\r\nlast-event-id: 1\r\n";
    let mut connections = Vec::new();
    for _ in 0..16 {
        connections.push(stalled(&gateway, (LAMP, headers), b"").await);
    }
    check_cost(&gateway, connections, before).await;
}
