//! Metadata: what is noted about parts of a thing, kept beside it in the same structure.
//!
//! The metadata `unit` of `/attributes/heat` stands at `/attributes/heat/unit` of the metadata.
//! Source: Ditto documentation, page "Metadata".

mod about;

use std::borrow::Cow;

use policies::{FieldSelector, Pointer};
use serde_json::{Map, Value};

use crate::headers::invalid;
use crate::{Error, ResourceKind, ThingAction, edit, merge, model};

pub(crate) use about::touched;

/// What a command wants of metadata.
#[derive(Debug, Clone)]
pub(crate) enum MetadataHeader {
    /// `put-metadata`
    Put(Vec<Entry>),
    /// `get-metadata`
    Get(Vec<Key>),
    /// `delete-metadata`
    Delete(Vec<Key>),
}

/// One piece of metadata to write.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    key: Key,
    value: Value,
}

/// Where metadata stands, relative to the addressed resource; `*` stands for one level.
#[derive(Debug, Clone)]
pub(crate) struct Key(Vec<String>);

const WILDCARD: &str = "*";

impl MetadataHeader {
    const PUT: &str = "put-metadata";
    const GET: &str = "get-metadata";
    const DELETE: &str = "delete-metadata";

    pub(crate) fn parse<'h>(
        lookup: &dyn Fn(&'static str) -> Option<Cow<'h, str>>,
    ) -> Result<Option<Self>, Error> {
        match (lookup(Self::PUT), lookup(Self::GET), lookup(Self::DELETE)) {
            (None, None, None) => Ok(None),
            (Some(text), None, None) => entries(&text).map(Self::Put).map(Some),
            (None, Some(text), None) => keys(Self::GET, &text).map(Self::Get).map(Some),
            (None, None, Some(text)) => keys(Self::DELETE, &text).map(Self::Delete).map(Some),
            (_, _, _) => Err(Error::MetadataConflict),
        }
    }

    /// Refuses a header that does not fit the command, and wildcards that do not fit the resource.
    pub(crate) fn check_use(&self, action: &ThingAction, kind: ResourceKind) -> Result<(), Error> {
        let fits = match (self, action) {
            (Self::Get(_), ThingAction::Retrieve { .. })
            | (Self::Put(_), ThingAction::Create(_))
            | (Self::Put(_) | Self::Delete(_), ThingAction::Modify(_) | ThingAction::Merge(_))
            | (Self::Delete(_), ThingAction::Delete) => true,
            (Self::Put(_) | Self::Get(_) | Self::Delete(_), _) => false,
        };
        if !fits {
            return Err(Error::MetadataConflict);
        }
        match self {
            Self::Put(entries) => entries
                .iter()
                .try_for_each(|entry| entry.key.check_wildcards(Self::PUT, kind)),
            Self::Get(keys) => keys
                .iter()
                .try_for_each(|key| key.check_wildcards(Self::GET, kind)),
            Self::Delete(keys) => keys
                .iter()
                .try_for_each(|key| key.check_wildcards(Self::DELETE, kind)),
        }
    }
}

fn entries(text: &str) -> Result<Vec<Entry>, Error> {
    const RULE: &str = "it is a JSON array of objects with `key` and `value`";
    let wrong = || invalid(MetadataHeader::PUT, RULE);
    let entries: Vec<Map<String, Value>> =
        serde_json::from_str(text).map_err(|_malformed| wrong())?;
    entries
        .into_iter()
        .map(|mut entry| {
            let key = entry.get("key").and_then(Value::as_str).ok_or_else(wrong)?;
            let pointer: Pointer = key.parse().map_err(|_malformed| wrong())?;
            if pointer.is_root() {
                return Err(wrong());
            }
            Ok(Entry {
                key: Key::new(&pointer)?,
                value: entry.shift_remove("value").ok_or_else(wrong)?,
            })
        })
        .collect()
}

fn keys(header: &'static str, text: &str) -> Result<Vec<Key>, Error> {
    let selector: FieldSelector = text.parse().map_err(|source| Error::MetadataSelection {
        header,
        source: Box::new(source),
    })?;
    selector.pointers().iter().map(Key::new).collect()
}

impl Key {
    fn new(pointer: &Pointer) -> Result<Self, Error> {
        for segment in pointer.segments() {
            model::validate_key(segment)?;
        }
        Ok(Self(pointer.segments().to_vec()))
    }

    /// Wildcards stand where Ditto knows them, which depends on the level of the resource.
    fn check_wildcards(&self, header: &'static str, kind: ResourceKind) -> Result<(), Error> {
        let key: Vec<&str> = self.0.iter().map(String::as_str).collect();
        let is_put = header == MetadataHeader::PUT;
        match key.as_slice() {
            [WILDCARD] if !is_put => return Ok(()),
            [WILDCARD, last] if *last != WILDCARD => return Ok(()),
            key if !key.contains(&WILDCARD) => return Ok(()),
            _ => {}
        }
        let level = match key.as_slice() {
            [.., WILDCARD] => None,
            ["attributes", WILDCARD, _] | ["features", WILDCARD, "definition", _] => {
                Some(ResourceKind::Thing)
            }
            ["features", _, "properties" | "desiredProperties", _, _] => Some(ResourceKind::Thing),
            [WILDCARD, "definition", _] | [_, "properties" | "desiredProperties", _, _] => {
                Some(ResourceKind::Features)
            }
            ["properties" | "desiredProperties", WILDCARD, _] => Some(ResourceKind::Feature),
            _ => None,
        };
        match level {
            Some(level) if level == kind => Ok(()),
            Some(_) => Err(Error::MetadataWildcard {
                header,
                key: self.0.join("/"),
                kind,
            }),
            None => Err(invalid(
                header,
                "a `*` stands only where there are several parts",
            )),
        }
    }

    /// The pointers that this key means, given the `tree` whose parts its wildcards stand for.
    fn expand(&self, tree: &Value) -> Vec<Pointer> {
        let mut found = Vec::new();
        expand(&self.0, &Pointer::root(), Some(tree), &mut found);
        found
    }

    /// The key of `*/key`.
    fn of_every_leaf(&self) -> Option<&str> {
        match self.0.as_slice() {
            [first, key] if first == WILDCARD => Some(key),
            _ => None,
        }
    }
}

fn expand(key: &[String], at: &Pointer, tree: Option<&Value>, found: &mut Vec<Pointer>) {
    match key {
        [] => found.push(at.clone()),
        [first, rest @ ..] if first == WILDCARD => {
            let members = tree.and_then(Value::as_object).into_iter().flatten();
            for (name, value) in members.filter(|(name, _)| merge::removal(name).is_none()) {
                expand(rest, &at.child(name), Some(value), found);
            }
        }
        [first, rest @ ..] => {
            let below = tree.and_then(|tree| tree.get(first));
            expand(rest, &at.child(first), below, found);
        }
    }
}

/// What becomes of the metadata of a thing.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct MetadataChange {
    /// All metadata after the change; `None` if there is none.
    pub(crate) after: Option<Value>,
    /// The merge patch that the command asked for, which its event carries.
    pub(crate) patch: Option<Value>,
}

/// A write, as far as metadata depends on it.
pub(crate) struct Written<'w> {
    /// Where.
    pub(crate) pointer: &'w Pointer,
    /// What was written, or the patch; `None` for a deletion.
    pub(crate) value: Option<&'w Value>,
    /// Whether `value` replaced what was there.
    pub(crate) is_replacement: bool,
    /// The thing before and after.
    pub(crate) before: &'w Value,
    pub(crate) after: &'w Value,
}

/// What `header` makes of the metadata `before` a write.
pub(crate) fn change(
    before: Option<&Value>,
    header: Option<&MetadataHeader>,
    written: &Written<'_>,
) -> MetadataChange {
    let patch = match header {
        Some(MetadataHeader::Put(entries)) => Some(put_patch(entries, written)),
        Some(MetadataHeader::Delete(keys)) => {
            before.map(|before| delete_patch(keys, before, written))
        }
        Some(MetadataHeader::Get(_)) | None => None,
    };
    let patch = patch.filter(|patch| patch.as_object().is_some_and(|patch| !patch.is_empty()));
    MetadataChange {
        after: advance(before, patch.as_ref(), written),
        patch,
    }
}

/// The metadata after a write, given the patch that its command asked for.
pub(crate) fn advance(
    before: Option<&Value>,
    patch: Option<&Value>,
    written: &Written<'_>,
) -> Option<Value> {
    if before.is_none() && patch.is_none() {
        return None;
    }
    let mut metadata = before.cloned().unwrap_or_else(empty);
    forget_removed(&mut metadata, written.before, written.after);
    let is_emptied = written.is_replacement && written.value == Some(&empty());
    if is_emptied && written.pointer.resolve(&metadata).is_some() {
        edit::set(&mut metadata, written.pointer, empty());
    }
    if let Some(patch) = patch {
        merge::apply(&mut metadata, &Pointer::root(), patch);
        prune(&mut metadata, patch);
    }
    Some(metadata).filter(|metadata| *metadata != empty())
}

fn empty() -> Value {
    Value::Object(Map::new())
}

fn put_patch(entries: &[Entry], written: &Written<'_>) -> Value {
    let mut patch = empty();
    let nothing = Value::Null;
    let value = written.value.unwrap_or(&nothing);
    for Entry { key, value: noted } in entries {
        let pointers = match key.of_every_leaf() {
            Some(last) => leaves(value, written.is_replacement)
                .into_iter()
                .map(|leaf| leaf.child(last))
                .collect(),
            None => key.expand(value),
        };
        for pointer in pointers {
            edit::set(&mut patch, &written.pointer.join(&pointer), noted.clone());
        }
    }
    patch
}

/// The paths of everything in `value` that has no members; nulls are values only in what replaces something.
fn leaves(value: &Value, with_nulls: bool) -> Vec<Pointer> {
    let mut found = Vec::new();
    collect_leaves(&Pointer::root(), value, &mut |at, leaf| {
        if with_nulls || !leaf.is_null() || at.is_root() {
            found.push(at.clone());
        }
    });
    found
}

fn collect_leaves(at: &Pointer, value: &Value, found: &mut dyn FnMut(&Pointer, &Value)) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                collect_leaves(&at.child(key), value, found);
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => found(at, value),
    }
}

fn delete_patch(keys: &[Key], before: &Value, written: &Written<'_>) -> Value {
    let mut patch = empty();
    for pointer in selected(keys, before, written.pointer) {
        edit::set(&mut patch, &pointer, Value::Null);
    }
    patch
}

/// The pointers from the root of `metadata` that `keys` mean for the resource at `base`, as far as there is something.
fn selected(keys: &[Key], metadata: &Value, base: &Pointer) -> Vec<Pointer> {
    let Some(own) = base.resolve(metadata) else {
        return Vec::new();
    };
    keys.iter()
        .flat_map(|key| match key.of_every_leaf() {
            Some(last) => {
                let mut found = Vec::new();
                find(last, &Pointer::root(), own, &mut found);
                found
            }
            None => key.expand(own),
        })
        .map(|pointer| base.join(&pointer))
        .filter(|pointer| pointer.resolve(metadata).is_some())
        .collect()
}

fn find(last: &str, at: &Pointer, tree: &Value, found: &mut Vec<Pointer>) {
    for (key, value) in tree.as_object().into_iter().flatten() {
        if key == last {
            found.push(at.child(key));
        } else {
            find(last, &at.child(key), value, found);
        }
    }
}

/// What `get-metadata` answers for the resource at `base`, relative to it.
pub(crate) fn select(keys: &[Key], metadata: &Value, base: &Pointer) -> Value {
    let mut answer = empty();
    for pointer in selected(keys, metadata, base) {
        if let (Some(value), Some(relative)) =
            (pointer.resolve(metadata), pointer.strip_prefix(base))
        {
            edit::set(&mut answer, &relative, value.clone());
        }
    }
    answer
}

/// Parts that are gone take their metadata with them.
fn forget_removed(metadata: &mut Value, before: &Value, after: &Value) {
    let (Value::Object(noted), Value::Object(before)) = (metadata, before) else {
        return;
    };
    noted.retain(|key, noted| match (before.get(key), after.get(key)) {
        (Some(_), None) => false,
        (Some(before), Some(after)) => {
            let was_empty = *noted == empty();
            forget_removed(noted, before, after);
            was_empty || *noted != empty()
        }
        (None, _) => true,
    });
}

/// Removes objects that a deletion has left empty, along the paths of `patch`.
fn prune(metadata: &mut Value, patch: &Value) {
    let (Value::Object(members), Value::Object(changes)) = (metadata, patch) else {
        return;
    };
    for (key, change) in changes {
        if !has_removal(change) {
            continue;
        }
        if let Some(member) = members.get_mut(key) {
            prune(member, change);
            if *member == empty() {
                members.shift_remove(key);
            }
        }
    }
}

fn has_removal(patch: &Value) -> bool {
    match patch {
        Value::Null => true,
        Value::Object(changes) => changes.values().any(has_removal),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => false,
    }
}

#[cfg(test)]
mod tests;
