//! Tests of merging.

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[track_caller]
fn check(before: Value, path: &str, patch: Value, expected: Value) {
    let mut document = before;
    apply(&mut document, &path.parse().unwrap(), &patch);
    assert_eq!(document, expected, "patch: {patch}");
}

/// The test cases of RFC 7396, appendix A.
#[test]
fn the_rfc_is_followed() {
    let cases = [
        (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
        (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
        (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
        (
            r#"{"a":{"b":"c"}}"#,
            r#"{"a":{"b":"d","c":null}}"#,
            r#"{"a":{"b":"d"}}"#,
        ),
        (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
        (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
        (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
        ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
        ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
    ];
    for (before, patch, expected) in cases {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        check(parse(before), "/", parse(patch), parse(expected));
    }
}

#[test]
fn a_path_is_made_for_a_value_and_for_a_null() {
    check(json!({}), "/a/b", json!({}), json!({"a": {"b": {}}}));
    check(json!({}), "/a/b", json!(null), json!({"a": {}}));
    check(
        json!({"a": 5}),
        "/a/b/c",
        json!(null),
        json!({"a": {"b": {}}}),
    );
    check(
        json!({"a": {"b": 1}}),
        "/a/b",
        json!(null),
        json!({"a": {}}),
    );
}

#[track_caller]
fn check_minimal(patch: Value, current: Value, expected: Option<Value>) {
    assert_eq!(minimise(&patch, Some(&current)), expected, "patch: {patch}");
}

#[test]
fn only_what_differs_is_left() {
    check_minimal(
        json!({"a": 1, "b": 2}),
        json!({"a": 1, "b": 3}),
        Some(json!({"b": 2})),
    );
    check_minimal(
        json!({"a": {"b": 1, "c": null}}),
        json!({"a": {"b": 1}}),
        None,
    );
    check_minimal(
        json!({"a": null}),
        json!({"a": {"b": 1}}),
        Some(json!({"a": null})),
    );
}

#[track_caller]
fn check_leaves(patch: Value, expected: &[&str]) {
    let mut found = Vec::new();
    all_leaves(&Pointer::root(), &patch, &mut |pointer| {
        found.push(pointer.to_string());
        true
    });
    assert_eq!(found, expected, "patch: {patch}");
}

#[test]
fn leaves_are_scalars_nulls_arrays_and_empty_objects() {
    check_leaves(
        json!({"a": 1, "b": {"c": null, "d": [{"x": 1}], "e": {}}}),
        &["/a", "/b/c", "/b/d", "/b/e"],
    );
    check_leaves(json!({}), &["/"]);
    check_leaves(json!(5), &["/"]);
}

#[test]
fn keys_are_removed_by_pattern_before_others_are_set() {
    check(
        json!({"log": {"2022-01": 1, "2022-02": 2, "2023-01": 9}}),
        "/log",
        json!({"{{ ~2022-.*~ }}": null, "2022-12": 7}),
        json!({"log": {"2023-01": 9, "2022-12": 7}}),
    );
    check(
        json!({"ab": 1, "b": 2}),
        "/",
        json!({"{{/b/}}": null}),
        json!({"ab": 1}),
    );
    check(
        json!({"a": 1}),
        "/",
        json!({"{{ ~(~ }}": null}),
        json!({"a": 1}),
    );
    check(
        json!({"a": 1}),
        "/b",
        json!({"{{ ~.*~ }}": null, "c": 1}),
        json!({"a": 1, "b": {"c": 1}}),
    );
}

#[test]
fn removals_are_recognised() {
    assert_eq!(removal("{{ ~2022-.*~ }}"), Some("2022-.*"));
    assert_eq!(removal("{{/x/}}"), Some("x"));
    for key in ["{{ x }}", "a~", "{{~}}", "{{~~}}", "~x~", "{{ ~x/ }}"] {
        assert_eq!(removal(key), None, "{key}");
    }
}

#[test]
fn removals_are_taken_out_and_put_back() {
    let patch = json!({"a": {"{{ ~x/y~ }}": null, "b": 1}, "{{ ~z~ }}": 5});
    let mut stripped = patch.clone();
    let removals = take_removals(&mut stripped).unwrap();
    assert_eq!(stripped, json!({"a": {"b": 1}, "{{ ~z~ }}": 5}));
    put_back(&mut stripped, removals);
    assert_eq!(stripped, patch);
    let broken = take_removals(&mut json!({"a": {"{{ ~(~ }}": null}}));
    assert_eq!(broken.unwrap_err(), "{{ ~(~ }}");
    let huge = format!("{{{{ ~{}~ }}}}", "\\w{500}".repeat(20));
    assert!(take_removals(&mut json!({ huge: null })).is_err());
}

#[test]
fn a_minimal_patch_keeps_removals_that_hit() {
    let current = json!({"x1": 1, "x2": 2, "y": 3});
    check_minimal(
        json!({"{{ ~x.*~ }}": null, "y": 3}),
        current.clone(),
        Some(json!({"{{ ~x.*~ }}": null})),
    );
    check_minimal(json!({"{{ ~z~ }}": null, "y": 3}), current.clone(), None);
    check_minimal(
        json!({"{{ ~x.*~ }}": null, "x1": 1}),
        current,
        Some(json!({"{{ ~x.*~ }}": null, "x1": 1})),
    );
}

#[test]
fn patterns_know_the_classes_of_unicode() {
    for (pattern, gone) in [
        (r"\p{Lu}\d", "A1"),
        (r"\p{Alpha}+", "abc"),
        (r"\p{Greek}+", "Ωμ"),
    ] {
        let mut thing = json!({"A1": 1, "abc": 1, "Ωμ": 1, "_0": 1});
        let patch = Map::from_iter([(format!("{{{{ ~{pattern}~ }}}}"), Value::Null)]);
        merge(&mut thing, &patch.into());
        assert_eq!(thing.get(gone), None, "{pattern}");
        assert!(thing.get("_0").is_some(), "{pattern}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map("[a-c]", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn merging_twice_is_merging_once(before in any_json(), patch in any_json()) {
        let mut once = before;
        merge(&mut once, &patch);
        let mut twice = once.clone();
        merge(&mut twice, &patch);
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn a_minimal_patch_does_what_the_whole_one_does(before in any_json(), patch in any_json()) {
        let mut whole = before.clone();
        merge(&mut whole, &patch);
        let mut minimal = before.clone();
        if let Some(patch) = minimise(&patch, Some(&before)) {
            merge(&mut minimal, &patch);
        }
        prop_assert_eq!(whole, minimal);
    }
}
