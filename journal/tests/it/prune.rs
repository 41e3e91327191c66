//! Pruning the past of an entity.

use std::time::Duration;

use bytes::Bytes;
use journal::{Base, EntityKey, EntityKind, Journal, Position, Retention};

use crate::harness::{TestJournal, sketch, sketch_records, thing, time_of};

/// Ten revisions of `a`, with one of `b` in between, and everything remembered by the watermark file.
async fn ten_revisions() -> TestJournal {
    let journal = TestJournal::start();
    for revision in 0..5 {
        journal.put("a", revision, "x").await.unwrap();
    }
    journal.put("b", 0, "y").await.unwrap();
    for revision in 5..10 {
        journal.put("a", revision, "x").await.unwrap();
    }
    journal.restart()
}

fn base(revision: u64) -> Base {
    Base {
        revision,
        state: Bytes::from(format!("after {revision}")),
    }
}

#[tokio::test]
async fn records_go_and_a_base_stands_for_them() {
    let journal = ten_revisions().await;
    assert_eq!(journal.journal.prune(&thing("a"), &base(7)).unwrap(), 7);
    let journal = journal.restart();
    assert_eq!(journal.journal.base(&thing("a")).unwrap(), Some(base(7)));
    assert_eq!(journal.journal.base(&thing("b")).unwrap(), None);
    let history = journal.journal.history(&thing("a"), 0, 100).unwrap();
    assert_eq!(sketch_records(&history), ["9 a@8", "10 a@9", "11 a@10"]);
    let records = journal.journal.records(Position::START, 100).unwrap();
    assert_eq!(
        sketch_records(&records),
        ["6 b@1", "9 a@8", "10 a@9", "11 a@10"]
    );
    assert_eq!(sketch(journal.entity("a").as_deref()), "10: x");
    journal.put("a", 10, "z").await.unwrap();
    assert_eq!(journal.journal.prune(&thing("a"), &base(9)).unwrap(), 2);
    assert_eq!(journal.journal.prune(&thing("a"), &base(9)).unwrap(), 0);
}

#[tokio::test]
async fn what_the_next_start_checks_is_kept() {
    let journal = ten_revisions().await;
    let pruned = journal.journal.prune(&thing("a"), &base(10)).unwrap();
    assert_eq!(pruned, 9, "the last record is named by the watermark file");
    let journal = journal.restart();
    let history = journal.journal.history(&thing("a"), 0, 100).unwrap();
    assert_eq!(sketch_records(&history), ["11 a@10"]);
}

#[tokio::test]
async fn age_and_number_bound_what_is_kept() {
    let journal = ten_revisions().await;
    let entity = journal.entity("a").unwrap();
    let key = EntityKey::new(EntityKind::Thing, "a");
    let oldest = |age: u64, revisions_max| {
        let retention = Retention {
            age: Duration::from_secs(age),
            revisions_max,
        };
        let now = time_of(20);
        retention
            .oldest(&*journal.journal, (&key, &entity), now)
            .unwrap()
    };
    assert_eq!(oldest(1000, 100), 1);
    assert_eq!(oldest(1000, 3), 8);
    // Fifteen seconds ago revision 5 came; until then, revision 4 was current.
    assert_eq!(oldest(15, 100), 4);
    assert_eq!(oldest(15, 2), 9);
    assert_eq!(oldest(1, 100), 10, "the current revision stays");
    assert_eq!(oldest(u64::MAX, 100), 1);
}
