//! Envelopes of every kind read and write back to equal JSON: our own, and those that Ditto documents.

use std::fs;
use std::path::{Path, PathBuf};

use protocol::{Envelope, TopicPath};
use serde_json::Value;

#[track_caller]
fn check_round_trip(example: &Value) -> Envelope {
    let envelope = Envelope::parse(example.to_string().as_bytes())
        .unwrap_or_else(|error| panic!("{error}: {example}"));
    let written: Value =
        serde_json::from_slice(&envelope.to_bytes()).expect("what is written is JSON");
    assert_eq!(&written, example);
    envelope
}

#[track_caller]
fn check_topic(envelope: &Envelope) {
    let topic: TopicPath = envelope
        .topic
        .parse()
        .unwrap_or_else(|error| panic!("{error}: {}", envelope.topic));
    assert_eq!(topic.to_string(), envelope.topic);
}

#[test]
fn our_own_examples_survive_a_round_trip() {
    let examples: Vec<Value> =
        serde_json::from_str(include_str!("fixtures/envelopes.json")).unwrap();
    for example in &examples {
        check_topic(&check_round_trip(example));
    }
}

/// Documented, but no topics: a template for the reader, and a search error that lacks its channel.
const NOT_TOPICS: [&str; 2] = ["<the topic>", "_/_/things/search/errors"];

#[test]
fn documented_examples_survive_a_round_trip() {
    let Some(path) = reference() else {
        println!("SKIPPED: no protocol-examples.json; name one in PROTOCOL_EXAMPLES");
        return;
    };
    let document: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let examples = document["examples"].as_array().unwrap();
    assert_eq!(examples.len(), 349);
    for example in examples {
        let envelope = check_round_trip(&example["envelope"]);
        if !NOT_TOPICS.contains(&envelope.topic.as_str()) {
            check_topic(&envelope);
        }
    }
}

/// The documented examples, next to the repository or where the environment says.
fn reference() -> Option<PathBuf> {
    let beside =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/reference/protocol-examples.json");
    std::env::var_os("PROTOCOL_EXAMPLES")
        .map(PathBuf::from)
        .or(Some(beside))
        .filter(|path| path.exists())
}
