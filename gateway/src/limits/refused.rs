//! Who was refused by a rate limit not long ago: names for operators, kept only for the refused.

use std::fmt::Display;

use hashbrown::HashMap;
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use super::{LimitKey, Limits, TooManyRequests};

/// As many are remembered; further ones are not listed.
const REMEMBERED_MAX: usize = 1000;

/// For how long somebody is listed after the latest refusal.
const LISTED_FOR: SignedDuration = SignedDuration::from_mins(10);

/// Longest name that is kept, in characters.
const NAME_CHARS_MAX: usize = 256;

/// Whoever was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// By which limit.
    pub(crate) limit: &'static str,
    /// The key in its table.
    pub(crate) key: LimitKey,
    /// An address or a subject.
    pub(crate) who: String,
    /// How often since it is listed.
    pub(crate) count: u64,
    /// The latest time.
    pub(crate) last: Timestamp,
}

/// Those who were refused.
#[derive(Default)]
pub(super) struct RefusedTable(Mutex<HashMap<(&'static str, LimitKey), Refused>>);

impl RefusedTable {
    /// Whoever floods is known after the first time, and costs no more than a look-up then.
    fn note(&self, place: (&'static str, LimitKey), who: &dyn Display, now: Timestamp) {
        let mut table = self.0.lock();
        if let Some(known) = table.get_mut(&place) {
            known.count += 1;
            known.last = now;
            return;
        }
        if table.len() >= REMEMBERED_MAX {
            table.retain(|_, known| now.duration_since(known.last) <= LISTED_FOR);
        }
        if table.len() < REMEMBERED_MAX {
            let (limit, key) = place;
            let who = who.to_string().chars().take(NAME_CHARS_MAX).collect();
            table.insert(
                place,
                Refused {
                    limit,
                    key,
                    who,
                    count: 1,
                    last: now,
                },
            );
        }
    }
}

impl Limits {
    /// Remembers who was refused, by name.
    pub(crate) fn note(
        &self,
        exceeded: &TooManyRequests,
        (key, who): (LimitKey, &dyn Display),
        now: Timestamp,
    ) {
        self.refused.note((exceeded.limit, key), who, now);
    }

    /// Who was refused lately, the latest first.
    pub(crate) fn refused(&self, now: Timestamp) -> Vec<Refused> {
        let mut listed: Vec<Refused> = self.refused.0.lock().values().cloned().collect();
        listed.retain(|refused| now.duration_since(refused.last) <= LISTED_FOR);
        listed.sort_by_key(|refused| std::cmp::Reverse(refused.last));
        listed
    }

    /// Gives somebody who was refused the whole budget back; `false` if nobody is listed like that.
    pub(crate) fn restore(&self, limit: &str, key: LimitKey) -> bool {
        let mut refused = self.refused.0.lock();
        let before = refused.len();
        refused.retain(|(name, known), _| !(*name == limit && *known == key));
        let was_listed = refused.len() < before;
        if was_listed {
            for limiter in [&self.per_source, &self.per_subject, &self.handshakes]
                .into_iter()
                .flatten()
                .chain(self.per_identity.get(&key))
                .filter(|limiter| limiter.name == limit)
            {
                limiter.table.forget(key.0);
            }
        }
        was_listed
    }
}

impl LimitKey {
    /// As text, good for this process only.
    pub(crate) fn to_text(self) -> String {
        format!("{:016x}", self.0)
    }

    /// The key back from its text.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}
