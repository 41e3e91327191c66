//! Headers of signals: what clients may set, what they may see, and how values are typed.
//!
//! A map of headers has lower-case names; known headers hold the JSON type of their definition, all others hold text.

use std::sync::Arc;

use policies::{DittoHeaders, EntityTagMatcher, IfEqual, PolicyView, Precondition};
use serde_json::{Map, Value};

mod definition;

pub use definition::{Definition, Direction, ValueKind, definition};

use crate::Error;

/// The acknowledgement labels that the system itself fulfils; they are never passed on.
pub const BUILT_IN_LABELS: [&str; 3] = ["twin-persisted", "live-response", "search-persisted"];

/// What the headers of one signal have at most, names and values together: they are kept for as long as it is answered.
pub const BYTES_MAX: usize = 16 * 1024;

/// Takes over what a client sent: names in lower case, values typed, and without what clients may not set.
///
/// # Errors
///
/// [`Error::HeadersTooLarge`], and [`Error::Header`] if a value contradicts its definition.
pub fn accept(headers: Map<String, Value>) -> Result<Map<String, Value>, Error> {
    if size_of_members(&headers) > BYTES_MAX {
        return Err(Error::HeadersTooLarge {
            bytes_max: BYTES_MAX,
        });
    }
    let mut accepted = Map::with_capacity(headers.len());
    for (name, value) in headers {
        let name = name.to_ascii_lowercase();
        if value.is_null() || !is_accepted(&name) {
            continue;
        }
        let kind = definition(&name).map_or(ValueKind::Text, |known| known.kind);
        let value = typed(kind, value).map_err(|expected| Error::Header {
            name: name.clone(),
            expected,
        })?;
        accepted.insert(name, value);
    }
    Ok(accepted)
}

fn size_of_members(members: &Map<String, Value>) -> usize {
    members
        .iter()
        .map(|(name, value)| name.len() + size(value))
        .sum()
}

/// About what the value takes as text; an empty one takes something, too.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => size_of::<Value>(),
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| 1 + size(item)).sum(),
        Value::Object(members) => members.len() + size_of_members(members),
    }
}

/// The headers of a frame, completed by the defaults of its session.
#[must_use]
pub fn with_defaults(
    mut headers: Map<String, Value>,
    defaults: &Map<String, Value>,
) -> Map<String, Value> {
    for (name, value) in defaults {
        if !headers.contains_key(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
    headers
}

/// Whether a client may set the header with this lower-case name.
pub fn is_accepted(name: &str) -> bool {
    definition(name).map_or(!is_reserved(name), |known| known.direction.is_inward())
}

/// Whether a client may see the header with this lower-case name.
pub fn is_emitted(name: &str) -> bool {
    definition(name).map_or(!is_reserved(name), |known| known.direction.is_outward())
}

/// Whether an unknown name is one that later versions may give a meaning of their own.
fn is_reserved(name: &str) -> bool {
    name.starts_with("ditto-")
}

/// What accepted headers mean to a command; `fresh_id` makes the correlation id that they lack.
///
/// # Errors
///
/// [`Error::Header`] if a value means nothing.
pub fn ditto_headers(
    headers: &Map<String, Value>,
    fresh_id: impl FnOnce() -> Arc<str>,
) -> Result<DittoHeaders, Error> {
    let boolean = |name| headers.get(name).and_then(Value::as_bool);
    Ok(DittoHeaders {
        correlation_id: text(headers, "correlation-id").map_or_else(fresh_id, Into::into),
        response_required: boolean("response-required"),
        precondition: Precondition {
            if_match: matcher(headers, "if-match")?,
            if_none_match: matcher(headers, "if-none-match")?,
        },
        if_equal: if_equal(headers)?,
        allow_policy_lockout: boolean("allow-policy-lockout").unwrap_or(false),
        policy_view: policy_view(headers)?,
        requested_acks: requested_acks(headers),
        custom: custom(headers),
    })
}

/// Whether the header with this lower-case name is a client's own, which Ditto passes on without a meaning.
pub(crate) fn is_custom(name: &str) -> bool {
    definition(name).is_none() && !is_reserved(name)
}

fn text<'h>(headers: &'h Map<String, Value>, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(Value::as_str)
}

fn matcher(headers: &Map<String, Value>, name: &str) -> Result<Option<EntityTagMatcher>, Error> {
    text(headers, name)
        .map(|text| {
            text.parse().map_err(|_| Error::Header {
                name: name.to_owned(),
                expected: "`*` or a comma-separated list of quoted entity tags",
            })
        })
        .transpose()
}

fn policy_view(headers: &Map<String, Value>) -> Result<PolicyView, Error> {
    let name = text(headers, "policy-view").unwrap_or_default();
    PolicyView::named(name).ok_or_else(|| Error::Header {
        name: "policy-view".to_owned(),
        expected: "`original` or `resolved`",
    })
}

fn if_equal(headers: &Map<String, Value>) -> Result<IfEqual, Error> {
    match text(headers, "if-equal") {
        None | Some("update") => Ok(IfEqual::Update),
        Some("skip") => Ok(IfEqual::Skip),
        Some("skip-minimizing-merge") => Ok(IfEqual::SkipMinimizingMerge),
        Some(_) => Err(Error::Header {
            name: "if-equal".to_owned(),
            expected: "`update`, `skip` or `skip-minimizing-merge`",
        }),
    }
}

/// The requested acknowledgement labels that others fulfil.
fn requested_acks(headers: &Map<String, Value>) -> Vec<String> {
    headers
        .get("requested-acks")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter(|label| !BUILT_IN_LABELS.contains(label))
        .map(str::to_owned)
        .collect()
}

fn custom(headers: &Map<String, Value>) -> Vec<(Arc<str>, Arc<str>)> {
    headers
        .iter()
        .filter(|(name, _)| is_custom(name))
        .filter_map(|(name, value)| Some((name.as_str().into(), value.as_str()?.into())))
        .collect()
}

/// The value in the type of its definition, or what it should have been.
fn typed(kind: ValueKind, value: Value) -> Result<Value, &'static str> {
    match kind {
        ValueKind::Text => Ok(as_text(value)),
        ValueKind::NonEmptyText => Some(as_text(value))
            .filter(|text| text.as_str().is_some_and(|text| !text.is_empty()))
            .ok_or("text that is not empty"),
        ValueKind::Boolean => as_boolean(&value)
            .map(Value::Bool)
            .ok_or("`true` or `false`"),
        ValueKind::Integer => as_integer(&value).map(Value::from).ok_or("an integer"),
        ValueKind::Object => as_object(value).ok_or("a JSON object"),
        ValueKind::Array => as_array(value).ok_or("a JSON array or a comma-separated list"),
    }
}

fn as_text(value: Value) -> Value {
    if value.is_string() {
        value
    } else {
        Value::String(value.to_string())
    }
}

fn as_boolean(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_str()?.parse().ok())
}

fn as_integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn as_object(value: Value) -> Option<Value> {
    let value = match value.as_str() {
        Some(text) => serde_json::from_str(text).ok()?,
        None => value,
    };
    value.is_object().then_some(value)
}

fn as_array(value: Value) -> Option<Value> {
    let value = match value.as_str() {
        Some(text) if text.trim_start().starts_with('[') => serde_json::from_str(text).ok()?,
        Some(list) => list
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .collect(),
        None => value,
    };
    value.is_array().then_some(value)
}

#[cfg(test)]
mod tests;
