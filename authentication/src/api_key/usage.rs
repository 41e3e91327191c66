//! When a key was last used: kept in memory to the minute, so that a request writes nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_lc_rs::digest;
use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::{RequestParts, SourcePrefix};

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
}

impl<'a> Caller<'a> {
    pub(super) fn of(request: &RequestParts<'a>) -> Self {
        Self {
            now: request.now,
            client: request.client,
            user_agent: request.headers.header("user-agent").unwrap_or_default(),
        }
    }
}

/// Where one key notes its uses.
#[derive(Debug, Default)]
pub(super) struct UseCell {
    minute: AtomicI64,
    latest: Mutex<Option<KeyUse>>,
}

impl KeyUses {
    /// Takes up what an earlier process wrote down.
    pub fn restore(&self, uses: impl IntoIterator<Item = (String, KeyUse)>) {
        for (key_id, known) in uses {
            *self.cell(&key_id).latest.lock() = Some(known);
        }
    }

    /// Every key that was used, by key id.
    pub fn snapshot(&self) -> Vec<(String, KeyUse)> {
        let cells = self.0.lock();
        let uses = cells
            .iter()
            .filter_map(|(key_id, cell)| Some((key_id.clone(), cell.latest.lock().clone()?)));
        uses.collect()
    }

    /// Forgets keys that are configured no longer.
    pub fn retain(&self, is_configured: impl Fn(&str) -> bool) {
        self.0.lock().retain(|key_id, _| is_configured(key_id));
    }

    pub(super) fn cell(&self, key_id: &str) -> Arc<UseCell> {
        Arc::clone(self.0.lock().entry(key_id.to_owned()).or_default())
    }
}

impl UseCell {
    /// Notes a use; within one minute only the first costs more than a comparison.
    pub(super) fn note(&self, caller: &Caller<'_>) {
        let minute = caller.now.as_second().div_euclid(60);
        if self.minute.load(Ordering::Relaxed) == minute
            || self.minute.swap(minute, Ordering::Relaxed) == minute
        {
            return;
        }
        let digest = digest::digest(&digest::SHA256, caller.user_agent.as_bytes());
        let digits = digest.as_ref().iter().take(4);
        *self.latest.lock() = Some(KeyUse {
            at: Timestamp::from_second(minute * 60).unwrap_or(caller.now),
            source: SourcePrefix::of(caller.client).to_string(),
            user_agent: digits.map(|byte| format!("{byte:02x}")).collect(),
        });
    }
}
