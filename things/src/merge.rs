//! Merge patches (RFC 7396) at any path of a thing.

use policies::Pointer;
use serde_json::{Map, Value};

use crate::edit;

/// Merges `patch` into what is at `pointer`; a null takes it away and makes no parents.
pub(crate) fn apply(document: &mut Value, pointer: &Pointer, patch: &Value) {
    if patch.is_null() {
        edit::remove(document, pointer);
    } else {
        merge(edit::slot(document, pointer), patch);
    }
}

/// RFC 7396 §2, which also strips nulls from objects that are new.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        target.clone_from(patch);
        return;
    };
    let members = edit::as_object(target);
    for (key, change) in changes {
        if change.is_null() {
            members.shift_remove(key);
        } else {
            merge(members.entry(key).or_insert(Value::Null), change);
        }
    }
}

/// What of `patch` would change `current`; `None` if nothing would.
pub(crate) fn minimise(patch: &Value, current: Option<&Value>) -> Option<Value> {
    let (Value::Object(changes), Some(Value::Object(members))) = (patch, current) else {
        return (current != Some(patch)).then(|| patch.clone());
    };
    let kept: Map<String, Value> = changes
        .iter()
        .filter_map(|(key, change)| {
            let current = members.get(key);
            if change.is_null() {
                return current.map(|_| (key.clone(), Value::Null));
            }
            Some((key.clone(), minimise(change, current)?))
        })
        .collect();
    (!kept.is_empty()).then_some(Value::Object(kept))
}

/// `value` without the null members of its objects; arrays are left alone.
pub(crate) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key, without_nulls(value)))
                .collect(),
        ),
        other @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)) => other,
    }
}

/// Whether `predicate` holds for the path of every leaf of a patch that sits at `pointer`.
///
/// Leaves are scalars, nulls, arrays and empty objects.
pub(crate) fn all_leaves(
    pointer: &Pointer,
    patch: &Value,
    predicate: &mut dyn FnMut(&Pointer) -> bool,
) -> bool {
    match patch.as_object() {
        Some(members) if !members.is_empty() => members
            .iter()
            .all(|(key, value)| all_leaves(&pointer.child(key), value, predicate)),
        Some(_) | None => predicate(pointer),
    }
}

/// The first key that asks to remove members by regular expression, as `{{ ~2022-.*~ }}` does.
pub(crate) fn regex_key(patch: &Value) -> Option<&str> {
    patch.as_object()?.iter().find_map(|(key, value)| {
        if is_regex(key) {
            Some(key.as_str())
        } else {
            regex_key(value)
        }
    })
}

fn is_regex(key: &str) -> bool {
    let inner = key
        .trim()
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"))
        .map(str::trim);
    inner.is_some_and(|inner| {
        ['~', '/']
            .iter()
            .any(|&mark| inner.len() >= 2 && inner.starts_with(mark) && inner.ends_with(mark))
    })
}

#[cfg(test)]
mod tests;
