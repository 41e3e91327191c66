//! Keys that were good before, so that no hash is computed for them again: facts, never verdicts.
//!
//! What is remembered ends with the provider, which every change of identities, keys or permission sets replaces.
//! Whether a key counts now (its time, its source, whether it was revoked) is asked of its entry on every request.

use std::sync::Arc;

use quick_cache::sync::Cache;

use super::index::Entry;
use crate::fingerprint::{Fingerprint, TokenFingerprinter};

/// One text at most fits each hash, so that there is room for all of them.
const ROOM_MIN: usize = 64;

/// Which key stands behind a text, as a keyed fingerprint: the text itself is not kept.
pub(super) struct VerifiedKeys {
    fingerprinter: TokenFingerprinter,
    entries: Cache<Fingerprint, Arc<Entry>>,
}

impl VerifiedKeys {
    /// For as many keys as are configured.
    pub(super) fn new(keys: usize) -> Self {
        Self {
            fingerprinter: TokenFingerprinter::new(),
            entries: Cache::new((2 * keys).max(ROOM_MIN)),
        }
    }

    /// The fingerprint of a key, and what the key is known to be.
    pub(super) fn recall(&self, key: &str) -> (Fingerprint, Option<Arc<Entry>>) {
        let fingerprint = self.fingerprinter.of(key);
        (fingerprint, self.entries.get(&fingerprint))
    }

    /// Only for a key whose hash was just computed and is that of `entry`.
    pub(super) fn remember(&self, fingerprint: Fingerprint, entry: &Arc<Entry>) {
        self.entries.insert(fingerprint, Arc::clone(entry));
    }
}
