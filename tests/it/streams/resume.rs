//! Connections that are cut anywhere, and clients that go on where they were.

use serde_json::{Value, json};
use tests::{TestGateway, deadline, is_long_run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::LAMP;
use crate::given::given_lamp;

/// A client that reads a few bytes, loses its connection, and resumes.
struct Cut {
    address: String,
    last_event_id: String,
    revisions: Vec<u64>,
    value: Value,
}

impl Cut {
    /// Connects, takes over whatever is complete within `bytes`, and cuts the connection.
    async fn read(&mut self, bytes: usize) {
        let mut stream = TcpStream::connect(&self.address)
            .await
            .expect("a connection");
        let request = format!(
            "GET {LAMP}?fields=_revision,attributes/serial HTTP/1.1\r\nhost: {}\r\naccept: text/event-stream\r\n\
             x-ditto-pre-authenticated: nginx:alice\r\nlast-event-id: {}\r\n\r\n",
            self.address, self.last_event_id
        );
        stream
            .write_all(request.as_bytes())
            .await
            .expect("it takes the request");
        let mut received = Vec::new();
        let mut buffer = vec![0; 512];
        while received.len() < bytes && !self.is_over(&received) {
            let length = deadline("more of the stream", stream.read(&mut buffer)).await;
            let length = length.expect("the stream goes on");
            assert!(length > 0, "the gateway ended the stream");
            received.extend(buffer.get(..length).unwrap_or_default());
        }
        received.truncate(bytes);
        self.take_over(&received);
    }

    /// Whether the last change has arrived.
    fn is_over(&self, received: &[u8]) -> bool {
        String::from_utf8_lossy(received).contains("\"serial\":\"end\"}")
    }

    fn take_over(&mut self, received: &[u8]) {
        let text = String::from_utf8_lossy(received);
        let Some((_, body)) = text.split_once("\r\n\r\n") else {
            return;
        };
        // Chunks of the transfer are whole events; their sizes stand on lines of their own.
        for event in body.split("\n\n").filter(|block| block.contains("data:")) {
            let line = |name: &str| {
                let line = event.lines().find_map(|line| line.strip_prefix(name));
                line.map(str::to_owned)
            };
            let (Some(id), Some(data)) = (line("id:"), line("data:")) else {
                continue;
            };
            // An event without its empty line was cut off.
            let Ok(data) = serde_json::from_str::<Value>(&data) else {
                continue;
            };
            assert!(line("event:").is_none(), "no gap: {event}");
            self.revisions
                .push(data["_revision"].as_u64().expect("a revision"));
            self.value = data["attributes"]["serial"].clone();
            self.last_event_id = id;
        }
    }
}

#[tokio::test]
async fn a_client_that_is_cut_anywhere_misses_nothing_and_sees_nothing_twice() {
    let cuts = if is_long_run() { 1000 } else { 50 };
    // Heartbeats keep bytes coming, so that there is always something to cut.
    let settings = json!({
        "limits": { "per_subject": false, "per_source": false, "handshakes_per_source": false },
        "streaming": { "sse": { "heartbeat": "10ms" } }
    });
    let gateway = TestGateway::start_with(settings).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut stream = alice.events(LAMP).await.expect("a stream");
    alice
        .put(&format!("{LAMP}/attributes/serial"), &json!("start"))
        .await
        .expect(204);
    let start = stream.next().await.expect("an event").id;
    drop(stream);
    let mut client = Cut {
        address: gateway.endpoints().public.clone(),
        last_event_id: start,
        revisions: Vec::new(),
        value: Value::Null,
    };
    let writing = async {
        for number in 0..cuts {
            let path = format!("{LAMP}/attributes/serial");
            alice.put(&path, &json!(number)).await.expect(204);
        }
        let path = format!("{LAMP}/attributes/serial");
        alice.put(&path, &json!("end")).await.expect(204);
    };
    let reading = async {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..cuts {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            client.read(usize::try_from(seed % 900).unwrap_or(0)).await;
        }
        while client.value != "end" {
            client.read(1 << 20).await;
        }
    };
    tokio::join!(writing, reading);
    let expected: Vec<u64> = (3..=cuts + 3).collect();
    assert_eq!(client.revisions, expected);
    let state = alice.get(&format!("{LAMP}/attributes/serial")).await;
    assert_eq!(state.json(), client.value);
}

#[tokio::test]
async fn a_client_that_has_seen_nothing_resumes_from_where_it_began() {
    let gateway = TestGateway::start().await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut stream = alice.events(LAMP).await.expect("a stream");
    // Another caller's event tells that the first lines have arrived.
    alice
        .put(&format!("{LAMP}/attributes/a"), &json!(1))
        .await
        .expect(201);
    let first = stream.next().await.expect("an event");
    assert!(!first.id.is_empty());
    let beginning = gateway.as_subject("nginx:alice").with("last-event-id", "1");
    let mut stream = beginning.events(LAMP).await.expect("a stream");
    let again = stream.next().await.expect("an event");
    assert_eq!((again.id, again.data), (first.id, first.data));
}

#[tokio::test]
async fn a_quiet_stream_moves_on_with_what_others_do() {
    let settings = json!({ "streaming": { "sse": { "heartbeat": "100ms" } } });
    let gateway = TestGateway::start_with(settings).await;
    let (alice, bob) = (
        gateway.as_subject("nginx:alice"),
        gateway.as_subject("nginx:bob"),
    );
    let mut quiet = bob.events("/api/2/things").await.expect("a stream");
    given_lamp(&alice, "org.acme:lamp").await;
    alice
        .put(&format!("{LAMP}/attributes/x"), &json!(1))
        .await
        .expect(201);
    let mut busy = alice
        .with("last-event-id", "0")
        .events("/api/2/things")
        .await
        .expect("a stream");
    let mut last = String::new();
    for _ in 0..2 {
        last = busy.next().await.expect("an event").id;
    }
    // Blocks without data are no events, so this waits for the id and nothing else.
    deadline("the id to move", async {
        while quiet.last_event_id() != last {
            quiet.block().await;
        }
    })
    .await;
}
