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
        assert!(is_same(&first, &second), "{first} reads as {second}");
        assert_eq!(envelope.topic, again.topic);
        check_topic(&envelope.topic);
    }
}

/// Whether two values are equal, numbers of more than 15 digits apart, which are read to within their last digit.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() => {
            let (one, other) = (one.as_f64(), other.as_f64());
            let pair = one.zip(other);
            pair.is_some_and(|(one, other)| (one - other).abs() <= 4.0 * f64::EPSILON * one.abs())
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_there = |(name, value)| other.get(name).is_some_and(|it| is_same(value, it));
            one.len() == other.len() && one.iter().all(is_there)
        }
        (one, other) => one == other,
    }
}

fn check_topic(text: &str) {
    if let Ok(topic) = text.parse::<TopicPath>() {
        let printed = topic.to_string();
        let again = printed.parse::<TopicPath>();
        assert_eq!(again.as_ref(), Ok(&topic), "{printed} instead of {text}");
    }
}
