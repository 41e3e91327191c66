//! A bounded table of rate-limit states behind governor.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed, StateStore};
use hashbrown::HashMap;
use parking_lot::RwLock;

/// Keys share states by nothing but their hash, so that no key text is kept.
pub(super) struct BoundedTable {
    shards: Box<[RwLock<HashMap<u64, Slot>>]>,
    keys_per_shard_max: usize,
    /// Where keys end up that find the table full: known keys keep their own state, whoever floods it does not evict them.
    coarse: Box<[InMemoryState]>,
    /// Counts sweeps; a slot that was not touched since the last one is dropped by the next.
    sweep: AtomicU32,
}

struct Slot {
    state: InMemoryState,
    touched: AtomicU32,
}

impl BoundedTable {
    const SHARDS: usize = 16;
    const COARSE_BUCKETS: usize = 64;

    pub(super) fn new(keys_max: usize) -> Self {
        Self {
            shards: (0..Self::SHARDS).map(|_| RwLock::default()).collect(),
            keys_per_shard_max: keys_max / Self::SHARDS,
            coarse: (0..Self::COARSE_BUCKETS)
                .map(|_| InMemoryState::default())
                .collect(),
            sweep: AtomicU32::new(0),
        }
    }

    /// Forgets keys that were not seen for two calls; call it less often than the longest burst takes to refill.
    pub(super) fn sweep(&self) {
        let now = self.sweep.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        for shard in &self.shards {
            let mut shard = shard.write();
            shard.retain(|_, slot| now.wrapping_sub(slot.touched.load(Ordering::Relaxed)) < 2);
            shard.shrink_to(64);
        }
    }

    pub(super) fn keys(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// What the table takes, but for its own few words.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        let shards = self
            .shards
            .iter()
            .map(|shard| shard.read().allocation_size());
        shards.sum::<usize>() + size_of_val(&*self.coarse)
    }

    /// Gives a key its whole budget back.
    pub(super) fn forget(&self, key: u64) {
        if let Some(shard) = self.shard(key) {
            shard.write().remove(&key);
        }
    }

    fn shard(&self, key: u64) -> Option<&RwLock<HashMap<u64, Slot>>> {
        self.shards.get((key >> 60) as usize % Self::SHARDS)
    }
}

/// Shared with the rate limiter, which keeps its store to itself.
#[derive(Clone)]
pub(super) struct SharedTable(pub(super) Arc<BoundedTable>);

/// Who is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Ask {
    /// Somebody who wants a unit.
    Take(u64),
    /// Somebody whose state is only looked at.
    Look(u64),
}

impl StateStore for SharedTable {
    type Key = Ask;

    fn measure_and_replace<T, F, E>(&self, ask: &Ask, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        match *ask {
            Ask::Take(key) => self.0.measure(key, decide),
            Ask::Look(key) => decide(self.0.state(key)).map(|(outcome, _)| outcome),
        }
    }
}

impl BoundedTable {
    /// What is known of a key, or of those that it would share a bucket with.
    fn state(&self, key: u64) -> Option<Nanos> {
        let shard = self.shard(key)?.read();
        if let Some(slot) = shard.get(&key) {
            return look(&slot.state);
        }
        if shard.len() < self.keys_per_shard_max {
            return None;
        }
        look(self.coarse.get(key as usize % Self::COARSE_BUCKETS)?)
    }

    fn measure<T, F, E>(&self, key: u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let Some(shard) = self.shard(key) else {
            return decide(None).map(|(outcome, _)| outcome);
        };
        let sweep = self.sweep.load(Ordering::Relaxed);
        if let Some(slot) = shard.read().get(&key) {
            slot.touched.store(sweep, Ordering::Relaxed);
            return slot.state.measure_and_replace(&NotKeyed::NonKey, decide);
        }
        let mut shard = shard.write();
        if shard.len() >= self.keys_per_shard_max && !shard.contains_key(&key) {
            drop(shard);
            let bucket = self.coarse.get(key as usize % Self::COARSE_BUCKETS);
            return match bucket {
                Some(state) => state.measure_and_replace(&NotKeyed::NonKey, decide),
                None => decide(None).map(|(outcome, _)| outcome),
            };
        }
        let slot = shard.entry(key).or_insert_with(|| Slot {
            state: InMemoryState::default(),
            touched: AtomicU32::new(sweep),
        });
        slot.state.measure_and_replace(&NotKeyed::NonKey, decide)
    }
}

/// An error leaves the state as it is.
fn look(state: &InMemoryState) -> Option<Nanos> {
    let seen = state.measure_and_replace(&NotKeyed::NonKey, |known| {
        Err::<((), Nanos), Option<Nanos>>(known)
    });
    seen.err().flatten()
}
