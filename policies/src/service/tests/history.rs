//! The past of policies: every kind of change, read back.

use std::time::Duration;

use jiff::SignedDuration;
use journal::{Past, Retention};

use super::*;
use crate::{PolicyId, SubjectId, TokenIntegration};

/// A policy that changes every ten seconds, and its states by revision.
struct Story {
    fixture: Fixture,
    states: Vec<Value>,
}

impl Story {
    /// As if the rest of the change was made by somebody else.
    async fn begin() -> Self {
        let mut story = Self {
            fixture: Fixture::new(),
            states: Vec::new(),
        };
        let base = entry(&["x"], "+R thing:/");
        story
            .put(
                "a:base",
                json!({ "entries": { "admin": admin(), "x": base } }),
            )
            .await;
        story.states.clear();
        story
    }

    async fn put(&mut self, path: &str, value: Value) {
        let outcome = self.fixture.put("t:admin", path, value).await;
        assert!(
            ["created", "modified"].contains(&&*outcome),
            "{path}: {outcome}"
        );
        self.note().await;
    }

    async fn delete(&mut self, path: &str) {
        assert_eq!(
            self.fixture.delete("t:admin", path).await,
            "deleted",
            "{path}"
        );
        self.note().await;
    }

    async fn note(&mut self) {
        let now = self.fixture.get("t:admin", "a:p").await;
        self.states
            .push(serde_json::from_str(&now).unwrap_or_default());
        self.fixture.now += SignedDuration::from_secs(10);
    }

    async fn integrate(&mut self, integration: &TokenIntegration) {
        let id: SubjectId = "t:system".parse().unwrap();
        let others: SubjectId = "t:others".parse().unwrap();
        let subjects_of = |_: &crate::Label| Ok(vec![id.clone(), others.clone()]);
        let policy_id: PolicyId = "a:p".parse().unwrap();
        let context = self.fixture.context("t:admin");
        self.fixture
            .policies
            .integrate_token(&context, (&policy_id, None), integration, &subjects_of)
            .await
            .unwrap();
        self.note().await;
    }
}

impl Fixture {
    fn past(&self, subject: &str, path: &str, past: Past) -> String {
        let mut segments: Vec<&str> = path.split('/').collect();
        let policy_id = segments.remove(0).parse().unwrap();
        let resource = PolicyResource::parse(&segments).unwrap().unwrap();
        let context = self.context(subject);
        let place = (&policy_id, &resource);
        outcome(self.policies.retrieve_past(&context, place, None, past))
    }

    #[track_caller]
    pub(super) fn check_past(&self, path: &str, past: Past, expected: &Value) {
        assert_eq!(
            self.past("t:admin", path, past),
            expected.to_string(),
            "{past:?}"
        );
    }
}

/// An entry of the admin's that lets tokens be integrated.
fn integrating() -> Value {
    let granted = json!({ "grant": ["EXECUTE"], "revoke": [] });
    let mut entry = admin();
    entry["resources"]["policy:/entries/admin/actions/activateTokenIntegration"] = granted.clone();
    entry["resources"]["policy:/entries/admin/actions/deactivateTokenIntegration"] = granted;
    entry["resources"]["thing:/"] = json!({ "grant": ["READ"], "revoke": [] });
    entry
}

/// What is put to or, without a value, deleted from the parts of an entry and from imports.
fn changes_of_parts() -> Vec<(&'static str, Option<Value>)> {
    let subject = json!({ "type": "t" });
    let right = json!({ "grant": ["READ"], "revoke": ["WRITE"] });
    vec![
        ("entries/e", Some(entry(&["y"], "+R thing:/x"))),
        ("entries/e", Some(entry(&["y", "z"], "+R thing:/x"))),
        ("entries/e/subjects", Some(json!({ "t:u": subject }))),
        ("entries/e/subjects/t:u/with/slashes", Some(subject)),
        ("entries/e/subjects/t:u", None),
        ("entries/e/resources", Some(json!({ "thing:/a": right }))),
        ("entries/e/resources/thing:/features/b", Some(right)),
        ("entries/e/resources/thing:/a", None),
        ("entries/e/namespaces", Some(json!(["a", "a.*"]))),
        ("entries/e/importable", Some(json!("explicit"))),
        ("entries/e/allowedAdditions", Some(json!(["subjects"]))),
        ("entries/e/allowedAdditions", None),
        ("entries/e/references", Some(json!([{ "entry": "admin" }]))),
        ("entries/e/references", None),
        ("imports", Some(json!({ "a:base": {} }))),
        ("imports/a:base", Some(json!({ "entries": ["x"] }))),
        ("imports/a:base/entries", Some(json!([]))),
        ("imports/a:base/transitiveImports", Some(json!(["a:c"]))),
        ("imports/a:base", None),
        ("imports", None),
    ]
}

/// Changes of every kind.
async fn told() -> Story {
    let mut story = Story::begin().await;
    let first = json!({ "entries": { "admin": integrating() } });
    story.put("a:p", first).await;
    for (path, value) in changes_of_parts() {
        let path = format!("a:p/{path}");
        match value {
            Some(value) => story.put(&path, value).await,
            None => story.delete(&path).await,
        }
    }
    story
        .integrate(&TokenIntegration::Activate {
            expiry: "2030-06-15T20:00:00Z".parse().unwrap(),
            announcement: None,
        })
        .await;
    story.integrate(&TokenIntegration::Deactivate).await;
    story.delete("a:p/entries/e").await;
    let entries = json!({ "admin": admin(), "f": entry(&[], "+R thing:/") });
    story.put("a:p/entries", entries).await;
    story.delete("a:p").await;
    let again = json!({ "entries": { "admin": admin() } });
    story.put("a:p", again).await;
    story.put("a:p/entries/again", entry(&["y"], "")).await;
    story
}

#[tokio::test]
async fn every_state_is_read_back() {
    let Story { fixture, states } = told().await;
    let start = fixture.now - SignedDuration::from_secs(10 * states.len() as i64);
    for (revision, expected) in (1..).zip(&states) {
        let just_after = start + SignedDuration::from_secs(10 * revision as i64 - 5);
        for past in [Past::Revision(revision), Past::Timestamp(just_after)] {
            if expected.is_null() {
                assert_eq!(fixture.past("t:admin", "a:p", past), "HistoryNotFound");
            } else {
                fixture.check_past("a:p", past, expected);
            }
        }
    }
    let none = [
        Past::Revision(0),
        Past::Revision(states.len() as u64 + 1),
        Past::Timestamp(start),
        Past::Timestamp(fixture.now + SignedDuration::from_secs(60)),
    ];
    for past in none {
        assert_eq!(
            fixture.past("t:admin", "a:p", past),
            "HistoryNotFound",
            "{past:?}"
        );
    }
    let subjects = json!({ "t:u": { "type": "t" }, "t:u/with/slashes": { "type": "t" } });
    fixture.check_past("a:p/entries/e/subjects", Past::Revision(5), &subjects);
    let gone = fixture.past("t:admin", "a:p/entries/e", Past::Revision(25));
    assert_eq!(gone, "entry.notfound");
}

#[tokio::test]
async fn the_policy_of_today_says_who_sees_the_past() {
    let mut story = told().await;
    story
        .put("a:p/entries/again", entry(&["y"], "+R policy:/entries/e"))
        .await;
    let fixture = &story.fixture;
    let past = Past::Revision(2);
    assert_eq!(fixture.past("t:mallory", "a:p", past), "policy.notfound");
    assert_eq!(
        fixture.past("t:z", "a:p", past),
        "policy.notfound",
        "he was a reader of a thing"
    );
    let seen: Value = serde_json::from_str(&fixture.past("t:y", "a:p", past)).unwrap();
    let entries = seen["entries"].as_object().unwrap();
    assert_eq!(entries.keys().collect::<Vec<_>>(), ["e"]);
    assert_eq!(
        fixture.past("t:y", "a:p/entries/admin", past),
        "entry.notfound"
    );
    assert_eq!(fixture.past("t:admin", "a:none", past), "policy.notfound");
    story.delete("a:p").await;
    assert_eq!(
        story.fixture.past("t:admin", "a:p", past),
        "policy.notfound"
    );
}

#[tokio::test]
async fn conditions_and_fields_are_about_the_past() {
    let Story { mut fixture, .. } = told().await;
    fixture.if_none_match("\"rev:2\"");
    let past =
        |fixture: &Fixture, revision| fixture.past("t:admin", "a:p", Past::Revision(revision));
    assert_eq!(past(&fixture, 2), "NotModified");
    assert!(past(&fixture, 3).starts_with('{'));
    fixture.headers = DittoHeaders::default();
    let fields = "_revision,_created".parse().unwrap();
    let policy_id = "a:p".parse().unwrap();
    let read = fixture.policies.retrieve_past(
        &fixture.context("t:admin"),
        (&policy_id, &PolicyResource::Policy),
        Some(&fields),
        Past::Revision(3),
    );
    let expected = json!({ "_revision": 3, "_created": "2030-06-15T12:00:10Z" });
    assert_eq!(outcome(read), expected.to_string());
    fixture.headers.policy_view = crate::PolicyView::Resolved;
    assert_eq!(past(&fixture, 3), "PastOfResolved");
}

#[tokio::test]
async fn whoever_expired_since_was_there_then() {
    let mut story = Story::begin().await;
    let expiring = json!({ "type": "t", "expiry": "2030-06-15T13:00:00Z" });
    let guests = with(
        entry(&[], "+R thing:/"),
        json!({ "subjects": { "t:g": expiring } }),
    );
    let entries = json!({ "admin": admin(), "guests": guests });
    story.put("a:p", json!({ "entries": entries })).await;
    story.fixture.now += SignedDuration::from_secs(7200);
    // The write comes before anybody has removed the subject: it leaves with it, and no event says so.
    story.put("a:p/entries/other", entry(&["y"], "")).await;
    let Story { fixture, states } = story;
    fixture.check_past("a:p", Past::Revision(1), &states[0]);
    assert!(states[0]["entries"]["guests"]["subjects"]["t:g"].is_object());
    fixture.check_past("a:p", Past::Revision(2), &states[1]);
    assert_eq!(states[1]["entries"]["guests"]["subjects"], json!({}));
}

fn bounded(fixture: Fixture, revisions_max: u64) -> Fixture {
    let retention = Retention {
        age: Duration::from_secs(3600),
        revisions_max,
    };
    let journal = Arc::clone(&fixture.journal) as Arc<dyn Journal>;
    let policies = Policies::new(journal, PolicyLimits::default()).with_retention(retention);
    Fixture {
        policies: Arc::new(policies),
        ..fixture
    }
}

#[tokio::test]
async fn the_past_is_forgotten_and_goes_on_from_what_stands_for_it() {
    let Story { fixture, states } = told().await;
    let fixture = bounded(fixture.reopened(), 10);
    let last = states.len() as u64;
    let hidden = Past::Revision(last - 10);
    let shown = Past::Revision(last - 5);
    for _ in 0..2 {
        assert_eq!(fixture.past("t:admin", "a:p", hidden), "HistoryNotFound");
        fixture.check_past("a:p", shown, &states[states.len() - 6]);
        let forgetting = fixture.policies.forget_past(None, fixture.now).unwrap();
        assert!(forgetting.failed.is_none(), "{:?}", forgetting.failed);
    }
    let key = EntityKey::new(EntityKind::Policy, "a:p");
    let base = fixture.journal.base(&key).unwrap();
    assert_eq!(base.map(|base| base.revision), Some(last - 9));
}
