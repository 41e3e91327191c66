//! Revocations in the journal, and the end of the sessions that they concern.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use authentication::{
    Revocation, RevocationId, RevocationStore, Revocations, StoreFailure, StoreFuture,
};
use bytes::Bytes;
use jiff::Timestamp;
use journal::{Append, AppendError, EntityKey, EntityKind, Journal, Memo, StoreError};

use crate::config::Config;

/// Reads what is revoked from the journal; without knowing that, nobody may be admitted.
pub(super) fn open(config: &Config, journal: Arc<dyn Journal>) -> anyhow::Result<Arc<Revocations>> {
    let store = Arc::new(InJournal(journal));
    let revocations = Revocations::open(store, token_lifetime_max(config));
    Ok(Arc::new(revocations.context("the revocations")?))
}

/// How long after its issue a token can count, be it a caller's or an operator's, with the tolerance for clocks on both ends.
pub(crate) fn token_lifetime_max(config: &Config) -> Duration {
    let callers = config.auth.providers().map(|settings| {
        let oauth = &settings.oauth;
        oauth.max_token_lifetime.duration() + 2 * oauth.allowed_clock_skew.duration()
    });
    let oauth = &config.devops.oauth;
    let operators = oauth.max_token_lifetime.duration() + 2 * oauth.allowed_clock_skew.duration();
    callers.unwrap_or_default().max(operators)
}

/// One entity per revocation, its state as JSON.
struct InJournal(Arc<dyn Journal>);

/// How many are read at a time.
const BATCH: usize = 1000;
/// How often a write is tried anew after another one of the same entity came first.
const ATTEMPTS_MAX: usize = 8;

impl InJournal {
    fn append(
        &self,
        id: &RevocationId,
        state: Option<Bytes>,
        now: Timestamp,
    ) -> Result<Option<Append>, StoreFailure> {
        let entity = EntityKey::new(EntityKind::Revocation, id.as_str());
        let known = self.0.entity(&entity).map_err(failure)?;
        let is_there = known.as_ref().is_some_and(|known| known.state.is_some());
        if state.is_none() && !is_there {
            return Ok(None);
        }
        Ok(Some(Append {
            entity,
            expected_revision: known.map_or(0, |known| known.revision),
            timestamp: now,
            signal: state.clone().unwrap_or_default(),
            signal_memo: Memo::default(),
            state,
            state_memo: Memo::default(),
        }))
    }

    /// Writes all of these at once, with whatever revision they have at that moment.
    async fn write(
        &self,
        changes: &[(&RevocationId, Option<Bytes>)],
        now: Timestamp,
    ) -> Result<(), StoreFailure> {
        for _ in 0..ATTEMPTS_MAX {
            let appends = changes
                .iter()
                .filter_map(|(id, state)| self.append(id, state.clone(), now).transpose())
                .collect::<Result<Vec<_>, _>>()?;
            if appends.is_empty() {
                return Ok(());
            }
            match self.0.append(appends).await {
                Ok(_) => return Ok(()),
                Err(AppendError::Conflict { .. }) => {}
                Err(error @ AppendError::Store(_)) => return Err(failure(error)),
            }
        }
        Err(StoreFailure("somebody else keeps changing it".into()))
    }
}

impl RevocationStore for InJournal {
    fn load(&self) -> Result<Vec<Revocation>, StoreFailure> {
        let mut revocations = Vec::new();
        let mut after: Option<Arc<str>> = None;
        loop {
            let batch = self
                .0
                .entities(EntityKind::Revocation, after.as_deref(), BATCH)
                .map_err(failure)?;
            let is_last = batch.len() < BATCH;
            for (key, entity) in batch {
                if let Some(state) = &entity.state {
                    revocations.push(serde_json::from_slice(state).map_err(damaged)?);
                }
                after = Some(key.id);
            }
            if is_last {
                return Ok(revocations);
            }
        }
    }

    fn put<'a>(&'a self, revocations: &'a [Arc<Revocation>], now: Timestamp) -> StoreFuture<'a> {
        Box::pin(async move {
            let states = revocations.iter().map(|revocation| {
                let state = serde_json::to_vec(revocation).map_err(failure)?;
                Ok((&revocation.id, Some(state.into())))
            });
            let states: Vec<_> = states.collect::<Result<_, StoreFailure>>()?;
            self.write(&states, now).await
        })
    }

    fn delete<'a>(&'a self, ids: &'a [&'a RevocationId], now: Timestamp) -> StoreFuture<'a> {
        Box::pin(async move {
            let changes: Vec<_> = ids.iter().map(|id| (*id, None)).collect();
            self.write(&changes, now).await
        })
    }
}

fn damaged(error: serde_json::Error) -> StoreFailure {
    failure(StoreError::Damaged {
        reason: format!("a revocation: {error}"),
    })
}

fn failure(error: impl std::error::Error + Send + Sync + 'static) -> StoreFailure {
    StoreFailure(Box::new(error))
}
