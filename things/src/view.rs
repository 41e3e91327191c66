//! What a caller who may not read everything gets to see.

use policies::{Enforcer, Permission, Pointer, ResourceType, SubjectId};
use serde_json::{Map, Value};

/// Members of a thing that everybody sees who may read anything of it.
pub(crate) const ALWAYS_VISIBLE: [&str; 5] = [
    "thingId",
    "_namespace",
    "_revision",
    "_created",
    "_modified",
];

/// Whether the caller may read something at or below `path`.
pub(crate) fn is_partially_readable(
    enforcer: &Enforcer,
    subjects: &[SubjectId],
    path: &Pointer,
) -> bool {
    enforcer.partial(subjects, &ResourceType::Thing, path, &Permission::READ)
}

/// What the caller may read of the `value` at `path`; `None` if that is nothing, not even an empty object.
pub(crate) fn of_value(
    enforcer: &Enforcer,
    subjects: &[SubjectId],
    path: &Pointer,
    value: &Value,
) -> Option<Value> {
    if !is_partially_readable(enforcer, subjects, path) {
        return None;
    }
    let mut view = enforcer.view(subjects, &ResourceType::Thing, path, value);
    if let Some(members) = view.as_object_mut() {
        // An empty object also stands for a scalar or array of which nothing is readable.
        if members.is_empty() && !value.is_object() {
            return None;
        }
        if path.is_root() {
            return Some(with_always_visible(value, std::mem::take(members)));
        }
    }
    Some(view)
}

/// Puts back what everybody sees, in the order of `thing`.
fn with_always_visible(thing: &Value, mut view: Map<String, Value>) -> Value {
    let members = thing.as_object().into_iter().flatten();
    Value::Object(
        members
            .filter_map(|(key, value)| {
                let visible = view.shift_remove(key).or_else(|| {
                    ALWAYS_VISIBLE
                        .contains(&key.as_str())
                        .then(|| value.clone())
                });
                Some((key.clone(), visible?))
            })
            .collect(),
    )
}
