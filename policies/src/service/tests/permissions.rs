//! Who may do what, and what those hear who may not.

use serde_json::json;

use super::{Fixture, admin, entry};
use crate::PolicyAction;

async fn fixture(rights: &str) -> Fixture {
    let fixture = Fixture::new();
    let guest = entry(&["g"], "+R thing:/features");
    let entries = json!({"owner": admin(), "admin": entry(&["a"], rights), "guest": guest});
    fixture.given("x:p", entries, json!({"x:b": {}})).await;
    fixture
}

const PARTS: [(&str, &str); 15] = [
    ("", "policy"),
    ("/entries", "policy"),
    ("/entries/guest", "entry"),
    ("/entries/guest/subjects", "subjects"),
    ("/entries/guest/subjects/t:g", "subject"),
    ("/entries/guest/resources", "resources"),
    ("/entries/guest/resources/thing:/features", "resource"),
    ("/entries/guest/namespaces", "entry"),
    ("/entries/guest/importable", "entry"),
    ("/entries/guest/allowedAdditions", "entry"),
    ("/entries/guest/references", "entry"),
    ("/imports", "imports"),
    ("/imports/x:b", "import"),
    ("/imports/x:b/entries", "import"),
    ("/imports/x:b/transitiveImports", "import"),
];

#[tokio::test]
async fn strangers_see_and_change_nothing() {
    let fixture = fixture("").await;
    for (part, kind) in PARTS {
        let path = format!("x:p{part}");
        let found = fixture.get("t:stranger", &path).await;
        assert_eq!(found, format!("{kind}.notfound"), "GET {part}");
        let found = fixture.delete("t:stranger", &path).await;
        assert_eq!(found, format!("{kind}.notmodifiable"), "DELETE {part}");
    }
}

#[tokio::test]
async fn readers_change_nothing() {
    let fixture = fixture("+R policy:/").await;
    for (part, kind) in PARTS {
        let path = format!("x:p{part}");
        let value = match fixture.get("t:a", &path).await {
            text if text.ends_with(".notfound") => json!(["x"]),
            text => serde_json::from_str(&text).unwrap(),
        };
        if part.is_empty() || part.starts_with("/imports") {
            continue;
        }
        let found = fixture.put("t:a", &path, value).await;
        assert_eq!(found, format!("{kind}.notmodifiable"), "PUT {part}");
    }
}

#[tokio::test]
async fn a_revoke_below_protects_what_is_above() {
    let fixture = fixture("+RW policy:/, -W policy:/entries/admin").await;
    let guest = || entry(&["g"], "+R thing:/");
    let entries = json!({"entries": {"owner": admin()}});
    for (path, value, expected) in [
        ("x:p", entries, "policy.notmodifiable"),
        ("x:p/entries/guest", guest(), "modified"),
        (
            "x:p/entries",
            json!({"guest": guest()}),
            "policy.notmodifiable",
        ),
        (
            "x:p/entries/admin/subjects/t:x",
            json!({"type": "x"}),
            "subject.notmodifiable",
        ),
        ("x:p/imports", json!({}), "modified"),
    ] {
        assert_eq!(fixture.put("t:a", path, value).await, expected, "{path}");
    }
}

#[tokio::test]
async fn who_sees_one_entry_sees_no_other() {
    let fixture = fixture("+RW policy:/entries/guest").await;
    assert_eq!(
        fixture.get("t:a", "x:p").await,
        r#"{"policyId":"x:p","entries":{"guest":{"subjects":{"t:g":{"type":"test"}},"resources":{"thing:/features":{"grant":["READ"],"revoke":[]}},"importable":"implicit"}}}"#
    );
    assert_eq!(fixture.delete("t:a", "x:p").await, "policy.notmodifiable");
    let subjects = json!({"t:g": {"type": "x"}});
    let found = fixture
        .put("t:a", "x:p/entries/guest/subjects", subjects)
        .await;
    assert_eq!(found, "modified");
    assert_eq!(
        fixture.get("t:a", "x:p/entries/owner").await,
        "entry.notfound"
    );
}

#[tokio::test]
async fn a_revoked_resource_is_hidden_alone_and_in_the_whole() {
    let key = "policy:/entries/guest/resources/thing:/features";
    let fixture = fixture(&format!("+R policy:/, -R {key}")).await;
    let path = "x:p/entries/guest/resources/thing:/features";
    assert_eq!(fixture.get("t:a", path).await, "resource.notfound");
    let guest = fixture.get("t:a", "x:p/entries/guest/resources").await;
    assert_eq!(guest, "{}");
}

#[tokio::test]
async fn special_fields_are_returned_on_demand() {
    let fixture = fixture("").await;
    let fields = "policyId,_namespace,_revision,_modified,_created,__lifecycle";
    let action = PolicyAction::Retrieve {
        fields: Some(fields.parse().unwrap()),
    };
    let found = fixture.execute("t:admin", "x:p", action).await;
    let time = "2030-06-15T12:00:00Z";
    assert_eq!(
        super::outcome(found),
        json!({"policyId": "x:p", "_namespace": "x", "_revision": 1, "_modified": time, "_created": time,
            "__lifecycle": "ACTIVE"})
        .to_string()
    );
}

#[tokio::test]
async fn fields_select_from_whole_policies_only() {
    let fixture = fixture("").await;
    for (path, fields) in [
        ("x:p", "policyId"),
        ("x:p/imports", "policyId"),
        ("x:p/entries", "owner/subjects"),
        ("x:p/entries/guest", "resources,_revision"),
        ("x:p/entries/guest/importable", "policyId"),
        ("x:p/entries/guest/subjects", "nobody"),
        ("x:p/entries/guest/subjects/t:g", "expiry"),
        ("x:p/entries/guest/resources", "nothing"),
    ] {
        let fields = Some(fields.parse().unwrap());
        let action = PolicyAction::Retrieve { fields };
        let selected = super::outcome(fixture.execute("t:admin", path, action).await);
        if path == "x:p" {
            assert_eq!(selected, r#"{"policyId":"x:p"}"#);
        } else {
            assert_eq!(selected, fixture.get("t:admin", path).await, "{path}");
        }
    }
}

#[tokio::test]
async fn creators_must_be_able_to_write() {
    let mut fixture = Fixture::new();
    let body = json!({"entries": {"owner": admin()}});
    let found = fixture.put("t:other", "x:p", body.clone()).await;
    assert_eq!(found, "NotCreatable");
    let tie = entry(&["admin"], "-W policy:/");
    let both = json!({"entries": {"e1": admin(), "e2": tie}});
    assert_eq!(fixture.put("t:admin", "x:p", both).await, "NotCreatable");
    fixture.headers.allow_policy_lockout = true;
    assert_eq!(fixture.put("t:other", "x:p", body).await, "created");
    let found = fixture.put("t:other", "x:q", json!({"entries": {}})).await;
    assert_eq!(found, "Lockout");
}

#[tokio::test]
async fn creating_twice_conflicts() {
    let fixture = Fixture::new();
    let body = json!({"entries": {"owner": admin()}});
    for expected in ["created", "Conflict"] {
        let action = PolicyAction::Create(body.clone());
        let found = fixture.execute("t:admin", "x:p", action).await;
        assert_eq!(super::outcome(found), expected);
    }
}

#[tokio::test]
async fn a_change_is_in_force_at_once() {
    let fixture = fixture("").await;
    assert_eq!(fixture.rights("t:g", "x:p", "x", "thing:/features"), "R");
    fixture.delete("t:admin", "x:p/entries/guest").await;
    assert_eq!(fixture.rights("t:g", "x:p", "x", "thing:/features"), "");
}

#[tokio::test]
async fn concurrent_writers_lose_nothing() {
    let fixture = std::sync::Arc::new(fixture("").await);
    let tasks: Vec<_> = (0..20)
        .map(|at| {
            let fixture = std::sync::Arc::clone(&fixture);
            tokio::spawn(async move {
                let path = format!("x:p/entries/guest/subjects/t:s{at}");
                fixture.put("t:admin", &path, json!({"type": "x"})).await
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "created");
    }
    let subjects = fixture.get("t:admin", "x:p/entries/guest/subjects").await;
    assert_eq!(subjects.matches("t:s").count(), 20);
    assert!(fixture.policies.locks.is_empty());
}
