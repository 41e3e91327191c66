//! Refusals that come by the thousand share a record: the first of a source in a minute are recorded one by one, the
//! rest are counted.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;

use crate::event::{Event, EventKind};
use crate::line::Aggregate;

/// So many of one kind and source are recorded one by one.
const ONE_BY_ONE: u64 = 20;

/// In this time.
const WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// So many sources are told apart per shard; further ones are counted together.
const SOURCES_MAX: usize = 1024;

const SHARDS: usize = 8;

/// Counts refusals by kind and source: an IPv4 address or an IPv6 /64.
pub(crate) struct Folding {
    seed: RandomState,
    shards: [Mutex<HashMap<u64, Window>>; SHARDS],
}

/// What one source did within a minute.
struct Window {
    begun: Timestamp,
    seen: u64,
    folded: Option<(Event, Aggregate)>,
}

impl Folding {
    pub(crate) fn new() -> Self {
        Self {
            seed: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    /// Counts one; `make` is called for those that are recorded, and once per window for those that are only counted.
    pub(crate) fn count(
        &self,
        (kind, source): (EventKind, Option<IpAddr>),
        at: Timestamp,
        make: impl FnOnce() -> Event,
    ) -> Option<Event> {
        let key = self.key(kind, source);
        let shard = self.shards.get(key as usize % SHARDS)?;
        let mut windows = shard.lock();
        let key = if windows.len() >= SOURCES_MAX && !windows.contains_key(&key) {
            kind as u64
        } else {
            key
        };
        let window = windows.entry(key).or_insert(Window {
            begun: at,
            seen: 0,
            folded: None,
        });
        window.seen += 1;
        if window.seen <= ONE_BY_ONE {
            drop(windows);
            return Some(make());
        }
        match &mut window.folded {
            Some((_, aggregate)) => {
                aggregate.count += 1;
                aggregate.last = at;
            }
            none => {
                let aggregate = Aggregate {
                    count: 1,
                    first: at,
                    last: at,
                };
                *none = Some((make(), aggregate));
            }
        }
        None
    }

    /// What was counted in windows that are over; they are forgotten. With `all`, in those that are not, too.
    pub(crate) fn take(&self, now: Timestamp, all: bool) -> Vec<(Event, Aggregate)> {
        let mut taken = Vec::new();
        for shard in &self.shards {
            shard.lock().retain(|_, window| {
                let goes_on = !all && now.duration_since(window.begun) < WINDOW;
                if !goes_on {
                    taken.extend(window.folded.take());
                }
                goes_on
            });
        }
        taken
    }

    fn key(&self, kind: EventKind, source: Option<IpAddr>) -> u64 {
        match source {
            Some(IpAddr::V4(address)) => self.seed.hash_one((kind, address)),
            Some(IpAddr::V6(address)) => self
                .seed
                .hash_one((kind, address.segments().first_chunk::<4>())),
            None => self.seed.hash_one(kind),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Reason;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    fn hit(folding: &Folding, source: [u8; 4], second: i64) -> bool {
        let make = || Event::limit_hit(at(second), "source", Reason::RateLimited);
        folding
            .count((EventKind::LimitHit, Some(source.into())), at(second), make)
            .is_some()
    }

    #[test]
    fn the_first_are_recorded_and_the_rest_counted() {
        let folding = Folding::new();
        let recorded = (0..50)
            .filter(|second| hit(&folding, [10, 0, 0, 1], *second))
            .count();
        assert_eq!(recorded, 20);
        assert!(hit(&folding, [10, 0, 0, 2], 50));
        assert!(folding.take(at(59), false).is_empty());
        let taken = folding.take(at(60), false);
        let aggregates: Vec<_> = taken.iter().map(|(_, aggregate)| *aggregate).collect();
        let expected = Aggregate {
            count: 30,
            first: at(20),
            last: at(49),
        };
        assert_eq!(aggregates, [expected]);
        assert!(hit(&folding, [10, 0, 0, 1], 61));
    }

    #[test]
    fn memory_is_bounded() {
        let folding = Folding::new();
        for number in 0..50_000_u32 {
            hit(&folding, number.to_be_bytes(), 0);
        }
        let held: usize = folding.shards.iter().map(|shard| shard.lock().len()).sum();
        assert!(held <= SHARDS * (SOURCES_MAX + 1), "{held}");
        let counted: u64 = folding.take(at(0), true).iter().map(|(_, a)| a.count).sum();
        assert!(counted > 40_000, "{counted}");
    }
}
