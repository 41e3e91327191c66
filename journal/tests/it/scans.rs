//! Reading many: entities by id, records by position, the history of one entity.

use std::collections::BTreeSet;

use journal::{EntityKey, EntityKind, Journal as _, Position};

use crate::harness::{TestJournal, append, sketch_records, thing};

fn ids(store: &TestJournal, after: Option<&str>, limit: usize) -> Vec<String> {
    let entities = store
        .journal
        .entities(EntityKind::Thing, after, limit)
        .unwrap();
    entities.iter().map(|(key, _)| key.id.to_string()).collect()
}

async fn given_things(ids: &[&str]) -> TestJournal {
    let store = TestJournal::start();
    for id in ids {
        store.put(id, 0, id).await.unwrap();
    }
    store
}

#[tokio::test]
async fn entities_come_in_id_order_page_by_page() {
    let store = given_things(&["b", "a", "ab", "c", "aa", ""]).await;
    for kind in [EntityKind::Policy, EntityKind::Revocation] {
        let other = append(EntityKey::new(kind, "aaa"), 0, Some("x"));
        store.journal.append(vec![other]).await.unwrap();
    }
    store.delete("ab", 1).await.unwrap();
    assert_eq!(ids(&store, None, 10), ["", "a", "aa", "ab", "b", "c"]);
    assert_eq!(ids(&store, None, 2), ["", "a"]);
    assert_eq!(ids(&store, Some(""), 2), ["a", "aa"]);
    assert_eq!(ids(&store, Some("aa"), 2), ["ab", "b"]);
    assert_eq!(ids(&store, Some("abc"), 2), ["b", "c"], "need not exist");
    assert!(ids(&store, Some("c"), 10).is_empty());
    assert!(ids(&store, None, 0).is_empty());
}

#[tokio::test]
async fn records_come_in_journal_order_page_by_page() {
    let store = given_things(&["a", "b", "c"]).await;
    store.put("a", 1, "x").await.unwrap();
    let records =
        |after, limit| sketch_records(&store.journal.records(Position(after), limit).unwrap());
    assert_eq!(records(0, 10), ["1 a@1", "2 b@1", "3 c@1", "4 a@2"]);
    assert_eq!(records(1, 2), ["2 b@1", "3 c@1"]);
    assert!(records(4, 10).is_empty());
    assert!(records(u64::MAX, 10).is_empty());
    assert!(records(0, 0).is_empty());
}

#[tokio::test]
async fn records_read_back_are_what_was_appended() {
    let store = TestJournal::start();
    let committed = store.put("a", 0, "x").await.unwrap();
    let store = store.restart();
    let read = store.journal.records(Position::START, 1).unwrap();
    assert_eq!(read[0].signal, committed.records[0].signal);
    assert_eq!(read[0].timestamp, committed.records[0].timestamp);
    assert_eq!(read[0].entity, thing("a"));
    assert!(read[0].after.is_none());
}

#[tokio::test]
async fn a_history_is_of_one_entity_only() {
    let store = given_things(&["a", "ab", "b"]).await;
    for expected in 1..4 {
        store.put("a", expected, "x").await.unwrap();
        store.put("ab", expected, "x").await.unwrap();
    }
    let history =
        |from, limit| sketch_records(&store.journal.history(&thing("a"), from, limit).unwrap());
    assert_eq!(history(0, 10), ["1 a@1", "4 a@2", "6 a@3", "8 a@4"]);
    assert_eq!(history(2, 2), ["4 a@2", "6 a@3"]);
    assert!(history(5, 10).is_empty());
    assert!(
        store
            .journal
            .history(&thing("zz"), 0, 10)
            .unwrap()
            .is_empty()
    );
}

/// Enough data for several tables on disk, so that reads go beyond what is in memory.
#[tokio::test]
async fn scans_reach_what_was_flushed_to_tables() {
    let store = TestJournal::start();
    let state = "s".repeat(64 * 1024);
    for round in 0..4 {
        for number in 0..100 {
            store
                .put(&format!("{number:03}"), round, &state)
                .await
                .unwrap();
        }
    }
    let store = store.restart();
    assert_eq!(ids(&store, None, 1000).len(), 100);
    let records = store.journal.records(Position::START, 1000).unwrap();
    let positions: BTreeSet<u64> = records.iter().map(|record| record.position.0).collect();
    assert_eq!(positions, (1..=400).collect());
    let history = store.journal.history(&thing("042"), 1, 10).unwrap();
    let expected = ["43 042@1", "143 042@2", "243 042@3", "343 042@4"];
    assert_eq!(sketch_records(&history), expected);
}
