//! Who may ask how often: one budget for HTTP requests, handshakes and inbound frames.
//!
//! Keys are hashes with a seed of this process, tables are bounded, and a full table makes new keys share coarse
//! buckets instead of evicting known ones.

mod refused;
mod streams;
mod table;

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use governor::clock::{Clock as _, QuantaClock, QuantaInstant};
use governor::middleware::NoOpMiddleware;
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;
use policies::{Credential, Principal, ProviderKind};

use crate::error::DittoError;
use refused::RefusedTable;
pub(crate) use streams::{StreamPermit, StreamSlots};
use table::{BoundedTable, SharedTable};

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
    pub(crate) fn new(settings: LimitSettings) -> Self {
        Self {
            seed: RandomState::new(),
            per_source: None,
            per_subject: None,
            per_identity: HashMap::new(),
            handshakes: None,
            streams_per_source: None,
            streams_per_subject: None,
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
                "handshakes",
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
        if !self.per_identity.is_empty()
            && let Some(own) = self.per_identity.get(&key)
        {
            return own.check(key);
        }
        self.per_subject
            .as_ref()
            .map_or(Ok(()), |limiter| limiter.check(key))
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
        let by_source = self
            .streams_per_source
            .as_ref()
            .map(|slots| slots.acquire(source))
            .transpose()?;
        let by_subject = self
            .streams_per_subject
            .as_ref()
            .map(|slots| slots.acquire(subject))
            .transpose()?;
        Ok(StreamPermit::new(by_source, by_subject))
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

type KeyedLimiter = RateLimiter<u64, SharedTable, QuantaClock, NoOpMiddleware<QuantaInstant>>;

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
        self.limiter
            .check_key(&key.0)
            .map_err(|not_until| TooManyRequests {
                limit: self.name,
                budget: Some(self.limit),
                retry_after: not_until.wait_time_from(QuantaClock::default().now()),
            })
    }
}

/// A budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooManyRequests {
    /// Which limit.
    pub(crate) limit: &'static str,
    budget: Option<RateLimit>,
    retry_after: Duration,
}

impl TooManyRequests {
    /// Whole seconds, at least one, as `Retry-After` is written.
    pub(crate) fn retry_after_seconds(&self) -> u64 {
        (self.retry_after.as_secs() + u64::from(self.retry_after.subsec_nanos() > 0)).max(1)
    }
}

impl From<TooManyRequests> for DittoError {
    fn from(exceeded: TooManyRequests) -> Self {
        let retry_after = exceeded.retry_after_seconds();
        let error = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too.many.requests",
            format!("The limit per {} is used up.", exceeded.limit),
        )
        .describe(format!(
            "Try again in {retry_after} s, and then less often."
        ))
        .with_header(header::RETRY_AFTER, HeaderValue::from(retry_after));
        let Some(budget) = exceeded.budget else {
            return error;
        };
        // Source: IETF draft "RateLimit header fields for HTTP", fields RateLimit and RateLimit-Policy.
        let policy = format!(
            "\"{}\";q={};w={}",
            exceeded.limit,
            budget.requests,
            budget.window.as_secs().max(1)
        );
        let state = format!("\"{}\";r=0;t={retry_after}", exceeded.limit);
        [("ratelimit-policy", policy), ("ratelimit", state)]
            .into_iter()
            .fold(error, |error, (name, value)| {
                match HeaderValue::from_str(&value) {
                    Ok(value) => error.with_header(HeaderName::from_static(name), value),
                    Err(_) => error,
                }
            })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn limits(requests: u32, burst: u32) -> Limits {
        let limit = RateLimit {
            requests: NonZeroU32::new(requests).unwrap(),
            window: Duration::from_secs(3600),
            burst: NonZeroU32::new(burst).unwrap(),
        };
        Limits::new(LimitSettings {
            per_source: Some(limit),
            per_subject: None,
            per_identity: vec![("press-07".to_owned(), limit)],
            handshakes_per_source: None,
            streams_per_source: Some(2),
            streams_per_subject: None,
        })
    }

    #[test]
    fn the_burst_is_granted_and_nothing_beyond_it() {
        let limits = limits(1, 3);
        let key = limits.source_key(Some([127, 0, 0, 1].into()));
        for _ in 0..3 {
            assert_eq!(limits.check_source(key), Ok(()));
        }
        let exceeded = limits.check_source(key).unwrap_err();
        assert!(exceeded.retry_after_seconds() > 3000, "{exceeded:?}");
        let other = limits.source_key(Some([127, 0, 0, 2].into()));
        assert_eq!(limits.check_source(other), Ok(()));
    }

    #[test]
    fn a_limit_that_is_off_never_refuses() {
        let limits = limits(1, 1);
        let key = LimitKey(7);
        assert!((0..1000).all(|_| limits.check_subject(key).is_ok()));
    }

    #[test]
    fn an_identity_has_a_budget_of_its_own_whatever_key_it_uses() {
        let limits = limits(1, 2);
        let with_key = |name: &str, key_id: &str| {
            let described = Credential {
                name: Some(name.into()),
                key_id: Some(key_id.into()),
                ..Credential::default()
            };
            let subject = format!("edge:{name}").parse().unwrap();
            let principal = Principal::new(ProviderKind::ApiKey, vec![subject], None, described);
            limits.subject_key(&principal)
        };
        assert_eq!(limits.check_subject(with_key("press-07", "a")), Ok(()));
        assert_eq!(limits.check_subject(with_key("press-07", "b")), Ok(()));
        let exceeded = limits.check_subject(with_key("press-07", "c")).unwrap_err();
        assert_eq!(exceeded.limit, "identity");
        assert!((0..100).all(|_| limits.check_subject(with_key("press-08", "d")).is_ok()));
    }

    #[test]
    fn an_ipv6_prefix_is_one_source() {
        let limits = limits(1, 1);
        let key = |text: &str| limits.source_key(Some(text.parse().unwrap()));
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
    }

    #[test]
    fn a_full_table_keeps_who_it_knows_and_stays_bounded() {
        let table = Arc::new(BoundedTable::new(160));
        let quota = Quota::per_hour(NonZeroU32::new(1).unwrap());
        let limiter: KeyedLimiter = RateLimiter::new(
            quota,
            SharedTable(Arc::clone(&table)),
            QuantaClock::default(),
        );
        let spread = |key: u64| key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        assert!(limiter.check_key(&spread(1)).is_ok());
        for key in 2..10_000 {
            let _ = limiter.check_key(&spread(key));
        }
        assert!(table.keys() <= 160);
        assert!(
            limiter.check_key(&spread(1)).is_err(),
            "the first key was evicted and got a fresh budget"
        );
    }

    #[test]
    fn keys_at_rest_are_forgotten() {
        use governor::nanos::Nanos;
        use governor::state::StateStore;
        let table = Arc::new(BoundedTable::new(160));
        let decide = |_| Ok::<_, ()>(((), Nanos::from(1)));
        SharedTable(Arc::clone(&table))
            .measure_and_replace(&7, decide)
            .unwrap();
        table.sweep();
        assert_eq!(table.keys(), 1);
        table.sweep();
        assert_eq!(table.keys(), 0);
    }

    #[test]
    fn a_budget_is_not_forgotten_before_it_is_full_again() {
        let limits = limits(1, 3);
        let key = limits.source_key(Some([127, 0, 0, 1].into()));
        while limits.check_source(key).is_ok() {}
        let limiter = limits.per_source.as_ref().unwrap();
        let start = *limiter.swept.lock();
        for hours in 1..=3 {
            limiter.sweep_if_due(start + Duration::from_secs(hours * 3600));
        }
        assert_eq!(limiter.table.keys(), 1);
        limiter.sweep_if_due(start + Duration::from_secs(4 * 3600));
        limiter.sweep_if_due(start + Duration::from_secs(8 * 3600));
        assert_eq!(limiter.table.keys(), 0);
    }

    #[test]
    fn other_limits_count_on_from_where_they_were() {
        let before = limits(1, 2);
        let key = LimitKey(7);
        let _open = before.open_stream(key, key).unwrap();
        while before.check_source(key).is_ok() {}
        let settings = |burst, streams| LimitSettings {
            per_identity: Vec::new(),
            per_source: Some(RateLimit {
                requests: NonZeroU32::MIN,
                window: Duration::from_secs(3600),
                burst: NonZeroU32::new(burst).unwrap(),
            }),
            per_subject: None,
            handshakes_per_source: None,
            streams_per_source: Some(streams),
            streams_per_subject: None,
        };
        let unchanged = before.renewed(settings(2, 1));
        assert!(unchanged.check_source(key).is_err());
        assert!(unchanged.open_stream(key, key).is_err());
        let other = before.renewed(settings(3, 2));
        assert!(other.check_source(key).is_ok());
        assert!(other.open_stream(key, key).is_ok());
        let address = Some([127, 0, 0, 1].into());
        assert_eq!(before.source_key(address), other.source_key(address));
    }

    #[test]
    fn a_stream_slot_is_free_again_when_its_permit_is_dropped() {
        let limits = limits(1, 1);
        let (source, subject) = (LimitKey(1), LimitKey(2));
        let first = limits.open_stream(source, subject).unwrap();
        let _second = limits.open_stream(source, subject).unwrap();
        assert!(limits.open_stream(source, subject).is_err());
        drop(first);
        assert!(limits.open_stream(source, subject).is_ok());
    }

    #[test]
    fn who_was_refused_is_listed_by_name_until_the_budget_is_given_back() {
        let limits = limits(1, 1);
        let now = Timestamp::UNIX_EPOCH;
        let source = IpAddr::from([127, 0, 0, 1]);
        let key = limits.source_key(Some(source));
        assert_eq!(limits.check_source(key), Ok(()));
        for _ in 0..2 {
            let exceeded = limits.check_source(key).unwrap_err();
            limits.note(&exceeded, (key, &source), now);
        }
        let refused = limits.refused(now);
        assert_eq!((refused.len(), refused[0].count), (1, 2));
        assert_eq!(refused[0].who, "127.0.0.1");
        assert!(!limits.restore("subject", key));
        assert!(limits.restore("source", key));
        assert_eq!(limits.check_source(key), Ok(()));
        assert!(limits.refused(now).is_empty());
    }
}
