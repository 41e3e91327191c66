//! Tests of the model.

use serde_json::json;

use super::*;

/// What came of reading: the normalised JSON, or the start of the error's debug form.
fn outcome(result: Result<Value, Error>) -> Result<Value, String> {
    result.map_err(|error| {
        let text = format!("{error:?}");
        text.split([' ', '{']).next().unwrap_or_default().to_owned()
    })
}

#[track_caller]
fn check(kind: ResourceKind, input: Value, expected: Result<Value, &str>) {
    let context = input.to_string();
    assert_eq!(
        outcome(parse_part(kind, input)),
        expected.map_err(str::to_owned),
        "input: {context}"
    );
}

#[track_caller]
fn check_thing(input: Value, expected: Result<Value, &str>) {
    let id: ThingId = "a:t".parse().unwrap();
    let policy: PolicyId = "a:p".parse().unwrap();
    let parsed = ThingBody::parse(&id, input).map(|body| body.document(&id, &policy));
    assert_eq!(outcome(parsed), expected.map_err(str::to_owned));
}

#[test]
fn a_thing_is_rebuilt_from_what_it_knows() {
    check_thing(
        json!({"features": {}, "attributes": null, "nope": 1, "_revision": 7, "thingId": "a:t"}),
        Ok(json!({"thingId": "a:t", "policyId": "a:p", "attributes": null, "features": {}})),
    );
}

#[test]
fn the_id_cannot_be_changed() {
    check_thing(json!({"thingId": "a:u"}), Err("IdNotSettable"));
    check_thing(json!({"thingId": 5}), Err("IdNotSettable"));
}

#[test]
fn members_have_their_types() {
    check_thing(json!([]), Err("WrongType"));
    check_thing(json!({"attributes": 5}), Err("WrongType"));
    check_thing(json!({"features": []}), Err("WrongType"));
    check_thing(json!({"features": {"f": 5}}), Err("WrongType"));
    check_thing(json!({"definition": 5}), Err("WrongType"));
    check_thing(json!({"policyId": 5}), Err("WrongType"));
    check_thing(json!({"policyId": "nope"}), Err("PolicyIdInvalid"));
    check_thing(json!({"_modified": "yesterday"}), Err("WrongType"));
}

#[test]
fn a_feature_keeps_its_three_members_and_nulls() {
    check(
        ResourceKind::Feature,
        json!({"properties": null, "x": 1, "definition": ["a:b:1"]}),
        Ok(json!({"definition": ["a:b:1"], "properties": null})),
    );
    check(ResourceKind::Feature, json!(null), Ok(json!(null)));
    check(
        ResourceKind::Feature,
        json!({"properties": []}),
        Err("WrongType"),
    );
}

#[test]
fn keys_are_checked_at_every_depth_but_not_in_arrays() {
    let kind = ResourceKind::Attribute;
    check(kind, json!({"a": {"b/c": 1}}), Err("KeyInvalid"));
    check(kind, json!({"": 1}), Err("KeyInvalid"));
    check(kind, json!({"\u{e4}": 1}), Err("KeyInvalid"));
    check(kind, json!([{"b/c": 1}]), Ok(json!([{"b/c": 1}])));
    let longest = "\u{20ac}".repeat(256);
    check(
        kind,
        json!({longest.clone(): 1}),
        Ok(json!({longest.clone(): 1})),
    );
    check(kind, json!({format!("{longest}x"): 1}), Err("KeyInvalid"));
    check(
        ResourceKind::Features,
        json!({"a/b": {}}),
        Err("KeyInvalid"),
    );
}

#[test]
fn definitions_are_identifiers_or_urls() {
    let kind = ResourceKind::Definition;
    for good in [
        "a:b:1.0",
        "_:-:.",
        "https://models.example/lamp-1.0.tm.jsonld",
    ] {
        check(kind, json!(good), Ok(json!(good)));
    }
    for bad in [
        "a:b",
        "a:b:c:d",
        "a::c",
        "",
        "ftp://x/y",
        "http://",
        "https:///x",
        "a:b:c d",
    ] {
        check(kind, json!(bad), Err("DefinitionInvalid"));
    }
}

#[test]
fn a_feature_has_at_least_one_definition() {
    let kind = ResourceKind::FeatureDefinition;
    check(
        kind,
        json!(["a:b:1", "a:b:1"]),
        Ok(json!(["a:b:1", "a:b:1"])),
    );
    check(kind, json!([]), Err("FeatureDefinitionEmpty"));
    check(kind, json!([5]), Err("DefinitionInvalid"));
    check(kind, json!("a:b:1"), Err("WrongType"));
}

#[test]
fn patches_cannot_take_ids_away() {
    let id: ThingId = "a:t".parse().unwrap();
    let check = |patch: Value, expected: &str| {
        assert_eq!(
            outcome(parse_thing_patch(&id, patch)),
            Err(expected.to_owned())
        );
    };
    check(json!({"thingId": null}), "IdNotDeletable");
    check(json!({"thingId": "a:u"}), "IdNotSettable");
    check(json!({"policyId": null}), "PolicyIdNotDeletable");
    check(json!({"attributes": 5}), "WrongType");
}

#[test]
fn length_counts_utf_16_units() {
    for text in ["", "abc", "\u{e4}\u{20ac}", "\u{1f600}x"] {
        assert_eq!(utf16_length(text.as_bytes()), text.encode_utf16().count());
    }
}
