//! Clients that come back to what is being written all the time.

use std::time::Duration;

use serde_json::{Value, json};
use tests::{Caller, Socket, TestGateway};
use tokio::sync::oneshot;

use super::{LAMP, command};
use crate::given::given_lamp;

/// Changes of 20 KB each before the client comes back.
const BEFORE: u64 = 150;
/// The least that is written while it reads.
const MEANWHILE: u64 = 150;

fn settings() -> Value {
    json!({
        "limits": { "per_subject": false, "per_source": false, "handshakes_per_source": false },
        "streaming": { "websocket": { "throttling": { "enabled": false } } }
    })
}

/// Makes the thing's revision that number plus 2.
async fn write(socket: &mut Socket, number: u64) {
    let value = json!({ "number": number, "filler": "x".repeat(20_000) });
    let envelope = command("lamp", "modify", "/attributes/big", value);
    let answer = socket.command(&format!("w-{number}"), envelope).await;
    assert!(answer["status"].as_u64() < Some(300), "{answer}");
}

/// Writes without a pause until it is told to stop; the number of the last change.
async fn keep_writing(alice: &Caller, mut stop: oneshot::Receiver<()>) -> u64 {
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    let mut number = BEFORE;
    while number < BEFORE + MEANWHILE || stop.try_recv().is_err() {
        write(&mut socket, number).await;
        number += 1;
    }
    number - 1
}

/// What a client has taken over.
struct Reader {
    last_event_id: String,
    revisions: Vec<u64>,
    number: Value,
}

impl Reader {
    /// Connects, takes over so many events, and goes.
    async fn read(&mut self, alice: &Caller, (query, events): (&str, usize)) {
        let returning = alice.with("last-event-id", &self.last_event_id);
        let target = format!("{LAMP}?{query}");
        let mut stream = returning.events(&target).await.expect("a stream");
        for _ in 0..events {
            let event = stream.next().await.expect("the stream goes on");
            assert_eq!(event.name, "", "{}", event.data);
            let data: Value = serde_json::from_str(&event.data).expect("JSON");
            self.revisions
                .push(data["_revision"].as_u64().expect("a revision"));
            self.number = data["attributes"]["big"]["number"].clone();
        }
        self.last_event_id = stream.last_event_id().to_owned();
    }
}

#[track_caller]
fn check_whole(revisions: &[u64]) {
    let expected: Vec<u64> = (3..).take(revisions.len()).collect();
    assert_eq!(revisions, expected, "nothing twice, nothing missing");
}

async fn check(query: &str) {
    let gateway = TestGateway::start_with(settings()).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let mut stream = alice.events(LAMP).await.expect("a stream");
    let mut socket = alice.web_socket().await.expect("a WebSocket");
    write(&mut socket, 0).await;
    let last_event_id = stream.next().await.expect("an event").id;
    drop(stream);
    for number in 1..BEFORE {
        write(&mut socket, number).await;
    }
    let mut reader = Reader {
        last_event_id,
        revisions: Vec::new(),
        number: Value::Null,
    };
    let (stop, stopped) = oneshot::channel();
    let reading = async {
        // Cut in what was missed, and where that meets what happens.
        for events in [1, 40, 90, 10, 30, 3, 1, 60] {
            reader.read(&alice, (query, events)).await;
        }
        let _ = stop.send(());
        reader
    };
    let (last, mut reader) = tokio::join!(keep_writing(&alice, stopped), reading);
    let left = usize::try_from(last + 2).expect("few") - reader.revisions.len() - 2;
    reader.read(&alice, (query, left)).await;
    check_whole(&reader.revisions);
    let number = alice.get(&format!("{LAMP}/attributes/big/number")).await;
    assert_eq!((reader.number, json!(last)), (number.json(), number.json()));
    let quiet = alice.with("last-event-id", &reader.last_event_id);
    let mut quiet = quiet.events(LAMP).await.expect("a stream");
    let more = tokio::time::timeout(Duration::from_millis(300), quiet.next()).await;
    assert!(more.is_err(), "nothing is left: {more:?}");
}

#[tokio::test]
async fn who_comes_back_while_much_is_written_gets_all_of_it_once() {
    check("fields=_revision,attributes/big").await;
}

#[tokio::test]
async fn who_selects_little_of_what_is_written_gets_all_of_it_once() {
    check("fields=_revision,attributes/big/number").await;
}
