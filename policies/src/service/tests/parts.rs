//! Every part of a policy can be read, written and deleted by who may, with the answers that Ditto gives.

use serde_json::{Value, json};

use super::{Fixture, admin, entry, with};

#[track_caller]
fn check(found: String, expected: &str) {
    assert_eq!(found, expected);
}

async fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let body = json!({"entries": {"owner": admin(), "crew": entry(&["a"], "+R thing:/")}});
    check(fixture.put("t:admin", "x:p", body).await, "created");
    check(
        fixture
            .put("t:admin", "x:b", json!({"entries": {"owner": admin()}}))
            .await,
        "created",
    );
    fixture
}

#[tokio::test]
async fn a_policy_is_created_replaced_and_deleted() {
    let fixture = fixture().await;
    let body = json!({"policyId": "x:p", "entries": {"owner": admin()}});
    check(fixture.put("t:admin", "x:p", body).await, "modified");
    check(
        fixture.get("t:admin", "x:p").await,
        r#"{"policyId":"x:p","imports":{},"entries":{"owner":{"subjects":{"t:admin":{"type":"test"}},"resources":{"policy:/":{"grant":["READ","WRITE"],"revoke":[]}},"importable":"implicit"}}}"#,
    );
    check(fixture.delete("t:admin", "x:p").await, "deleted");
    check(fixture.get("t:admin", "x:p").await, "policy.notfound");
    check(fixture.delete("t:admin", "x:p").await, "policy.notfound");
    let body = json!({"entries": {"owner": admin()}});
    check(fixture.put("t:admin", "x:p", body).await, "created");
}

#[tokio::test]
async fn members_are_created_replaced_and_deleted() {
    let fixture = fixture().await;
    for (path, value) in [
        ("x:p/entries/new", entry(&["b"], "+R thing:/")),
        ("x:p/entries/crew/subjects/t:b", json!({"type": "test"})),
        (
            "x:p/entries/crew/resources/thing:/features/lamp",
            json!({"grant": ["READ"], "revoke": []}),
        ),
    ] {
        check(fixture.get("t:admin", path).await, &missing(path));
        check(fixture.delete("t:admin", path).await, &missing(path));
        check(fixture.put("t:admin", path, value.clone()).await, "created");
        check(
            fixture.put("t:admin", path, value.clone()).await,
            "modified",
        );
        let found: Value = serde_json::from_str(&fixture.get("t:admin", path).await).unwrap();
        for (key, member) in value.as_object().unwrap() {
            assert_eq!(found[key], *member, "{path} {key}");
        }
        check(fixture.delete("t:admin", path).await, "deleted");
        check(fixture.get("t:admin", path).await, &missing(path));
    }
}

fn missing(path: &str) -> String {
    let kind = ["subject", "resource"]
        .into_iter()
        .find(|kind| path.contains(&format!("/{kind}s/")));
    format!("{}.notfound", kind.unwrap_or("entry"))
}

#[tokio::test]
async fn lists_are_replaced() {
    let fixture = fixture().await;
    for (path, value) in [
        (
            "x:p/entries",
            json!({"owner": with(admin(), json!({"importable": "explicit"}))}),
        ),
        (
            "x:p/entries/owner/subjects",
            json!({"t:admin": {"type": "other"}}),
        ),
        (
            "x:p/entries/owner/resources",
            json!({"policy:/": {"grant": ["READ", "WRITE"], "revoke": []}}),
        ),
        ("x:p/entries/owner/namespaces", json!(["acme", "acme.*"])),
        ("x:p/entries/owner/importable", json!("never")),
        ("x:p/entries/owner/allowedAdditions", json!(["subjects"])),
        ("x:p/imports", json!({"x:b": {}})),
        ("x:p/imports/x:b/entries", json!(["owner"])),
        ("x:p/imports/x:b/transitiveImports", json!(["x:c"])),
    ] {
        check(
            fixture.put("t:admin", path, value.clone()).await,
            "modified",
        );
        check(fixture.get("t:admin", path).await, &value.to_string());
    }
}

#[tokio::test]
async fn an_import_is_created_replaced_and_deleted() {
    let fixture = fixture().await;
    let path = "x:p/imports/x:b";
    check(fixture.get("t:admin", path).await, "import.notfound");
    check(
        fixture
            .put("t:admin", "x:p/imports/x:b/entries", json!([]))
            .await,
        "import.notfound",
    );
    check(fixture.put("t:admin", path, json!({})).await, "created");
    check(fixture.get("t:admin", path).await, "{}");
    check(
        fixture.put("t:admin", path, json!({"entries": []})).await,
        "modified",
    );
    check(fixture.get("t:admin", path).await, r#"{"entries":[]}"#);
    check(fixture.delete("t:admin", path).await, "deleted");
    check(fixture.delete("t:admin", path).await, "import.notfound");
    check(fixture.delete("t:admin", "x:p/imports").await, "deleted");
}

#[tokio::test]
async fn optional_members_of_an_entry() {
    let fixture = fixture().await;
    let path = |part: &str| format!("x:p/entries/crew/{part}");
    let (namespaces, additions, references) = (
        path("namespaces"),
        path("allowedAdditions"),
        path("references"),
    );
    check(fixture.get("t:admin", &namespaces).await, "entry.notfound");
    check(fixture.get("t:admin", &additions).await, "[]");
    check(fixture.delete("t:admin", &additions).await, "deleted");
    check(fixture.get("t:admin", &references).await, "[]");
    let owner = json!([{"entry": "owner"}]);
    check(
        fixture.put("t:admin", &references, owner.clone()).await,
        "created",
    );
    check(
        fixture.put("t:admin", &references, owner.clone()).await,
        "modified",
    );
    check(
        fixture.get("t:admin", &references).await,
        &owner.to_string(),
    );
    check(fixture.delete("t:admin", &references).await, "deleted");
    check(
        fixture.get("t:admin", "x:p/entries/none/references").await,
        "entry.notfound",
    );
    check(
        fixture
            .put("t:admin", "x:p/entries/none/subjects", json!({}))
            .await,
        "entry.notfound",
    );
}

#[tokio::test]
async fn deleting_absent_additions_changes_nothing() {
    let fixture = fixture().await;
    let before = revision(&fixture);
    let path = "x:p/entries/crew/allowedAdditions";
    check(fixture.delete("t:admin", path).await, "deleted");
    assert_eq!(revision(&fixture), before);
    check(fixture.put("t:admin", path, json!([])).await, "modified");
    check(fixture.delete("t:admin", path).await, "deleted");
    assert_eq!(revision(&fixture), before + 2);
}

fn revision(fixture: &Fixture) -> u64 {
    use journal::{EntityKey, EntityKind, Journal};
    let key = EntityKey::new(EntityKind::Policy, "x:p");
    fixture.journal.entity(&key).unwrap().unwrap().revision
}

#[tokio::test]
async fn lists_cannot_be_deleted() {
    let fixture = fixture().await;
    for part in [
        "",
        "/owner/subjects",
        "/owner/resources",
        "/owner/namespaces",
        "/owner/importable",
    ] {
        let path = format!("x:p/entries{part}");
        check(fixture.delete("t:admin", &path).await, "ActionNotSupported");
    }
}

#[tokio::test]
async fn events_name_what_changed() {
    use journal::{Journal, Position};
    let fixture = fixture().await;
    let start = fixture.journal.head();
    assert!(start > Position::START);
    fixture
        .put(
            "t:admin",
            "x:p/entries/crew/subjects/t:b",
            json!({"type": "x"}),
        )
        .await;
    fixture
        .delete("t:admin", "x:p/entries/crew/resources/thing:/")
        .await;
    let records = fixture.journal.records(start, 10).unwrap();
    let signals: Vec<Value> = records
        .iter()
        .map(|record| serde_json::from_slice(&record.signal).unwrap())
        .collect();
    let time = "2030-06-15T12:00:00Z";
    assert_eq!(
        signals,
        [
            json!({"type": "policies.events:subjectCreated", "policyId": "x:p", "revision": 2, "_timestamp": time,
                "label": "crew", "subjectId": "t:b", "subject": {"type": "x"}}),
            json!({"type": "policies.events:resourceDeleted", "policyId": "x:p", "revision": 3, "_timestamp": time,
                "label": "crew", "resourceKey": "thing:/"}),
        ]
    );
}
