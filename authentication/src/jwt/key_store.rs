//! The keys of one issuer, as they are now: fetched at most once per cool-down, kept while the issuer is away.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use tokio::sync::{OwnedMutexGuard, Semaphore};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

use super::fetch::{Discovery, FetchFault, Fetcher};
use super::keys::{KeySet, KeySetFault, PublicKey};
use super::settings::{Algorithm, KeySettings};
use crate::BackendFault;

/// How many requests may wait for one issuer's keys.
const WAITING_MAX: usize = 4096;
/// How many key ids are remembered that an issuer did not have.
const UNKNOWN_MAX: usize = 1024;

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
    pace: Pace,
    started: AtomicU64,
    /// Number of the last fetch that came to an end.
    completed: AtomicU64,
    waiting: Semaphore,
    /// Key ids that the issuer did not have, and until when that is believed.
    unknown: Cache<String, Timestamp>,
    record: Mutex<FetchRecord>,
    /// Told which keys the issuer gave up.
    on_retired: OnceLock<RetirementHook>,
}

type Pace = Arc<tokio::sync::Mutex<Option<Instant>>>;

/// Hears which keys an issuer gave up; called once they verify nothing any more.
pub(super) type RetirementHook = Box<dyn Fn(&[String]) + Send + Sync>;

/// What happened to the fetches so far.
#[derive(Debug, Clone, Default)]
pub(super) struct FetchRecord {
    pub(super) last_success: Option<Timestamp>,
    pub(super) last_failure: Option<(Timestamp, FetchFault)>,
    /// Whether the last one failed, and how.
    pub(super) fault: Option<FetchFault>,
    pub(super) successes: u64,
    pub(super) failures: u64,
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
            pace: Pace::default(),
            started: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            waiting: Semaphore::new(WAITING_MAX),
            unknown: Cache::new(UNKNOWN_MAX),
            record: Mutex::default(),
            on_retired: OnceLock::new(),
        }
    }

    /// The key, if it is here and counts.
    pub(super) fn current(&self, key_id: &str, now: Timestamp) -> Option<Arc<PublicKey>> {
        self.is_usable(now)
            .then(|| self.keys.load().find(key_id).cloned())
            .flatten()
    }

    /// Whether the key of this id is here, whether it counts or not, and no other than in `before`.
    pub(super) fn still_holds(&self, key_id: &str, before: Option<&Self>) -> bool {
        let (keys, known) = (self.keys.load(), before.map(|before| before.keys.load()));
        let known = known.as_ref().and_then(|known| known.find(key_id));
        let key = keys.find(key_id);
        key.is_some_and(|key| known.is_none_or(|known| known.is_same(key)))
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

    /// Whether `other` would fetch the same keys in the same way, so that this one can stand in for it.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.is_from_place_of(other)
            && other.is_from_place_of(self)
            && self.algorithms == other.algorithms
            && self.settings == other.settings
    }

    /// Whether its keys come from where `other` would fetch them, too: then they count there, however they are fetched next.
    fn is_from_place_of(&self, other: &Self) -> bool {
        let (Some(here), Some(there)) = (&self.discovery, &other.discovery) else {
            return false;
        };
        self.issuer == other.issuer
            && here.url == there.url
            && here.hosts.iter().all(|host| there.hosts.contains(host))
    }

    /// Goes on with the keys of a predecessor, as long after they were fetched and for what is configured now.
    pub(super) fn go_on_from(&self, known: &Self) {
        if !known.is_from_place_of(self) || known.len() == 0 {
            return;
        }
        let record = known.record();
        let keys = known.keys.load().allowing(&self.algorithms);
        self.keys.store(Arc::new(keys));
        if let Ok(mut last_start) = self.pace.try_lock() {
            let known = known.pace.try_lock();
            // A fetch that goes on there has started just now.
            *last_start = known.map_or_else(|_| Some(Instant::now()), |known| *known);
        }
        if let Some(fetched) = record.last_success {
            self.count_since(fetched);
        }
        *self.record.lock() = record;
    }

    /// Whether they are all the keys there will ever be.
    pub(super) fn is_fixed(&self) -> bool {
        self.discovery.is_none()
    }

    /// Calls `hook` for keys that are given up from now on. The first hook stays.
    pub(super) fn watch(&self, hook: RetirementHook) {
        // A second one is of whoever took this store over together with its sessions.
        let _ = self.on_retired.set(hook);
    }

    /// What happened so far.
    pub(super) fn record(&self) -> FetchRecord {
        self.record.lock().clone()
    }

    /// The key, after the next permitted fetch if need be. All who wait share one fetch, which goes on without them.
    pub(super) async fn wait_for(
        self: &Arc<Self>,
        fetcher: &Arc<Fetcher>,
        key_id: &str,
        now: Timestamp,
    ) -> Result<Arc<PublicKey>, Missing> {
        if let Some(key) = self.current(key_id, now) {
            return Ok(key);
        }
        if self.discovery.is_none() || self.is_known_to_be_missing(key_id, now) {
            return Err(Missing::Unknown);
        }
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(Missing::Unavailable(BackendFault::Timeout));
        };
        let arrived = self.started.load(Ordering::Acquire);
        let work = self.fetch_once(fetcher, (key_id, arrived), now);
        let in_time = timeout(self.settings.timeout, work).await.is_ok();
        match self.current(key_id, now) {
            Some(key) => Ok(key),
            None if !in_time => Err(Missing::Unavailable(BackendFault::Timeout)),
            None => Err(self.missing(key_id, now)),
        }
    }

    fn is_known_to_be_missing(&self, key_id: &str, now: Timestamp) -> bool {
        self.is_usable(now) && self.unknown.get(key_id).is_some_and(|until| now < until)
    }

    /// Returns once a fetch that started after this request arrived has come to an end, or the key is here.
    async fn fetch_once(
        self: &Arc<Self>,
        fetcher: &Arc<Fetcher>,
        (key_id, arrived): (&str, u64),
        now: Timestamp,
    ) {
        let mut last_start = Arc::clone(&self.pace).lock_owned().await;
        if self.completed.load(Ordering::Acquire) > arrived || self.current(key_id, now).is_some() {
            return;
        }
        if let Some(last_start) = *last_start {
            sleep_until(last_start + self.settings.cool_down).await;
        }
        // A client that hangs up must not take the fetch with it: others wait for it.
        let (store, fetcher) = (Arc::clone(self), Arc::clone(fetcher));
        let fetch = async move { store.fetch(&fetcher, &mut last_start, now).await };
        if let Err(error) = tokio::spawn(fetch).await {
            warn!(jwt.issuer = %self.issuer, "A fetch of keys of issuer `{}` broke: {error}", self.issuer);
        }
    }

    fn missing(&self, key_id: &str, now: Timestamp) -> Missing {
        let fault = self.record.lock().fault.clone();
        match fault {
            Some(fault) => Missing::Unavailable(fault.backend_fault()),
            None if self.is_usable(now) => {
                self.unknown
                    .insert(key_id.to_owned(), now + self.settings.cool_down);
                Missing::Unknown
            }
            None => Missing::Unavailable(BackendFault::Timeout),
        }
    }

    /// Fetches if the keys are older than the refresh interval and nobody is at it.
    pub(super) async fn refresh_if_due(&self, fetcher: &Fetcher, now: Timestamp) {
        if self.discovery.is_none() {
            return;
        }
        let age = self
            .record
            .lock()
            .last_success
            .map(|then| now.duration_since(then));
        let due = age.is_none_or(|age| age >= signed(self.settings.refresh));
        let Ok(mut last_start) = Arc::clone(&self.pace).try_lock_owned() else {
            return;
        };
        let permitted = last_start.is_none_or(|start| start.elapsed() >= self.settings.cool_down);
        if due && permitted {
            self.fetch(fetcher, &mut last_start, now).await;
        }
    }

    async fn fetch(
        &self,
        fetcher: &Fetcher,
        last_start: &mut OwnedMutexGuard<Option<Instant>>,
        now: Timestamp,
    ) {
        let Some(discovery) = &self.discovery else {
            return;
        };
        **last_start = Some(Instant::now());
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
        let keys =
            KeySet::read(document, &self.algorithms, &previous).map_err(|fault| match fault {
                KeySetFault::Shape => FetchFault::Unreadable,
                KeySetFault::NoUsableKey => FetchFault::NoUsableKey,
            })?;
        self.install(&previous, keys);
        Ok(())
    }

    fn install(&self, previous: &KeySet, keys: KeySet) {
        let keys = Arc::new(keys);
        self.keys.store(Arc::clone(&keys));
        let retired = previous.hand_over(&keys);
        if !retired.is_empty() || previous.len() != keys.len() {
            self.generation.fetch_add(1, Ordering::AcqRel);
            info!(jwt.issuer = %self.issuer, keys = keys.len(), "The keys of issuer `{}` changed", self.issuer);
        }
        if let (false, Some(hook)) = (retired.is_empty(), self.on_retired.get()) {
            hook(&retired);
        }
    }

    fn succeed(&self, now: Timestamp) {
        self.count_since(now);
        let mut record = self.record.lock();
        record.last_success = Some(now);
        record.successes += 1;
        record.fault = None;
    }

    fn count_since(&self, fetched: Timestamp) {
        let kept = self.settings.max_stale.max(self.settings.refresh);
        let until = fetched.as_second().saturating_add(signed(kept).as_secs());
        self.usable_until.store(until, Ordering::Release);
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
        record.failures += 1;
        record.fault = Some(fault);
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
