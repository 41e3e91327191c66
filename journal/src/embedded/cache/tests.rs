//! Tests of the cache of hot entities.

use bytes::Bytes;

use super::*;
use crate::{EntityKind, Memo, Position};

fn key(id: &str) -> EntityKey {
    EntityKey::new(EntityKind::Thing, id)
}

fn entity(revision: u64, state_bytes: usize) -> Arc<Entity> {
    Arc::new(Entity {
        revision,
        position: Position(revision),
        created: "2026-01-01T00:00:00Z".parse().unwrap(),
        modified: "2026-01-01T00:00:00Z".parse().unwrap(),
        state: Some(Bytes::from(vec![b'x'; state_bytes])),
        memo: Memo::default(),
    })
}

fn revision_in(hot: &HotEntities, id: &str) -> Option<u64> {
    hot.peek(&key(id)).map(|entity| entity.revision)
}

#[test]
fn what_was_read_is_kept() {
    let hot = HotEntities::new(100);
    hot.entity(&key("a"), || Ok(Some(entity(1, 10)))).unwrap();
    let again = hot.entity(&key("a"), || panic!("it is in memory"));
    assert_eq!(again.unwrap().unwrap().revision, 1);
}

#[test]
fn a_missing_entity_is_not_kept() {
    let hot = HotEntities::new(100);
    assert!(hot.entity(&key("a"), || Ok(None)).unwrap().is_none());
    let found = hot.entity(&key("a"), || Ok(Some(entity(1, 10)))).unwrap();
    assert_eq!(found.unwrap().revision, 1);
}

#[test]
fn a_failed_read_leaves_the_way_free() {
    let hot = HotEntities::new(100);
    assert!(hot.entity(&key("a"), || Err(StoreError::Closed)).is_err());
    let found = hot.entity(&key("a"), || Ok(Some(entity(1, 10)))).unwrap();
    assert_eq!(found.unwrap().revision, 1);
}

/// The writer commits and puts while a reader that saw the old state has not filled its slot yet.
#[track_caller]
fn check_stale_fill(hot: &HotEntities, state_bytes: usize) {
    let stale = hot.entity(&key("a"), || {
        hot.put(&key("a"), entity(2, state_bytes));
        Ok(Some(entity(1, state_bytes)))
    });
    assert_eq!(stale.unwrap().unwrap().revision, 1);
    assert_ne!(revision_in(hot, "a"), Some(1), "the stale state was kept");
}

#[test]
fn a_stale_read_never_replaces_what_the_writer_put() {
    let hot = HotEntities::new(100);
    check_stale_fill(&hot, 10);
    assert_eq!(revision_in(&hot, "a"), Some(2));
}

#[test]
fn a_stale_read_of_a_huge_entity_is_not_kept_either() {
    check_stale_fill(&HotEntities::new(1), 10 * 1024 * 1024);
}

#[test]
fn a_stale_read_is_not_kept_after_the_new_state_was_pushed_out() {
    let hot = HotEntities::new(64);
    let stale = hot.entity(&key("a"), || {
        hot.put(&key("a"), entity(2, 10));
        for number in 0..1000 {
            hot.put(&key(&number.to_string()), entity(1, 10));
        }
        Ok(Some(entity(1, 10)))
    });
    assert_eq!(stale.unwrap().unwrap().revision, 1);
    assert_ne!(revision_in(&hot, "a"), Some(1), "the stale state was kept");
}

#[test]
fn memory_is_bounded_by_count_and_by_size() {
    let hot = HotEntities::new(1000);
    for number in 0..20_000 {
        hot.put(&key(&number.to_string()), entity(1, 10));
    }
    assert!(hot.0.len() <= 1000, "{} kept", hot.0.len());
    for number in 0..20_000 {
        hot.put(&key(&number.to_string()), entity(1, 40 * 1024));
    }
    assert!(hot.0.len() <= 100, "{} large ones kept", hot.0.len());
}
