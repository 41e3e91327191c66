//! Every row of `tests/data/decisions.json`: who may do what, what is answered, and what is seen.

use std::collections::BTreeSet;
use std::sync::Arc;

use journal::Journal;
use serde_json::{Value, json};

use super::Fixture;
use crate::{
    Enforcer, NamespacePolicies, Permission, Pointer, Policies, PolicyLimits, PolicyView,
    ResourceKey, ResourceType, SubjectId,
};

/// Every table there is: a number, and the letters of its further rows.
const TABLES: [(u8, &str); 34] = [
    (1, "bc"),
    (2, "bcd"),
    (3, "bc"),
    (4, ""),
    (5, ""),
    (6, "bc"),
    (7, ""),
    (8, ""),
    (9, "b"),
    (10, "b"),
    (11, "bc"),
    (12, "bcd"),
    (13, "b"),
    (14, "b"),
    (15, ""),
    (16, "b"),
    (17, ""),
    (18, "b"),
    (19, "bcde"),
    (20, "bc"),
    (21, ""),
    (22, ""),
    (23, ""),
    (24, "bcd"),
    (25, ""),
    (26, ""),
    (27, ""),
    (28, "b"),
    (29, "bc"),
    (30, "bcd"),
    (31, ""),
    (32, ""),
    (33, ""),
    (34, "b"),
];

fn table(name: &str) -> Vec<Value> {
    let data: Value =
        serde_json::from_str(include_str!("../../../tests/data/decisions.json")).unwrap();
    let rows = data[name].as_array().unwrap().clone();
    assert!(!rows.is_empty());
    rows
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member]
        .as_str()
        .unwrap_or_else(|| panic!("{member} of {value}"))
}

fn subjects(names: &Value) -> Vec<SubjectId> {
    let names = names.as_array().unwrap().iter().filter_map(Value::as_str);
    names
        .map(|name| format!("t:{name}").parse().unwrap())
        .collect()
}

fn permission(letter: char) -> Permission {
    Permission::new(match letter {
        'R' => "READ",
        'W' => "WRITE",
        'X' => "EXECUTE",
        other => panic!("no permission {other}"),
    })
}

/// The policy of rules like `a +RW thing:/` or `a +R,-R thing:/x`: each an entry of its own.
async fn enforcer(fixture: &Fixture, rules: &Value) -> Arc<Enforcer> {
    let mut entries = serde_json::Map::new();
    for (at, rule) in rules.as_array().unwrap().iter().enumerate() {
        let [subject, rights, resource] = rule
            .as_str()
            .unwrap()
            .split(' ')
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        let (mut grant, mut revoke) = (Vec::new(), Vec::new());
        for right in rights.split(',') {
            let (sign, letters) = right.split_at(1);
            let list = if sign == "+" { &mut grant } else { &mut revoke };
            list.extend(letters.chars().map(|letter| permission(letter).to_string()));
        }
        let entry = json!({
            "subjects": { format!("t:{subject}"): { "type": "test" } },
            "resources": { resource: { "grant": grant, "revoke": revoke } }
        });
        entries.insert(format!("e{at}"), entry);
    }
    fixture
        .given("a:rules", Value::Object(entries), json!({}))
        .await;
    let id = "a:rules".parse().unwrap();
    fixture
        .policies
        .policy_enforcer(&id, fixture.now)
        .unwrap()
        .unwrap()
}

async fn fixture(row: &Value) -> Fixture {
    let mut fixture = Fixture::new();
    let roots = row["roots"].as_object().unwrap().iter();
    let roots =
        roots.map(|(pattern, id)| (pattern.clone(), vec![id.as_str().unwrap().parse().unwrap()]));
    let roots = NamespacePolicies::new(roots.collect::<Vec<_>>()).unwrap();
    let journal = Arc::clone(&fixture.journal) as Arc<dyn Journal>;
    let policies = Policies::new(journal, PolicyLimits::default());
    fixture.policies = Arc::new(policies.with_namespace_policies(roots));
    for (id, policy) in row["policies"].as_object().unwrap() {
        fixture
            .given(id, policy["entries"].clone(), policy["imports"].clone())
            .await;
    }
    fixture
}

/// The rows that the data file has, by name.
fn rows_there() -> BTreeSet<String> {
    let of_row = |row: &Value| -> Vec<String> {
        let asks = row.get("asks").or_else(|| row.get("steps"));
        let asks = asks.and_then(Value::as_array).into_iter().flatten();
        let named = asks.filter_map(|ask| ask["row"].as_str().map(str::to_owned));
        let id = text(row, "id").split(' ').next().unwrap_or_default();
        named.chain([id.to_owned()]).collect()
    };
    ["decisions", "operations", "views", "rights"]
        .iter()
        .flat_map(|name| table(name))
        .flat_map(|row| of_row(&row))
        .collect()
}

#[test]
fn no_row_is_missing() {
    let there = rows_there();
    for (number, letters) in TABLES {
        let first = format!("D-{number}");
        let further = letters.chars().map(|letter| format!("D-{number}{letter}"));
        for row in [first].into_iter().chain(further) {
            assert!(there.contains(&row), "{row} is not in the data file");
        }
    }
}

#[tokio::test]
async fn decisions() {
    let fixture = Fixture::new();
    for row in table("decisions") {
        let enforcer = enforcer(&fixture, &row["rules"]).await;
        for ask in row["asks"].as_array().unwrap() {
            let callers = subjects(&ask["callers"]);
            let (letters, resource) = text(ask, "asks").split_once(' ').unwrap();
            let key: ResourceKey = resource.parse().unwrap();
            let permissions: Vec<_> = letters.chars().map(permission).collect();
            let (kind, path) = (&key.resource_type, &key.path);
            let unrestricted = enforcer.unrestricted_all(&callers, kind, path, &permissions);
            let partial = permissions
                .iter()
                .all(|it| enforcer.partial(&callers, kind, path, it));
            let expected = (ask["unrestricted"] == true, ask["partial"] == true);
            assert_eq!((unrestricted, partial), expected, "{}: {ask}", row["id"]);
        }
    }
}

#[tokio::test]
async fn operations() {
    for row in table("operations") {
        let mut fixture = fixture(&row).await;
        for step in row["steps"].as_array().unwrap() {
            let (who, path) = (format!("t:{}", text(step, "who")), text(step, "path"));
            let given = match text(step, "does") {
                "get" => fixture.get(&who, path).await,
                "put" => fixture.put(&who, path, step["value"].clone()).await,
                "put allowing lockout" => {
                    let value = step["value"].clone();
                    fixture.headers.allow_policy_lockout = true;
                    let given = fixture.put(&who, path, value).await;
                    fixture.headers.allow_policy_lockout = false;
                    given
                }
                "delete" => fixture.delete(&who, path).await,
                "labels" => resolved_labels(&mut fixture, &who, path).await,
                "lacks" => {
                    let read: Value = serde_json::from_str(&fixture.get(&who, path).await).unwrap();
                    let keys = step["value"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|key| key.as_str().unwrap());
                    let pointer = Pointer::from_segments(keys);
                    pointer
                        .resolve(&read)
                        .map(Value::to_string)
                        .unwrap_or_default()
                }
                other => panic!("{other} cannot be done"),
            };
            assert_eq!(given, text(step, "gives"), "{}: {step}", row["id"]);
        }
    }
}

/// The labels of the resolved view, sorted.
async fn resolved_labels(fixture: &mut Fixture, who: &str, path: &str) -> String {
    fixture.headers.policy_view = PolicyView::Resolved;
    let read: Value = serde_json::from_str(&fixture.get(who, path).await).unwrap();
    fixture.headers.policy_view = PolicyView::Original;
    let mut labels: Vec<_> = read["entries"].as_object().unwrap().keys().collect();
    labels.sort();
    let labels: Vec<_> = labels.into_iter().map(String::as_str).collect();
    labels.join(" ")
}

#[tokio::test]
async fn views() {
    let fixture = Fixture::new();
    for row in table("views") {
        let enforcer = enforcer(&fixture, &row["rules"]).await;
        let callers = subjects(&row["callers"]);
        let seen = enforcer.view(
            &callers,
            &ResourceType::Thing,
            &Pointer::root(),
            &row["thing"],
        );
        assert_eq!(seen, row["sees"], "{}", row["id"]);
    }
}

#[tokio::test]
async fn rights_by_imports_references_and_namespaces() {
    for row in table("rights") {
        let fixture = fixture(&row).await;
        for ask in row["asks"].as_array().unwrap() {
            let policy_id = text(ask, "policy").parse().unwrap();
            let enforcer = match ask["namespace"].as_str() {
                Some(namespace) => fixture
                    .policies
                    .enforcer(&policy_id, namespace, fixture.now),
                None => fixture.policies.policy_enforcer(&policy_id, fixture.now),
            };
            let enforcer = enforcer.unwrap().unwrap();
            let who = [format!("t:{}", text(ask, "who")).parse().unwrap()];
            let key: ResourceKey = text(ask, "resource").parse().unwrap();
            let has = |letter: &char| {
                enforcer.unrestricted(&who, &key.resource_type, &key.path, &permission(*letter))
            };
            let has: String = ['R', 'W', 'X'].into_iter().filter(has).collect();
            assert_eq!(has, text(ask, "has"), "{}: {ask}", row["id"]);
        }
    }
}
