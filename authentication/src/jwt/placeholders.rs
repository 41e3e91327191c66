//! `{{ jwt:<json-pointer> }}`: the claims of a token as values.

use serde_json::{Map, Value};

use crate::placeholder::PlaceholderSource;

/// The claims of a verified token.
pub(super) struct ClaimPlaceholders<'a>(pub(super) &'a Map<String, Value>);

impl PlaceholderSource for ClaimPlaceholders<'_> {
    fn values(&self, prefix: &str, name: &str) -> Vec<String> {
        if prefix != "jwt" {
            return Vec::new();
        }
        let mut keys = name
            .trim_start_matches('/')
            .split('/')
            .map(|key| key.replace("~1", "/").replace("~0", "~"));
        let first = keys.next().and_then(|key| self.0.get(&key));
        let found = keys.fold(first.into_iter().collect(), |found, key| step(found, &key));
        distinct(found.into_iter().flat_map(texts))
    }
}

/// One key deeper: into a member, in an array into every element.
fn step<'v>(values: Vec<&'v Value>, key: &str) -> Vec<&'v Value> {
    values
        .into_iter()
        .flat_map(flatten)
        .filter_map(|value| value.as_object()?.get(key))
        .collect()
}

fn flatten(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().flat_map(flatten).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            vec![value]
        }
    }
}

/// One value per element; an object as its JSON text; nothing for `null`.
fn texts(value: &Value) -> Vec<String> {
    flatten(value)
        .into_iter()
        .filter_map(|value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                Some(value.to_string())
            }
        })
        .collect()
}

fn distinct(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    texts.filter(|text| seen.insert(text.clone())).collect()
}
