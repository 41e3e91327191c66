//! Tests of metadata.

use serde_json::json;

use super::*;

fn header(name: &'static str, text: &'static str) -> MetadataHeader {
    let lookup = |asked: &'static str| (asked == name).then_some(Cow::Borrowed(text));
    MetadataHeader::parse(&lookup).unwrap().unwrap()
}

/// A PUT of `value` at `path` of a thing that had nothing there.
#[track_caller]
fn check_put(path: &str, value: Value, entries: &'static str, expected: Value) {
    let pointer: Pointer = path.parse().unwrap();
    let mut after = json!({});
    edit::set(&mut after, &pointer, value.clone());
    let written = Written {
        pointer: &pointer,
        value: Some(&value),
        is_replacement: true,
        before: &json!({}),
        after: &after,
    };
    let header = header("put-metadata", entries);
    let change = change(None, Some(&header), &written);
    assert_eq!(change.after, Some(expected.clone()), "{entries}");
    assert_eq!(change.patch, Some(expected), "{entries}");
}

#[test]
fn keys_are_relative_to_the_resource() {
    check_put(
        "/features/lamp/properties/color",
        json!({"r": 1}),
        r#"[{"key":"/unit","value":"rgb"},{"key":"r/by","value":{"a":1}}]"#,
        json!({"features": {"lamp": {"properties": {"color": {"unit": "rgb", "r": {"by": {"a": 1}}}}}}}),
    );
}

#[test]
fn a_star_stands_for_what_is_written() {
    check_put(
        "/attributes",
        json!({"a": {"b": 1, "c": [2]}, "d": {}}),
        r#"[{"key":"*/at","value":1}]"#,
        json!({"attributes": {"a": {"b": {"at": 1}, "c": {"at": 1}}, "d": {"at": 1}}}),
    );
    check_put(
        "/attributes/a",
        json!(5),
        r#"[{"key":"*/at","value":1}]"#,
        json!({"attributes": {"a": {"at": 1}}}),
    );
    check_put(
        "/",
        json!({"features": {"f": {"properties": {"p": 1, "q": 2}}, "g": {"properties": {"p": 3}}}}),
        r#"[{"key":"features/*/properties/p/u","value":1},{"key":"features/f/properties/*/v","value":2}]"#,
        json!({"features": {
            "f": {"properties": {"p": {"u": 1, "v": 2}, "q": {"v": 2}}},
            "g": {"properties": {"p": {"u": 1}}},
        }}),
    );
}

#[track_caller]
fn check_wildcard(
    header_name: &'static str,
    key: &'static str,
    kind: ResourceKind,
    expected: &str,
) {
    let key = Key::new(&key.parse().unwrap()).unwrap();
    let outcome = match key.check_wildcards(header_name, kind) {
        Ok(()) => "ok".to_owned(),
        Err(error) => format!("{error:?}")
            .split([' ', '{'])
            .next()
            .unwrap_or_default()
            .to_owned(),
    };
    assert_eq!(outcome, expected, "{key:?} at {kind:?}");
}

#[test]
fn stars_have_their_places() {
    use ResourceKind::{Attribute, Feature, Features, Thing};
    check_wildcard("get-metadata", "*", Attribute, "ok");
    check_wildcard("put-metadata", "*", Attribute, "HeaderInvalid");
    check_wildcard("put-metadata", "*/key", Attribute, "ok");
    check_wildcard("put-metadata", "attributes/*/key", Thing, "ok");
    check_wildcard("put-metadata", "features/*/definition/key", Thing, "ok");
    check_wildcard("put-metadata", "features/*/properties/*/key", Thing, "ok");
    check_wildcard(
        "put-metadata",
        "features/*/properties/*/key",
        Features,
        "MetadataWildcard",
    );
    check_wildcard("put-metadata", "*/properties/*/key", Features, "ok");
    check_wildcard("put-metadata", "properties/*/key", Feature, "ok");
    check_wildcard(
        "put-metadata",
        "properties/*/key",
        Thing,
        "MetadataWildcard",
    );
    check_wildcard("put-metadata", "features/*/key", Thing, "HeaderInvalid");
    check_wildcard("put-metadata", "attributes/*/*", Thing, "HeaderInvalid");
}

#[test]
fn metadata_goes_with_what_it_is_about() {
    let before = json!({"attributes": {"a": {"unit": "K"}, "b": {"unit": "m"}}});
    let thing = json!({"attributes": {"a": 1, "b": 2}});
    let pointer = "/attributes/a".parse().unwrap();
    let written = Written {
        pointer: &pointer,
        value: None,
        is_replacement: false,
        before: &thing,
        after: &json!({"attributes": {"b": 2}}),
    };
    let after = advance(Some(&before), None, &written);
    assert_eq!(after, Some(json!({"attributes": {"b": {"unit": "m"}}})));
    let emptied = Written {
        value: Some(&json!({})),
        is_replacement: true,
        after: &json!({"attributes": {"a": {}, "b": 2}}),
        ..written
    };
    let after = advance(Some(&before), None, &emptied);
    assert_eq!(
        after,
        Some(json!({"attributes": {"a": {}, "b": {"unit": "m"}}}))
    );
}

#[track_caller]
fn check_selection(keys: &'static str, base: &str, got: Value, after_deletion: Option<Value>) {
    let metadata = json!({
        "attributes": {"a": {"unit": "K", "by": "x"}},
        "features": {"f": {"properties": {"p": {"unit": "m"}}}},
    });
    let base: Pointer = base.parse().unwrap();
    let MetadataHeader::Get(selection) = header("get-metadata", keys) else {
        panic!("not a selection");
    };
    assert_eq!(select(&selection, &metadata, &base), got, "{keys}");
    let thing = json!({});
    let written = Written {
        pointer: &base,
        value: None,
        is_replacement: false,
        before: &thing,
        after: &thing,
    };
    let deletion = header("delete-metadata", keys);
    assert_eq!(
        change(Some(&metadata), Some(&deletion), &written).after,
        after_deletion,
        "{keys}"
    );
}

#[test]
fn metadata_is_read_and_deleted_by_pointer() {
    let features = json!({"f": {"properties": {"p": {"unit": "m"}}}});
    check_selection(
        "a/unit",
        "/attributes",
        json!({"a": {"unit": "K"}}),
        Some(json!({"attributes": {"a": {"by": "x"}}, "features": features})),
    );
    check_selection(
        "*",
        "/attributes/a",
        json!({"unit": "K", "by": "x"}),
        Some(json!({"features": features})),
    );
    check_selection(
        "*/unit",
        "/",
        json!({"attributes": {"a": {"unit": "K"}}, "features": features}),
        Some(json!({"attributes": {"a": {"by": "x"}}})),
    );
    check_selection(
        "attributes(a(unit,nope))",
        "/",
        json!({"attributes": {"a": {"unit": "K"}}}),
        Some(json!({"attributes": {"a": {"by": "x"}}, "features": features})),
    );
    check_selection(
        "*",
        "/",
        json!({"attributes": {"a": {"unit": "K", "by": "x"}}, "features": features}),
        None,
    );
}
