//! Every kind of change has its event, with what the kind says and nothing else.
//!
//! Source: Ditto documentation, page "Signals", section "Events"; members as in Ditto's policy events.

use journal::{EntityKey, EntityKind};

use super::*;

/// What is done at a path of `a:p`, the kind of the event, and its members beyond those that all events have.
type Row = (&'static str, &'static str, Value, &'static str, Value);

fn role() -> Value {
    with(
        entry(&["r"], "+R thing:/"),
        json!({"importable": "implicit"}),
    )
}

fn subject() -> Value {
    json!({"type": "test"})
}

fn rights() -> Value {
    json!({"grant": ["READ"], "revoke": []})
}

fn whole_and_entries() -> Vec<Row> {
    let none = Value::Null;
    let stored = json!({"policyId": "a:p", "imports": {}, "entries": {"owner": stored_owner()}});
    let whole = json!({"entries": {"owner": admin()}});
    let entries = json!({"owner": stored_owner(), "x": role()});
    vec![
        (
            "put",
            "",
            whole.clone(),
            "policyCreated",
            json!({"policy": stored}),
        ),
        (
            "put",
            "",
            whole,
            "policyModified",
            json!({"policy": stored}),
        ),
        (
            "put",
            "/entries",
            entries.clone(),
            "policyEntriesModified",
            json!({"policyEntries": entries}),
        ),
        (
            "put",
            "/entries/y",
            role(),
            "policyEntryCreated",
            json!({"label": "y", "policyEntry": role()}),
        ),
        (
            "put",
            "/entries/y",
            role(),
            "policyEntryModified",
            json!({"label": "y", "policyEntry": role()}),
        ),
        (
            "delete",
            "/entries/y",
            none,
            "policyEntryDeleted",
            json!({"label": "y"}),
        ),
    ]
}

fn stored_owner() -> Value {
    with(admin(), json!({"importable": "implicit"}))
}

fn parts() -> Vec<Row> {
    let none = Value::Null;
    let (kim, lamp) = (
        "/entries/x/subjects/t:kim",
        "/entries/x/resources/thing:/features/lamp",
    );
    let of_kim = json!({"label": "x", "subjectId": "t:kim", "subject": subject()});
    let of_lamp =
        json!({"label": "x", "resourceKey": "thing:/features/lamp", "resource": rights()});
    vec![
        (
            "put",
            "/entries/x/subjects",
            json!({"t:a": subject()}),
            "subjectsModified",
            json!({"label": "x", "subjects": {"t:a": subject()}}),
        ),
        ("put", kim, subject(), "subjectCreated", of_kim.clone()),
        ("put", kim, subject(), "subjectModified", of_kim),
        (
            "delete",
            kim,
            none.clone(),
            "subjectDeleted",
            json!({"label": "x", "subjectId": "t:kim"}),
        ),
        (
            "put",
            "/entries/x/resources",
            json!({"thing:/": rights()}),
            "resourcesModified",
            json!({"label": "x", "resources": {"thing:/": rights()}}),
        ),
        ("put", lamp, rights(), "resourceCreated", of_lamp.clone()),
        ("put", lamp, rights(), "resourceModified", of_lamp),
        (
            "delete",
            lamp,
            none.clone(),
            "resourceDeleted",
            json!({"label": "x", "resourceKey": "thing:/features/lamp"}),
        ),
    ]
}

fn small_parts() -> Vec<Row> {
    let (none, list) = (Value::Null, json!([{"entry": "owner"}]));
    vec![
        (
            "put",
            "/entries/x/namespaces",
            json!(["a"]),
            "policyEntryNamespacesModified",
            json!({"label": "x", "namespaces": ["a"]}),
        ),
        (
            "put",
            "/entries/x/importable",
            json!("explicit"),
            "policyEntryImportableModified",
            json!({"label": "x", "importable": "explicit"}),
        ),
        (
            "put",
            "/entries/x/allowedAdditions",
            json!(["subjects"]),
            "policyEntryAllowedAdditionsModified",
            json!({"label": "x", "allowedAdditions": ["subjects"]}),
        ),
        (
            "delete",
            "/entries/x/allowedAdditions",
            none.clone(),
            "policyEntryAllowedAdditionsDeleted",
            json!({"label": "x"}),
        ),
        (
            "put",
            "/entries/x/references",
            list.clone(),
            "policyEntryReferencesModified",
            json!({"label": "x", "references": list}),
        ),
        (
            "delete",
            "/entries/x/references",
            none,
            "policyEntryReferencesDeleted",
            json!({"label": "x"}),
        ),
    ]
}

fn imports() -> Vec<Row> {
    let none = Value::Null;
    let of_b = json!({"importedPolicyId": "a:b", "policyImport": {}});
    vec![
        (
            "put",
            "/imports",
            json!({"a:b": {}}),
            "policyImportsModified",
            json!({"policyImports": {"a:b": {}}}),
        ),
        (
            "delete",
            "/imports",
            none.clone(),
            "policyImportsDeleted",
            json!({}),
        ),
        (
            "put",
            "/imports/a:b",
            json!({}),
            "policyImportCreated",
            of_b.clone(),
        ),
        (
            "put",
            "/imports/a:b",
            json!({}),
            "policyImportModified",
            of_b,
        ),
        (
            "put",
            "/imports/a:b/entries",
            json!(["x"]),
            "policyImportEntriesModified",
            json!({"importedPolicyId": "a:b", "entries": ["x"]}),
        ),
        (
            "put",
            "/imports/a:b/transitiveImports",
            json!(["a:c"]),
            "policyImportTransitiveImportsModified",
            json!({"importedPolicyId": "a:b", "transitiveImports": ["a:c"]}),
        ),
        (
            "delete",
            "/imports/a:b",
            none.clone(),
            "policyImportDeleted",
            json!({"importedPolicyId": "a:b"}),
        ),
        ("delete", "", none, "policyDeleted", json!({})),
    ]
}

#[tokio::test]
async fn every_kind_of_change_has_its_event() {
    let fixture = Fixture::new();
    let template = json!({"admin": with(admin(), json!({"importable": "never"})), "x": with(
        entry(&["r"], "+R thing:/"), json!({"importable": "explicit"}))});
    let readable = with(
        entry(&["admin"], "+RW policy:/"),
        json!({"importable": "never"}),
    );
    let template = with(template, json!({"readable": readable}));
    fixture.given("a:b", template, json!({})).await;
    let rows = [whole_and_entries(), parts(), small_parts(), imports()].concat();
    for (at, (does, part, value, kind, members)) in rows.into_iter().enumerate() {
        let path = format!("a:p{part}");
        let answer = match does {
            "put" => fixture.put("t:admin", &path, value).await,
            _ => fixture.delete("t:admin", &path).await,
        };
        assert!(
            ["created", "modified", "deleted"].contains(&&*answer),
            "{does} {path}: {answer}"
        );
        let told = last_signal(&fixture);
        let mut expected = json!({
            "type": format!("policies.events:{kind}"), "policyId": "a:p", "revision": at + 1,
            "_timestamp": "2030-06-15T12:00:00Z",
        });
        expected = with(expected, members);
        assert_eq!(told, expected, "{does} {path}");
    }
}

fn last_signal(fixture: &Fixture) -> Value {
    let key = EntityKey::new(EntityKind::Policy, "a:p");
    let history = fixture.journal.history(&key, 1, 1000).unwrap();
    serde_json::from_slice(&history.last().unwrap().signal).unwrap()
}
