//! Remembers which proofs were used, as long as they could be used again and no longer.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::assertion::AssertionRefusal;

/// Locks; proofs hardly ever wait for each other.
const PARTS: usize = 16;
/// As many are remembered in each of two generations: 16 bytes each, and only while so many come.
const NONCES_MAX: usize = 1 << 20;

/// Two generations: a nonce moves to the older one and is forgotten with it, after its time is over.
pub(super) struct Nonces {
    seeds: (RandomState, RandomState),
    parts: Vec<Mutex<Part>>,
    generation: Duration,
    per_part: usize,
}

struct Part {
    younger: HashSet<u128>,
    older: HashSet<u128>,
    since: Timestamp,
}

impl Nonces {
    /// A proof may be dated `max_age` into the future and counts as long after that: twice that from its first use.
    pub(super) fn new(max_age: Duration) -> Self {
        Self::with_capacity(max_age, NONCES_MAX)
    }

    fn with_capacity(max_age: Duration, nonces_max: usize) -> Self {
        let part = || {
            Mutex::new(Part {
                younger: HashSet::new(),
                older: HashSet::new(),
                since: Timestamp::UNIX_EPOCH,
            })
        };
        Self {
            seeds: (RandomState::new(), RandomState::new()),
            parts: std::iter::repeat_with(part).take(PARTS).collect(),
            generation: 2 * max_age + Duration::from_secs(1),
            per_part: nonces_max / PARTS,
        }
    }

    /// Remembers a nonce.
    ///
    /// # Errors
    ///
    /// [`AssertionRefusal::Replayed`] if it is known, [`AssertionRefusal::TooMany`] if there is no room: forgetting one
    /// that still counts would let it be used again.
    pub(super) fn use_up(&self, nonce: &str, now: Timestamp) -> Result<(), AssertionRefusal> {
        self.with_room(nonce, now, |part, name| {
            part.younger.insert(name);
        })
    }

    /// Whether a nonce could be used up, which it is not.
    ///
    /// # Errors
    ///
    /// As [`Nonces::use_up`].
    pub(super) fn check(&self, nonce: &str, now: Timestamp) -> Result<(), AssertionRefusal> {
        self.with_room(nonce, now, |_, _| {})
    }

    fn with_room(
        &self,
        nonce: &str,
        now: Timestamp,
        work: impl FnOnce(&mut Part, u128),
    ) -> Result<(), AssertionRefusal> {
        let (low, high) = (self.seeds.0.hash_one(nonce), self.seeds.1.hash_one(nonce));
        let name = u128::from(high) << 64 | u128::from(low);
        let Some(part) = self.parts.get((low % PARTS as u64) as usize) else {
            return Err(AssertionRefusal::TooMany);
        };
        let mut part = part.lock();
        part.age(self.generation, now);
        if part.older.contains(&name) || part.younger.contains(&name) {
            return Err(AssertionRefusal::Replayed);
        }
        if part.younger.len() >= self.per_part {
            return Err(AssertionRefusal::TooMany);
        }
        work(&mut part, name);
        Ok(())
    }
}

impl Part {
    fn age(&mut self, generation: Duration, now: Timestamp) {
        let age: Duration = now
            .duration_since(self.since)
            .try_into()
            .unwrap_or_default();
        if age < generation {
            return;
        }
        self.older = std::mem::take(&mut self.younger);
        if age >= 2 * generation {
            self.older = HashSet::new();
        }
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[test]
    fn a_nonce_is_known_for_twice_the_age_at_least() {
        for start in [0, 7, 20] {
            for later in 0..=20 {
                let nonces = Nonces::new(Duration::from_secs(10));
                nonces.use_up("first", at(-5)).unwrap();
                nonces.use_up("nonce", at(start)).unwrap();
                let again = nonces.use_up("nonce", at(start + later));
                assert_eq!(again, Err(AssertionRefusal::Replayed), "{start} {later}");
            }
        }
    }

    #[test]
    fn memory_is_bounded_and_given_back() {
        let nonces = Nonces::with_capacity(Duration::from_secs(10), 1600);
        let used = (0..10_000)
            .filter(|number| nonces.use_up(&number.to_string(), at(0)).is_ok())
            .count();
        assert_eq!(used, 1600);
        assert!(nonces.use_up("later", at(100)).is_ok());
        let left: usize = nonces
            .parts
            .iter()
            .map(|part| part.lock().younger.len())
            .sum();
        assert!(left < 1600, "{left}");
    }
}
