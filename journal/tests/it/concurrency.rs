//! Many writers at once: every revision exactly once, subscribers in journal order, readers never ahead or behind.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use journal::{
    AppendError, Embedded, EmbeddedOptions, EntityLocks, Journal, Position, Record, Revision,
};
use parking_lot::Mutex;

use crate::harness::{TestJournal, put, thing};

const WRITERS: usize = 64;
const CHANGES: usize = 25;

/// Appends until it fits; returns the revision that it made.
async fn change(journal: &Embedded, id: &str) -> Revision {
    loop {
        let current = journal.entity(&thing(id)).unwrap();
        let expected = current.map_or(0, |entity| entity.revision);
        match journal.append(vec![put(id, expected, "x")]).await {
            Ok(committed) => return committed.records[0].revision,
            Err(AppendError::Conflict { .. }) => {}
            Err(AppendError::Store(error)) => panic!("{error:?}"),
        }
    }
}

/// 64 tasks make 25 changes each, of the entities that `id_of` names by task.
async fn write_concurrently(
    journal: &Arc<Embedded>,
    id_of: fn(usize) -> String,
) -> Vec<(String, Revision)> {
    let tasks: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (journal, id) = (Arc::clone(journal), id_of(writer));
            tokio::spawn(async move {
                let mut made = Vec::new();
                for _ in 0..CHANGES {
                    made.push((id.clone(), change(&journal, &id).await));
                }
                made
            })
        })
        .collect();
    let mut made = Vec::new();
    for task in tasks {
        made.extend(task.await.unwrap());
    }
    made
}

#[track_caller]
fn check_each_revision_once(made: &[(String, Revision)]) {
    let mut by_id: HashMap<&str, Vec<Revision>> = HashMap::new();
    for (id, revision) in made {
        by_id.entry(id).or_default().push(*revision);
    }
    for (id, mut revisions) in by_id {
        revisions.sort_unstable();
        let expected: Vec<_> = (1..=revisions.len() as u64).collect();
        assert_eq!(revisions, expected, "revisions of {id}");
    }
}

#[track_caller]
fn check_positions(records: &[Arc<Record>]) {
    let positions: Vec<_> = records.iter().map(|record| record.position.0).collect();
    let expected: Vec<_> = (1..=records.len() as u64).collect();
    assert_eq!(positions, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_many_entities() {
    let store = TestJournal::start();
    let made = write_concurrently(&store.journal, |writer| writer.to_string()).await;
    check_each_revision_once(&made);
    let store = store.restart();
    let records = store.journal.records(Position::START, usize::MAX).unwrap();
    assert_eq!(records.len(), WRITERS * CHANGES);
    check_positions(&records);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_few_entities() {
    let store = TestJournal::start();
    let made = write_concurrently(&store.journal, |writer| (writer % 8).to_string()).await;
    check_each_revision_once(&made);
    let last = store.entity("3").unwrap();
    assert_eq!(last.revision, (WRITERS / 8 * CHANGES) as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_one_entity_under_its_lock_never_conflict() {
    let store = TestJournal::start();
    let locks = Arc::new(EntityLocks::default());
    let tasks: Vec<_> = (0..WRITERS)
        .map(|_| {
            let (journal, locks) = (Arc::clone(&store.journal), Arc::clone(&locks));
            tokio::spawn(async move {
                let _guard = locks.lock(&thing("a")).await;
                let current = journal.entity(&thing("a")).unwrap();
                let expected = current.map_or(0, |entity| entity.revision);
                journal.append(vec![put("a", expected, "x")]).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.entity("a").unwrap().revision, WRITERS as u64);
}

/// All in flight at once for one revision: one wins, the group's others conflict alone.
#[tokio::test]
async fn of_many_appends_for_one_revision_one_wins() {
    let store = TestJournal::start();
    let tasks: Vec<_> = (0..WRITERS)
        .map(|number| {
            let journal = Arc::clone(&store.journal);
            let own = format!("own-{number}");
            let shared = put("shared", 0, &own);
            tokio::spawn(async move {
                let alone = journal.append(vec![put(&own, 0, "x")]).await;
                (alone.is_ok(), journal.append(vec![shared]).await.is_ok())
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        let (alone, shared) = task.await.unwrap();
        assert!(alone, "an append without conflict failed with its group");
        won += usize::from(shared);
    }
    assert_eq!(won, 1);
    assert_eq!(store.entity("shared").unwrap().revision, 1);
    assert_eq!(store.journal.head(), Position(WRITERS as u64 + 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_see_journal_order() {
    let store = TestJournal::start();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (sink, journal) = (Arc::clone(&seen), Arc::downgrade(&store.journal));
    store.journal.subscribe(Box::new(move |records| {
        let journal = journal.upgrade().expect("the test holds it");
        for record in records {
            let shown = journal
                .entity(&record.entity)
                .unwrap()
                .expect("just changed");
            assert!(
                shown.revision >= record.revision,
                "called before it was shown"
            );
            let after = record.after.as_ref().expect("a fresh record has it");
            assert_eq!(after.revision, record.revision);
        }
        sink.lock().extend(records.iter().cloned());
    }));
    write_concurrently(&store.journal, |writer| (writer % 4).to_string()).await;
    store.journal.close();
    let seen = seen.lock();
    assert_eq!(seen.len(), WRITERS * CHANGES);
    check_positions(&seen);
}

#[tokio::test]
async fn a_subscriber_hears_before_the_writer_is_answered() {
    let store = TestJournal::start();
    let heard = Arc::new(AtomicU64::new(0));
    let sink = Arc::clone(&heard);
    store.journal.subscribe(Box::new(move |records| {
        sink.fetch_add(records.len() as u64, Ordering::SeqCst);
    }));
    for expected in 0..20 {
        store.put("a", expected, "x").await.unwrap();
        assert_eq!(heard.load(Ordering::SeqCst), expected + 1);
    }
}

#[tokio::test]
async fn a_panicking_subscriber_harms_nobody_else() {
    let store = TestJournal::start();
    let heard = Arc::new(AtomicU64::new(0));
    let sink = Arc::clone(&heard);
    store
        .journal
        .subscribe(Box::new(|_| panic!("a subscriber of the test")));
    store.journal.subscribe(Box::new(move |records| {
        sink.fetch_add(records.len() as u64, Ordering::SeqCst);
    }));
    store.put("a", 0, "x").await.unwrap();
    store.put("a", 1, "x").await.unwrap();
    assert_eq!(heard.load(Ordering::SeqCst), 2);
}

/// A small memory makes readers fall through to the store all the time, beside the writer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_never_see_an_acknowledged_change_undone() {
    let folder = tempfile::tempdir().unwrap();
    let options = EmbeddedOptions {
        hot_entities: 1,
        ..EmbeddedOptions::default()
    };
    let journal = Embedded::open(folder.path(), options).unwrap();
    let acknowledged: Arc<Vec<AtomicU64>> = Arc::new((0..200).map(|_| AtomicU64::new(0)).collect());
    let is_over = Arc::new(AtomicBool::new(false));
    let reader = {
        let (journal, acknowledged, is_over) = (
            Arc::clone(&journal),
            Arc::clone(&acknowledged),
            Arc::clone(&is_over),
        );
        thread::spawn(move || {
            while !is_over.load(Ordering::SeqCst) {
                for (number, floor) in acknowledged.iter().enumerate() {
                    let floor = floor.load(Ordering::SeqCst);
                    let entity = journal.entity(&thing(&number.to_string())).unwrap();
                    let seen = entity.map_or(0, |entity| entity.revision);
                    assert!(
                        seen >= floor,
                        "{number}: saw {seen} after {floor} was acknowledged"
                    );
                }
            }
        })
    };
    for expected in 0..3 {
        for (number, floor) in acknowledged.iter().enumerate() {
            let appends = vec![put(&number.to_string(), expected, "x")];
            journal.append(appends).await.unwrap();
            floor.store(expected + 1, Ordering::SeqCst);
        }
    }
    is_over.store(true, Ordering::SeqCst);
    reader.join().unwrap();
}
