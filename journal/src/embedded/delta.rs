//! The state after a change, said in terms of the state before it and of the change's signal.
//!
//! A record would otherwise hold what was written twice: once in the signal, and once more in the state.

use bytes::Bytes;
use memchr::memmem;

use super::encoding::{Reader, checksum};

/// The state is what the entity had before: nothing but a marker follows, and after a deletion not even that.
const DELETED: u8 = 0;
/// The middle follows.
const LITERAL: u8 = 1;
/// The middle is a part of the signal.
const IN_SIGNAL: u8 = 2;
/// A shorter middle is not worth looking for.
const SOUGHT_BYTES_MIN: usize = 24;

/// Appends to `bytes` how `after` follows from `before` and `signal`.
pub(super) fn encode(before: &[u8], signal: &[u8], after: Option<&[u8]>, bytes: &mut Vec<u8>) {
    let Some(after) = after else {
        bytes.push(DELETED);
        return;
    };
    let prefix = common_prefix(before, after);
    let rest = (
        before.get(prefix..).unwrap_or_default(),
        after.get(prefix..).unwrap_or_default(),
    );
    let suffix = common_suffix(rest.0, rest.1);
    let middle = rest.1.get(..rest.1.len() - suffix).unwrap_or_default();
    let place = (middle.len() >= SOUGHT_BYTES_MIN)
        .then(|| memmem::find(signal, middle))
        .flatten();
    bytes.push(place.map_or(LITERAL, |_| IN_SIGNAL));
    for number in [prefix, suffix, middle.len()] {
        put_number(bytes, number);
    }
    bytes.extend_from_slice(&checksum(&[], after).to_be_bytes());
    match place {
        Some(place) => put_number(bytes, place),
        None => bytes.extend_from_slice(middle),
    }
}

/// How to make a state, read from a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delta<'a> {
    /// There is none after the change.
    Deleted,
    /// What is left of the state before, around what is new.
    Changed {
        prefix: usize,
        suffix: usize,
        middle: Middle<'a>,
        checksum: u32,
    },
}

/// What is new.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Middle<'a> {
    /// These bytes.
    Literal(&'a [u8]),
    /// So many bytes of the signal, from there on.
    InSignal { at: usize, length: usize },
}

impl<'a> Delta<'a> {
    /// Reads what [`encode`] wrote.
    pub(super) fn read(reader: &mut Reader<'a>) -> Option<Self> {
        let kind = reader.byte()?;
        if kind == DELETED {
            return Some(Self::Deleted);
        }
        let (prefix, suffix) = (number(reader)?, number(reader)?);
        let length = number(reader)?;
        let checksum = u32::from_be_bytes(reader.take()?);
        let middle = match kind {
            LITERAL => Middle::Literal(reader.bytes(length)?),
            IN_SIGNAL => Middle::InSignal {
                at: number(reader)?,
                length,
            },
            _ => return None,
        };
        Some(Self::Changed {
            prefix,
            suffix,
            middle,
            checksum,
        })
    }

    /// The state after the change; `None` if it does not follow from `before`.
    pub(super) fn apply(&self, before: &[u8], signal: &[u8]) -> Option<Option<Bytes>> {
        let Self::Changed {
            prefix,
            suffix,
            middle,
            checksum: expected,
        } = self
        else {
            return Some(None);
        };
        let middle = match middle {
            Middle::Literal(bytes) => bytes,
            Middle::InSignal { at, length } => signal.get(*at..at.checked_add(*length)?)?,
        };
        let prefix = before.get(..*prefix)?;
        let suffix = before.get(before.len().checked_sub(*suffix)?..)?;
        let after = [prefix, middle, suffix].concat();
        (checksum(&[], &after) == *expected).then(|| Some(Bytes::from(after)))
    }
}

fn put_number(bytes: &mut Vec<u8>, number: usize) {
    let number = u32::try_from(number).expect("states are far smaller than 4 GiB");
    bytes.extend_from_slice(&number.to_be_bytes());
}

fn number(reader: &mut Reader<'_>) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(reader.take()?)).ok()
}

/// Compared at once.
const CHUNK: usize = 32;

fn common_prefix(left: &[u8], right: &[u8]) -> usize {
    let chunks = left.chunks_exact(CHUNK).zip(right.chunks_exact(CHUNK));
    let whole = chunks.take_while(|(left, right)| left == right).count() * CHUNK;
    let rest = left.iter().skip(whole).zip(right.iter().skip(whole));
    whole + rest.take_while(|(left, right)| left == right).count()
}

fn common_suffix(left: &[u8], right: &[u8]) -> usize {
    let chunks = left.rchunks_exact(CHUNK).zip(right.rchunks_exact(CHUNK));
    let whole = chunks.take_while(|(left, right)| left == right).count() * CHUNK;
    let rest = left
        .iter()
        .rev()
        .skip(whole)
        .zip(right.iter().rev().skip(whole));
    whole + rest.take_while(|(left, right)| left == right).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(before: &[u8], signal: &[u8], after: Option<&[u8]>) -> usize {
        let mut bytes = Vec::new();
        encode(before, signal, after, &mut bytes);
        let mut reader = Reader::new(&bytes);
        let delta = Delta::read(&mut reader).unwrap();
        let found = delta.apply(before, signal).unwrap();
        assert_eq!(found.as_deref(), after);
        assert!(reader.rest().is_empty());
        bytes.len()
    }

    #[test]
    fn what_is_known_already_is_not_said_again() {
        let value = "v".repeat(1000);
        let before = format!("{{\"a\":\"{}\",\"z\":1}}", "w".repeat(1000));
        let after = format!("{{\"a\":\"{value}\",\"z\":1}}");
        let signal = format!("{{\"value\":\"{value}\"}}");
        assert!(check(before.as_bytes(), signal.as_bytes(), Some(after.as_bytes())) < 32);
        assert!(check(before.as_bytes(), b"", Some(before.as_bytes())) < 32);
        assert_eq!(check(before.as_bytes(), b"", None), 1);
        assert_eq!(check(b"", b"", Some(b"")), 17);
    }

    #[test]
    fn another_state_before_is_noticed() {
        let mut bytes = Vec::new();
        encode(b"one two three", b"", Some(b"one 2 three"), &mut bytes);
        let delta = Delta::read(&mut Reader::new(&bytes)).unwrap();
        assert!(delta.apply(b"one two three", b"").is_some());
        assert_eq!(delta.apply(b"ONE two three", b""), None);
        assert_eq!(delta.apply(b"", b""), None);
    }

    proptest! {
        #[test]
        fn every_state_comes_back(
            before in proptest::collection::vec(0_u8..3, 0..200),
            signal in proptest::collection::vec(0_u8..3, 0..200),
            after in proptest::option::of(proptest::collection::vec(0_u8..3, 0..200)),
        ) {
            check(&before, &signal, after.as_deref());
        }

        #[test]
        fn a_part_of_the_signal_comes_back(
            before in proptest::collection::vec(any::<u8>(), 0..100),
            signal in proptest::collection::vec(any::<u8>(), 50..200),
            cut in 0_usize..20,
        ) {
            let after = [&before[..before.len() / 2], &signal[cut..]].concat();
            check(&before, &signal, Some(&after));
        }
    }
}
