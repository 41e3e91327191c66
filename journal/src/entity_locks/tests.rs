//! Tests of the locks.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use super::*;
use crate::EntityKind;

fn key(id: &str) -> EntityKey {
    EntityKey::new(EntityKind::Thing, id)
}

#[tokio::test]
async fn a_key_is_held_by_one_at_a_time() {
    let locks = EntityLocks::default();
    let key = key("a");
    let first = locks.lock(&key).await;
    let mut second = pin!(locks.lock(&key));
    let mut context = Context::from_waker(Waker::noop());
    assert!(second.as_mut().poll(&mut context).is_pending());
    drop(first);
    assert!(matches!(second.as_mut().poll(&mut context), Poll::Ready(_)));
}

#[tokio::test]
async fn other_keys_and_kinds_do_not_wait() {
    let locks = EntityLocks::default();
    let _thing = locks.lock(&key("a")).await;
    let _other_id = locks.lock(&key("b")).await;
    let _other_kind = locks.lock(&EntityKey::new(EntityKind::Policy, "a")).await;
    assert_eq!(locks.len(), 3);
}

#[tokio::test]
async fn nothing_is_kept_after_unlock() {
    let locks = EntityLocks::default();
    for number in 0..1000 {
        drop(locks.lock(&key(&number.to_string())).await);
    }
    assert!(locks.is_empty());
}

#[tokio::test]
async fn nothing_is_kept_of_a_cancelled_waiter() {
    let locks = EntityLocks::default();
    let key = key("a");
    let held = locks.lock(&key).await;
    {
        let mut waiter = pin!(locks.lock(&key));
        let mut context = Context::from_waker(Waker::noop());
        assert!(waiter.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(locks.len(), 1, "the holder's slot stays");
    drop(held);
    assert!(locks.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn increments_under_a_lock_are_not_lost() {
    let locks = Arc::new(EntityLocks::default());
    let counter = Arc::new(AtomicU64::new(0));
    let mut tasks = Vec::new();
    for _ in 0..64 {
        let (locks, counter) = (Arc::clone(&locks), Arc::clone(&counter));
        tasks.push(tokio::spawn(async move {
            for _ in 0..50 {
                let _guard = locks.lock(&key("a")).await;
                let seen = counter.load(Ordering::Relaxed);
                tokio::task::yield_now().await;
                counter.store(seen + 1, Ordering::Relaxed);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(counter.load(Ordering::Relaxed), 64 * 50);
    assert!(locks.is_empty());
}

#[tokio::test]
async fn a_crowd_is_turned_away() {
    let locks = EntityLocks::default();
    let key = key("a");
    let mut context = Context::from_waker(Waker::noop());
    let held = locks.lock_unless_crowded(&key, 2).await;
    let mut waiting: Vec<_> = (0..2)
        .map(|_| Box::pin(locks.lock_unless_crowded(&key, 2)))
        .collect();
    for each in &mut waiting {
        assert!(each.as_mut().poll(&mut context).is_pending());
    }
    assert!(locks.lock_unless_crowded(&key, 2).await.is_none());
    drop(waiting.pop());
    let mut third = pin!(locks.lock_unless_crowded(&key, 2));
    assert!(
        third.as_mut().poll(&mut context).is_pending(),
        "there is room again"
    );
    drop(held);
    for each in &mut waiting {
        assert!(matches!(
            each.as_mut().poll(&mut context),
            Poll::Ready(Some(_))
        ));
    }
}
