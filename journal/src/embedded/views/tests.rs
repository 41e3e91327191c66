//! Stores whose rows lag behind their records, and stores of the layout that had no such records.

use std::path::Path;

use bytes::Bytes;
use jiff::Timestamp;

use super::*;
use crate::embedded::ENGINE_FOLDER;
use crate::{Append, Embedded, EmbeddedOptions, EntityKind, Journal as _, Memo, StoreError};

const CACHE_BYTES: u64 = 1024 * 1024;

fn key() -> EntityKey {
    EntityKey::new(EntityKind::Thing, "a:b")
}

fn entity(revision: u64) -> Arc<Entity> {
    Arc::new(Entity {
        revision,
        position: Position(revision),
        created: Timestamp::UNIX_EPOCH,
        modified: Timestamp::UNIX_EPOCH,
        state: Some(Bytes::from(format!("state {revision}"))),
        memo: Memo::default(),
    })
}

/// The group of one change; of the earlier layout if it does not say what follows.
fn group(revision: u64, says_what_follows: bool) -> Group {
    let mut group = Group::after(Position(revision - 1));
    let after = entity(revision);
    group.records.push(Arc::new(Record {
        position: Position(revision),
        entity: key(),
        revision,
        timestamp: Timestamp::UNIX_EPOCH,
        signal: Bytes::from(format!("signal {revision}")),
        signal_memo: Memo::default(),
        after: says_what_follows.then(|| Arc::clone(&after)),
    }));
    group
        .before
        .push((revision > 1).then(|| entity(revision - 1)));
    group.entities.insert(key(), after);
    group
}

/// A folder with a store, before any journal has opened it.
fn given(fill: impl FnOnce(&Store)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join(ENGINE_FOLDER), CACHE_BYTES).unwrap();
    fill(&store);
    store.sync().unwrap();
    folder
}

fn open(folder: &Path) -> Result<Arc<Embedded>, StoreError> {
    Embedded::open(folder, EmbeddedOptions::default())
}

/// Writes rows as if they were written up to `applied` only.
fn rows(store: &Store, revisions: std::ops::RangeInclusive<u64>, applied: u64) {
    let places: Vec<_> = revisions
        .clone()
        .map(|revision| (key(), revision, Position(revision)))
        .collect();
    let entities = [(key(), entity(*revisions.end()))].into_iter().collect();
    store.apply(&entities, &places, Position(applied)).unwrap();
}

#[track_caller]
fn check_five(folder: &Path) {
    for _ in 0..2 {
        let journal = open(folder).unwrap();
        let found = journal.entity(&key()).unwrap().unwrap();
        assert_eq!(format!("{found:?}"), format!("{:?}", entity(5)));
        let history = journal.history(&key(), 0, 100).unwrap();
        let revisions = history.iter().map(|record| record.revision);
        assert!(revisions.eq(1..=5), "{history:?}");
        assert_eq!(
            journal.entities(EntityKind::Thing, None, 10).unwrap().len(),
            1
        );
    }
}

#[test]
fn rows_that_were_never_written_follow_from_the_records() {
    let folder = given(|store| {
        for revision in 1..=5 {
            store.commit(&group(revision, true)).unwrap();
        }
    });
    check_five(folder.path());
}

/// A crash may leave rows of entities without those of their histories.
#[test]
fn rows_that_were_written_in_part_are_made_whole() {
    for (written, applied) in [(1..=2, 2), (1..=3, 2), (2..=5, 0), (5..=5, 0)] {
        let folder = given(|store| {
            for revision in 1..=5 {
                store.commit(&group(revision, true)).unwrap();
            }
            rows(store, written, applied);
        });
        check_five(folder.path());
    }
}

#[test]
fn a_store_of_the_earlier_layout_goes_on() {
    let folder = given(|store| {
        for revision in 1..=5 {
            store.commit(&group(revision, false)).unwrap();
        }
        rows(store, 1..=5, 5);
        store.forget_applied();
    });
    check_five(folder.path());
    let journal = open(folder.path()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let append = Append {
        entity: key(),
        expected_revision: 5,
        timestamp: Timestamp::UNIX_EPOCH,
        signal: Bytes::from_static(b"signal 6"),
        signal_memo: Memo::default(),
        state: Some(Bytes::from_static(b"state 6")),
        state_memo: Memo::default(),
    };
    runtime.block_on(journal.append(vec![append])).unwrap();
    drop(journal);
    let journal = open(folder.path()).unwrap();
    let found = journal.entity(&key()).unwrap().unwrap();
    assert_eq!(format!("{found:?}"), format!("{:?}", entity(6)));
    assert_eq!(journal.history(&key(), 0, 100).unwrap().len(), 6);
}

#[test]
fn a_state_that_does_not_follow_is_damage() {
    let folder = given(|store| {
        for revision in [1, 2, 4, 5] {
            store.commit(&group(revision, true)).unwrap();
        }
    });
    let error = open(folder.path()).err().expect("a record is missing");
    let expected = "record 4 does not follow from Thing `a:b` at revision 2";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn rows_without_their_records_are_damage() {
    let folder = given(|store| {
        store.commit(&group(1, true)).unwrap();
        rows(store, 1..=3, 3);
    });
    let error = open(folder.path()).err().expect("records are missing");
    let expected = "rows were written for record 3, but the journal ends at record 1";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn only_the_last_state_is_written() {
    let folder = given(|_| {});
    let store = Store::open(&folder.path().join(ENGINE_FOLDER), CACHE_BYTES).unwrap();
    let views = Views::default();
    for revision in 1..=5 {
        let group = group(revision, true);
        store.commit(&group).unwrap();
        views.note(&group);
    }
    assert!(store.entity(&key()).unwrap().is_none());
    assert_eq!(views.entity(&key()).unwrap().revision, 5);
    views.settle(&store).unwrap();
    assert_eq!(store.entity(&key()).unwrap().unwrap().revision, 5);
    assert!(views.entity(&key()).is_none(), "nothing waits any more");
    assert_eq!(store.applied().unwrap(), Some(Position(5)));
}
