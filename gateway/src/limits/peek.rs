//! What is left of a budget, found out without taking any of it.

use std::num::NonZeroU32;

use serde_json::{Value, json};

use super::table::Ask;
use super::{LimitKey, Limiter, Limits, StreamSlots, TooManyRequests};

/// A budget and what is left of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Budget {
    /// Units that refill.
    Rate {
        limit: &'static str,
        /// Units that may be taken at once, now.
        left: u32,
        burst: u32,
        /// What whoever takes the next one is told.
        next: Result<(), TooManyRequests>,
    },
    /// Places that are given back.
    Streams {
        per: &'static str,
        open: usize,
        max: usize,
    },
}

impl Limits {
    /// What a source has left; `None` if nothing limits it.
    pub(crate) fn budget_of_source(&self, key: LimitKey) -> Option<Budget> {
        self.per_source.as_ref().map(|limiter| limiter.peek(key))
    }

    /// What a caller has left.
    pub(crate) fn budget_of_subject(&self, key: LimitKey) -> Option<Budget> {
        self.limiter_of(key).map(|limiter| limiter.peek(key))
    }

    /// What a source and a caller have left for opening one more stream.
    pub(crate) fn budgets_of_streams(
        &self,
        (source, subject): (LimitKey, LimitKey),
    ) -> Vec<Budget> {
        let handshakes = self.handshakes.as_ref();
        let slots = [
            (&self.streams_per_source, source),
            (&self.streams_per_subject, subject),
        ];
        let slots = slots
            .into_iter()
            .filter_map(|(slots, key)| Some(slots.as_ref()?.peek(key)));
        handshakes
            .map(|limiter| limiter.peek(source))
            .into_iter()
            .chain(slots)
            .collect()
    }
}

impl Limits {
    /// What a source and a caller have left for waiting once more.
    pub(crate) fn budgets_of_waiting(
        &self,
        (source, subject): (LimitKey, LimitKey),
    ) -> Vec<Budget> {
        let slots = [
            (&self.waiting_per_source, source),
            (&self.waiting_per_subject, subject),
        ];
        let slots = slots.into_iter();
        slots
            .filter_map(|(slots, key)| Some(slots.as_ref()?.peek(key)))
            .collect()
    }
}

impl Budget {
    /// # Errors
    ///
    /// What whoever asks now is refused with.
    pub(crate) fn check(&self) -> Result<(), TooManyRequests> {
        match self {
            Self::Rate { next, .. } => *next,
            Self::Streams { per, open, max } if open >= max => Err(StreamSlots::refusal(per)),
            Self::Streams { .. } => Ok(()),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let retry = self.check().err();
        let retry = retry.map(|exceeded| exceeded.retry_after_seconds());
        match self {
            Self::Rate {
                limit, left, burst, ..
            } => json!({
                "limit": format!("per {limit}"),
                "burst": burst,
                "left": left,
                "retryAfterSeconds": retry,
            }),
            Self::Streams { per, open, max } => json!({
                "limit": match *per {
                    Limits::WAITING_PER_SOURCE | Limits::WAITING_PER_SUBJECT => (*per).to_owned(),
                    per => format!("streams per {per}"),
                },
                "max": max,
                "left": max.saturating_sub(*open),
                "retryAfterSeconds": retry,
            }),
        }
    }
}

impl Limiter {
    fn peek(&self, key: LimitKey) -> Budget {
        let look = Ask::Look(key.0);
        Budget::Rate {
            limit: self.name,
            left: self.left(look),
            burst: self.limit.burst.get(),
            next: self.ask(look),
        }
    }

    /// The most that could be taken at once, by bisection: the limiter answers yes or no.
    fn left(&self, look: Ask) -> u32 {
        let fits = |units: u32| {
            let units = NonZeroU32::new(units);
            units.is_none_or(|units| matches!(self.limiter.check_key_n(&look, units), Ok(Ok(()))))
        };
        let (mut least, mut most) = (0, self.limit.burst.get());
        while least < most {
            let middle = most - (most - least) / 2;
            if fits(middle) {
                least = middle;
            } else {
                most = middle - 1;
            }
        }
        least
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;
    use crate::limits::{LimitSettings, RateLimit};

    fn limits() -> Limits {
        let hourly = |requests| {
            Some(RateLimit {
                requests: NonZeroU32::new(requests).unwrap(),
                window: Duration::from_secs(3600),
                burst: NonZeroU32::new(requests).unwrap(),
            })
        };
        Limits::new(LimitSettings {
            per_source: hourly(3),
            per_subject: None,
            per_identity: Vec::new(),
            handshakes_per_source: hourly(1),
            streams_per_subject: Some(1),
            waiting_per_source: None,
            waiting_per_subject: None,
            streams_per_source: None,
        })
    }

    fn key(limits: &Limits, address: &str) -> LimitKey {
        limits.source_key(Some(address.parse::<IpAddr>().unwrap()))
    }

    #[track_caller]
    fn check_left(budget: Option<Budget>, expected: u32) {
        let Some(Budget::Rate { left, next, .. }) = budget else {
            panic!("{budget:?}");
        };
        assert_eq!(left, expected);
        assert_eq!(next.is_ok(), expected > 0);
    }

    #[test]
    fn looking_costs_nothing_and_sees_what_was_taken() {
        let limits = limits();
        let source = key(&limits, "192.0.2.1");
        for left in [3, 2, 1, 0] {
            for _ in 0..5 {
                check_left(limits.budget_of_source(source), left);
            }
            assert_eq!(limits.check_source(source).is_ok(), left > 0);
        }
        check_left(limits.budget_of_source(key(&limits, "192.0.2.2")), 3);
        assert_eq!(limits.budget_of_subject(source), None);
    }

    #[test]
    fn a_look_makes_no_key() {
        let limits = limits();
        limits.budget_of_source(key(&limits, "192.0.2.1"));
        let keys: usize = limits.keys().map(|(_, keys)| keys).sum();
        assert_eq!(keys, 0);
    }

    #[test]
    fn streams_count_as_long_as_they_are_open() {
        let limits = limits();
        let who = (key(&limits, "192.0.2.1"), key(&limits, "192.0.2.2"));
        let refused = |limits: &Limits| {
            let budgets = limits.budgets_of_streams(who);
            assert_eq!(budgets.len(), 2, "{budgets:?}");
            budgets.iter().any(|budget| budget.check().is_err())
        };
        assert!(!refused(&limits));
        let permit = limits.open_stream(who.0, who.1).unwrap();
        assert!(refused(&limits));
        drop(permit);
        assert!(!refused(&limits));
    }
}
