//! The keys of one issuer, as they are now: fetched at most once per cool-down, kept while the issuer is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

use super::fetch::{Discovery, FetchFault, Fetcher};
use super::keys::{KeySet, PublicKey};
use super::settings::{Algorithm, KeySettings};
use crate::BackendFault;

/// How many requests may wait for one issuer's keys.
const WAITING_MAX: usize = 4096;

/// The current keys of one issuer.
pub(super) struct KeyStore {
    issuer: String,
    algorithms: Vec<Algorithm>,
    settings: KeySettings,
    /// `None` for keys from a file.
    discovery: Option<Discovery>,
    keys: ArcSwap<KeySet>,
    /// Unix second until which the keys count without a further fetch.
    usable_until: AtomicI64,
    /// Grows whenever the keys change.
    generation: AtomicU64,
    /// When the last fetch started; held during a fetch.
    pace: tokio::sync::Mutex<Option<Instant>>,
    started: AtomicU64,
    /// Number of the last fetch that came to an end.
    completed: AtomicU64,
    waiting: Semaphore,
    record: Mutex<FetchRecord>,
}

/// What happened to the fetches so far.
#[derive(Debug, Clone, Default)]
pub(super) struct FetchRecord {
    pub(super) last_success: Option<Timestamp>,
    pub(super) last_failure: Option<(Timestamp, FetchFault)>,
    /// Whether the last one failed, and how.
    pub(super) fault: Option<FetchFault>,
}

/// No key of this id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// The issuer has none.
    Unknown,
    /// Nobody can say.
    Unavailable(BackendFault),
}

impl KeyStore {
    /// Keys that are fetched when they are first needed.
    pub(super) fn discovered(
        issuer: &str,
        discovery: Discovery,
        algorithms: &[Algorithm],
        settings: &KeySettings,
    ) -> Self {
        Self::new(issuer, Some(discovery), algorithms, settings)
    }

    /// Keys that never change. `None` if there is no usable key in the document.
    pub(super) fn fixed(
        issuer: &str,
        document: &[u8],
        algorithms: &[Algorithm],
        settings: &KeySettings,
    ) -> Option<Self> {
        let store = Self::new(issuer, None, algorithms, settings);
        let keys = KeySet::read(document, algorithms, &KeySet::default()).ok()?;
        if keys.len() == 0 {
            return None;
        }
        store.keys.store(Arc::new(keys));
        store.usable_until.store(i64::MAX, Ordering::Release);
        Some(store)
    }

    fn new(
        issuer: &str,
        discovery: Option<Discovery>,
        algorithms: &[Algorithm],
        settings: &KeySettings,
    ) -> Self {
        Self {
            issuer: issuer.to_owned(),
            algorithms: algorithms.to_vec(),
            settings: settings.clone(),
            discovery,
            keys: ArcSwap::default(),
            usable_until: AtomicI64::new(i64::MIN),
            generation: AtomicU64::new(0),
            pace: tokio::sync::Mutex::new(None),
            started: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            waiting: Semaphore::new(WAITING_MAX),
            record: Mutex::default(),
        }
    }

    /// The key, if it is here and counts.
    pub(super) fn current(&self, key_id: &str, now: Timestamp) -> Option<Arc<PublicKey>> {
        self.is_usable(now)
            .then(|| self.keys.load().find(key_id).cloned())
            .flatten()
    }

    /// Whether what is here counts: fetched not too long ago.
    pub(super) fn is_usable(&self, now: Timestamp) -> bool {
        now.as_second() < self.usable_until.load(Ordering::Acquire)
    }

    /// Grows whenever the keys change: what was concluded from a missing key counts no longer.
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// How many keys are here.
    pub(super) fn len(&self) -> usize {
        self.keys.load().len()
    }

    /// What happened so far.
    pub(super) fn record(&self) -> FetchRecord {
        self.record.lock().clone()
    }

    /// The key, after the next permitted fetch if need be. All who wait share one fetch.
    pub(super) async fn wait_for(
        &self,
        fetcher: &Fetcher,
        key_id: &str,
        now: Timestamp,
    ) -> Result<Arc<PublicKey>, Missing> {
        if let Some(key) = self.current(key_id, now) {
            return Ok(key);
        }
        let Some(discovery) = &self.discovery else {
            return Err(Missing::Unknown);
        };
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(Missing::Unavailable(BackendFault::Timeout));
        };
        let arrived = self.started.load(Ordering::Acquire);
        if let Ok(mut pace) = timeout(self.settings.timeout, self.turn(key_id, now, arrived)).await
            && let Some(last_start) = pace.as_deref_mut()
        {
            self.fetch(fetcher, discovery, last_start, now).await;
        }
        self.current(key_id, now).ok_or_else(|| self.missing(now))
    }

    /// Waits until this request may fetch; `None` if somebody else fetched after it came, or the key is here.
    async fn turn(
        &self,
        key_id: &str,
        now: Timestamp,
        arrived: u64,
    ) -> Option<tokio::sync::MutexGuard<'_, Option<Instant>>> {
        let pace = self.pace.lock().await;
        if self.completed.load(Ordering::Acquire) > arrived || self.current(key_id, now).is_some() {
            return None;
        }
        if let Some(last_start) = *pace {
            sleep_until(last_start + self.settings.cool_down).await;
        }
        Some(pace)
    }

    fn missing(&self, now: Timestamp) -> Missing {
        let record = self.record.lock();
        match &record.fault {
            Some(fault) => Missing::Unavailable(fault.backend_fault()),
            None if self.is_usable(now) => Missing::Unknown,
            None => Missing::Unavailable(BackendFault::Timeout),
        }
    }

    /// Fetches if the keys are older than the refresh interval and nobody is at it.
    pub(super) async fn refresh_if_due(&self, fetcher: &Fetcher, now: Timestamp) {
        let Some(discovery) = &self.discovery else {
            return;
        };
        let age = self
            .record
            .lock()
            .last_success
            .map(|then| now.duration_since(then));
        let due = age.is_none_or(|age| age >= signed(self.settings.refresh));
        let Ok(mut last_start) = self.pace.try_lock() else {
            return;
        };
        let permitted = last_start.is_none_or(|start| start.elapsed() >= self.settings.cool_down);
        if due && permitted {
            self.fetch(fetcher, discovery, &mut last_start, now).await;
        }
    }

    async fn fetch(
        &self,
        fetcher: &Fetcher,
        discovery: &Discovery,
        last_start: &mut Option<Instant>,
        now: Timestamp,
    ) {
        *last_start = Some(Instant::now());
        let number = self.started.fetch_add(1, Ordering::AcqRel) + 1;
        let result = fetcher
            .keys(discovery)
            .await
            .and_then(|document| self.replace(&document));
        match result {
            Ok(()) => self.succeed(now),
            Err(fault) => self.fail(fault, now),
        }
        self.completed.store(number, Ordering::Release);
    }

    fn replace(&self, document: &[u8]) -> Result<(), FetchFault> {
        let previous = self.keys.load_full();
        let keys = KeySet::read(document, &self.algorithms, &previous)
            .map_err(|_| FetchFault::Unreadable)?;
        self.install(&previous, keys);
        Ok(())
    }

    fn install(&self, previous: &KeySet, keys: KeySet) {
        let keys = Arc::new(keys);
        self.keys.store(Arc::clone(&keys));
        if previous.hand_over(&keys) {
            self.generation.fetch_add(1, Ordering::AcqRel);
            info!(jwt.issuer = %self.issuer, keys = keys.len(), "The keys of issuer `{}` changed", self.issuer);
        }
    }

    fn succeed(&self, now: Timestamp) {
        let kept = self.settings.max_stale.max(self.settings.refresh);
        let until = now.as_second().saturating_add(signed(kept).as_secs());
        self.usable_until.store(until, Ordering::Release);
        let mut record = self.record.lock();
        record.last_success = Some(now);
        record.fault = None;
    }

    /// Keeps the keys, unless the place turned out to belong to another issuer.
    fn fail(&self, fault: FetchFault, now: Timestamp) {
        warn!(
            jwt.issuer = %self.issuer,
            reason = %fault,
            "Fetching the keys of issuer `{}` failed, keeping the previous keys",
            self.issuer
        );
        if fault == FetchFault::IssuerMismatch {
            self.install(&self.keys.load_full(), KeySet::default());
            self.usable_until.store(i64::MIN, Ordering::Release);
        }
        let mut record = self.record.lock();
        record.last_failure = Some((now, fault.clone()));
        record.fault = Some(fault);
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
