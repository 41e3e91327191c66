//! Who may ask how often: one budget for HTTP requests, handshakes and inbound frames.
//!
//! Keys are hashes with a seed of this process, tables are bounded, and a full table makes new keys share coarse
//! buckets instead of evicting known ones.

mod exceeded;
mod peek;
mod refused;
mod streams;
mod table;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, QuantaClock, QuantaInstant};
use governor::middleware::NoOpMiddleware;
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;
use policies::{Credential, Principal, ProviderKind};

pub(crate) use exceeded::TooManyRequests;
pub(crate) use peek::Budget;
use refused::RefusedTable;
pub(crate) use streams::{StreamPermit, StreamSlots};
use table::{Ask, BoundedTable, SharedTable};

/// So many keys have a state of their own; about 40 bytes each.
const KEYS_MAX: usize = 1 << 18;

/// `requests` per `window`, with a burst of `burst`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RateLimit {
    /// Units that refill within one window.
    pub(crate) requests: NonZeroU32,
    /// How long they take to refill.
    pub(crate) window: Duration,
    /// Units that may come at once.
    pub(crate) burst: NonZeroU32,
}

/// What is limited; `None` is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitSettings {
    /// Per client address: IPv4 address or IPv6 /64.
    pub(crate) per_source: Option<RateLimit>,
    /// Per authenticated caller.
    pub(crate) per_subject: Option<RateLimit>,
    /// Per identity by name, instead of what holds for every caller.
    pub(crate) per_identity: Vec<(String, RateLimit)>,
    /// Handshakes of streams per client address.
    pub(crate) handshakes_per_source: Option<RateLimit>,
    /// Open streams per authenticated caller.
    pub(crate) streams_per_subject: Option<usize>,
    /// Open streams per client address.
    pub(crate) streams_per_source: Option<usize>,
    /// Requests per authenticated caller that wait for others.
    pub(crate) waiting_per_subject: Option<usize>,
    /// Requests per client address that wait for others.
    pub(crate) waiting_per_source: Option<usize>,
}

/// All limiters of the public edge.
pub(crate) struct Limits {
    seed: RandomState,
    per_source: Option<Arc<Limiter>>,
    per_subject: Option<Arc<Limiter>>,
    handshakes: Option<Arc<Limiter>>,
    per_identity: HashMap<LimitKey, Arc<Limiter>>,
    streams_per_source: Option<StreamSlots>,
    streams_per_subject: Option<StreamSlots>,
    waiting_per_source: Option<StreamSlots>,
    waiting_per_subject: Option<StreamSlots>,
    refused: Arc<RefusedTable>,
}

/// A caller as limits see it: a hash, good for this process only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct LimitKey(u64);

impl LimitKey {
    /// Stands for both keys together.
    pub(crate) fn mixed_with(self, other: Self) -> u64 {
        self.0 ^ other.0.rotate_left(32)
    }
}

impl Limits {
    /// The name of the limit on handshakes of streams.
    pub(crate) const HANDSHAKES: &'static str = "handshakes";
    /// The name of the limit on requests of one source that wait for others.
    pub(crate) const WAITING_PER_SOURCE: &'static str = "waiting per source";
    /// The name of the limit on requests of one caller that wait for others.
    pub(crate) const WAITING_PER_SUBJECT: &'static str = "waiting per subject";

    pub(crate) fn new(settings: LimitSettings) -> Self {
        Self {
            seed: RandomState::new(),
            per_source: None,
            per_subject: None,
            per_identity: HashMap::new(),
            handshakes: None,
            streams_per_source: None,
            streams_per_subject: None,
            waiting_per_source: None,
            waiting_per_subject: None,
            refused: Arc::default(),
        }
        .renewed(settings)
    }

    /// The same with other limits: what is limited as before goes on counting, and streams that are open stay counted.
    pub(crate) fn renewed(&self, settings: LimitSettings) -> Self {
        Self {
            seed: self.seed.clone(),
            per_source: Limiter::renewed(&self.per_source, "source", settings.per_source),
            per_subject: Limiter::renewed(&self.per_subject, "subject", settings.per_subject),
            per_identity: self.identities_renewed(settings.per_identity),
            handshakes: Limiter::renewed(
                &self.handshakes,
                Self::HANDSHAKES,
                settings.handshakes_per_source,
            ),
            streams_per_source: StreamSlots::renewed(
                &self.streams_per_source,
                "source",
                settings.streams_per_source,
            ),
            streams_per_subject: StreamSlots::renewed(
                &self.streams_per_subject,
                "subject",
                settings.streams_per_subject,
            ),
            waiting_per_source: StreamSlots::renewed(
                &self.waiting_per_source,
                Self::WAITING_PER_SOURCE,
                settings.waiting_per_source,
            ),
            waiting_per_subject: StreamSlots::renewed(
                &self.waiting_per_subject,
                Self::WAITING_PER_SUBJECT,
                settings.waiting_per_subject,
            ),
            refused: Arc::clone(&self.refused),
        }
    }

    fn identities_renewed(
        &self,
        limits: Vec<(String, RateLimit)>,
    ) -> HashMap<LimitKey, Arc<Limiter>> {
        let renewed = limits.into_iter().filter_map(|(name, limit)| {
            let key = identity_key(&self.seed, &name);
            let known = self.per_identity.get(&key).cloned();
            Some((key, Limiter::renewed(&known, "identity", Some(limit))?))
        });
        renewed.collect()
    }

    pub(crate) fn source_key(&self, source: Option<IpAddr>) -> LimitKey {
        let mut hasher = self.seed.build_hasher();
        match source {
            Some(IpAddr::V4(address)) => address.hash(&mut hasher),
            // A household or a virtual machine usually owns a whole /64.
            Some(IpAddr::V6(address)) => address.segments().first_chunk::<4>().hash(&mut hasher),
            None => 0_u8.hash(&mut hasher),
        }
        LimitKey(hasher.finish())
    }

    pub(crate) fn subject_key(&self, principal: &Principal) -> LimitKey {
        let mut hasher = self.seed.build_hasher();
        principal.hash_limit_key(&mut hasher);
        LimitKey(hasher.finish())
    }

    /// Takes one unit of a source's budget.
    pub(crate) fn check_source(&self, key: LimitKey) -> Result<(), TooManyRequests> {
        self.per_source
            .as_ref()
            .map_or(Ok(()), |limiter| limiter.check(key))
    }

    /// Takes one unit of a caller's budget: of its own, if it has one, else of what every caller has.
    pub(crate) fn check_subject(&self, key: LimitKey) -> Result<(), TooManyRequests> {
        self.limiter_of(key)
            .map_or(Ok(()), |limiter| limiter.check(key))
    }

    fn limiter_of(&self, subject: LimitKey) -> Option<&Limiter> {
        if !self.per_identity.is_empty()
            && let Some(own) = self.per_identity.get(&subject)
        {
            return Some(own);
        }
        self.per_subject.as_deref()
    }

    /// Takes one handshake of a source's budget.
    pub(crate) fn check_handshake(&self, key: LimitKey) -> Result<(), TooManyRequests> {
        self.handshakes
            .as_ref()
            .map_or(Ok(()), |limiter| limiter.check(key))
    }

    /// Reserves a stream for as long as the permit lives.
    pub(crate) fn open_stream(
        &self,
        source: LimitKey,
        subject: LimitKey,
    ) -> Result<StreamPermit, TooManyRequests> {
        StreamPermit::acquire(
            (&self.streams_per_source, source),
            (&self.streams_per_subject, subject),
        )
    }

    /// Reserves a place among those who wait for others, for as long as the permit lives.
    pub(crate) fn begin_waiting(
        &self,
        source: LimitKey,
        subject: LimitKey,
    ) -> Result<StreamPermit, TooManyRequests> {
        StreamPermit::acquire(
            (&self.waiting_per_source, source),
            (&self.waiting_per_subject, subject),
        )
    }

    /// Forgets keys whose budgets are full again anyway; to be called often, looks as often as the budgets take.
    pub(crate) fn sweep(&self) {
        for limiter in [&self.per_source, &self.per_subject, &self.handshakes]
            .into_iter()
            .flatten()
        {
            limiter.sweep_if_due(Instant::now());
        }
    }

    /// How many keys the tables hold, by the name of the limit.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&'static str, usize)> {
        [&self.per_source, &self.per_subject, &self.handshakes]
            .into_iter()
            .flatten()
            .map(|limiter| (limiter.name, limiter.table.keys()))
    }
}

/// The key that every credential of an identity counts for.
fn identity_key(seed: &RandomState, name: &str) -> LimitKey {
    let described = Credential {
        name: Some(name.into()),
        ..Credential::default()
    };
    let identity = Principal::new(ProviderKind::ApiKey, Vec::new(), None, described);
    let mut hasher = seed.build_hasher();
    identity.hash_limit_key(&mut hasher);
    LimitKey(hasher.finish())
}

struct Limiter {
    name: &'static str,
    limit: RateLimit,
    swept: Mutex<Instant>,
    table: Arc<BoundedTable>,
    limiter: KeyedLimiter,
}

type KeyedLimiter = RateLimiter<Ask, SharedTable, QuantaClock, NoOpMiddleware<QuantaInstant>>;

impl Limiter {
    fn renewed(
        known: &Option<Arc<Self>>,
        name: &'static str,
        limit: Option<RateLimit>,
    ) -> Option<Arc<Self>> {
        let limit = limit?;
        let as_before = known.as_ref().filter(|known| known.limit == limit);
        Some(as_before.map_or_else(|| Arc::new(Self::new(name, limit)), Arc::clone))
    }

    fn new(name: &'static str, limit: RateLimit) -> Self {
        let per_unit = (limit.window / limit.requests.get()).max(Duration::from_nanos(1));
        let quota = Quota::with_period(per_unit)
            .expect("the period is not zero")
            .allow_burst(limit.burst);
        let table = Arc::new(BoundedTable::new(KEYS_MAX));
        let limiter = RateLimiter::new(
            quota,
            SharedTable(Arc::clone(&table)),
            QuantaClock::default(),
        );
        Self {
            name,
            limit,
            swept: Mutex::new(Instant::now()),
            table,
            limiter,
        }
    }

    /// Drops a key only after its used-up budget had the time to refill: forgetting it earlier would be a present.
    fn sweep_if_due(&self, now: Instant) {
        let refill = self.limit.window / self.limit.requests.get() * self.limit.burst.get();
        let mut swept = self.swept.lock();
        if now.duration_since(*swept) > refill {
            *swept = now;
            self.table.sweep();
        }
    }

    fn check(&self, key: LimitKey) -> Result<(), TooManyRequests> {
        self.ask(Ask::Take(key.0))
    }

    fn ask(&self, ask: Ask) -> Result<(), TooManyRequests> {
        self.limiter
            .check_key(&ask)
            .map_err(|not_until| TooManyRequests {
                limit: self.name,
                budget: Some(self.limit),
                // A clock of its own would ask the processor what it is, which traps on a virtual machine.
                retry_after: not_until.wait_time_from(self.limiter.clock().now()),
            })
    }
}

#[cfg(test)]
mod tests;
