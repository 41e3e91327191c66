//! Event streams of what has happened, and places from which none can go on.

use serde_json::json;
use tests::{Caller, TestGateway, eventually};

use super::LAMP;
use super::history::given_history;
use super::server_sent::{data, opened};
use crate::given::given_lamp;

/// What is asked for, the last event that was seen, and what comes, of revisions that set an attribute to their number.
type Row<'r> = (String, Option<&'r str>, &'static [&'static str]);

fn parts<'r>(third: &str, second: &'r str) -> Vec<Row<'r>> {
    vec![
        (
            "from-historical-revision=0".to_owned(),
            None,
            &["\"A-1\"", "2", "3", "4", "5"],
        ),
        ("from-historical-revision=4".to_owned(), None, &["4", "5"]),
        (
            "to-historical-revision=2".to_owned(),
            None,
            &["\"A-1\"", "2"],
        ),
        ("from-historical-revision=6".to_owned(), None, &[]),
        (
            "from-historical-revision=4&to-historical-revision=3".to_owned(),
            None,
            &[],
        ),
        (
            format!("from-historical-timestamp={third}"),
            None,
            &["3", "4", "5"],
        ),
        (
            format!("to-historical-timestamp={third}"),
            None,
            &["\"A-1\"", "2", "3"],
        ),
        (
            format!("to-historical-timestamp={third}&from-historical-revision=3"),
            None,
            &["3"],
        ),
        (
            "from-historical-revision=1&filter=eq(attributes/serial,5)".to_owned(),
            None,
            &["5"],
        ),
        // Who comes back sees only what was missed.
        (
            "from-historical-revision=1&to-historical-revision=4".to_owned(),
            Some(second),
            &["3", "4"],
        ),
        ("to-historical-revision=2".to_owned(), Some(second), &[]),
    ]
}

#[tokio::test]
async fn a_part_of_the_past_is_chosen_by_revision_time_and_place() {
    let gateway = TestGateway::start().await;
    given_history(&gateway).await;
    let alice = gateway.as_subject("nginx:alice");
    let serial = format!("{LAMP}/attributes/serial");
    let modified = format!("{LAMP}?fields=_modified&at-historical-revision=3");
    let third = alice.get(&modified).await.expect(200).json();
    let third = third["_modified"].as_str().expect("an instant").to_owned();
    let mut stream = opened(&alice, &format!("{serial}?from-historical-revision=2")).await;
    let second = stream.next().await.expect("an event").id;
    for (query, after, expected) in parts(&third, &second) {
        let caller = after.map_or_else(|| alice.clone(), |id| alice.with("last-event-id", id));
        let mut stream = opened(&caller, &format!("{serial}?{query}")).await;
        let mut seen = Vec::new();
        let mut last = String::new();
        while let Some(event) = stream.next().await {
            last = event.name;
            if last.is_empty() {
                seen.push(event.data);
            }
        }
        assert_eq!(seen, expected, "{query} after {after:?}");
        assert_eq!(last, "complete", "{query} after {after:?}");
    }
}

#[tokio::test]
async fn a_place_that_is_of_no_use_is_a_gap() {
    let gateway = TestGateway::start_with(json!({ "history": { "max_revisions": 2 } })).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let serial = format!("{LAMP}/attributes/serial");
    for number in 2..=9 {
        alice.put(&serial, &json!(number)).await.expect(204);
    }
    let past = format!("{serial}?from-historical-revision=0");
    let foreign = alice.with("last-event-id", "18446744073709551615");
    for target in [&serial, &past] {
        let mut stream = opened(&foreign, target).await;
        assert_eq!(
            stream.next().await.expect("an event").name,
            "gap",
            "{target}"
        );
    }
    // What is too old is not shown, whether or not it is still there.
    let mut shown = opened(&alice, &past).await;
    for value in [8, 9] {
        assert_eq!(data(&mut shown).await, value);
    }
    // The past is looked through when the gateway starts.
    let gateway = gateway.restart().await;
    let alice = gateway.as_subject("nginx:alice");
    let mut stream = eventually("the journal to forget", || async {
        let mut stream = opened(&alice.with("last-event-id", "1"), &serial).await;
        let first = stream.next().await.expect("an event");
        (first.name == "gap").then_some(stream)
    })
    .await;
    // It goes on with what is known, and with what happens.
    assert_eq!(data(&mut stream).await, 9);
    alice.put(&serial, &json!("now")).await.expect(204);
    assert_eq!(data(&mut stream).await, "now");
}

/// What comes of a part of the past: the data of events, and the names of others.
async fn shown(caller: &Caller, target: &str) -> Vec<String> {
    let mut stream = opened(caller, target).await;
    let mut shown = Vec::new();
    while let Some(event) = stream.next().await {
        let has_name = !event.name.is_empty();
        shown.push(if has_name { event.name } else { event.data });
    }
    shown
}

#[tokio::test]
async fn a_part_of_the_past_that_was_forgotten_meanwhile_is_a_gap() {
    let gateway = TestGateway::start_with(json!({ "history": { "max_revisions": 2 } })).await;
    let alice = gateway.as_subject("nginx:alice");
    given_lamp(&alice, "org.acme:lamp").await;
    let serial = format!("{LAMP}/attributes/serial");
    let past = format!("{serial}?from-historical-revision=0");
    alice.put(&serial, &json!(2)).await.expect(204);
    let id_of = |data: &'static str| {
        let (alice, past) = (&alice, &past);
        async move {
            let mut stream = opened(alice, past).await;
            loop {
                let event = stream.next().await.expect("it is shown");
                if event.data == data {
                    return event.id;
                }
            }
        }
    };
    let second = id_of("2").await;
    for number in 3..=9 {
        alice.put(&serial, &json!(number)).await.expect(204);
    }
    let eighth = id_of("8").await;
    let fourth_on = format!("{serial}?from-historical-revision=4");
    let to_fifth = format!("{past}&to-historical-revision=5");
    let eighth_on = format!("{serial}?from-historical-revision=8");
    let bob = gateway.as_subject("nginx:bob");
    for (caller, after, target, expected) in [
        (&alice, &second, &past, &["gap", "8", "9", "complete"][..]),
        (&alice, &second, &fourth_on, &["gap", "8", "9", "complete"]),
        (&alice, &second, &to_fifth, &["gap", "complete"]),
        // Nothing that was asked for is missing.
        (&alice, &second, &eighth_on, &["8", "9", "complete"]),
        (&alice, &eighth, &past, &["9", "complete"]),
        // A stranger does not learn that there was something.
        (&bob, &second, &past, &["complete"]),
    ] {
        let returning = caller.with("last-event-id", after);
        assert_eq!(shown(&returning, target).await, expected, "{target}");
    }
    // Who begins takes what is left.
    assert_eq!(shown(&alice, &past).await, ["8", "9", "complete"]);
}

#[tokio::test]
async fn an_event_stream_of_the_past_shows_a_stranger_nothing() {
    let gateway = TestGateway::start().await;
    given_history(&gateway).await;
    let bob = gateway.as_subject("nginx:bob");
    let path = format!("{LAMP}?from-historical-revision=1");
    let mut stream = bob.events(&path).await.expect("a stream");
    assert_eq!(
        stream.next().await.map(|event| event.name).as_deref(),
        Some("complete")
    );
    assert!(stream.next().await.is_none());
}
