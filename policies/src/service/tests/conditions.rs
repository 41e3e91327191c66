//! Conditional requests.

use serde_json::{Value, json};

use super::{Fixture, admin, entry, outcome};
use crate::{EntityTag, Error, IfEqual, PolicyAction, PolicyResponse};

async fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let body = json!({"entries": {"owner": admin(), "crew": entry(&["a"], "+R thing:/")}});
    assert_eq!(fixture.put("t:admin", "x:p", body).await, "created");
    fixture
}

async fn tag(fixture: &Fixture, path: &str) -> Option<EntityTag> {
    let action = PolicyAction::Retrieve { fields: None };
    match fixture.execute("t:admin", path, action).await.unwrap() {
        PolicyResponse::Retrieved { etag, .. } => etag,
        other @ (PolicyResponse::Created { .. }
        | PolicyResponse::Modified { .. }
        | PolicyResponse::Deleted { .. }) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_policy_has_the_tag_of_its_revision() {
    let mut fixture = fixture().await;
    assert_eq!(tag(&fixture, "x:p").await, Some(EntityTag::Revision(1)));
    fixture.if_match("\"rev:2\"");
    assert_eq!(fixture.delete("t:admin", "x:p").await, "PreconditionFailed");
    fixture.if_match("\"rev:1\"");
    assert_eq!(fixture.delete("t:admin", "x:p").await, "deleted");
    fixture.if_match("*");
    let body = json!({"entries": {"owner": admin()}});
    let found = fixture.put("t:admin", "x:p", body).await;
    assert_eq!(found, "PreconditionFailed");
    let found = fixture.put("t:admin", "x:p/entries/e", admin()).await;
    assert_eq!(found, "policy.notfound");
}

#[tokio::test]
async fn reads_may_answer_that_nothing_changed() {
    let mut fixture = fixture().await;
    fixture.if_none_match("\"rev:1\"");
    let action = PolicyAction::Retrieve { fields: None };
    let found = fixture.execute("t:admin", "x:p", action).await;
    assert!(matches!(
        found,
        Err(Error::NotModified {
            etag: EntityTag::Revision(1)
        })
    ));
    assert_eq!(fixture.get("t:stranger", "x:p").await, "policy.notfound");
    fixture.if_none_match("*");
    assert_eq!(
        fixture.get("t:admin", "x:p/entries/none").await,
        "entry.notfound"
    );
}

#[tokio::test]
async fn parts_have_tags_of_their_content() {
    let mut fixture = fixture().await;
    let path = "x:p/entries/crew/subjects/t:a";
    let old = tag(&fixture, path).await.unwrap();
    let value = |text: &str| json!({ "type": text });
    fixture.if_match(&old.to_string());
    assert_eq!(fixture.put("t:admin", path, value("new")).await, "modified");
    assert_eq!(
        fixture.put("t:admin", path, value("x")).await,
        "PreconditionFailed"
    );
    assert_eq!(fixture.delete("t:admin", path).await, "PreconditionFailed");
    fixture.if_match("*");
    let missing = "x:p/entries/crew/subjects/t:b";
    assert_eq!(
        fixture.put("t:admin", missing, value("x")).await,
        "PreconditionFailed"
    );
    assert_eq!(fixture.delete("t:admin", missing).await, "subject.notfound");
    fixture.if_none_match("*");
    assert_eq!(fixture.put("t:admin", missing, value("x")).await, "created");
    assert_eq!(
        fixture.put("t:admin", missing, value("x")).await,
        "PreconditionFailed"
    );
}

#[tokio::test]
async fn some_parts_have_no_tag() {
    let fixture = fixture().await;
    for part in ["importable", "references"] {
        let path = format!("x:p/entries/crew/{part}");
        assert_eq!(tag(&fixture, &path).await, None, "{part}");
    }
    let additions = "x:p/entries/crew/allowedAdditions";
    let absent = tag(&fixture, additions).await;
    fixture.put("t:admin", additions, json!([])).await;
    let none = tag(&fixture, additions).await;
    assert!(absent.is_some() && none.is_some() && absent != none);
    for path in [additions, additions, "x:p/imports"] {
        let action = PolicyAction::Delete;
        let deleted = fixture.execute("t:admin", path, action).await.unwrap();
        let PolicyResponse::Deleted { etag, .. } = deleted else {
            panic!("{deleted:?}");
        };
        let expected = absent.filter(|_| path == additions);
        assert_eq!(etag, expected, "{path}");
    }
}

#[tokio::test]
async fn equal_values_may_be_skipped() {
    let mut fixture = fixture().await;
    fixture.headers.if_equal = IfEqual::Skip;
    let path = "x:p/entries/crew/subjects/t:a";
    let put = |value: Value| PolicyAction::Modify(value);
    let found = fixture
        .execute("t:admin", path, put(json!({"type": "test"})))
        .await;
    assert_eq!(outcome(found), "PreconditionFailed");
    let found = fixture
        .execute("t:admin", path, put(json!({"type": "x"})))
        .await;
    assert_eq!(outcome(found), "modified");
}

#[tokio::test]
async fn who_may_not_read_is_told_nothing_by_conditions() {
    let mut fixture = Fixture::new();
    let path = "x:p/entries/crew/subjects/t:a";
    let writer = entry(&["w"], "+W policy:/entries/crew/subjects");
    let crew = entry(&["a"], "+R thing:/");
    let body = json!({"entries": {"owner": admin(), "crew": crew, "writer": writer}});
    assert_eq!(fixture.put("t:admin", "x:p", body).await, "created");
    let known = tag(&fixture, path).await.unwrap().to_string();
    let subject = || json!({"type": "test"});
    for guess in [known.as_str(), "\"x\""] {
        for set in [Fixture::if_match, Fixture::if_none_match] {
            set(&mut fixture, guess);
            let found = fixture.put("t:w", path, subject()).await;
            assert_eq!(found, "PreconditionFailed", "{guess}");
        }
    }
    fixture.if_match("*");
    fixture.headers.if_equal = IfEqual::Skip;
    assert_eq!(fixture.put("t:w", path, subject()).await, "modified");
    let found = fixture.put("t:admin", path, subject()).await;
    assert_eq!(found, "PreconditionFailed");
}
