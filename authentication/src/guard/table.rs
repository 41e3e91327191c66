//! A bounded table of failures, in parts with a lock each.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;

use super::age;
use super::failures::Failures;

/// Locks; failures of different sources hardly ever wait for each other.
const PARTS: usize = 16;
/// How often a full part is searched for what is over.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Hashed with a seed of this process, so that nobody can choose keys that collide.
#[derive(Debug)]
pub(super) struct Table<K> {
    seed: RandomState,
    parts: Box<[Mutex<Part<K>>]>,
    keys_per_part: usize,
}

#[derive(Debug)]
struct Part<K> {
    known: HashMap<K, Failures>,
    others: Failures,
    swept_at: Timestamp,
}

impl<K: Hash + Eq> Table<K> {
    pub(super) fn new(keys_max: usize) -> Self {
        let part = || {
            Mutex::new(Part {
                known: HashMap::new(),
                others: Failures::default(),
                swept_at: Timestamp::UNIX_EPOCH,
            })
        };
        Self {
            seed: RandomState::new(),
            parts: std::iter::repeat_with(part).take(PARTS).collect(),
            keys_per_part: keys_max / PARTS,
        }
    }

    /// The failures of a key that is counted on its own.
    pub(super) fn find<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<Failures>
    where
        K: Borrow<Q>,
    {
        self.part(key)?.lock().known.get(key).copied()
    }

    /// Changes the failures of a key, or those that all keys without a place share.
    pub(super) fn change<R>(
        &self,
        key: K,
        (now, is_over): (Timestamp, &dyn Fn(&Failures) -> bool),
        change: impl FnOnce(&mut Failures) -> Option<R>,
    ) -> Option<R> {
        let mut part = self.part(&key)?.lock();
        let is_full = part.known.len() >= self.keys_per_part;
        if is_full && age(part.swept_at, now) >= SWEEP_INTERVAL {
            part.swept_at = now;
            part.known.retain(|_, failures| !is_over(failures));
        }
        if part.known.len() >= self.keys_per_part && !part.known.contains_key(&key) {
            return change(&mut part.others);
        }
        change(part.known.entry(key).or_default())
    }

    pub(super) fn for_each(&self, mut visit: impl FnMut(&K, &Failures)) {
        for part in &self.parts {
            for (key, failures) in &part.lock().known {
                visit(key, failures);
            }
        }
    }

    /// Whether there was any such key.
    pub(super) fn remove_if(&self, is_meant: impl Fn(&K) -> bool) -> bool {
        let mut any = false;
        for part in &self.parts {
            part.lock().known.retain(|key, _| {
                let keep = !is_meant(key);
                any |= !keep;
                keep
            });
        }
        any
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.lock().known.len()).sum()
    }

    /// About what the places take, each with a byte for finding it.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let places = self
            .parts
            .iter()
            .map(|part| part.lock().known.capacity() * 8 / 7);
        places.sum::<usize>() * (size_of::<(K, Failures)>() + 1)
    }

    fn part<Q: Hash + ?Sized>(&self, key: &Q) -> Option<&Mutex<Part<K>>> {
        let hash = self.seed.hash_one(key);
        self.parts.get((hash % PARTS as u64) as usize)
    }
}
