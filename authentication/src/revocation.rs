//! What was taken back before its time: tokens, keys, subjects, issuers.
//!
//! Durable before it is acknowledged, then consulted on every request from memory. Whoever keeps sessions open
//! subscribes, so that it can end those of the revoked.

mod index;
mod model;
mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use parking_lot::Mutex;
use policies::Principal;
use tracing::info;

use index::Index;
pub use model::{
    NewRevocation, Revocation, RevocationError, RevocationId, RevocationKind, UnknownRevocationKind,
};
pub use store::{RevocationStore, StoreFailure, StoreFuture};

/// Everything that is revoked now.
pub struct Revocations {
    store: Arc<dyn RevocationStore>,
    index: ArcSwap<Index>,
    /// Whether anything is revoked: what a request costs while nothing is.
    any: AtomicBool,
    /// How long a token can count after its issue, in seconds: the most since the process started.
    retention: AtomicI64,
    /// Changes come one after the other.
    changing: tokio::sync::Mutex<()>,
    subscribers: Mutex<Vec<RevocationSubscriber>>,
}

/// Hears of every change once it is in force; it must hand it on and return.
pub type RevocationSubscriber = Box<dyn Fn(&RevocationChange) + Send + Sync>;

/// What changed.
#[derive(Debug, Clone)]
pub enum RevocationChange {
    /// Something was revoked, or revoked more widely.
    Added(Arc<Revocation>),
    /// Something is revoked no longer: an operator said so, or nothing is left that it could refuse.
    Removed(Arc<Revocation>),
}

impl Revocations {
    /// The most that can be revoked at once.
    pub const ENTRIES_MAX: usize = 100_000;

    /// Reads what `store` holds. `token_lifetime_max` is how long a token can count after its issue, the tolerance for
    /// clocks included: revoked tokens are remembered for as long.
    ///
    /// # Errors
    ///
    /// [`RevocationError::Store`]: without knowing what is revoked nobody may be admitted.
    pub fn open(
        store: Arc<dyn RevocationStore>,
        token_lifetime_max: Duration,
    ) -> Result<Self, RevocationError> {
        let index = Index::of(store.load()?.into_iter().map(Arc::new));
        Ok(Self {
            any: AtomicBool::new(!index.is_empty()),
            index: ArcSwap::from_pointee(index),
            retention: AtomicI64::new(whole_seconds(token_lifetime_max)),
            changing: tokio::sync::Mutex::default(),
            subscribers: Mutex::default(),
            store,
        })
    }

    /// Whether the credential of `principal` was taken back, and by what.
    pub fn revokes(&self, principal: &Principal) -> Option<RevocationId> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        self.index
            .load()
            .find(principal)
            .map(|revocation| revocation.id.clone())
    }

    /// Everything, in the order of the ids.
    pub fn list(&self) -> Vec<Arc<Revocation>> {
        self.index.load().all().cloned().collect()
    }

    /// How much is revoked.
    pub fn len(&self) -> usize {
        self.index.load().len()
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        !self.any.load(Ordering::Acquire)
    }

    /// Revokes; what is said twice about one thing adds up, so that saying more never takes anything back.
    ///
    /// # Errors
    ///
    /// [`RevocationError`] if the value cannot be meant, there is no room, or the store failed: then nothing changed.
    pub async fn add(
        &self,
        new: NewRevocation,
        now: Timestamp,
    ) -> Result<Arc<Revocation>, RevocationError> {
        let revocation = new.check(now, self.retention.load(Ordering::Relaxed))?;
        let _one_by_one = self.changing.lock().await;
        let known = self.index.load_full();
        let revocation = Arc::new(match known.of_id(&revocation.id) {
            Some(before) => revocation.added_to(before),
            None if known.len() >= Self::ENTRIES_MAX => return Err(RevocationError::TooMany),
            None => revocation,
        });
        self.store
            .put(std::slice::from_ref(&revocation), now)
            .await?;
        self.replace(known.with([Arc::clone(&revocation)]));
        info!(
            revocation.id = %revocation.id,
            revocation.kind = revocation.kind.as_str(),
            "Revoked by `{}`", revocation.created_by
        );
        self.tell(&RevocationChange::Added(Arc::clone(&revocation)));
        Ok(revocation)
    }

    /// Takes a revocation back; `None` if there is no such.
    ///
    /// # Errors
    ///
    /// [`RevocationError::Store`]; then it is still in force.
    pub async fn remove(
        &self,
        id: &RevocationId,
        now: Timestamp,
    ) -> Result<Option<Arc<Revocation>>, RevocationError> {
        let _one_by_one = self.changing.lock().await;
        let known = self.index.load_full();
        let Some(revocation) = known.of_id(id).cloned() else {
            return Ok(None);
        };
        self.forget(&known, std::slice::from_ref(&revocation), now)
            .await?;
        Ok(Some(revocation))
    }

    /// Forgets what can refuse nothing any more; says how much that was. Run it now and then.
    ///
    /// # Errors
    ///
    /// [`RevocationError::Store`]; then all of it is still known, which refuses nobody who should pass.
    pub async fn drop_expired(&self, now: Timestamp) -> Result<usize, RevocationError> {
        if self.is_empty() {
            return Ok(0);
        }
        let _one_by_one = self.changing.lock().await;
        self.keep_longer(now).await?;
        let known = self.index.load_full();
        let expired: Vec<_> = known
            .all()
            .filter(|revocation| revocation.is_over(now))
            .cloned()
            .collect();
        if !expired.is_empty() {
            self.forget(&known, &expired, now).await?;
        }
        Ok(expired.len())
    }

    /// Follows a change of the configuration. What is revoked stays revoked for the longest lifetime that was ever
    /// configured while it was known: a shorter one may be taken back while the token could still count.
    pub fn set_token_lifetime_max(&self, token_lifetime_max: Duration) {
        self.retention
            .fetch_max(whole_seconds(token_lifetime_max), Ordering::Relaxed);
    }

    /// Adds a subscriber for every change from now on.
    pub fn subscribe(&self, subscriber: RevocationSubscriber) {
        self.subscribers.lock().push(subscriber);
    }

    async fn keep_longer(&self, now: Timestamp) -> Result<(), RevocationError> {
        let retention = self.retention.load(Ordering::Relaxed);
        let known = self.index.load_full();
        let longer = known.all().filter_map(|known| known.kept_for(retention));
        let longer: Vec<_> = longer.map(Arc::new).collect();
        if !longer.is_empty() {
            self.store.put(&longer, now).await?;
            self.replace(known.with(longer));
        }
        Ok(())
    }

    async fn forget(
        &self,
        known: &Index,
        gone: &[Arc<Revocation>],
        now: Timestamp,
    ) -> Result<(), RevocationError> {
        let ids: Vec<_> = gone.iter().map(|revocation| &revocation.id).collect();
        self.store.delete(&ids, now).await?;
        self.replace(known.without(&ids));
        for revocation in gone {
            info!(revocation.id = %revocation.id, "No longer revoked");
            self.tell(&RevocationChange::Removed(Arc::clone(revocation)));
        }
        Ok(())
    }

    fn replace(&self, index: Index) {
        let any = !index.is_empty();
        self.index.store(Arc::new(index));
        self.any.store(any, Ordering::Release);
    }

    fn tell(&self, change: &RevocationChange) {
        for subscriber in self.subscribers.lock().iter() {
            subscriber(change);
        }
    }
}

fn whole_seconds(duration: Duration) -> i64 {
    // Rounded up: rather a second too long.
    i64::try_from(duration.as_secs()).map_or(i64::MAX / 2, |seconds| seconds + 1)
}

#[cfg(test)]
mod tests;
