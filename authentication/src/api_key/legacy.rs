//! Keys that name no id and have slow hashes: found by what is remembered, by their hint, or in the slow lane.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use super::hint::hint_of;
use super::idle_thread::Compute;
use super::index::{Entry, Index, digest_of};
use super::memory::KeyMemory;
use super::news::{KeyNews, KeyWatch};
use super::refusal::ApiKeyRefusal;
use super::settings::ApiKeySettings;
use super::slow_lane::{About, Busy, SlowLane, Work};
use super::usage::Caller;
use crate::fingerprint::Fingerprint;
use crate::guard::{Guard, GuardedMethod, Guess};
use crate::{AuthenticationError, SettingsError, SourcePrefix};

/// Fewer candidates than this are all tried, so that the time does not tell which of them it was.
const TRIED_ALL_BELOW: usize = 4;

/// Every key with a slow hash.
pub(super) struct LegacyKeys {
    keys: Vec<LegacyKey>,
    by_hint: HashMap<String, Vec<usize>>,
    unhinted: Vec<usize>,
    /// Which hashes these are.
    digest: Fingerprint,
    lane: SlowLane,
}

struct LegacyKey {
    entry: Arc<Entry>,
    /// The hint of one that was configured without, learnt when its key was first seen.
    learnt: Arc<OnceLock<String>>,
}

/// What is known before a hash is run.
pub(super) enum Lookup {
    /// The key fits this one.
    Known(Arc<Entry>),
    /// It fits none.
    Bogus,
    /// It may fit these.
    Candidates(Vec<usize>),
}

impl LegacyKeys {
    /// `None` if there is no such key: then nothing is started for them.
    pub(super) fn new(
        settings: &ApiKeySettings,
        index: &Index,
    ) -> Result<Option<Self>, SettingsError> {
        let slow = index.slow();
        if slow.is_empty() {
            return Ok(None);
        }
        let mut by_hint: HashMap<String, Vec<usize>> = HashMap::new();
        let mut unhinted = Vec::new();
        for (place, entry) in slow.iter().enumerate() {
            match &entry.hint {
                Some(hint) => by_hint.entry(hint.clone()).or_default().push(place),
                None => unhinted.push(place),
            }
        }
        if unhinted.len() > settings.unhinted_max {
            return Err(SettingsError::TooManyUnhinted {
                count: unhinted.len(),
                max: settings.unhinted_max,
            });
        }
        let lane = SlowLane::start(settings.slow_lane)
            .map_err(|source| SettingsError::SlowLane { source })?;
        Ok(Some(Self {
            digest: digest_of(&slow),
            keys: slow
                .into_iter()
                .map(|entry| LegacyKey {
                    entry,
                    learnt: Arc::default(),
                })
                .collect(),
            by_hint,
            unhinted,
            lane,
        }))
    }

    /// As many runs of a slow hash an unknown key costs, and about how long they take together.
    pub(super) fn cost_per_unknown_key(&self) -> (usize, Duration) {
        let unhinted = self
            .unhinted
            .iter()
            .filter_map(|place| self.keys.get(*place));
        let cost = unhinted
            .map(|key| key.entry.verifier.estimated_cost())
            .sum();
        (self.unhinted.len(), cost)
    }

    /// What is known of the key; cheap.
    pub(super) fn look_up(
        &self,
        key: &str,
        (memory, index, now): (&KeyMemory, &Index, Timestamp),
    ) -> (Fingerprint, Lookup) {
        let fingerprint = memory.fingerprint(key);
        if let Some(key_id) = memory.key_id(&fingerprint)
            && let Some(entry) = index.get(&key_id)
        {
            return (fingerprint, Lookup::Known(Arc::clone(entry)));
        }
        if memory.is_bogus(&fingerprint, (self.digest, now)) {
            return (fingerprint, Lookup::Bogus);
        }
        let candidates = self.candidates(key);
        if candidates.is_empty() {
            return (fingerprint, Lookup::Bogus);
        }
        (fingerprint, Lookup::Candidates(candidates))
    }

    /// Hashes the key in the slow lane, unless its source has to wait.
    pub(super) async fn hash(
        &self,
        (key, fingerprint, candidates): (&str, Fingerprint, Vec<usize>),
        (memory, watch): (&KeyMemory, &KeyWatch),
        (guard, caller): (&Guard, &Caller<'_>),
    ) -> Result<Arc<Entry>, AuthenticationError> {
        let guess = Guess {
            source: SourcePrefix::of(caller.client),
            method: GuardedMethod::SlowApiKey,
            identity: None,
        };
        if let Some(retry_after) = guard.wait_of(&guess, caller.now) {
            return Err(AuthenticationError::TooManyFailures { retry_after });
        }
        let busy = |_: Busy| AuthenticationError::SlowLaneFull;
        let work = Work {
            about: About {
                key: fingerprint,
                source: guess.source,
                is_suspect: guard.has_failed(&guess, caller.now),
            },
            runs: u32::try_from(candidates.len()).unwrap_or(u32::MAX),
            search: self.search(
                (key, candidates),
                watch.clone(),
                (caller.client, caller.now),
            ),
        };
        let verdict = self.lane.submit(work).map_err(busy)?.await;
        let place = verdict.unwrap_or(Err(Busy)).map_err(busy)?;
        match place.and_then(|place| self.keys.get(place)) {
            Some(found) => {
                memory.remember_good(fingerprint, found.entry.verifier.key_id());
                Ok(Arc::clone(&found.entry))
            }
            None => {
                memory.remember_bogus(fingerprint, (self.digest, caller.now));
                Err(AuthenticationError::ApiKeyRefused {
                    refusal: ApiKeyRefusal::WrongLegacyKey,
                    key_id: None,
                })
            }
        }
    }

    /// The places of the hashes that the key may fit.
    fn candidates(&self, key: &str) -> Vec<usize> {
        let hint = hint_of(key);
        let hinted = self.by_hint.get(&hint).into_iter().flatten().copied();
        let may_fit = |place: &usize| {
            let learnt = self.keys.get(*place).and_then(|key| key.learnt.get());
            learnt.is_none_or(|learnt| *learnt == hint)
        };
        hinted
            .chain(self.unhinted.iter().copied().filter(may_fit))
            .collect()
    }

    /// The work that finds which of the candidates the key fits, and learns its hint.
    fn search(
        &self,
        (key, candidates): (&str, Vec<usize>),
        watch: KeyWatch,
        from: (Option<IpAddr>, Timestamp),
    ) -> Compute<Option<usize>> {
        let key = SecretString::from(key);
        let tries_all = candidates.len() < TRIED_ALL_BELOW;
        let candidates: Vec<_> = candidates
            .into_iter()
            .filter_map(|place| {
                let key = self.keys.get(place)?;
                Some((place, Arc::clone(&key.entry), Arc::clone(&key.learnt)))
            })
            .collect();
        Arc::new(move || {
            let mut found: Option<(usize, &Entry)> = None;
            for (place, entry, learnt) in &candidates {
                if !entry.verifier.verify(key.expose_secret()) {
                    continue;
                }
                if let Some((_, first)) = found {
                    tracing::error!(
                        audit.reason = "duplicate_secret",
                        "One API key fits the identities `{}` and `{}`: give each its own",
                        first.identity,
                        entry.identity
                    );
                    let other = entry.identity.clone();
                    watch.tell(&KeyNews::SameSecret { other }, &first.principal, from);
                    continue;
                }
                let _ = learnt.set(hint_of(key.expose_secret()));
                found = Some((*place, entry));
                if !tries_all {
                    break;
                }
            }
            found.map(|(place, _)| place)
        })
    }
}
