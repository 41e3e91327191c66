//! One append at a time: revisions, conflicts, all or nothing, what a restart finds.

use std::task::{Context, Poll, Waker};

use journal::{AppendError, EntityKey, EntityKind, Journal as _, Position, StoreError, Written};

use crate::harness::{
    TestJournal, append, delete, open, put, sketch, sketch_records, thing, time_of,
};

#[track_caller]
fn check_conflict<T: std::fmt::Debug>(result: Result<T, AppendError>, expected_actual: u64) {
    match result {
        Err(AppendError::Conflict { actual, .. }) => assert_eq!(actual, expected_actual),
        other => panic!("not a conflict: {other:?}"),
    }
}

#[tokio::test]
async fn a_revision_grows_by_one_per_change() {
    let store = TestJournal::start();
    for expected in 0..5 {
        let committed = store.put("a", expected, "x").await.unwrap();
        assert_eq!(committed.records[0].revision, expected + 1);
        assert_eq!(store.entity("a").unwrap().revision, expected + 1);
    }
    assert_eq!(store.journal.head(), Position(5));
}

#[tokio::test]
async fn a_change_of_another_revision_conflicts() {
    let store = TestJournal::start();
    check_conflict(store.put("a", 1, "x").await, 0);
    store.put("a", 0, "first").await.unwrap();
    check_conflict(store.put("a", 0, "x").await, 1);
    check_conflict(store.put("a", 2, "x").await, 1);
    check_conflict(store.delete("a", 99).await, 1);
    assert_eq!(sketch(store.entity("a").as_deref()), "1: first");
    assert_eq!(store.journal.head(), Position(1));
}

#[tokio::test]
async fn what_is_durable_is_counted_and_what_conflicts_is_not() {
    let store = TestJournal::start();
    let appends = vec![put("a", 0, "a"), put("b", 0, "b")];
    store.journal.append(appends).await.unwrap();
    check_conflict(store.put("a", 0, "x").await, 1);
    store.put("a", 1, "a2").await.unwrap();
    let expected = Written {
        records: 3,
        commits: 2,
    };
    assert_eq!(store.journal.written(), expected);
}

#[tokio::test]
async fn kinds_have_id_spaces_of_their_own() {
    let store = TestJournal::start();
    let policy = EntityKey::new(EntityKind::Policy, "a");
    store.put("a", 0, "thing").await.unwrap();
    let appends = vec![append(policy.clone(), 0, Some("policy"))];
    store.journal.append(appends).await.unwrap();
    assert_eq!(sketch(store.entity("a").as_deref()), "1: thing");
    let policy = store.journal.entity(&policy).unwrap();
    assert_eq!(sketch(policy.as_deref()), "1: policy");
}

#[tokio::test]
async fn several_appends_appear_together() {
    let store = TestJournal::start();
    let appends = vec![put("a", 0, "a"), put("b", 0, "b"), put("a", 1, "a2")];
    let committed = store.journal.append(appends).await.unwrap();
    assert_eq!(
        sketch_records(&committed.records),
        ["1 a@1", "2 b@1", "3 a@2"]
    );
    assert_eq!(sketch(store.entity("a").as_deref()), "2: a2");
    assert_eq!(sketch(store.entity("b").as_deref()), "1: b");
}

#[tokio::test]
async fn several_appends_fail_together() {
    let store = TestJournal::start();
    let conflicting = vec![put("a", 0, "a"), put("b", 7, "b")];
    check_conflict(store.journal.append(conflicting).await, 0);
    let twice = vec![put("c", 0, "c"), put("c", 0, "c")];
    check_conflict(store.journal.append(twice).await, 1);
    for id in ["a", "b", "c"] {
        assert_eq!(sketch(store.entity(id).as_deref()), "none", "{id}");
    }
    assert_eq!(store.journal.head(), Position::START);
    assert!(
        store
            .journal
            .records(Position::START, 10)
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn nothing_to_append_is_nothing_appended() {
    let store = TestJournal::start();
    let committed = store.journal.append(Vec::new()).await.unwrap();
    assert!(committed.records.is_empty());
    assert_eq!(store.journal.head(), Position::START);
}

#[tokio::test]
async fn a_deletion_keeps_the_revision_and_a_creation_renews_created() {
    let store = TestJournal::start();
    store.put("a", 0, "x").await.unwrap();
    store.put("a", 1, "y").await.unwrap();
    assert_eq!(store.entity("a").unwrap().created, time_of(1));
    store.delete("a", 2).await.unwrap();
    assert_eq!(sketch(store.entity("a").as_deref()), "3: deleted");
    check_conflict(store.put("a", 0, "z").await, 3);
    store.put("a", 3, "z").await.unwrap();
    store.put("a", 4, "zz").await.unwrap();
    let entity = store.entity("a").unwrap();
    assert_eq!(sketch(Some(&entity)), "5: zz");
    assert_eq!(entity.created, time_of(4));
    assert_eq!(entity.modified, time_of(5));
}

#[tokio::test]
async fn a_restart_finds_everything() {
    let store = TestJournal::start();
    store.put("a", 0, "x").await.unwrap();
    store.put("b", 0, "y").await.unwrap();
    store.delete("b", 1).await.unwrap();
    store.put("b", 2, "again").await.unwrap();
    store.delete("a", 1).await.unwrap();
    let before: Vec<_> = ["a", "b"]
        .map(|id| format!("{:?}", store.entity(id)))
        .into();
    let store = store.restart();
    let after: Vec<_> = ["a", "b"]
        .map(|id| format!("{:?}", store.entity(id)))
        .into();
    assert_eq!(after, before);
    assert_eq!(store.journal.head(), Position(5));
    let records = store.journal.records(Position::START, 10).unwrap();
    let expected = ["1 a@1", "2 b@1", "3 b@2", "4 b@3", "5 a@2"];
    assert_eq!(sketch_records(&records), expected);
    let committed = store.put("a", 2, "back").await.unwrap();
    assert_eq!(sketch_records(&committed.records), ["6 a@3"]);
}

#[tokio::test]
async fn an_id_that_is_too_long_is_refused() {
    let store = TestJournal::start();
    let longest = "i".repeat(EntityKey::ID_BYTES_MAX);
    store.put(&longest, 0, "x").await.unwrap();
    let refused = store.put(&format!("{longest}i"), 0, "x").await;
    assert!(matches!(refused, Err(AppendError::Store(_))), "{refused:?}");
    assert_eq!(sketch(store.entity(&longest).as_deref()), "1: x");
    let store = store.restart();
    assert_eq!(sketch(store.entity(&longest).as_deref()), "1: x");
}

#[tokio::test]
async fn a_closed_journal_reads_but_takes_nothing() {
    let store = TestJournal::start();
    store.put("a", 0, "x").await.unwrap();
    store.journal.close();
    let refused = store.put("a", 1, "y").await;
    assert!(
        matches!(refused, Err(AppendError::Store(StoreError::Closed))),
        "{refused:?}"
    );
    assert_eq!(sketch(store.entity("a").as_deref()), "1: x");
    store.journal.close();
}

#[tokio::test]
async fn what_waits_at_the_close_is_committed() {
    let store = TestJournal::start();
    let mut waiting: Vec<_> = (0..100)
        .map(|number| store.journal.append(vec![put(&number.to_string(), 0, "x")]))
        .collect();
    let mut context = Context::from_waker(Waker::noop());
    let polled: Vec<_> = waiting
        .iter_mut()
        .map(|append| append.as_mut().poll(&mut context))
        .collect();
    store.journal.close();
    for (append, polled) in waiting.into_iter().zip(polled) {
        match polled {
            Poll::Ready(result) => drop(result.unwrap()),
            Poll::Pending => drop(append.await.unwrap()),
        }
    }
    assert_eq!(store.journal.head(), Position(100));
}

#[tokio::test]
async fn the_store_has_one_owner() {
    let store = TestJournal::start();
    let second = open(&store.path());
    assert!(matches!(second.err(), Some(StoreError::Locked { .. })));
    let folder = store.stop();
    open(folder.path()).unwrap();
}

#[tokio::test]
async fn memos_stay_with_their_revision() {
    let store = TestJournal::start();
    store.put("a", 0, "x").await.unwrap();
    let parse = || Ok::<_, ()>("parsed".to_owned());
    let first = store
        .entity("a")
        .unwrap()
        .memo
        .get_or_try_init(parse)
        .unwrap();
    let kept = store.entity("a").unwrap();
    let again = kept.memo.get_or_try_init(|| Err::<String, _>(())).unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &again));
    let listed = store.journal.entities(EntityKind::Thing, None, 10).unwrap();
    let listed = listed[0].1.memo.get_or_try_init(|| Err::<String, _>(()));
    assert!(listed.is_ok(), "a scan hands out the copy in memory");
    store.put("a", 1, "y").await.unwrap();
    let next = store.entity("a").unwrap();
    assert!(next.memo.get_or_try_init(|| Err::<String, _>(())).is_err());
}

#[tokio::test]
async fn a_deletion_of_what_never_existed_counts_as_a_change() {
    let store = TestJournal::start();
    store.journal.append(vec![delete("a", 0)]).await.unwrap();
    assert_eq!(sketch(store.entity("a").as_deref()), "1: deleted");
    assert!(store.journal.entity(&thing("b")).unwrap().is_none());
}
