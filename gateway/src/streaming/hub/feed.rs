//! From the journal's writer to the publisher: bounded, and nothing is lost.
//!
//! The writer must never wait. If the publisher falls behind, the feed forgets what waits beyond its limit and remembers
//! from where on the publisher has to read the journal itself.

use std::collections::VecDeque;
use std::sync::Arc;

use journal::{Position, Record};
use parking_lot::{Condvar, Mutex};

/// Records on their way to the publisher.
#[derive(Default)]
pub(super) struct Feed {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<Record>>,
    bytes: usize,
    /// Records after this one are not in the queue, even if they are durable.
    behind: Option<Position>,
    is_closed: bool,
}

/// What the publisher has to do next.
#[derive(Debug)]
pub(super) enum Work {
    /// Publish these.
    Records(VecDeque<Arc<Record>>),
    /// Read the journal after this position, then ask [`Feed::caught_up`].
    Behind(Position),
    /// End.
    Closed,
}

impl Feed {
    /// Records that wait at most.
    pub(super) const RECORDS_MAX: usize = 16 * 1024;
    /// Bytes that wait at most, with what they hold besides: the states of large things after small changes.
    const BYTES_MAX: usize = 32 * 1024 * 1024;

    /// Takes over what was committed, in journal order; never waits for anything but this lock.
    pub(super) fn offer(&self, records: &[Arc<Record>]) {
        let mut state = self.state.lock();
        for record in records {
            if state.behind.is_some() {
                break;
            }
            if state.queue.len() >= Self::RECORDS_MAX || state.bytes >= Self::BYTES_MAX {
                state.behind = Some(Position(record.position.0.saturating_sub(1)));
            } else {
                state.bytes += size(record);
                state.queue.push_back(Arc::clone(record));
            }
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Waits for work.
    pub(super) fn take(&self) -> Work {
        let mut state = self.state.lock();
        loop {
            if state.is_closed {
                return Work::Closed;
            }
            if !state.queue.is_empty() {
                state.bytes = 0;
                return Work::Records(std::mem::take(&mut state.queue));
            }
            if let Some(position) = state.behind {
                return Work::Behind(position);
            }
            self.changed.wait(&mut state);
        }
    }

    /// Records up to `position` were published; if that is the `head`, what comes next is queued again.
    ///
    /// Invariant: `head` is asked under the lock that the writer offers under, after it has moved the head. A record
    /// offered later is at most offered twice, which its position tells.
    pub(super) fn caught_up(&self, position: Position, head: impl FnOnce() -> Position) {
        let mut state = self.state.lock();
        state.behind = (position < head()).then_some(position);
    }

    /// Lets the publisher end.
    pub(super) fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_one();
    }
}

/// What a record keeps in memory, apart from what was parsed.
fn size(record: &Record) -> usize {
    let after = record.after.as_ref();
    let state = after.and_then(|entity| entity.state.as_ref());
    record.signal.len() + state.map_or(0, |state| state.len())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::Timestamp;
    use journal::{Entity, EntityKey, EntityKind, Memo};

    use super::*;

    fn record(position: u64) -> Arc<Record> {
        Arc::new(Record {
            position: Position(position),
            entity: EntityKey::new(EntityKind::Thing, "a:b"),
            revision: position,
            timestamp: Timestamp::UNIX_EPOCH,
            signal: Bytes::new(),
            signal_memo: Memo::default(),
            after: None,
        })
    }

    /// A small change of a thing of a MiB.
    fn record_of_large(position: u64) -> Arc<Record> {
        let after = Entity {
            revision: position,
            position: Position(position),
            created: Timestamp::UNIX_EPOCH,
            modified: Timestamp::UNIX_EPOCH,
            state: Some(Bytes::from(vec![0; 1 << 20])),
            memo: Memo::default(),
        };
        let small = Arc::into_inner(record(position)).expect("nobody else has it");
        Arc::new(Record {
            after: Some(Arc::new(after)),
            ..small
        })
    }

    #[track_caller]
    fn check(work: &Work, records: usize, behind: Option<u64>) {
        match work {
            Work::Records(taken) => assert_eq!((taken.len(), None), (records, behind)),
            Work::Behind(position) => assert_eq!((0, Some(position.0)), (records, behind)),
            Work::Closed => panic!("it was not closed"),
        }
    }

    #[test]
    fn what_does_not_fit_is_read_from_the_journal() {
        let feed = Feed::default();
        let max = Feed::RECORDS_MAX as u64;
        for position in 1..=max + 10 {
            feed.offer(&[record(position)]);
        }
        check(&feed.take(), Feed::RECORDS_MAX, None);
        check(&feed.take(), 0, Some(max));
        feed.offer(&[record(max + 11)]);
        feed.caught_up(Position(max + 10), || Position(max + 11));
        check(&feed.take(), 0, Some(max + 10));
        feed.caught_up(Position(max + 11), || Position(max + 11));
        feed.offer(&[record(max + 12)]);
        check(&feed.take(), 1, None);
    }

    #[test]
    fn small_changes_of_large_things_are_large() {
        let feed = Feed::default();
        for position in 1..=40 {
            feed.offer(&[record_of_large(position)]);
        }
        check(&feed.take(), 32, None);
        check(&feed.take(), 0, Some(32));
    }

    #[test]
    fn a_closed_feed_ends_its_publisher() {
        let feed = Feed::default();
        feed.offer(&[record(1)]);
        feed.close();
        assert!(matches!(feed.take(), Work::Closed));
    }
}
