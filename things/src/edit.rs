//! Writes and removes members of a JSON document by pointer.

use policies::Pointer;
use serde_json::{Map, Value};

/// Puts `value` at `pointer`; missing parents become objects, and so does a scalar or array in the way.
pub(crate) fn set(document: &mut Value, pointer: &Pointer, value: Value) {
    *slot(document, pointer) = value;
}

/// The place at `pointer`, made if it is missing.
pub(crate) fn slot<'v>(document: &'v mut Value, pointer: &Pointer) -> &'v mut Value {
    pointer.segments().iter().fold(document, |parent, key| {
        as_object(parent).entry(key).or_insert(Value::Null)
    })
}

/// The members of `value`, which becomes an empty object if it is none.
pub(crate) fn as_object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("made an object just now")
}

/// Takes away what is at `pointer`, if anything; its parents stay.
pub(crate) fn remove(document: &mut Value, pointer: &Pointer) -> Option<Value> {
    let (last, parents) = pointer.segments().split_last()?;
    parents
        .iter()
        .try_fold(document, |parent, key| parent.as_object_mut()?.get_mut(key))?
        .as_object_mut()?
        .shift_remove(last)
}

/// The scalar or array, if any, of which [`set`] would make an object on its way to `pointer`.
pub(crate) fn obstacle(document: &Value, pointer: &Pointer) -> Option<Pointer> {
    let mut at = document;
    for (depth, key) in pointer.segments().iter().enumerate() {
        match at {
            Value::Object(members) => at = members.get(key)?,
            Value::Null => return None,
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                let above = pointer.segments().iter().take(depth);
                return Some(Pointer::from_segments(above.cloned()));
            }
        }
    }
    None
}

/// How many objects and arrays enclose the deepest value.
pub(crate) fn depth(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check_set(before: Value, path: &str, value: Value, expected: Value) {
        let mut document = before;
        set(&mut document, &path.parse().unwrap(), value);
        assert_eq!(document, expected, "path: {path}");
    }

    #[track_caller]
    fn check_remove(before: Value, path: &str, removed: Option<Value>, expected: Value) {
        let mut document = before;
        assert_eq!(remove(&mut document, &path.parse().unwrap()), removed);
        assert_eq!(document, expected, "path: {path}");
    }

    #[test]
    fn missing_parents_are_made() {
        check_set(json!({}), "/a/b/c", json!(1), json!({"a": {"b": {"c": 1}}}));
        check_set(json!({"a": null}), "/a/b", json!(1), json!({"a": {"b": 1}}));
    }

    #[test]
    fn a_scalar_or_array_in_the_way_is_replaced() {
        check_set(json!({"a": 5}), "/a/b", json!(1), json!({"a": {"b": 1}}));
        check_set(json!({"a": [5]}), "/a/0", json!(1), json!({"a": {"0": 1}}));
    }

    #[test]
    fn only_scalars_and_arrays_are_in_the_way() {
        let document = json!({"a": {"s": 5, "l": [1], "n": null, "o": {}}});
        let check = |path: &str, expected: Option<&str>| {
            let found = obstacle(&document, &path.parse().unwrap());
            assert_eq!(found, expected.map(|path| path.parse().unwrap()), "{path}");
        };
        check("/a/s/x/y", Some("/a/s"));
        check("/a/l/0", Some("/a/l"));
        for free in ["/a/s", "/a/n/x", "/a/o/x/y", "/b/c", "/"] {
            check(free, None);
        }
    }

    #[test]
    fn parents_survive_the_removal_of_their_last_member() {
        check_remove(
            json!({"a": {"b": 1}}),
            "/a/b",
            Some(json!(1)),
            json!({"a": {}}),
        );
    }

    #[test]
    fn removing_what_is_not_there_changes_nothing() {
        check_remove(json!({"a": 5}), "/a/b", None, json!({"a": 5}));
        check_remove(json!({"a": [5]}), "/a/0", None, json!({"a": [5]}));
        check_remove(json!({}), "/", None, json!({}));
    }

    #[test]
    fn depth_counts_enclosing_containers() {
        assert_eq!(depth(&json!(1)), 0);
        assert_eq!(depth(&json!({})), 1);
        assert_eq!(depth(&json!({"a": [{"b": 1}], "c": {}})), 3);
    }
}
