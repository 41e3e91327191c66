//! Records that were read ahead, bounded in bytes: whoever stops reading must not cost more than that.

use std::collections::VecDeque;
use std::sync::Arc;

use journal::Record;

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
    pub(crate) fn fill(&mut self, records: Vec<Arc<Record>>) {
        let is_whole = records.len() >= self.limit;
        let limit = if is_whole {
            self.limit.saturating_mul(2)
        } else {
            records.len()
        };
        self.limit = limit.clamp(1, Self::LIMIT_MAX);
        self.bytes = records.iter().map(|record| size(record)).sum();
        self.records = records.into();
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// No more than this many will be wanted.
    pub(crate) fn expect(&mut self, records: u64) {
        let records = usize::try_from(records).unwrap_or(usize::MAX);
        self.limit = self.limit.min(records).max(1);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(crate) fn pop(&mut self) -> Option<Arc<Record>> {
        let record = self.records.pop_front()?;
        self.bytes = self.bytes.saturating_sub(size(&record));
        Some(record)
    }

    pub(crate) fn put_back(&mut self, record: Arc<Record>) {
        self.bytes += size(&record);
        self.records.push_front(record);
    }

    /// Gives its memory back.
    pub(crate) fn clear(&mut self) {
        self.records = VecDeque::new();
        self.bytes = 0;
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
        let mut portion = Portion::default();
        portion.fill(Portion::part_of(records(sizes)));
        let held: usize = portion.records.iter().map(|record| size(record)).sum();
        assert_eq!((portion.bytes(), portion.records.len()), (held, kept));
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
    fn what_is_taken_is_held_no_more() {
        let mut portion = Portion::default();
        portion.fill(records(&[10, 20]));
        let whole = portion.bytes();
        let first = portion.pop().unwrap();
        assert_eq!(portion.bytes() + size(&first), whole);
        portion.put_back(first);
        assert_eq!(portion.bytes(), whole);
        portion.clear();
        assert!(portion.is_empty() && portion.bytes() == 0);
    }

    #[test]
    fn no_more_is_read_than_is_wanted() {
        let mut portion = Portion::default();
        portion.expect(3);
        assert_eq!(portion.limit(), 3);
        portion.fill(records(&[10; 3]));
        assert_eq!(portion.limit(), 6);
        portion.expect(0);
        assert_eq!(portion.limit(), 1);
    }
}
