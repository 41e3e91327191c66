//! Envelopes: whatever can be read is written so that it reads the same, and so are topics.

use protocol::{Envelope, TopicPath};
use serde_json::Value;

use crate::Target;

/// One envelope of every kind.
pub(crate) const EXAMPLES: &str = include_str!("../../protocol/tests/fixtures/envelopes.json");

/// The JSON of one signal.
pub(crate) struct Envelopes;

impl Target for Envelopes {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let examples: Vec<Value> = serde_json::from_str(EXAMPLES).expect("examples");
        let examples = examples.iter().map(|example| example.to_string());
        examples.map(String::into_bytes).collect()
    }

    fn read(&self, input: &[u8]) {
        check_topic(&String::from_utf8_lossy(input));
        let Ok(envelope) = Envelope::parse(input) else {
            return;
        };
        let first: Value = serde_json::from_slice(&envelope.to_bytes()).expect("JSON is written");
        let again = Envelope::parse(&envelope.to_bytes()).expect("what is written can be read");
        let second: Value = serde_json::from_slice(&again.to_bytes()).expect("JSON is written");
        assert_eq!(first, second);
        assert_eq!(envelope.topic, again.topic);
        check_topic(&envelope.topic);
    }
}

fn check_topic(text: &str) {
    if let Ok(topic) = text.parse::<TopicPath>() {
        let printed = topic.to_string();
        let again = printed.parse::<TopicPath>();
        assert_eq!(again.as_ref(), Ok(&topic), "{printed} instead of {text}");
    }
}
