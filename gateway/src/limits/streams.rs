//! How many streams may be open at once, and how many requests may wait for others.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use parking_lot::Mutex;

use super::{Budget, LimitKey, TooManyRequests};

/// Counts open streams, or whatever else takes a place, by key; a key without any takes no memory.
#[derive(Clone)]
pub(crate) struct StreamSlots {
    name: &'static str,
    max: usize,
    open: Arc<Mutex<HashMap<LimitKey, usize>>>,
}

impl StreamSlots {
    pub(super) fn new(name: &'static str, max: usize) -> Self {
        Self {
            name,
            max,
            open: Arc::default(),
        }
    }

    /// With another maximum, the same streams are open.
    pub(super) fn renewed(
        known: &Option<Self>,
        name: &'static str,
        max: Option<usize>,
    ) -> Option<Self> {
        let fresh = Self::new(name, max?);
        Some(match known {
            Some(known) => Self {
                open: Arc::clone(&known.open),
                ..fresh
            },
            None => fresh,
        })
    }

    /// How many are open, and how many may be.
    pub(super) fn peek(&self, key: LimitKey) -> Budget {
        Budget::Streams {
            per: self.name,
            open: self.open.lock().get(&key).copied().unwrap_or_default(),
            max: self.max,
        }
    }

    pub(super) fn refusal(name: &'static str) -> TooManyRequests {
        TooManyRequests {
            limit: name,
            budget: None,
            retry_after: Duration::from_secs(1),
        }
    }

    pub(super) fn acquire(&self, key: LimitKey) -> Result<Slot, TooManyRequests> {
        let mut open = self.open.lock();
        if open.get(&key).copied().unwrap_or_default() >= self.max {
            return Err(Self::refusal(self.name));
        }
        *open.entry(key).or_default() += 1;
        Ok(Slot {
            slots: self.clone(),
            key,
        })
    }
}

/// One counted stream.
pub(super) struct Slot {
    slots: StreamSlots,
    key: LimitKey,
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = self.slots.open.lock().entry(self.key) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// The right to one open stream, or to one place among those who wait.
pub(crate) struct StreamPermit {
    _by_source: Option<Slot>,
    _by_subject: Option<Slot>,
}

impl StreamPermit {
    pub(super) fn acquire(
        (by_source, source): (&Option<StreamSlots>, LimitKey),
        (by_subject, subject): (&Option<StreamSlots>, LimitKey),
    ) -> Result<Self, TooManyRequests> {
        let slot = |slots: &Option<StreamSlots>, key| {
            slots.as_ref().map(|slots| slots.acquire(key)).transpose()
        };
        Ok(Self {
            _by_source: slot(by_source, source)?,
            _by_subject: slot(by_subject, subject)?,
        })
    }
}
