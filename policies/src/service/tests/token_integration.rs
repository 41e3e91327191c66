//! Subjects that are added for the holder of a token.

use super::*;
use crate::{ActionFailure, Label, SubjectId, TokenIntegration};

fn activation() -> TokenIntegration {
    TokenIntegration::Activate {
        expiry: "2030-06-15T12:30:00Z".parse().unwrap(),
        announcement: None,
    }
}

async fn run(
    fixture: &Fixture,
    subject: &str,
    (policy_id, label): (&str, Option<&str>),
    integration: &TokenIntegration,
) -> Result<u64, Error> {
    let subjects_of = |label: &Label| -> Result<Vec<SubjectId>, Error> {
        Ok(["x", "y"]
            .iter()
            .map(|audience| format!("integration:{label}:{audience}").parse().unwrap())
            .collect())
    };
    let label: Option<Label> = label.map(|label| label.parse().unwrap());
    let place = (&policy_id.parse().unwrap(), label.as_ref());
    fixture
        .policies
        .integrate_token(&fixture.context(subject), place, integration, &subjects_of)
        .await
}

#[track_caller]
fn failure(result: Result<u64, Error>) -> ActionFailure {
    match result {
        Err(Error::ActionFailed { failure, .. }) => failure,
        other => panic!("no failure of an action: {other:?}"),
    }
}

fn execute(subjects: &[&str], resource: &str) -> Value {
    let mut entry = entry(subjects, "+R thing:/");
    entry["resources"][resource] = json!({"grant": ["EXECUTE"], "revoke": []});
    entry
}

#[tokio::test]
async fn subjects_come_with_the_token_and_go_by_the_other_action() {
    let fixture = Fixture::new();
    let entries = json!({"admin": admin(), "ops": execute(&["kim"], "policy:/entries/ops")});
    fixture.given("a:p", entries, json!({})).await;
    let revision = run(&fixture, "t:kim", ("a:p", Some("ops")), &activation()).await;
    assert_eq!(revision.unwrap(), 2);
    let subject = fixture
        .get("t:admin", "a:p/entries/ops/subjects/integration:ops:x")
        .await;
    let expected = r#"{"type":"added via action <activateTokenIntegration> at 2030-06-15T12:00:00Z","expiry":"2030-06-15T13:00:00Z"}"#;
    assert_eq!(subject, expected);
    assert_eq!(
        fixture.rights("integration:ops:x", "a:p", "a", "thing:/"),
        "R"
    );
    assert_eq!(
        fixture.rights("integration:ops:y", "a:p", "a", "thing:/"),
        "R"
    );
    let off = TokenIntegration::Deactivate;
    assert_eq!(
        run(&fixture, "t:kim", ("a:p", Some("ops")), &off)
            .await
            .unwrap(),
        3
    );
    assert_eq!(
        fixture.rights("integration:ops:x", "a:p", "a", "thing:/"),
        ""
    );
    let again = run(&fixture, "t:kim", ("a:p", Some("ops")), &off).await;
    assert_eq!(again.unwrap(), 3, "nothing was there to take away");
}

#[tokio::test]
async fn expiry_is_rounded_and_the_subjects_go_with_the_token() {
    let mut fixture = Fixture::new();
    let entries = json!({"admin": admin(), "ops": execute(&["kim"], "policy:/entries/ops")});
    fixture.given("a:p", entries, json!({})).await;
    run(&fixture, "t:kim", ("a:p", Some("ops")), &activation())
        .await
        .unwrap();
    fixture.now = "2030-06-15T12:59:59Z".parse().unwrap();
    assert_eq!(
        fixture.rights("integration:ops:x", "a:p", "a", "thing:/"),
        "R"
    );
    fixture.now = "2030-06-15T13:00:00Z".parse().unwrap();
    assert_eq!(
        fixture.rights("integration:ops:x", "a:p", "a", "thing:/"),
        ""
    );
}

#[tokio::test]
async fn it_needs_execute_on_that_very_action() {
    let fixture = Fixture::new();
    let leaf = "policy:/entries/ops/actions/activateTokenIntegration";
    let entries = json!({"admin": admin(), "ops": execute(&["kim"], leaf)});
    fixture.given("a:p", entries, json!({})).await;
    let place = ("a:p", Some("ops"));
    assert!(run(&fixture, "t:kim", place, &activation()).await.is_ok());
    let denied = failure(run(&fixture, "t:kim", place, &TokenIntegration::Deactivate).await);
    assert_eq!(denied, ActionFailure::NotPermitted);
    let denied = failure(run(&fixture, "t:admin", place, &activation()).await);
    assert_eq!(denied, ActionFailure::NotPermitted);
}

#[tokio::test]
async fn an_entry_must_be_for_the_caller_and_let_it_read_of_a_thing() {
    let fixture = Fixture::new();
    let all = json!({"policy:/": {"grant": ["EXECUTE"], "revoke": []}});
    let mut only_writes = entry(&["kim"], "+W thing:/");
    only_writes["resources"]["policy:/"] = all["policy:/"].clone();
    let mut both = entry(&["kim"], "+R thing:/");
    both["resources"]["thing:/"]["revoke"] = json!(["READ"]);
    let entries = json!({
        "admin": admin(), "others": entry(&["lee"], "+R thing:/"), "writes": only_writes, "both": both,
    });
    fixture.given("a:p", entries, json!({})).await;
    for label in [Some("others"), Some("writes"), Some("both"), None] {
        let refused = failure(run(&fixture, "t:kim", ("a:p", label), &activation()).await);
        assert_eq!(refused, ActionFailure::NotApplicable, "{label:?}");
    }
    let off = TokenIntegration::Deactivate;
    assert!(run(&fixture, "t:kim", ("a:p", None), &off).await.is_ok());
}

#[tokio::test]
async fn on_the_whole_policy_it_takes_every_entry_where_it_may_in_one_revision() {
    let fixture = Fixture::new();
    let entries = json!({
        "admin": admin(),
        "one": execute(&["kim"], "policy:/entries/one"),
        "two": execute(&["kim"], "policy:/entries/two"),
        "three": entry(&["kim"], "+R thing:/"),
    });
    fixture.given("a:p", entries, json!({})).await;
    let revision = run(&fixture, "t:kim", ("a:p", None), &activation()).await;
    assert_eq!(revision.unwrap(), 2);
    for (label, expected) in [("one", "R"), ("two", "R"), ("three", "")] {
        let subject = format!("integration:{label}:x");
        assert_eq!(
            fixture.rights(&subject, "a:p", "a", "thing:/"),
            expected,
            "{label}"
        );
    }
    let key = EntityKey::new(EntityKind::Policy, "a:p");
    let history = fixture.journal.history(&key, 2, 1).unwrap();
    let told: Value = serde_json::from_slice(&history[0].signal).unwrap();
    assert_eq!(told["type"], "policies.events:subjectsModifiedPartially");
    assert_eq!(
        told["modifiedSubjects"]["two"].as_object().unwrap().len(),
        2
    );
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let fixture = Fixture::new();
    let result = run(&fixture, "t:kim", ("a:none", None), &activation()).await;
    assert!(matches!(result, Err(Error::NotFound { .. })), "{result:?}");
    let entries = json!({"admin": admin(), "ops": execute(&["kim"], "policy:/")});
    fixture.given("a:p", entries, json!({})).await;
    let result = run(&fixture, "t:kim", ("a:p", Some("none")), &activation()).await;
    assert!(matches!(result, Err(Error::NotFound { .. })), "{result:?}");
}
