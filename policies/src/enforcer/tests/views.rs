//! What callers see of documents, and who sees something of a change.

use serde_json::{Value, json};

use super::enforcer;
use crate::{Permission, Pointer, ResourceKey, ResourceType, SubjectId};

#[track_caller]
fn check(rules: &[&str], at: &str, value: &Value, expected: &Value) {
    let key: ResourceKey = at.parse().unwrap();
    let caller = ["t:a".parse::<SubjectId>().unwrap()];
    let seen = enforcer(rules).view(&caller, &key.resource_type, &key.path, value);
    assert_eq!(seen, *expected, "{rules:?} of {at}");
}

#[test]
fn what_is_revoked_is_left_out() {
    check(
        &["a +R thing:/", "a -R thing:/attributes/secret"],
        "thing:/",
        &json!({
            "thingId": "a:t",
            "attributes": {"secret": {"k": 1}, "open": 2, "empty": {}},
            "features": {"f": {"properties": {"p": [1, {"q": 2}]}}},
        }),
        &json!({
            "thingId": "a:t",
            "attributes": {"open": 2, "empty": {}},
            "features": {"f": {"properties": {"p": [1, {"q": 2}]}}},
        }),
    );
}

#[test]
fn what_is_granted_below_is_left() {
    let rules = &["a -R thing:/", "a +R thing:/features/lamp"];
    let thing = json!({
        "thingId": "a:t",
        "attributes": {"x": 1},
        "features": {"lamp": {"properties": {"on": true}}, "fan": {}},
    });
    let lamp = json!({"lamp": {"properties": {"on": true}}});
    check(rules, "thing:/", &thing, &json!({"features": lamp}));
    check(rules, "thing:/features", &thing["features"], &lamp);
    check(rules, "thing:/attributes", &thing["attributes"], &json!({}));
    check(rules, "policy:/", &thing, &json!({}));
}

#[test]
fn elements_of_arrays_are_judged_like_the_array() {
    check(
        &[
            "a +R thing:/attributes/list",
            "a -R thing:/attributes/list/pin",
        ],
        "thing:/",
        &json!({"attributes": {"list": [{"pin": 1, "n": 2}, {"pin": 3}, 7], "other": 1}}),
        &json!({"attributes": {"list": [{"n": 2}, {}, 7]}}),
    );
    check(
        &["a +R thing:/attributes/list/pin"],
        "thing:/attributes/list",
        &json!([{"pin": 1, "n": 2}, 7]),
        &json!([{"pin": 1}]),
    );
}

#[test]
fn keys_with_slashes_follow_the_same_rules_in_the_whole_and_alone() {
    let key = "policy:/entries/guest/resources/thing:/features";
    let resources = json!({"thing:/features": {"grant": []}, "thing:/": {"grant": []}});
    let revoke = format!("a -R {key}");
    check(
        &["a +R policy:/", &revoke],
        "policy:/",
        &json!({"entries": {"guest": {"resources": resources}}}),
        &json!({"entries": {"guest": {"resources": {"thing:/": {"grant": []}}}}}),
    );
}

#[test]
fn readers_are_those_who_alone_see_something() {
    let enforcer = enforcer(&[
        "all +R thing:/",
        "some +R thing:/",
        "some -R thing:/attributes/secret",
        "below +R thing:/attributes/secret/k",
        "none +W thing:/",
        "revoked +R thing:/",
        "revoked -R thing:/attributes",
    ]);
    let names = |mut subjects: Vec<SubjectId>| {
        subjects.sort();
        let names: Vec<String> = subjects.iter().map(ToString::to_string).collect();
        names.join(" ")
    };
    let path = Pointer::from_segments(["attributes"]);
    let readers = enforcer.readers(&ResourceType::Thing, &path);
    assert_eq!(names(readers.unrestricted), "t:all");
    assert_eq!(names(readers.partial), "t:below t:some");
    let effected = enforcer.effected(&ResourceType::Thing, &path, &Permission::READ);
    assert_eq!(names(effected), "t:all t:some");
    let nobody = enforcer.readers(&ResourceType::Message, &path);
    assert!(nobody.unrestricted.is_empty() && nobody.partial.is_empty());
}
