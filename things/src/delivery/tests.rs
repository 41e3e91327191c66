//! What is left of patches, compared with an evaluator that asks of every leaf by itself.

use std::collections::BTreeMap;

use jiff::Timestamp;
use policies::{Placeholders, Policy};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::EventHeaders;

/// One READ that a policy grants or revokes at the path of these keys.
type Rule = (Vec<&'static str>, bool);

/// The leaves of a patch by their path, as text.
type Leaves = BTreeMap<String, Value>;

/// What a policy with nothing but `rules` says, decided from the rules themselves.
struct Naive<'r>(&'r [Rule]);

impl Naive<'_> {
    /// The longest rule at or above `path` decides; revoking wins.
    fn reads(&self, path: &[String]) -> bool {
        let above = self.0.iter().filter(|(keys, _)| is_prefix(keys, path));
        above
            .max_by_key(|(keys, granted)| (keys.len(), !granted))
            .is_some_and(|(_, granted)| *granted)
    }

    fn reads_all(&self, path: &[String]) -> bool {
        let revoked_below = |(keys, granted): &Rule| !granted && is_below(keys, path);
        self.reads(path) && !self.0.iter().any(revoked_below)
    }

    fn reads_in(&self, path: &[String]) -> bool {
        let granted_below = |(keys, granted): &Rule| {
            *granted && is_below(keys, path) && !self.0.contains(&(keys.clone(), false))
        };
        self.reads(path) || self.0.iter().any(granted_below)
    }

    /// What the reader gets of one leaf.
    fn leaf(&self, path: &[String], leaf: &Value) -> Option<Value> {
        let (last, enclosing) = path.split_last().unwrap();
        if leaf.is_null() && merge::removal(last).is_some() {
            return self.reads_all(enclosing).then_some(Value::Null);
        }
        if leaf.is_object() {
            return self.reads_in(path).then(|| leaf.clone());
        }
        let left = if self.reads(path) {
            leaf.clone()
        } else {
            Value::Null
        };
        self.reads_in(path).then_some(left)
    }
}

fn is_prefix(keys: &[&str], path: &[String]) -> bool {
    keys.len() <= path.len() && keys.iter().zip(path).all(|(key, at)| key == at)
}

fn is_below(keys: &[&str], path: &[String]) -> bool {
    keys.len() > path.len() && path.iter().zip(keys).all(|(at, key)| key == at)
}

fn for_each_leaf(path: &[String], value: &Value, found: &mut dyn FnMut(&[String], &Value)) {
    match value.as_object() {
        Some(members) if !members.is_empty() => {
            for (key, member) in members {
                for_each_leaf(&[path, std::slice::from_ref(key)].concat(), member, found);
            }
        }
        Some(_) | None => found(path, value),
    }
}

const READER: &str = "t:reader";

fn enforcer(rules: &[Rule]) -> Enforcer {
    let entries: Map<String, Value> = rules
        .iter()
        .enumerate()
        .map(|(at, (keys, granted))| {
            let name = if *granted { "grant" } else { "revoke" };
            let mut rights = json!({"grant": [], "revoke": []});
            rights[name] = json!(["READ"]);
            let resource = format!("thing:/{}", keys.join("/"));
            let entry =
                json!({"subjects": {READER: {"type": "t"}}, "resources": {resource: rights}});
            (format!("e{at}"), entry)
        })
        .collect();
    let policy = json!({ "entries": entries });
    let policy_id = "a:p".parse().unwrap();
    let policy = Policy::from_json(policy_id, &policy, Placeholders::Keep).unwrap();
    Enforcer::of_policy(&policy).unwrap()
}

/// What the reader sees of a value that `action` wrote at `path`.
fn seen(rules: &[Rule], (action, path): (EventAction, &str), value: Value) -> Option<ThingEvent> {
    let event = ThingEvent {
        thing_id: "a:t".parse().unwrap(),
        policy_id: "a:p".parse().unwrap(),
        action,
        path: path.parse().unwrap(),
        value: Some(value),
        metadata: None,
        revision: 2,
        timestamp: Timestamp::UNIX_EPOCH,
        headers: EventHeaders::default(),
    };
    event.view_for(&enforcer(rules), &[READER.parse().unwrap()])
}

const ATTRIBUTES: &str = "attributes";

/// Rules on the thing, its attributes and up to two levels of them.
fn any_rule() -> impl Strategy<Value = Rule> {
    let keys = prop_oneof![
        Just(vec![]),
        Just(vec![ATTRIBUTES]),
        prop::collection::vec(prop::sample::select(vec!["a", "b"]), 1..3).prop_map(|keys| [
            vec![ATTRIBUTES],
            keys
        ]
        .concat()),
    ];
    (keys, any::<bool>())
}

fn any_patch() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!(1)),
        Just(json!({})),
        Just(json!([])),
        Just(json!([1])),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let keys = prop::sample::select(vec!["a", "b", "c", PATTERN]);
        prop::collection::hash_map(keys.prop_map(String::from), inner, 0..4)
            .prop_map(|members| Value::Object(members.into_iter().collect()))
    })
}

const PATTERN: &str = "{{ ~a.*~ }}";

proptest! {
    #[test]
    fn a_patch_shows_its_readable_leaves_and_nothing_else(
        rules in proptest::collection::vec(any_rule(), 1..6),
        patch in any_patch(),
    ) {
        let mut expected = Leaves::new();
        let naive = Naive(&rules);
        for_each_leaf(&[ATTRIBUTES.to_owned()], &patch, &mut |path, leaf| {
            if let Some(left) = naive.leaf(path, leaf) {
                expected.insert(path.join("/"), left);
            }
        });
        let mut actual = Leaves::new();
        let event = seen(&rules, (EventAction::Merged, "/attributes"), patch);
        if let Some(value) = event.and_then(|event| event.value) {
            for_each_leaf(&[ATTRIBUTES.to_owned()], &value, &mut |path, leaf| {
                actual.insert(path.join("/"), leaf.clone());
            });
        }
        prop_assert_eq!(actual, expected);
    }
}

const SECRET_HIDDEN: &[(&[&str], bool)] = &[(&[], true), (&["attributes", "secret"], false)];
const PUBLIC_ONLY: &[(&[&str], bool)] = &[(&["attributes", "public"], true)];
const BELOW_OBJECT: &[(&[&str], bool)] = &[(&["attributes", "obj", "d"], true)];

#[track_caller]
fn check(
    rules: &[(&[&'static str], bool)],
    written: (EventAction, &str, Value),
    expected: Option<(EventAction, Option<Value>)>,
) {
    let rules: Vec<Rule> = rules
        .iter()
        .map(|(keys, granted)| (keys.to_vec(), *granted))
        .collect();
    let (action, path, value) = written;
    let view = seen(&rules, (action, path), value);
    assert_eq!(view.map(|event| (event.action, event.value)), expected);
}

#[test]
fn names_of_unreadable_members_stay_hidden() {
    let patch = json!({"attributes": {"secret": {"merger": {}}}});
    for action in [EventAction::Merged, EventAction::Migrated] {
        check(PUBLIC_ONLY, (action, "/", patch.clone()), None);
        check(SECRET_HIDDEN, (action, "/", patch.clone()), None);
        check(
            SECRET_HIDDEN,
            (action, "/attributes/secret", json!({})),
            None,
        );
    }
    let mixed = json!({"attributes": {"public": 2, "secret": {"deep": {"y": {}}, "val": 7}}});
    let left = json!({"attributes": {"public": 2}});
    for rules in [PUBLIC_ONLY, SECRET_HIDDEN] {
        let expected = Some((EventAction::Merged, Some(left.clone())));
        check(rules, (EventAction::Merged, "/", mixed.clone()), expected);
    }
}

#[test]
fn a_pattern_is_for_those_who_may_read_all_that_it_can_match() {
    let patch = json!({"{{ ~secret-20.*~ }}": null});
    for rules in [PUBLIC_ONLY, SECRET_HIDDEN] {
        check(
            rules,
            (EventAction::Merged, "/attributes", patch.clone()),
            None,
        );
    }
    let within = json!({"public": patch});
    let expected = Some((EventAction::Merged, Some(within.clone())));
    check(
        PUBLIC_ONLY,
        (EventAction::Merged, "/attributes", within),
        expected,
    );
}

#[test]
fn who_saw_parts_of_what_is_replaced_learns_that_they_are_gone() {
    let gone = |value| (EventAction::Modified, "/attributes/obj", value);
    let deleted = Some((EventAction::Deleted, None));
    for value in [json!(5), json!([]), json!([5])] {
        check(BELOW_OBJECT, gone(value), deleted.clone());
    }
    let null = Some((EventAction::Modified, Some(Value::Null)));
    check(BELOW_OBJECT, gone(Value::Null), null.clone());
    check(
        BELOW_OBJECT,
        (EventAction::Modified, "/attributes", Value::Null),
        null,
    );
    check(
        BELOW_OBJECT,
        (EventAction::Created, "/attributes/obj", json!(5)),
        None,
    );
    check(PUBLIC_ONLY, gone(Value::Null), None);
    let merged = Some((EventAction::Merged, Some(json!({"obj": null}))));
    check(
        BELOW_OBJECT,
        (EventAction::Merged, "/attributes", json!({"obj": 5})),
        merged,
    );
}
