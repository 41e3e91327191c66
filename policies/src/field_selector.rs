//! Selects parts of JSON documents, as the `fields` parameter does.

use std::str::FromStr;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::{Error, Pointer};

/// A list of pointers, with parentheses for common beginnings: `thingId,features/lamp(properties,definition)`.
///
/// Source: Ditto documentation, page "HTTP API search and field selection".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldSelector(Selection);

/// Which members are taken; one without selection of its own is taken whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Selection(IndexMap<String, Option<Selection>>);

impl FieldSelector {
    /// Whether nothing is selected; then every object is reduced to `{}`.
    pub fn is_empty(&self) -> bool {
        self.0.0.is_empty()
    }

    /// The first keys of all selected pointers.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        self.0.0.keys().map(String::as_str)
    }

    /// Every selected pointer, in the order of their first keys; one that another one leads to is left out.
    pub fn pointers(&self) -> Vec<Pointer> {
        let mut pointers = Vec::new();
        self.0.collect(&Pointer::root(), &mut pointers);
        pointers
    }

    /// The selected parts of the whole entity `value`, in the order of `value`; what is missing is left out.
    pub fn select(&self, value: &Value) -> Value {
        self.select_at(&Pointer::root(), value)
    }

    /// As [`FieldSelector::select`], for the part `value` of a thing that stands at `base`.
    ///
    /// A `*` stands for every feature where the keys of features stand, and only there.
    pub fn select_at(&self, base: &Pointer, value: &Value) -> Value {
        let base: Vec<&str> = base.segments().iter().map(String::as_str).collect();
        self.0.apply(&base, value).unwrap_or(Value::Null)
    }

    fn insert(&mut self, path: &[String]) {
        let mut selection = &mut self.0;
        let Some((last, parents)) = path.split_last() else {
            return;
        };
        for key in parents {
            let child = selection
                .0
                .entry(key.clone())
                .or_insert_with(|| Some(Selection::default()));
            match child {
                Some(child) => selection = child,
                None => return,
            }
        }
        selection.0.insert(last.clone(), None);
    }
}

impl Selection {
    fn collect(&self, base: &Pointer, pointers: &mut Vec<Pointer>) {
        for (key, below) in &self.0 {
            let pointer = base.child(key);
            match below {
                Some(below) => below.collect(&pointer, pointers),
                None => pointers.push(pointer),
            }
        }
    }

    fn apply(&self, at: &[&str], value: &Value) -> Option<Value> {
        match value {
            Value::Object(members) => Some(self.apply_to_members(at, members)),
            Value::Array(elements) => Some(
                elements
                    .iter()
                    .filter_map(|element| self.apply(at, element))
                    .collect(),
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        }
    }

    fn apply_to_members(&self, at: &[&str], members: &Map<String, Value>) -> Value {
        let every = self
            .0
            .get("*")
            .filter(|_| matches!(at, ["features"] | ["_metadata", "features"]));
        let mut selected = Map::new();
        for (key, value) in members {
            let own = self.0.get(key);
            let taken = match (own, every) {
                (None, None) => None,
                (Some(None), _) | (_, Some(None)) => Some(value.clone()),
                (Some(Some(selection)), None) | (None, Some(Some(selection))) => {
                    selection.apply(&below(at, key), value)
                }
                (Some(Some(own)), Some(Some(every))) => {
                    own.merged(every).apply(&below(at, key), value)
                }
            };
            if let Some(taken) = taken {
                selected.insert(key.clone(), taken);
            }
        }
        Value::Object(selected)
    }

    fn merged(&self, other: &Self) -> Self {
        let mut merged = self.clone();
        for (key, theirs) in &other.0 {
            let union = match (merged.0.get(key), theirs) {
                (Some(None), _) | (_, None) => None,
                (Some(Some(mine)), Some(theirs)) => Some(mine.merged(theirs)),
                (None, Some(theirs)) => Some(theirs.clone()),
            };
            merged.0.insert(key.clone(), union);
        }
        merged
    }
}

fn below<'k>(at: &[&'k str], key: &'k str) -> Vec<&'k str> {
    at.iter().copied().chain([key]).collect()
}

impl FromStr for FieldSelector {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut selector = Self::default();
        if text.is_empty() {
            return Ok(selector);
        }
        let invalid = |reason| Error::InvalidFieldSelector {
            text: text.to_owned(),
            reason,
        };
        parse_items(text, &Pointer::root(), &mut selector).map_err(invalid)?;
        Ok(selector)
    }
}

/// Reads a comma-separated list whose pointers start at `base`.
fn parse_items(
    text: &str,
    base: &Pointer,
    selector: &mut FieldSelector,
) -> Result<(), &'static str> {
    for item in split_top_level(text)? {
        let (path, nested) = match item.split_once('(') {
            None => (item, None),
            Some((path, rest)) => (
                path,
                Some(rest.strip_suffix(')').ok_or("text follows a parenthesis")?),
            ),
        };
        let path: Pointer = path.parse().map_err(|_| "a pointer is malformed")?;
        let path = base.join(&path);
        if path.segments().len() > Pointer::SEGMENTS_MAX {
            return Err("it is too deep");
        }
        match nested {
            Some(nested) => parse_items(nested, &path, selector)?,
            None if path == *base => return Err("a field is empty"),
            None => selector.insert(path.segments()),
        }
    }
    Ok(())
}

/// How deep parentheses may be nested, so that parsing them cannot exhaust the stack.
const NESTING_MAX: usize = 32;

/// Splits at the commas that stand in no parentheses.
fn split_top_level(text: &str) -> Result<Vec<&str>, &'static str> {
    let mut items = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' if depth == NESTING_MAX => return Err("its parentheses are nested too deep"),
            b'(' => depth += 1,
            b')' => depth = depth.checked_sub(1).ok_or("a parenthesis is not opened")?,
            b',' if depth == 0 => {
                items.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    if depth > 0 {
        return Err("a parenthesis is not closed");
    }
    items.push(text.get(start..).unwrap_or_default());
    Ok(items)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(selector: &str, expected: Option<Value>) {
        let thing = json!({
            "thingId": "a:b",
            "attributes": {"a": {"b": 1, "c": 2}, "list": [{"x": 1, "y": 2}, {"y": 3}, 4]},
            "features": {
                "lamp": {"properties": {"on": true, "color": "red"}, "definition": ["x"]},
                "fan": {"properties": {"on": false}},
            },
        });
        let selected = selector.parse::<FieldSelector>().ok();
        let selected = selected.map(|selector| selector.select(&thing));
        assert_eq!(selected, expected, "selector: {selector:?}");
    }

    #[test]
    fn structure_is_preserved() {
        check("thingId", Some(json!({"thingId": "a:b"})));
        check("/thingId,nope", Some(json!({"thingId": "a:b"})));
        check(
            "attributes/a",
            Some(json!({"attributes": {"a": {"b": 1, "c": 2}}})),
        );
        check(
            "attributes/a/b,attributes/a/c",
            Some(json!({"attributes": {"a": {"b": 1, "c": 2}}})),
        );
        check(
            "attributes/a/b,attributes/a",
            Some(json!({"attributes": {"a": {"b": 1, "c": 2}}})),
        );
        check("", Some(json!({})));
        check("nope", Some(json!({})));
        check("thingId/x", Some(json!({})));
    }

    #[test]
    fn parentheses_share_a_beginning() {
        check(
            "features/lamp(properties(on),definition)",
            Some(json!({"features": {"lamp": {"properties": {"on": true}, "definition": ["x"]}}})),
        );
        check(
            "(thingId,attributes(a(b)))",
            Some(json!({"thingId": "a:b", "attributes": {"a": {"b": 1}}})),
        );
    }

    #[test]
    fn pointers_are_listed() {
        let selector: FieldSelector = "a/b(c,d),e,e/f".parse().unwrap();
        let pointers: Vec<_> = selector.pointers().iter().map(Pointer::to_string).collect();
        assert_eq!(pointers, ["/a/b/c", "/a/b/d", "/e"]);
    }

    #[test]
    fn elements_of_arrays_are_reduced_each() {
        check(
            "attributes/list/x",
            Some(json!({"attributes": {"list": [{"x": 1}, {}]}})),
        );
    }

    #[test]
    fn a_star_stands_for_features_only() {
        check(
            "features/*/properties/on",
            Some(json!({"features": {
                "lamp": {"properties": {"on": true}}, "fan": {"properties": {"on": false}}
            }})),
        );
        check(
            "features/*/properties/on,features/lamp/definition",
            Some(json!({"features": {
                "lamp": {"properties": {"on": true}, "definition": ["x"]},
                "fan": {"properties": {"on": false}},
            }})),
        );
        check("attributes/*/b", Some(json!({"attributes": {}})));
        check("*", Some(json!({})));
        let features = json!({"lamp": {"properties": {"on": true}}});
        let selector: FieldSelector = "*/properties/on".parse().unwrap();
        assert_eq!(
            selector.select_at(&Pointer::from_segments(["features"]), &features),
            features
        );
    }

    #[test]
    fn malformed_selectors_are_refused() {
        check("a(b", None);
        check("a)b", None);
        check("a(b)c", None);
        check("a,,b", None);
        check("a(b,)", None);
        check("a//b", None);
        check(&format!("{}x{}", "a(".repeat(33), ")".repeat(33)), None);
    }
}
