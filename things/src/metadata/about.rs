//! Which parts of a thing a header with metadata is about.

use policies::Pointer;
use serde_json::Value;

use super::{Key, MetadataHeader, WILDCARD, Written, put_patch, selected};
use crate::{edit, merge};

/// The paths that whoever sends `header` must be able to write, given the metadata `before`.
///
/// What is noted at `/attributes/heat/unit` is about `/attributes/heat`, and so is whatever it replaces on its way there.
pub(crate) fn touched(
    header: &MetadataHeader,
    before: Option<&Value>,
    written: &Written<'_>,
) -> Vec<Pointer> {
    let nothing = Value::Null;
    let before = before.unwrap_or(&nothing);
    match header {
        MetadataHeader::Put(entries) => {
            let patch = put_patch(entries, written);
            let mut found = Vec::new();
            merge::all_leaves(&Pointer::root(), &patch, &mut |leaf| {
                let is_removal = leaf.resolve(&patch).is_some_and(Value::is_null);
                found.push(if is_removal {
                    of_removal(leaf, before, written.before)
                } else {
                    of_note(leaf, before)
                });
                true
            });
            found
        }
        MetadataHeader::Delete(keys) => keys
            .iter()
            .flat_map(|key| removals(key, before, written.pointer))
            .map(|pointer| of_removal(&pointer, before, written.before))
            .collect(),
        MetadataHeader::Get(_) => Vec::new(),
    }
}

/// What `key` takes away: what a wildcard finds, and what is named whether it is there or not, so that a refusal does
/// not tell.
fn removals(key: &Key, before: &Value, base: &Pointer) -> Vec<Pointer> {
    if key.0.iter().any(|segment| segment == WILDCARD) {
        selected(std::slice::from_ref(key), before, base)
    } else {
        vec![base.join(&Pointer::from_segments(key.0.iter().cloned()))]
    }
}

fn of_note(at: &Pointer, before: &Value) -> Pointer {
    let replaced = edit::obstacle(before, at);
    parent(replaced.as_ref().unwrap_or(at))
}

/// All that is noted about a part of the thing may be removed by who may write that part.
fn of_removal(at: &Pointer, before: &Value, thing: &Value) -> Pointer {
    let is_note = at.resolve(before).is_some_and(|noted| !noted.is_object());
    if is_note || at.resolve(thing).is_none() {
        parent(at)
    } else {
        at.clone()
    }
}

fn parent(pointer: &Pointer) -> Pointer {
    let (_last, parents) = pointer.segments().split_last().unzip();
    Pointer::from_segments(parents.unwrap_or_default().iter().cloned())
}
