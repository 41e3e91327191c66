//! What becomes of keys: used for the first time, by too many, no longer; rotated, revoked.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use audit::{Actor, Auditor, Event, Method};
use authentication::api_key::{KeyNews, KeyObserver, KeyUses};
use authentication::{Revocation, RevocationChange, Revocations};
use jiff::Timestamp;
use policies::Principal;

use super::actor;
use crate::clock::Clock;
use crate::config::authentication::{ConfiguredKey, ConfiguredKeys};

/// Records what keys do for the first time.
pub(crate) struct KeyRecorder(pub(crate) Auditor);

impl KeyObserver for KeyRecorder {
    fn heard(
        &self,
        news: &KeyNews,
        principal: &Principal,
        (client, at): (Option<IpAddr>, Timestamp),
    ) {
        let actor = actor(principal);
        let event = match news {
            KeyNews::FirstSeen => Event::key_first_seen(at, actor),
            KeyNews::Shared { networks } => Event::key_shared(at, actor, *networks),
            KeyNews::SameSecret { other } => {
                let name = principal.credential().name.as_deref().unwrap_or_default();
                Event::key_duplicate_secret(at, actor, (name, other))
            }
        };
        // The provider does not see who stands between.
        self.0.record(event.from(audit::Source {
            address: client,
            peer: client,
            hops: 0,
        }));
    }
}

/// From now on, records what is revoked and what is no longer.
pub(crate) fn follow_revocations(
    revocations: &Revocations,
    auditor: &Auditor,
    clock: &Arc<dyn Clock>,
) {
    let (auditor, clock) = (auditor.clone(), Arc::clone(clock));
    let named = |revocation: &Revocation| (revocation.kind.as_str(), Arc::clone(&revocation.value));
    revocations.subscribe(Box::new(move |change| {
        auditor.record(match change {
            RevocationChange::Added(revocation) => {
                let (what, value) = named(revocation);
                let by = operator(&revocation.created_by);
                Event::revoked(revocation.created_at, (what, &value)).by(by)
            }
            RevocationChange::Removed(revocation) => {
                let (what, value) = named(revocation);
                Event::revocation_removed(clock.now(), (what, &value))
            }
        });
    }));
}

/// Operators with the password are all called `devops`, others by their subject.
fn operator(name: &Arc<str>) -> Actor {
    let method = match &**name {
        "devops" => Method::DevopsBasic,
        _ => Method::DevopsOauth2,
    };
    Actor::unknown(method).id(Arc::clone(name))
}

/// Records the keys that a change of the configuration brought to identities that had one, and those that it took away.
pub(crate) fn record_changes(
    auditor: &Auditor,
    (old, new): (&ConfiguredKeys, &ConfiguredKeys),
    now: Timestamp,
) {
    let (before, after) = (by_id(old), by_id(new));
    let had_a_key: HashSet<&str> = before.values().map(|key| key.identity.as_str()).collect();
    for (key_id, key) in &after {
        if !before.contains_key(key_id) && had_a_key.contains(key.identity.as_str()) {
            auditor.record(Event::key_rotated(now, actor_of(key)));
        }
    }
    for (key_id, key) in &before {
        if !after.contains_key(key_id) {
            auditor.record(Event::key_withdrawn(now, actor_of(key)));
        }
    }
}

fn by_id(keys: &ConfiguredKeys) -> BTreeMap<&str, &ConfiguredKey> {
    let keys = keys.keys.iter();
    keys.map(|key| (key.key_id.as_str(), key)).collect()
}

fn actor_of(key: &ConfiguredKey) -> Actor {
    let method = match key.is_legacy {
        true => Method::ApiKeyLegacy,
        false => Method::ApiKey,
    };
    Actor::unknown(method)
        .identity(key.identity.as_str())
        .id(key.id.as_str())
        .key_id(key.key_id.as_str())
}

/// Which keys nobody uses; each is told once by a process.
pub(crate) struct UnusedKeys {
    /// Keys of which nothing is known are looked at from here on.
    since: Timestamp,
    told: HashSet<String>,
}

impl UnusedKeys {
    pub(crate) fn since(now: Timestamp) -> Self {
        Self {
            since: now,
            told: HashSet::new(),
        }
    }

    /// The records to write now.
    pub(crate) fn look(
        &mut self,
        configured: &ConfiguredKeys,
        uses: &KeyUses,
        now: Timestamp,
    ) -> Vec<Event> {
        let ConfiguredKeys { keys, unused_after } = configured;
        self.told
            .retain(|told| keys.iter().any(|key| key.key_id == *told));
        let mut events = Vec::new();
        for key in keys {
            let last_use = uses.last_use(&key.key_id);
            let since = last_use.or(key.made_at).unwrap_or(self.since);
            let counts = key.expires_at.is_none_or(|end| now < end);
            if !counts || !is_past(since, *unused_after, now) {
                self.told.remove(&key.key_id);
            } else if self.told.insert(key.key_id.clone()) {
                events.push(Event::key_unused(now, actor_of(key), last_use));
            }
        }
        events
    }
}

fn is_past(since: Timestamp, after: Duration, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(since)).is_ok_and(|rested| rested >= after)
}

#[cfg(test)]
mod tests;
