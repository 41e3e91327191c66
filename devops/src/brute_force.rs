//! Makes a source of failed attempts wait, without ever sleeping.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use parking_lot::Mutex;

use crate::settings::BruteForceSettings;
use crate::source::Source;

/// Counts failed attempts per source.
///
/// A source beyond its free failures has to wait: a second at first, twice as long after every further failure.
/// Sources that no longer fit the table share one count, which slows none of them down before it has failed: a flood
/// of sources neither evicts a known offender nor locks a clean source out.
#[derive(Debug)]
pub(crate) struct BruteForceGuard {
    settings: Option<BruteForceSettings>,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_source: HashMap<Source, Failures>,
    others: Failures,
    swept_at: Timestamp,
}

#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    count: u32,
    last: Timestamp,
}

impl BruteForceGuard {
    /// Sources that are counted one by one.
    const SOURCES_MAX: usize = 4096;

    /// How often a full table is searched for sources that are clean again.
    const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

    pub(crate) fn new(settings: Option<BruteForceSettings>) -> Self {
        Self {
            settings,
            table: Mutex::default(),
        }
    }

    /// How long `source` still has to wait; `None` if it may try.
    pub(crate) fn wait_of(&self, source: Source, now: Timestamp) -> Option<Duration> {
        let settings = self.settings.as_ref()?;
        self.table
            .lock()
            .by_source
            .get(&source)?
            .wait(settings, now)
    }

    /// Counts a failure of `source`; returns how long it has to wait now, if it has to.
    pub(crate) fn record_failure(&self, source: Source, now: Timestamp) -> Option<Duration> {
        let settings = self.settings.as_ref()?;
        let mut table = self.table.lock();
        let failures = table.entry(source, settings, now);
        failures.record(settings, now);
        failures.wait(settings, now)
    }
}

impl Table {
    fn entry(
        &mut self,
        source: Source,
        settings: &BruteForceSettings,
        now: Timestamp,
    ) -> &mut Failures {
        let is_full = self.by_source.len() >= BruteForceGuard::SOURCES_MAX;
        if is_full && age(self.swept_at, now) >= BruteForceGuard::SWEEP_INTERVAL {
            self.swept_at = now;
            self.by_source
                .retain(|_, failures| !failures.is_over(settings, now));
        }
        if self.by_source.len() >= BruteForceGuard::SOURCES_MAX
            && !self.by_source.contains_key(&source)
        {
            return &mut self.others;
        }
        self.by_source.entry(source).or_default()
    }
}

impl Failures {
    fn record(&mut self, settings: &BruteForceSettings, now: Timestamp) {
        if self.is_over(settings, now) {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.last = now;
    }

    fn wait(&self, settings: &BruteForceSettings, now: Timestamp) -> Option<Duration> {
        self.penalty(settings)
            .checked_sub(age(self.last, now))
            .filter(|wait| !wait.is_zero())
    }

    /// The wait that the latest failure began.
    fn penalty(&self, settings: &BruteForceSettings) -> Duration {
        match self.count.checked_sub(settings.failures.saturating_add(1)) {
            None => Duration::ZERO,
            Some(beyond) => Duration::from_secs(1_u64.checked_shl(beyond).unwrap_or(u64::MAX))
                .min(settings.block),
        }
    }

    fn is_over(&self, settings: &BruteForceSettings, now: Timestamp) -> bool {
        age(self.last, now) >= settings.window.max(self.penalty(settings))
    }
}

/// Time since `earlier`; none if the clock was set back.
fn age(earlier: Timestamp, now: Timestamp) -> Duration {
    now.duration_since(earlier).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> BruteForceGuard {
        BruteForceGuard::new(Some(BruteForceSettings {
            failures: 3,
            window: Duration::from_secs(60),
            block: Duration::from_secs(5),
        }))
    }

    fn source(number: u32) -> Source {
        Source::of(
            std::net::Ipv4Addr::from_bits(number).into(),
            std::iter::empty(),
            &[],
        )
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    /// Lets source 1 fail at each of `seconds` and compares what it has to wait after each failure.
    #[track_caller]
    fn check(seconds: &[i64], expected_waits: &[u64]) {
        let guard = guard();
        let waits: Vec<u64> = seconds
            .iter()
            .map(|second| {
                let wait = guard.record_failure(source(1), at(*second));
                wait.unwrap_or_default().as_secs()
            })
            .collect();
        assert_eq!(waits, expected_waits, "failures at {seconds:?}");
    }

    #[test]
    fn waits_double_up_to_the_block() {
        check(&[0, 0, 1, 2, 3, 10, 20, 30], &[0, 0, 0, 1, 2, 4, 5, 5]);
    }

    #[test]
    fn a_quiet_window_clears_a_source() {
        check(&[0, 0, 0, 60], &[0, 0, 0, 0]);
        check(&[0, 0, 0, 59], &[0, 0, 0, 1]);
    }

    #[test]
    fn a_wait_ends_and_others_do_not_share_it() {
        let guard = guard();
        for _ in 0..4 {
            guard.record_failure(source(1), at(0));
        }
        assert_eq!(
            guard.wait_of(source(1), at(0)),
            Some(Duration::from_secs(1))
        );
        assert_eq!(guard.wait_of(source(1), at(1)), None);
        assert_eq!(guard.wait_of(source(2), at(0)), None);
    }

    #[test]
    fn a_clock_set_back_does_not_prolong_a_wait() {
        let guard = guard();
        for _ in 0..9 {
            guard.record_failure(source(1), at(0));
        }
        assert_eq!(
            guard.wait_of(source(1), at(-5000)),
            Some(Duration::from_secs(5))
        );
    }

    #[test]
    fn a_flood_of_sources_keeps_the_table_bounded_and_the_offender_known() {
        let guard = guard();
        for _ in 0..9 {
            guard.record_failure(source(0), at(0));
        }
        for number in 1..=10_000 {
            guard.record_failure(source(number), at(1));
        }
        assert!(guard.wait_of(source(0), at(1)).is_some());
        assert_eq!(guard.wait_of(source(20_000), at(1)), None);
        assert!(guard.record_failure(source(20_000), at(1)).is_some());
        assert_eq!(
            guard.table.lock().by_source.len(),
            BruteForceGuard::SOURCES_MAX
        );
        guard.record_failure(source(30_000), at(100));
        assert_eq!(guard.table.lock().by_source.len(), 1);
    }

    #[test]
    fn switched_off_it_never_lets_anyone_wait() {
        let guard = BruteForceGuard::new(None);
        for _ in 0..100 {
            assert_eq!(guard.record_failure(source(1), at(0)), None);
        }
        assert_eq!(guard.wait_of(source(1), at(0)), None);
    }
}
