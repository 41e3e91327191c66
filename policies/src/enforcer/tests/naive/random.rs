//! Random policies, callers and questions, and their names in JSON.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

use super::Address;
use crate::{Permission, Pointer, ResourceKey, ResourceType, SubjectId};

const SUBJECTS: u8 = 4;
const KEYS: u8 = 3;
const TYPES: [&str; 4] = ["thing", "policy", "message", "wot"];
const PERMISSIONS: [&str; 4] = ["READ", "WRITE", "EXECUTE", "PAINT"];
const PATTERNS: [&str; 4] = ["n", "n.*", "n.x.*", "m"];

/// Granted and revoked permissions by resource.
pub(super) type Resources = BTreeMap<Address, (BTreeSet<u8>, BTreeSet<u8>)>;

/// An entry of a policy; `Vec`s are in the order of the JSON.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) subjects: Vec<u8>,
    pub(super) resources: Resources,
    pub(super) namespaces: Option<Vec<&'static str>>,
}

/// Something to ask: who, which permissions, at which address.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) callers: Vec<u8>,
    pub(super) permissions: Vec<u8>,
    pub(super) address: Address,
}

impl Entry {
    /// Whether it counts for things of `namespace`.
    pub(super) fn is_about(&self, namespace: Option<&str>) -> bool {
        let (Some(patterns), Some(namespace)) = (&self.namespaces, namespace) else {
            return true;
        };
        patterns.is_empty()
            || patterns
                .iter()
                .any(|pattern| match pattern.strip_suffix('*') {
                    Some(prefix) => namespace.starts_with(prefix),
                    None => namespace == *pattern,
                })
    }

    pub(super) fn to_json(&self) -> Value {
        let subjects = self.subjects.iter();
        let subjects: Map<_, _> = subjects
            .map(|it| (subject(*it).to_string(), json!({ "type": "test" })))
            .collect();
        let names = |permissions: &BTreeSet<u8>| -> Vec<_> {
            let permissions = permissions.iter();
            permissions
                .map(|it| PERMISSIONS[usize::from(*it)])
                .collect()
        };
        let resources: Map<_, _> = self
            .resources
            .iter()
            .map(|(address, (granted, revoked))| {
                let value = json!({ "grant": names(granted), "revoke": names(revoked) });
                (key(address).to_string(), value)
            })
            .collect();
        let mut entry = json!({ "subjects": subjects, "resources": resources });
        if let Some(namespaces) = &self.namespaces {
            entry["namespaces"] = json!(namespaces);
        }
        entry
    }
}

pub(super) fn subject(number: u8) -> SubjectId {
    format!("t:s{number}").parse().unwrap()
}

pub(super) fn subjects(numbers: &[u8]) -> Vec<SubjectId> {
    numbers.iter().copied().map(subject).collect()
}

pub(super) fn permission(number: u8) -> Permission {
    Permission::new(PERMISSIONS[usize::from(number)])
}

pub(super) fn key_name(number: u8) -> String {
    format!("k{number}")
}

pub(super) fn key(address: &[u8]) -> ResourceKey {
    let (resource_type, path) = address.split_first().unwrap();
    ResourceKey::new(
        ResourceType::new(TYPES[usize::from(*resource_type)]),
        Pointer::from_segments(path.iter().copied().map(key_name)),
    )
}

fn address() -> impl Strategy<Value = Address> {
    // Most of what is said is about things, so that something is said about the same place.
    let resource_type = prop_oneof![4 => Just(0), 1 => Just(1), 1 => Just(2), 1 => Just(3)];
    let path = prop::collection::vec(0..KEYS, 0..5);
    (resource_type, path).prop_map(|(resource_type, path)| [vec![resource_type], path].concat())
}

fn several(of: u8, at_least: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(0..of, at_least..4)
}

fn some_permissions() -> impl Strategy<Value = BTreeSet<u8>> {
    prop::collection::btree_set(0..4_u8, 0..3)
}

fn resources() -> impl Strategy<Value = Resources> {
    let rights = (some_permissions(), some_permissions());
    prop::collection::btree_map(address(), rights, 0..4)
}

pub(super) fn entry() -> impl Strategy<Value = Entry> {
    let namespaces = prop::option::weighted(0.3, subsequence(PATTERNS.to_vec(), 0..3));
    let few = subsequence((0..SUBJECTS).collect::<Vec<_>>(), 0..3);
    (few, resources(), namespaces).prop_map(|(subjects, resources, namespaces)| Entry {
        subjects,
        resources,
        namespaces,
    })
}

/// The namespace that is asked about; without one the policy itself is meant.
pub(super) fn namespace() -> impl Strategy<Value = Option<&'static str>> {
    select(vec![None, Some("n"), Some("n.x"), Some("n.x.y"), Some("m")])
}

pub(super) fn question() -> impl Strategy<Value = Question> {
    let one = (0..4_u8).prop_map(|it| vec![it]);
    let permissions = prop_oneof![3 => one, 1 => several(4, 2)];
    (several(SUBJECTS, 0), permissions, address()).prop_map(|(callers, permissions, address)| {
        Question {
            callers,
            permissions,
            address,
        }
    })
}

/// Documents whose keys are those of addresses.
pub(super) fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u8>().prop_map(Value::from),
        "[a-z]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 24, 3, |inner| {
        let members = prop::collection::btree_map(0..KEYS, inner.clone(), 0..4);
        prop_oneof![
            3 => members.prop_map(|members| {
                let members = members.into_iter();
                Value::Object(members.map(|(key, value)| (key_name(key), value)).collect())
            }),
            1 => prop::collection::vec(inner, 0..3).prop_map(Value::Array),
        ]
    })
}
