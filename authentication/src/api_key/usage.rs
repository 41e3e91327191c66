//! When a key was last used and from how many networks: kept in memory, so that a request writes nothing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;
use jiff::Timestamp;
use parking_lot::Mutex;
use policies::Principal;
use serde::{Deserialize, Serialize};

use super::news::{KeyNews, KeyWatch};
use crate::{Purpose, RequestParts, SourcePrefix};

/// The last use of one key that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// When, to the minute.
    pub at: Timestamp,
    /// Where from.
    pub source: String,
    /// Eight digits of a digest of the client's `User-Agent`: tells clients apart, and says nothing else.
    pub user_agent: String,
}

/// The last uses of every key, by key id; outlives the provider, so that a reload forgets nothing.
#[derive(Debug, Default)]
pub struct KeyUses(Mutex<HashMap<String, Arc<UseCell>>>);

/// What of a request matters once its key is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) now: Timestamp,
    pub(super) client: Option<IpAddr>,
    user_agent: &'a str,
    purpose: Purpose,
}

impl<'a> Caller<'a> {
    pub(super) fn of(request: &RequestParts<'a>) -> Self {
        Self {
            now: request.now,
            client: request.client,
            user_agent: request.headers.header("user-agent").unwrap_or_default(),
            purpose: request.purpose,
        }
    }
}

/// Where one key notes its uses.
#[derive(Debug)]
pub(super) struct UseCell {
    /// The network and the minute of the last use: the same again is nothing new.
    recent: AtomicU64,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    latest: Option<KeyUse>,
    hour: i64,
    networks: Vec<Network>,
}

impl Default for UseCell {
    fn default() -> Self {
        Self {
            recent: AtomicU64::new(u64::MAX),
            known: Mutex::default(),
        }
    }
}

impl KeyUses {
    /// Takes up what an earlier process wrote down.
    pub fn restore(&self, uses: impl IntoIterator<Item = (String, KeyUse)>) {
        for (key_id, known) in uses {
            self.cell(&key_id).known.lock().latest = Some(known);
        }
    }

    /// Every key that was used, by key id.
    pub fn snapshot(&self) -> Vec<(String, KeyUse)> {
        let cells = self.0.lock();
        let uses = cells
            .iter()
            .filter_map(|(key_id, cell)| Some((key_id.clone(), cell.known.lock().latest.clone()?)));
        uses.collect()
    }

    /// When a key was last used; `None` if it never was.
    pub fn last_use(&self, key_id: &str) -> Option<Timestamp> {
        let cell = self.0.lock().get(key_id).cloned()?;
        let known = cell.known.lock();
        known.latest.as_ref().map(|latest| latest.at)
    }

    /// Forgets keys that no provider knows any longer.
    pub fn forget_removed(&self) {
        self.0.lock().retain(|_, cell| Arc::strong_count(cell) > 1);
    }

    pub(super) fn cell(&self, key_id: &str) -> Arc<UseCell> {
        Arc::clone(self.0.lock().entry(key_id.to_owned()).or_default())
    }
}

impl UseCell {
    /// Notes a use; from one network, only the first within a minute costs more than a comparison.
    pub(super) fn note(&self, (principal, caller): (&Principal, &Caller<'_>), watch: &KeyWatch) {
        if caller.purpose == Purpose::Explain {
            return;
        }
        let minute = caller.now.as_second().div_euclid(60);
        let network = Network::of(caller.client);
        let use_now = network.in_minute(minute);
        if self.recent.load(Ordering::Relaxed) == use_now
            || self.recent.swap(use_now, Ordering::Relaxed) == use_now
        {
            return;
        }
        let (is_first, networks) = self.known.lock().note((minute, network), caller);
        if is_first {
            watch.tell(&KeyNews::FirstSeen, principal, (caller.client, caller.now));
        }
        if let Some(networks) = networks.filter(|networks| *networks == watch.networks_max + 1) {
            let news = KeyNews::Shared { networks };
            watch.tell(&news, principal, (caller.client, caller.now));
        }
    }
}

impl Known {
    /// Whether it is the first use ever, and if the network is new within the hour, how many there are now.
    fn note(
        &mut self,
        (minute, network): (i64, Network),
        caller: &Caller<'_>,
    ) -> (bool, Option<usize>) {
        let at = Timestamp::from_second(minute * 60).unwrap_or(caller.now);
        let is_first = self.latest.is_none();
        if self.latest.as_ref().is_none_or(|latest| latest.at < at) {
            let digest = digest::digest(&digest::SHA256, caller.user_agent.as_bytes());
            let digits = digest.as_ref().iter().take(4);
            self.latest = Some(KeyUse {
                at,
                source: SourcePrefix::of(caller.client).to_string(),
                user_agent: digits.map(|byte| format!("{byte:02x}")).collect(),
            });
        }
        let hour = minute.div_euclid(60);
        if self.hour != hour {
            self.hour = hour;
            self.networks.clear();
        }
        if self.networks.contains(&network) || self.networks.len() > KeyWatch::NETWORKS_COUNTED {
            return (is_first, None);
        }
        self.networks.push(network);
        (is_first, Some(self.networks.len()))
    }
}

/// A site that somebody calls from: the /24 of an IPv4 address, the /48 of an IPv6 address, or this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network(u64);

impl Network {
    /// No address has these bits.
    const V4: u64 = 1 << 48;
    const UNIX: u64 = 1 << 49;
    /// What is left of a word for the minute.
    const MINUTE_BITS: u32 = 14;

    fn of(client: Option<IpAddr>) -> Self {
        Self(match client.map(|address| address.to_canonical()) {
            None => Self::UNIX,
            Some(IpAddr::V4(address)) => Self::V4 | u64::from(address.to_bits() >> 8),
            Some(IpAddr::V6(address)) => Self::site_of(address),
        })
    }

    fn site_of(address: Ipv6Addr) -> u64 {
        u64::try_from(address.to_bits() >> 80).unwrap_or_default()
    }

    fn in_minute(self, minute: i64) -> u64 {
        let minute = minute.rem_euclid(1 << Self::MINUTE_BITS);
        self.0 << Self::MINUTE_BITS | u64::try_from(minute).unwrap_or_default()
    }
}
