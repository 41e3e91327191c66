//! What was configured, as a tree of plain values: only to find out what another version says differently.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::places::join;

/// Something that may hold secrets, so that nothing of it is shown.
#[derive(Clone)]
pub struct Unshown<T>(pub(crate) T);

impl<T> fmt::Debug for Unshown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unshown")
    }
}

/// All settings that were written, with their secrets.
#[derive(Clone, Default, PartialEq)]
pub struct Values(Arc<Value>);

// Invariant: the values hold secrets, so nothing of them is shown.
impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Values")
    }
}

impl Values {
    pub(super) fn new(values: Value) -> Self {
        Self(Arc::new(values))
    }

    /// The value under a dotted key; `None` if nothing was written there.
    pub(crate) fn at(&self, key: &str) -> Option<&Value> {
        key.split('.')
            .try_fold(&*self.0, |value, name| value.get(name))
    }

    /// Whether both say the same under `key`.
    pub(crate) fn is_same(&self, other: &Self, key: &str) -> bool {
        self.at(key) == other.at(key)
    }

    /// The names below `key` under which the two differ.
    pub(crate) fn changed_below(&self, other: &Self, key: &str) -> BTreeSet<String> {
        let names = |values: &Self| -> BTreeSet<String> {
            let entries = values.at(key).and_then(Value::as_object);
            entries.into_iter().flat_map(Map::keys).cloned().collect()
        };
        let all: BTreeSet<String> = names(self).union(&names(other)).cloned().collect();
        let of = |values: &'_ Self, name: &str| {
            values
                .at(key)
                .and_then(|section| section.get(name))
                .cloned()
        };
        all.into_iter()
            .filter(|name| of(self, name) != of(other, name))
            .collect()
    }

    /// The dotted keys of every setting that differs.
    pub(crate) fn changed(&self, other: &Self) -> BTreeSet<String> {
        let mut keys = BTreeSet::new();
        compare("", Some(&self.0), Some(&other.0), &mut keys);
        keys
    }
}

fn compare(key: &str, one: Option<&Value>, other: Option<&Value>, keys: &mut BTreeSet<String>) {
    if one == other {
        return;
    }
    let empty = Map::new();
    let object = |value: Option<&'_ Value>| match value {
        None => Some(empty.clone()),
        Some(value) => value.as_object().cloned(),
    };
    let (Some(left), Some(right)) = (object(one), object(other)) else {
        keys.insert(key.to_owned());
        return;
    };
    if left.is_empty() && right.is_empty() {
        keys.insert(key.to_owned());
    }
    for name in left.keys().chain(right.keys()) {
        compare(&join(key, name), left.get(name), right.get(name), keys);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(one: Value, other: Value, expected: &[&str]) {
        let changed = Values::new(one).changed(&Values::new(other));
        assert_eq!(
            changed.iter().map(String::as_str).collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn every_setting_that_differs_is_named() {
        check(
            json!({ "a": { "b": 1, "c": 2 } }),
            json!({ "a": { "b": 1, "c": 3 } }),
            &["a.c"],
        );
        check(json!({}), json!({ "a": { "b": { "c": 1 } } }), &["a.b.c"]);
        check(
            json!({ "a": "dev_mode" }),
            json!({ "a": { "b": 1 } }),
            &["a"],
        );
        check(json!({ "a": [1] }), json!({ "a": [1, 2] }), &["a"]);
        check(json!({ "a": 1 }), json!({ "a": 1 }), &[]);
    }

    #[test]
    fn nothing_is_shown() {
        let values = Values::new(json!({ "password": "swordfish" }));
        assert!(!format!("{values:?}").contains("swordfish"));
    }
}
