//! Which credentials were seen from where within this hour: a table of fixed size, without locks.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

/// Remembers the hour in which a hash was last seen. Two hashes that share a place push each other out, so that a use
/// may be reported once more than needed, and is never missed.
pub(crate) struct FirstUse(Box<[AtomicU64]>);

impl FirstUse {
    const PLACES: usize = 1 << 14;
    /// The low bits of a place hold the hour, the high ones those of the hash that the place itself does not tell.
    const HOUR_BITS: u32 = 24;

    pub(crate) fn new() -> Self {
        Self((0..Self::PLACES).map(|_| AtomicU64::new(0)).collect())
    }

    /// Whether `hash` was not seen yet in the hour of `at`.
    pub(crate) fn is_first(&self, hash: u64, at: Timestamp) -> bool {
        let hour = (at.as_second() / 3600).unsigned_abs() & ((1 << Self::HOUR_BITS) - 1);
        let seen = (hash & !((1 << Self::HOUR_BITS) - 1)) | hour;
        let place = usize::try_from(hash % Self::PLACES as u64).unwrap_or_default();
        self.0.get(place).is_none_or(|place| {
            place.load(Ordering::Relaxed) != seen && place.swap(seen, Ordering::Relaxed) != seen
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_new_once_an_hour() {
        let uses = FirstUse::new();
        let at: Timestamp = "2026-11-20T07:59:59Z".parse().unwrap();
        let hash = 0x0123_4567_89ab_cdef;
        assert!(uses.is_first(hash, at));
        assert!(!uses.is_first(hash, at));
        assert!(uses.is_first(hash ^ (1 << 40), at));
        assert!(uses.is_first(hash, "2026-11-20T08:00:00Z".parse().unwrap()));
    }
}
