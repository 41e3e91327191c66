//! Every row of `tests/data/decisions.json`: who may do what, what is answered, and what is seen.

use std::sync::Arc;

use journal::Journal;
use serde_json::{Value, json};

use super::Fixture;
use crate::{
    Enforcer, NamespacePolicies, Permission, Pointer, Policies, PolicyLimits, ResourceKey,
    ResourceType, SubjectId,
};

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
        let fixture = fixture(&row).await;
        for step in row["steps"].as_array().unwrap() {
            let (who, path) = (format!("t:{}", text(step, "who")), text(step, "path"));
            let given = match text(step, "does") {
                "get" => fixture.get(&who, path).await,
                "put" => fixture.put(&who, path, step["value"].clone()).await,
                "delete" => fixture.delete(&who, path).await,
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
