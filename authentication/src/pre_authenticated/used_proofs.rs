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

/// The nonces of proofs that were used. It outlives the provider: a proof does not count again because something was
/// configured otherwise.
///
/// Two generations: a nonce moves to the older one and is forgotten with it, after its time is over.
pub struct UsedProofs {
    seeds: (RandomState, RandomState),
    parts: Vec<Mutex<Part>>,
    per_part: usize,
    covered: Mutex<Covered>,
}

/// Which proofs can be told to be new.
#[derive(Debug, Clone, Copy)]
struct Covered {
    /// The longest age of a proof that counts; zero while nobody asks for proofs.
    max_age: Duration,
    /// Proofs that were made earlier may have been used, and nobody knows.
    since: Timestamp,
}

struct Part {
    younger: HashSet<u128>,
    older: HashSet<u128>,
    since: Timestamp,
}

impl Default for UsedProofs {
    fn default() -> Self {
        Self::with_capacity(NONCES_MAX)
    }
}

impl UsedProofs {
    fn with_capacity(nonces_max: usize) -> Self {
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
            per_part: nonces_max / PARTS,
            covered: Mutex::new(Covered {
                max_age: Duration::ZERO,
                since: Timestamp::UNIX_EPOCH,
            }),
        }
    }

    /// From now on proofs count up to this age; `None`: nobody is asked for one, so that used ones are not noted.
    pub fn cover(&self, max_age: Option<Duration>, now: Timestamp) {
        let mut covered = self.covered.lock();
        let max_age = max_age.unwrap_or_default();
        if covered.max_age < max_age {
            // Those of a greater age were forgotten, or never noted.
            covered.since = covered.since.max(now - covered.max_age);
        }
        covered.max_age = max_age;
    }

    /// Remembers a nonce.
    ///
    /// # Errors
    ///
    /// [`AssertionRefusal::Replayed`] if it is known, [`AssertionRefusal::Forgotten`] if it may have been,
    /// [`AssertionRefusal::TooMany`] if there is no room: forgetting one that still counts would let it be used again.
    pub(super) fn use_up(
        &self,
        proof: (i64, &str),
        now: Timestamp,
    ) -> Result<(), AssertionRefusal> {
        self.with_room(proof, now, |part, name| {
            part.younger.insert(name);
        })
    }

    /// Whether a nonce could be used up, which it is not.
    ///
    /// # Errors
    ///
    /// As [`UsedProofs::use_up`].
    pub(super) fn check(&self, proof: (i64, &str), now: Timestamp) -> Result<(), AssertionRefusal> {
        self.with_room(proof, now, |_, _| {})
    }

    fn with_room(
        &self,
        (time, nonce): (i64, &str),
        now: Timestamp,
        work: impl FnOnce(&mut Part, u128),
    ) -> Result<(), AssertionRefusal> {
        let Covered { max_age, since } = *self.covered.lock();
        if time < since.as_second() {
            return Err(AssertionRefusal::Forgotten);
        }
        // A proof may be dated `max_age` into the future and counts as long after that: twice that from its first use.
        let generation = 2 * max_age + Duration::from_secs(1);
        let (low, high) = (self.seeds.0.hash_one(nonce), self.seeds.1.hash_one(nonce));
        let name = u128::from(high) << 64 | u128::from(low);
        let Some(part) = self.parts.get((low % PARTS as u64) as usize) else {
            return Err(AssertionRefusal::TooMany);
        };
        let mut part = part.lock();
        part.age(generation, now);
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

    /// Covers proofs of ten seconds from the start at second -5.
    fn ten_seconds(nonces_max: usize) -> UsedProofs {
        let proofs = UsedProofs::with_capacity(nonces_max);
        proofs.cover(Some(Duration::from_secs(10)), at(-5));
        proofs
    }

    /// Uses a proof that was made at `made`.
    fn use_up(
        proofs: &UsedProofs,
        (made, nonce): (i64, &str),
        now: i64,
    ) -> Result<(), AssertionRefusal> {
        proofs.use_up((at(made).as_second(), nonce), at(now))
    }

    #[test]
    fn a_nonce_is_known_for_twice_the_age_at_least() {
        for start in [0, 7, 20] {
            for later in 0..=20 {
                let proofs = ten_seconds(NONCES_MAX);
                use_up(&proofs, (-5, "first"), -5).unwrap();
                use_up(&proofs, (start, "nonce"), start).unwrap();
                let again = use_up(&proofs, (start, "nonce"), start + later);
                assert_eq!(again, Err(AssertionRefusal::Replayed), "{start} {later}");
            }
        }
    }

    #[test]
    fn what_may_have_been_used_does_not_count() {
        let forgotten = Err(AssertionRefusal::Forgotten);
        let proofs = ten_seconds(NONCES_MAX);
        assert_eq!(use_up(&proofs, (-6, "before the start"), -5), forgotten);
        assert_eq!(use_up(&proofs, (-5, "with the start"), -5), Ok(()));
        proofs.cover(Some(Duration::from_secs(5)), at(20));
        assert_eq!(use_up(&proofs, (15, "shorter"), 20), Ok(()));
        proofs.cover(Some(Duration::from_secs(60)), at(40));
        assert_eq!(use_up(&proofs, (34, "too old until now"), 40), forgotten);
        assert_eq!(use_up(&proofs, (35, "just young enough"), 40), Ok(()));
        proofs.cover(None, at(50));
        proofs.cover(Some(Duration::from_secs(60)), at(60));
        assert_eq!(use_up(&proofs, (59, "not noted"), 60), forgotten);
        assert_eq!(use_up(&proofs, (60, "noted"), 60), Ok(()));
    }

    #[test]
    fn memory_is_bounded_and_given_back() {
        let proofs = ten_seconds(1600);
        let used = (0..10_000)
            .filter(|number| use_up(&proofs, (0, &number.to_string()), 0).is_ok())
            .count();
        assert_eq!(used, 1600);
        assert!(use_up(&proofs, (100, "later"), 100).is_ok());
        let left: usize = proofs
            .parts
            .iter()
            .map(|part| part.lock().younger.len())
            .sum();
        assert!(left < 1600, "{left}");
    }
}
