//! What is known of keys without hashing again. Facts, not verdicts: they survive a reload, permissions do not.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use quick_cache::sync::Cache;

use super::news::KeyObserver;
use super::usage::KeyUses;
use crate::fingerprint::{Fingerprint, Fingerprinter};

/// Good keys of slow hashes that are remembered, as keyed fingerprints.
const GOOD_MAX: usize = 1 << 16;
/// Bogus keys that are remembered: apart, so that they cannot push good ones out.
const BOGUS_MAX: usize = 1 << 12;
/// How long a bogus key is remembered.
const BOGUS_FOR: Duration = Duration::from_secs(60);

/// Shared by a provider and the one that replaces it at a reload.
pub struct KeyMemory {
    fingerprinter: Fingerprinter,
    good: Cache<Fingerprint, Box<str>>,
    bogus: Cache<Fingerprint, Bogus>,
    uses: KeyUses,
    observer: Option<Arc<dyn KeyObserver>>,
}

#[derive(Clone, Copy)]
struct Bogus {
    /// Which hashes it was held against.
    against: Fingerprint,
    until: Timestamp,
}

impl Default for KeyMemory {
    fn default() -> Self {
        Self {
            fingerprinter: Fingerprinter::new(),
            good: Cache::new(GOOD_MAX),
            bogus: Cache::new(BOGUS_MAX),
            uses: KeyUses::default(),
            observer: None,
        }
    }
}

impl KeyMemory {
    /// Knows nothing yet, and tells `observer` what keys do for the first time.
    pub fn observed_by(observer: Arc<dyn KeyObserver>) -> Self {
        Self {
            observer: Some(observer),
            ..Self::default()
        }
    }

    pub(super) fn observer(&self) -> Option<Arc<dyn KeyObserver>> {
        self.observer.clone()
    }

    /// The last uses of keys.
    pub fn uses(&self) -> &KeyUses {
        &self.uses
    }

    pub(super) fn fingerprint(&self, text: &str) -> Fingerprint {
        self.fingerprinter.of(text)
    }

    /// Which hash the key is known to fit.
    pub(super) fn key_id(&self, key: &Fingerprint) -> Option<Box<str>> {
        self.good.get(key)
    }

    /// Whether the key is known to fit none of the hashes `against`.
    pub(super) fn is_bogus(
        &self,
        key: &Fingerprint,
        (against, now): (Fingerprint, Timestamp),
    ) -> bool {
        self.bogus
            .get(key)
            .is_some_and(|bogus| bogus.against == against && now < bogus.until)
    }

    pub(super) fn remember_good(&self, key: Fingerprint, key_id: &str) {
        self.good.insert(key, key_id.into());
    }

    pub(super) fn remember_bogus(
        &self,
        key: Fingerprint,
        (against, now): (Fingerprint, Timestamp),
    ) {
        let until = now + BOGUS_FOR;
        self.bogus.insert(key, Bogus { against, until });
    }
}
