//! Subjects that expire leave the stored policy, too.

use std::sync::Arc;

use journal::{EntityKey, EntityKind};

use super::*;

fn expiring(subjects: &[(&str, &str)]) -> Value {
    let subjects: serde_json::Map<String, Value> = subjects
        .iter()
        .map(|(id, expiry)| ((*id).to_owned(), json!({"type": "test", "expiry": expiry})))
        .collect();
    json!({"subjects": subjects, "resources": {"thing:/": {"grant": ["READ"], "revoke": []}}})
}

fn signals(fixture: &Fixture, id: &str) -> Vec<Value> {
    let key = EntityKey::new(EntityKind::Policy, id);
    let history = fixture.journal.history(&key, 1, 100).unwrap();
    history
        .iter()
        .map(|record| serde_json::from_slice(&record.signal).unwrap())
        .collect()
}

#[tokio::test]
async fn what_is_due_goes_with_one_event_and_nothing_before() {
    let fixture = Fixture::new();
    let policies = Arc::clone(&fixture.policies);
    policies.watch_subjects().unwrap();
    let (one, two) = ("2030-06-15T13:00:00Z", "2030-06-15T14:00:00Z");
    let entries = json!({
        "admin": admin(),
        "a": expiring(&[("t:x", one), ("t:y", two)]),
        "b": expiring(&[("t:z", two)]),
    });
    let created = fixture
        .put("t:admin", "a:p", json!({"entries": entries}))
        .await;
    assert_eq!(created, "created");
    let just_before = "2030-06-15T12:59:59.999Z".parse().unwrap();
    assert_eq!(policies.remove_expired_subjects(just_before).await, 0);
    assert_eq!(
        policies.remove_expired_subjects(one.parse().unwrap()).await,
        1
    );
    let told = signals(&fixture, "a:p").pop().unwrap();
    assert_eq!(told["type"], "policies.events:subjectDeleted");
    assert_eq!(
        (&told["label"], &told["subjectId"]),
        (&json!("a"), &json!("t:x"))
    );
    assert_eq!(
        policies.remove_expired_subjects(two.parse().unwrap()).await,
        1
    );
    let told = signals(&fixture, "a:p").pop().unwrap();
    assert_eq!(told["type"], "policies.events:subjectsDeletedPartially");
    assert_eq!(
        told["deletedSubjectIds"],
        json!({"a": ["t:y"], "b": ["t:z"]})
    );
    assert_eq!(told["revision"], 3);
    assert_eq!(
        policies.remove_expired_subjects(two.parse().unwrap()).await,
        0
    );
    let left = fixture.get("t:admin", "a:p/entries/a/subjects").await;
    assert_eq!(left, "{}");
}

#[tokio::test]
async fn what_expired_while_nobody_watched_goes_at_the_next_start() {
    let fixture = Fixture::new();
    let expiry = "2030-06-15T13:00:00Z";
    let entries = json!({"admin": admin(), "a": expiring(&[("t:x", expiry)])});
    fixture.given("a:p", entries, json!({})).await;
    fixture.policies.watch_subjects().unwrap();
    let later = "2031-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(fixture.policies.remove_expired_subjects(later).await, 1);
}

#[tokio::test]
async fn a_policy_without_its_last_permanent_writer_still_loses_the_expired_ones() {
    let fixture = Fixture::new();
    fixture.policies.watch_subjects().unwrap();
    let expiry = "2030-06-15T13:00:00Z";
    fixture
        .given("a:p", json!({"a": expiring(&[("t:x", expiry)])}), json!({}))
        .await;
    let changed = fixture
        .policies
        .remove_expired_subjects(expiry.parse().unwrap())
        .await;
    assert_eq!(changed, 1);
}
