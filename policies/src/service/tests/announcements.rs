//! Announcements over restarts: the store is opened again, the machines begin anew from what it keeps.

use jiff::SignedDuration;

use super::*;
use crate::{Acknowledgement, Announcement, AnnouncementSettings, PolicyId, SubjectKeeper};

/// A store that can be opened again, and who tells subjects of its policies.
struct Place {
    fixture: Fixture,
    keeper: SubjectKeeper,
}

impl Place {
    async fn new() -> Self {
        Self::of(Fixture::new()).await
    }

    async fn of(fixture: Fixture) -> Self {
        let announcing = fixture.policies.watch_subjects().unwrap();
        let policies = Arc::clone(&fixture.policies);
        let settings = AnnouncementSettings {
            randomization_interval: std::time::Duration::ZERO,
            ..AnnouncementSettings::default()
        };
        let keeper = SubjectKeeper::new(policies, settings, announcing);
        keeper.follow_all(fixture.now).await.unwrap();
        Self { fixture, keeper }
    }

    /// What a crash leaves: the store, and nothing that was only in memory.
    async fn again(self) -> Self {
        let Self { fixture, keeper } = self;
        drop(keeper);
        Self::of(fixture.reopened()).await
    }

    async fn put(&self, path: &str, value: Value) {
        let outcome = self.fixture.put("t:admin", path, value).await;
        assert!(["created", "modified"].contains(&&*outcome), "{outcome}");
    }

    async fn delete(&self, path: &str) {
        let outcome = self.fixture.delete("t:admin", path).await;
        assert_eq!(outcome, "deleted");
    }

    async fn follow(&self) {
        let policy_id: PolicyId = "a:p".parse().unwrap();
        self.keeper
            .follow(&policy_id, self.fixture.now)
            .await
            .unwrap();
    }

    /// Who is told now.
    async fn told(&self) -> Vec<Announcement> {
        let told = self.keeper.announcements_due(self.fixture.now);
        self.keeper.save(self.fixture.now).await.unwrap();
        told
    }

    async fn acknowledge(&self, announcement: &Announcement, status: u16) -> bool {
        self.acknowledge_as("t:guest", announcement, status).await
    }

    async fn acknowledge_as(&self, giver: &str, announcement: &Announcement, status: u16) -> bool {
        let acknowledgement = Acknowledgement {
            givers: &[giver.parse().unwrap()],
            correlation_id: &announcement.correlation_id,
            label: "ops:seen",
            status,
        };
        let now = self.fixture.now;
        let policy_id = &announcement.policy_id;
        let taken = self
            .keeper
            .acknowledge(policy_id, &acknowledgement, now)
            .await;
        taken.unwrap()
    }

    fn pass(&mut self, seconds: i64) {
        self.fixture.now += SignedDuration::from_secs(seconds);
    }
}

/// An entry for `t:guest`, who expires at one o'clock.
fn guests(announcement: Value) -> Value {
    let subject = json!({
        "type": "t", "expiry": "2030-06-15T13:00:00Z", "announcement": announcement
    });
    with(
        entry(&[], "+R thing:/"),
        json!({ "subjects": { "t:guest": subject } }),
    )
}

fn acknowledged(mut announcement: Value) -> Value {
    announcement["requestedAcks"] = json!({ "labels": ["ops:seen"], "timeout": "10s" });
    announcement
}

async fn given(announcement: Value) -> Place {
    let place = Place::new().await;
    let entries = json!({ "admin": admin(), "guests": guests(announcement) });
    place.put("a:p", json!({ "entries": entries })).await;
    place.follow().await;
    place
}

#[tokio::test]
async fn what_was_acknowledged_is_not_said_again() {
    let place = given(acknowledged(json!({ "beforeExpiry": "2h" }))).await;
    let told = place.told().await;
    assert_eq!(told.len(), 1);
    assert!(place.acknowledge(&told[0], 200).await);
    assert!(!place.acknowledge(&told[0], 200).await, "it is over");
    let mut place = place.again().await;
    assert_eq!(place.told().await, []);
    place.pass(3600);
    let removed = &place.fixture.policies;
    assert_eq!(removed.remove_expired_subjects(place.fixture.now).await, 1);
    place.follow().await;
    assert_eq!(place.told().await, []);
    assert_eq!(
        place.again().await.told().await,
        [],
        "nothing is left of it"
    );
}

#[tokio::test]
async fn what_was_given_up_is_not_said_again() {
    let place = given(acknowledged(json!({ "beforeExpiry": "2h" }))).await;
    let told = place.told().await;
    assert!(place.acknowledge(&told[0], 400).await);
    assert_eq!(place.again().await.told().await, []);
}

#[tokio::test]
async fn nobody_acknowledges_for_somebody_else() {
    let mut place = given(acknowledged(json!({ "beforeExpiry": "2h" }))).await;
    let told = place.told().await;
    for status in [200, 400, 503] {
        let taken = place.acknowledge_as("t:admin", &told[0], status).await;
        assert!(!taken, "{status} of a stranger counts");
    }
    place.pass(11);
    place.told().await;
    place.pass(2);
    assert_eq!(place.told().await.len(), 1, "it is said again");
}

#[tokio::test]
async fn what_was_not_acknowledged_is_said_again() {
    let place = given(acknowledged(json!({ "beforeExpiry": "2h" }))).await;
    assert_eq!(place.told().await.len(), 1);
    let place = place.again().await;
    let told = place.told().await;
    assert_eq!(told.len(), 1, "nobody acknowledged it");
    assert!(place.acknowledge(&told[0], 503).await);
    assert_eq!(place.again().await.told().await.len(), 1, "nor this one");
}

#[tokio::test]
async fn whoever_expires_unheard_is_told_after_a_restart() {
    let mut place = given(acknowledged(json!({ "beforeExpiry": "2h" }))).await;
    assert_eq!(place.told().await.len(), 1);
    place.pass(3600);
    let removed = &place.fixture.policies;
    assert_eq!(removed.remove_expired_subjects(place.fixture.now).await, 1);
    let place = place.again().await;
    let told = place.told().await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].delete_at.to_string(), "2030-06-15T13:00:00Z");
    assert!(place.acknowledge(&told[0], 200).await);
    assert_eq!(place.again().await.told().await, []);
}

#[tokio::test]
async fn whoever_left_just_before_a_crash_is_told() {
    for path in [
        "a:p/entries/guests/subjects/t:guest",
        "a:p/entries/guests",
        "a:p",
    ] {
        let place = given(acknowledged(json!({ "whenDeleted": true }))).await;
        assert_eq!(place.told().await, []);
        place.delete(path).await;
        let mut place = place.again().await;
        place.pass(60);
        let told = place.told().await;
        assert_eq!(told.len(), 1, "{path}");
        assert_eq!(told[0].delete_at.to_string(), "2030-06-15T12:00:00Z");
        assert!(place.acknowledge(&told[0], 204).await);
        assert_eq!(place.again().await.told().await, [], "{path}");
    }
}

#[tokio::test]
async fn whoever_came_and_left_before_anybody_looked_is_told() {
    let place = Place::new().await;
    let entries = json!({
        "admin": admin(), "guests": guests(json!({ "whenDeleted": true }))
    });
    place.put("a:p", json!({ "entries": entries })).await;
    place.delete("a:p/entries/guests").await;
    place.follow().await;
    assert_eq!(place.told().await.len(), 1);
    place.follow().await;
    assert_eq!(place.told().await, [], "once");
    assert_eq!(place.again().await.told().await, []);
}

#[tokio::test]
async fn whoever_is_back_is_not_told() {
    let place = given(json!({ "whenDeleted": true })).await;
    place.delete("a:p").await;
    let entries = json!({ "admin": admin(), "others": guests(json!({})) });
    place.put("a:p", json!({ "entries": entries })).await;
    let place = place.again().await;
    assert_eq!(place.told().await, []);
    place.delete("a:p").await;
    assert_eq!(place.again().await.told().await, [], "nor later");
}

#[tokio::test]
async fn whoever_gets_other_times_is_told_anew() {
    let place = given(acknowledged(json!({ "beforeExpiry": "2h" }))).await;
    let told = place.told().await;
    assert!(place.acknowledge(&told[0], 200).await);
    let other = guests(acknowledged(json!({ "beforeExpiry": "3h" })));
    place.put("a:p/entries/guests", other).await;
    let place = place.again().await;
    assert_eq!(place.told().await.len(), 1);
}

#[tokio::test]
async fn a_grace_period_that_ends_meanwhile_ends_the_telling() {
    let place = given(acknowledged(json!({ "whenDeleted": true }))).await;
    place.delete("a:p/entries/guests").await;
    let mut place = place.again().await;
    place.pass(4 * 3600);
    assert_eq!(place.told().await, []);
    place.pass(-3600);
    assert_eq!(place.again().await.told().await, [], "it is forgotten");
}
