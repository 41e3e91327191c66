//! Merge patches (RFC 7396) at any path of a thing.

use policies::Pointer;
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value};

use crate::edit;

/// Merges `patch` into what is at `pointer`, as if it came for the whole document, wrapped in objects: a null takes away
/// what is there, and parents that are missing are made for it, too.
pub(crate) fn apply(document: &mut Value, pointer: &Pointer, patch: &Value) {
    match pointer.segments().split_last() {
        Some((last, parents)) if patch.is_null() => {
            let parent = Pointer::from_segments(parents.iter().cloned());
            edit::as_object(edit::slot(document, &parent)).shift_remove(last);
        }
        Some(_) | None => merge(edit::slot(document, pointer), patch),
    }
}

/// RFC 7396 §2, which also strips nulls from objects that are new.
///
/// Keys that are removals by pattern come first, so that what matches and is set survives with its new value.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        target.clone_from(patch);
        return;
    };
    let members = edit::as_object(target);
    for (pattern, _) in removals(changes) {
        members.retain(|key, _| !pattern.is_match(key));
    }
    for (key, change) in changes {
        if change.is_null() {
            members.shift_remove(key);
        } else {
            merge(members.entry(key).or_insert(Value::Null), change);
        }
    }
}

/// Puts the members of `other` over those of `patch`, which stays a patch: nulls are kept.
pub(crate) fn overlay(patch: &mut Value, other: Value) {
    match (patch, other) {
        (Value::Object(members), Value::Object(others)) => {
            for (key, other) in others {
                overlay(members.entry(key).or_insert(Value::Null), other);
            }
        }
        (patch, other) => *patch = other,
    }
}

/// What of `patch` would change `current`; `None` if nothing would.
pub(crate) fn minimise(patch: &Value, current: Option<&Value>) -> Option<Value> {
    let (Value::Object(changes), Some(Value::Object(members))) = (patch, current) else {
        return (current != Some(patch)).then(|| patch.clone());
    };
    let patterns: Vec<_> = removals(changes).collect();
    let is_removed = |key: &str| patterns.iter().any(|(pattern, _)| pattern.is_match(key));
    let kept: Map<String, Value> = changes
        .iter()
        .filter_map(|(key, change)| {
            if let Some((pattern, _)) = patterns.iter().find(|(_, text)| *text == key) {
                let matches = members.keys().any(|key| pattern.is_match(key));
                return matches.then(|| (key.clone(), Value::Null));
            }
            let current = members.get(key);
            if change.is_null() {
                return current.map(|_| (key.clone(), Value::Null));
            }
            // What a pattern takes away must be written again in full.
            let current = current.filter(|_| !is_removed(key));
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
/// Leaves are scalars, nulls, arrays and empty objects; a removal by pattern counts as the object that it is in.
pub(crate) fn all_leaves(
    pointer: &Pointer,
    patch: &Value,
    predicate: &mut dyn FnMut(&Pointer) -> bool,
) -> bool {
    match patch.as_object() {
        Some(members) if !members.is_empty() => members.iter().all(|(key, value)| {
            if value.is_null() && removal(key).is_some() {
                predicate(pointer)
            } else {
                all_leaves(&pointer.child(key), value, predicate)
            }
        }),
        Some(_) | None => predicate(pointer),
    }
}

/// Removals by pattern of one object of a patch: members with a key like `{{ ~2022-.*~ }}` and the value null.
fn removals(changes: &Map<String, Value>) -> impl Iterator<Item = (Regex, &String)> {
    changes
        .iter()
        .filter(|(_, change)| change.is_null())
        .filter_map(|(key, _)| Some((compile(removal(key)?)?, key)))
}

/// The expression in a key that removes by pattern.
///
/// Source: Ditto documentation, page "HTTP API concepts", section "Removing fields in a merge update with a regex".
pub(crate) fn removal(key: &str) -> Option<&str> {
    let inner = key
        .trim()
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}"))?
        .trim();
    ['~', '/'].into_iter().find_map(|mark| {
        let expression = inner.strip_prefix(mark)?.strip_suffix(mark)?;
        (!expression.is_empty()).then_some(expression)
    })
}

/// Memory of one compiled expression, in bytes.
const COMPILED_BYTES_MAX: usize = 256 * 1024;

/// An expression that must match whole keys; it takes time linear in the key, whatever it says.
fn compile(expression: &str) -> Option<Regex> {
    RegexBuilder::new(&format!(r"\A(?:{expression})\z"))
        .size_limit(COMPILED_BYTES_MAX)
        .build()
        .ok()
}

/// A removal by pattern, taken out of a patch.
#[derive(Debug)]
pub(crate) struct Removal {
    /// The object that it removes from, relative to the patch.
    pointer: Pointer,
    key: String,
}

/// How many removals by pattern one patch may have: each is compiled.
const REMOVALS_MAX: usize = 32;

/// Takes the removals by pattern out of `patch`, whose other keys obey the rules of keys.
///
/// The error is the key of one that cannot be used, and whether it is one of too many.
pub(crate) fn take_removals(patch: &mut Value) -> Result<Vec<Removal>, String> {
    let mut taken = Vec::new();
    take_removals_at(&Pointer::root(), patch, &mut taken)?;
    Ok(taken)
}

fn take_removals_at(
    pointer: &Pointer,
    patch: &mut Value,
    taken: &mut Vec<Removal>,
) -> Result<(), String> {
    let Value::Object(changes) = patch else {
        return Ok(());
    };
    let keys: Vec<String> = changes
        .iter()
        .filter(|(key, change)| change.is_null() && removal(key).is_some())
        .map(|(key, _)| key.clone())
        .collect();
    for key in keys {
        if taken.len() == REMOVALS_MAX || removal(&key).and_then(compile).is_none() {
            return Err(key);
        }
        changes.shift_remove(&key);
        taken.push(Removal {
            pointer: pointer.clone(),
            key,
        });
    }
    changes
        .iter_mut()
        .filter(|(_, change)| change.is_object())
        .try_for_each(|(key, change)| take_removals_at(&pointer.child(key), change, taken))
}

/// Puts removals back where they were taken from, as far as their objects are still there.
pub(crate) fn put_back(patch: &mut Value, removals: Vec<Removal>) {
    for Removal { pointer, key } in removals {
        let object = pointer
            .segments()
            .iter()
            .try_fold(&mut *patch, |at, key| at.as_object_mut()?.get_mut(key));
        if let Some(Value::Object(members)) = object {
            members.insert(key, Value::Null);
        }
    }
}

impl Removal {
    /// Whether it would take `key` from the outermost object.
    pub(crate) fn hits_root(&self, key: &str) -> bool {
        self.pointer.is_root()
            && removal(&self.key)
                .and_then(compile)
                .is_some_and(|pattern| pattern.is_match(key))
    }
}

#[cfg(test)]
mod tests;
