//! Records that were read ahead, bounded in bytes: whoever stops reading must not cost more than that.
//!
//! Invariant: the outbound buffer of the session knows what is held for it.

use std::collections::VecDeque;
use std::sync::Arc;

use journal::Record;

use crate::streaming::outbound::Outbound;

/// A few records of the past, oldest first.
pub(crate) struct Portion {
    records: VecDeque<Arc<Record>>,
    bytes: usize,
    /// How many are read next time.
    limit: usize,
}

impl Default for Portion {
    fn default() -> Self {
        Self {
            records: VecDeque::new(),
            bytes: 0,
            limit: Self::LIMIT_FIRST,
        }
    }
}

impl Portion {
    /// What it holds at most, unless a single record is larger.
    pub(crate) const BYTES_MAX: usize = 64 * 1024;
    /// Records of unknown size are read a few at a time.
    const LIMIT_FIRST: usize = 16;
    /// Between two portions the worker serves others.
    const LIMIT_MAX: usize = 64;

    /// What of these records is kept, at least one; the others are read again.
    pub(crate) fn part_of(mut records: Vec<Arc<Record>>) -> Vec<Arc<Record>> {
        let mut bytes = 0;
        let within = records.iter().take_while(|record| {
            bytes += size(record);
            bytes <= Self::BYTES_MAX
        });
        let count = within.count().max(1);
        if count < records.len() {
            records.truncate(count);
            records.shrink_to_fit();
        }
        records
    }

    /// Takes over what [`Self::part_of`] kept, and learns how much may be read next time.
    pub(crate) fn fill(&mut self, records: Vec<Arc<Record>>, outbound: &Outbound) {
        let is_whole = records.len() >= self.limit;
        let limit = if is_whole {
            self.limit.saturating_mul(2)
        } else {
            records.len()
        };
        self.limit = limit.clamp(1, Self::LIMIT_MAX);
        self.bytes = records.iter().map(|record| size(record)).sum();
        self.records = records.into();
        outbound.hold(self.bytes);
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// No more than this many will be wanted.
    pub(crate) fn expect(&mut self, records: u64) {
        let records = usize::try_from(records).unwrap_or(usize::MAX);
        self.limit = self.limit.min(records).max(1);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(crate) fn pop(&mut self, outbound: &Outbound) -> Option<Arc<Record>> {
        let record = self.records.pop_front()?;
        self.bytes = self.bytes.saturating_sub(size(&record));
        outbound.hold(self.bytes);
        Some(record)
    }

    pub(crate) fn put_back(&mut self, record: Arc<Record>, outbound: &Outbound) {
        self.bytes += size(&record);
        outbound.hold(self.bytes);
        self.records.push_front(record);
    }

    /// Gives its memory back; the record to go on with, if there is one.
    pub(crate) fn give_back(&mut self, outbound: &Outbound) -> Option<Arc<Record>> {
        let next = std::mem::take(&mut self.records).pop_front();
        self.bytes = 0;
        outbound.hold(0);
        next
    }
}

/// With what surrounds the change itself.
fn size(record: &Record) -> usize {
    record.signal.len() + record.entity.id.len() + size_of::<Record>()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::Timestamp;
    use journal::{EntityKey, EntityKind, Memo, Position};

    use super::*;

    fn records(sizes: &[usize]) -> Vec<Arc<Record>> {
        let records = (1..).zip(sizes).map(|(revision, size)| {
            Arc::new(Record {
                position: Position(revision),
                entity: EntityKey::new(EntityKind::Thing, "a:b"),
                revision,
                timestamp: Timestamp::UNIX_EPOCH,
                signal: Bytes::from(vec![b'x'; *size]),
                signal_memo: Memo::default(),
                after: None,
            })
        });
        records.collect()
    }

    #[track_caller]
    fn check(sizes: &[usize], kept: usize, limit: usize) {
        let (mut portion, outbound) = (Portion::default(), Outbound::new(1));
        portion.fill(Portion::part_of(records(sizes)), &outbound);
        let held: usize = portion.records.iter().map(|record| size(record)).sum();
        assert_eq!((outbound.held(), portion.records.len()), (held, kept));
        assert_eq!(portion.limit(), limit);
    }

    #[test]
    fn a_portion_is_bounded_in_bytes_but_has_a_record() {
        check(&[100; 16], 16, 32);
        check(&[20_000; 16], 3, 3);
        check(&[1 << 20; 16], 1, 1);
        check(&[10, 1 << 20], 1, 1);
    }

    #[test]
    fn what_is_taken_is_held_no_more_and_what_is_put_back_is_again() {
        let (mut portion, outbound) = (Portion::default(), Outbound::new(1));
        portion.fill(records(&[10, 20]), &outbound);
        let whole = outbound.held();
        let first = portion.pop(&outbound).unwrap();
        assert_eq!(outbound.held() + size(&first), whole);
        portion.put_back(first, &outbound);
        assert_eq!(outbound.held(), whole);
        let next = portion.give_back(&outbound).unwrap();
        assert_eq!(next.revision, 1, "it goes on there");
        assert!(portion.is_empty() && outbound.held() == 0);
    }

    #[test]
    fn no_more_is_read_than_is_wanted() {
        let (mut portion, outbound) = (Portion::default(), Outbound::new(1));
        portion.expect(3);
        assert_eq!(portion.limit(), 3);
        portion.fill(records(&[10; 3]), &outbound);
        assert_eq!(portion.limit(), 6);
        portion.expect(0);
        assert_eq!(portion.limit(), 1);
    }
}
