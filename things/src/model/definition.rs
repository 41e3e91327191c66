//! Definitions: `<namespace>:<name>:<version>`, or the URL of a model.

use serde_json::Value;

use crate::{Error, ResourceKind};

/// Reads the definition of a thing: a string or null.
pub(super) fn parse(value: Value) -> Result<Value, Error> {
    match &value {
        Value::Null => Ok(value),
        Value::String(text) => validate(text).map(|()| value),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(Error::WrongType {
                kind: ResourceKind::Definition,
                expected: "a string or null",
            })
        }
    }
}

/// Reads the definition of a feature: a non-empty array of strings, or null.
pub(super) fn parse_list(value: Value) -> Result<Value, Error> {
    match &value {
        Value::Null => Ok(value),
        Value::Array(items) if items.is_empty() => Err(Error::FeatureDefinitionEmpty),
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| match item {
                Value::String(text) => validate(text),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::Array(_)
                | Value::Object(_) => Err(Error::DefinitionInvalid {
                    text: item.to_string(),
                }),
            })
            .map(|()| value),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err(Error::WrongType {
                kind: ResourceKind::FeatureDefinition,
                expected: "an array of strings or null",
            })
        }
    }
}

/// Checks one identifier.
fn validate(text: &str) -> Result<(), Error> {
    if is_identifier(text) || is_url(text) {
        Ok(())
    } else {
        Err(Error::DefinitionInvalid {
            text: text.to_owned(),
        })
    }
}

fn is_identifier(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    };
    text.split(':').count() == 3 && text.split(':').all(is_part)
}

fn is_url(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with(['/', ':', '?', '#'])
            && rest.bytes().all(|byte| byte.is_ascii_graphic())
    })
}
