//! Tests of applying changes.

use serde_json::json;

use super::*;
use crate::ThingAction;

fn stored() -> Value {
    json!({
        "thingId": "a:t", "policyId": "a:p",
        "attributes": {"a": 1},
        "features": {"lamp": {"properties": {"on": true}}, "none": null},
    })
}

fn change(path: &str, action: ThingAction) -> Change {
    let resource = ThingResource::parse(&path.parse().unwrap()).unwrap();
    Change::parse("a:t".parse().unwrap(), resource, action, 1000)
        .unwrap()
        .unwrap()
}

/// Applies a write and says what became of the thing, or why nothing did.
fn outcome(path: &str, action: ThingAction, if_equal: IfEqual) -> Result<Applied, String> {
    let policy_id = "a:p".parse().unwrap();
    apply(
        &change(path, action),
        Cow::Owned(stored()),
        &policy_id,
        if_equal,
    )
    .map_err(|refusal| match refusal {
        Refusal::Equal => "equal".to_owned(),
        Refusal::Error(error) => error.to_string(),
    })
}

#[track_caller]
fn check(path: &str, action: ThingAction, happening: EventAction, changed: (&str, Value)) {
    let applied = outcome(path, action, IfEqual::Update).unwrap();
    let mut expected = stored();
    edit::set(&mut expected, &changed.0.parse().unwrap(), changed.1);
    assert_eq!(applied.document, Some(expected), "path: {path}");
    assert_eq!(applied.action, happening, "path: {path}");
}

#[track_caller]
fn check_refused(path: &str, action: ThingAction, if_equal: IfEqual, expected: &str) {
    assert_eq!(outcome(path, action, if_equal), Err(expected.to_owned()));
}

#[test]
fn modifications_create_what_is_missing() {
    let modify = |value| ThingAction::Modify(value);
    let (created, modified) = (EventAction::Created, EventAction::Modified);
    check(
        "/attributes/x/y",
        modify(json!(5)),
        created,
        ("/attributes/x/y", json!(5)),
    );
    check(
        "/attributes/a",
        modify(json!(null)),
        modified,
        ("/attributes/a", json!(null)),
    );
    check(
        "/features/none/properties",
        modify(json!({})),
        created,
        ("/features/none", json!({"properties": {}})),
    );
    check(
        "/definition",
        modify(json!("a:b:1")),
        created,
        ("/definition", json!("a:b:1")),
    );
    check(
        "/policyId",
        modify(json!("a:q")),
        modified,
        ("/policyId", json!("a:q")),
    );
}

#[test]
fn a_missing_feature_is_made_by_patches_only() {
    check_refused(
        "/features/x/properties/on",
        ThingAction::Modify(json!(1)),
        IfEqual::Update,
        "/features/x of thing `a:t` is not accessible",
    );
    check_refused(
        "/features/x/properties/on",
        ThingAction::Delete,
        IfEqual::Update,
        "/features/x of thing `a:t` is not accessible",
    );
    check(
        "/features/x/properties/on",
        ThingAction::Merge(json!(1)),
        EventAction::Merged,
        ("/features/x", json!({"properties": {"on": 1}})),
    );
}

#[test]
fn new_members_take_their_usual_place() {
    let applied = outcome(
        "/definition",
        ThingAction::Modify(json!("a:b:1")),
        IfEqual::Update,
    );
    let document = applied.unwrap().document.unwrap();
    let names: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "thingId",
            "policyId",
            "definition",
            "attributes",
            "features"
        ]
    );
}

#[test]
fn a_replaced_thing_keeps_its_policy_and_nothing_else() {
    let applied = outcome(
        "/",
        ThingAction::Modify(json!({"attributes": {}})),
        IfEqual::Update,
    );
    let expected = json!({"thingId": "a:t", "policyId": "a:p", "attributes": {}});
    assert_eq!(applied.unwrap().document, Some(expected));
}

#[test]
fn deletions_leave_the_parents() {
    let deleted = outcome("/attributes/a", ThingAction::Delete, IfEqual::Update).unwrap();
    assert_eq!(deleted.document.unwrap()["attributes"], json!({}));
    check_refused(
        "/attributes/b",
        ThingAction::Delete,
        IfEqual::Update,
        "/attributes/b of thing `a:t` is not accessible",
    );
    let thing = outcome("/", ThingAction::Delete, IfEqual::Update).unwrap();
    assert_eq!((thing.document, thing.value), (None, None));
}

#[test]
fn equal_writes_can_be_refused() {
    for if_equal in [IfEqual::Skip, IfEqual::SkipMinimizingMerge] {
        check_refused(
            "/attributes",
            ThingAction::Merge(json!({"a": 1})),
            if_equal,
            "equal",
        );
        check_refused(
            "/attributes/x",
            ThingAction::Merge(json!(null)),
            if_equal,
            "equal",
        );
    }
    check_refused(
        "/attributes/a",
        ThingAction::Modify(json!(1)),
        IfEqual::Skip,
        "equal",
    );
    check_refused("/", ThingAction::Modify(stored()), IfEqual::Skip, "equal");
    let put = ThingAction::Modify(json!(1));
    assert!(outcome("/attributes/a", put, IfEqual::SkipMinimizingMerge).is_ok());
}

#[test]
fn a_patch_can_be_reduced_to_what_differs() {
    let patch = ThingAction::Merge(json!({"a": 1, "b": 2}));
    let applied = outcome("/attributes", patch, IfEqual::SkipMinimizingMerge).unwrap();
    assert_eq!(applied.value, Some(json!({"b": 2})));
}

#[test]
fn what_exists_is_not_created() {
    check_refused(
        "/",
        ThingAction::Create(json!({})),
        IfEqual::Update,
        "thing `a:t` exists",
    );
}

#[track_caller]
fn check_unparsable(path: &str, action: ThingAction, expected: &str) {
    let resource = ThingResource::parse(&path.parse().unwrap()).unwrap();
    let error = Change::parse("a:t".parse().unwrap(), resource, action, 100).unwrap_err();
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn bad_writes_are_refused_without_a_look_at_the_thing() {
    check_unparsable("/", ThingAction::Merge(json!({})), "is empty");
    check_unparsable("/", ThingAction::Merge(json!(null)), "is empty");
    check_unparsable(
        "/attributes",
        ThingAction::Merge(json!({"x": {"{{ ~a(~ }}": null}})),
        "regular expression",
    );
    check_unparsable("/policyId", ThingAction::Delete, "cannot be deleted");
    check_unparsable(
        "/policyId",
        ThingAction::Merge(json!(null)),
        "cannot be deleted",
    );
    check_unparsable(
        "/attributes",
        ThingAction::Create(json!({})),
        "only modified",
    );
    check_unparsable(
        "/attributes/a",
        ThingAction::Merge(json!("x".repeat(99))),
        "101 characters, of which 100",
    );
    let nest = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!({"a": inner}));
    check_unparsable(
        "/attributes/a",
        ThingAction::Modify(nest(99)),
        "at most 100",
    );
    check_unparsable("/attributes", ThingAction::Merge(nest(100)), "at most 100");
    check_unparsable(
        "/",
        ThingAction::Modify(json!({"attributes": nest(100)})),
        "at most 100",
    );
}
