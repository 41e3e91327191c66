//! Very many who change one policy at once.

use super::*;
use crate::PolicyId;
use crate::service::write::WAITING_MAX;

#[tokio::test]
async fn too_many_writers_are_turned_away_and_the_others_served() {
    let fixture = Arc::new(Fixture::new());
    let policy = json!({ "entries": { "admin": admin() } });
    assert_eq!(fixture.put("t:admin", "a:p", policy).await, "created");
    let policy_id: PolicyId = "a:p".parse().unwrap();
    let busy = fixture.policies.alone(&policy_id).await.unwrap();
    let waiting: Vec<_> = (0..WAITING_MAX)
        .map(|number| {
            let fixture = Arc::clone(&fixture);
            let path = format!("a:p/entries/e{number}");
            tokio::spawn(async move { fixture.put("t:admin", &path, entry(&[], "")).await })
        })
        .collect();
    // Everybody gets as far as to wait: there is one thread, and nothing else to do on it.
    for _ in 0..WAITING_MAX {
        tokio::task::yield_now().await;
    }
    let turned_away = fixture
        .put("t:admin", "a:p/entries/x", entry(&[], ""))
        .await;
    assert_eq!(turned_away, "Busy");
    assert_eq!(
        fixture
            .put(
                "t:admin",
                "a:other",
                json!({ "entries": { "admin": admin() } })
            )
            .await,
        "created"
    );
    drop(busy);
    for each in waiting {
        assert_eq!(each.await.unwrap(), "created");
    }
    let read: Value = serde_json::from_str(&fixture.get("t:admin", "a:p").await).unwrap();
    assert_eq!(
        read["entries"].as_object().map(serde_json::Map::len),
        Some(WAITING_MAX + 1)
    );
}
