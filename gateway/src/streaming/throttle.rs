//! Shapes a stream of messages: whoever is early waits; far beyond the limit, frames are refused.

use std::time::Duration;

use tokio::time::Instant;

use super::Throttling;

/// Lets `limit` messages pass per window, the first window starting with the first message.
pub(crate) struct Throttle {
    throttling: Option<Throttling>,
    window_end: Option<Instant>,
    left: u32,
}

impl Throttle {
    pub(crate) fn new(throttling: Option<Throttling>) -> Self {
        Self {
            throttling,
            window_end: None,
            left: 0,
        }
    }

    /// How long the next message must wait; counts it.
    pub(crate) fn delay(&mut self, now: Instant) -> Duration {
        let Some(Throttling {
            interval, limit, ..
        }) = self.throttling
        else {
            return Duration::ZERO;
        };
        let window_end = match self.window_end {
            Some(end) if now < end => end,
            Some(_) | None => {
                self.left = limit;
                now + interval
            }
        };
        if self.left > 0 {
            self.left -= 1;
            self.window_end = Some(window_end);
            return Duration::ZERO;
        }
        // This message is the first of the next window.
        self.left = limit.saturating_sub(1);
        self.window_end = Some(window_end + interval);
        window_end.duration_since(now)
    }

    /// Waits until the next message may pass, and says whether it had to.
    pub(crate) async fn admit(&mut self) -> bool {
        let delay = self.delay(Instant::now());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        !delay.is_zero()
    }
}

/// Counts in fixed windows what the throttle has let pass, and refuses what is beyond the limit by a factor.
///
/// The throttle's windows move with the messages, so that two of its bursts can fall into one window here.
pub(crate) struct Rejection {
    throttling: Option<Throttling>,
    window: Option<Instant>,
    passed: u32,
}

impl Rejection {
    pub(crate) fn new(throttling: Option<Throttling>) -> Self {
        Self {
            throttling,
            window: None,
            passed: 0,
        }
    }

    /// If a message at `now` is refused, after which time to try again.
    pub(crate) fn rejects(&mut self, now: Instant) -> Option<Duration> {
        let Throttling {
            interval,
            limit,
            rejection_factor,
        } = self.throttling?;
        let start = self.window.unwrap_or(now);
        let whole = now.duration_since(start).as_nanos() / interval.as_nanos().max(1);
        if whole > 0 || self.window.is_none() {
            let elapsed = interval.saturating_mul(u32::try_from(whole).unwrap_or(u32::MAX));
            self.window = Some(start.checked_add(elapsed).unwrap_or(now));
            self.passed = 0;
        }
        let max = (f64::from(limit) * rejection_factor).floor() as u32;
        if self.passed >= max.max(limit) {
            return Some(interval);
        }
        self.passed += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(1);

    fn throttling(limit: u32, rejection_factor: f64) -> Option<Throttling> {
        Some(Throttling {
            interval: INTERVAL,
            limit,
            rejection_factor,
        })
    }

    #[test]
    fn a_window_lets_its_limit_pass_and_delays_the_rest() {
        let mut throttle = Throttle::new(throttling(2, 1.0));
        let start = Instant::now();
        assert_eq!(throttle.delay(start), Duration::ZERO);
        assert_eq!(throttle.delay(start), Duration::ZERO);
        assert_eq!(
            throttle.delay(start + Duration::from_millis(400)),
            Duration::from_millis(600)
        );
        assert_eq!(throttle.delay(start + INTERVAL), Duration::ZERO);
        assert_eq!(throttle.delay(start + INTERVAL), INTERVAL);
        assert_eq!(throttle.delay(start + INTERVAL * 10), Duration::ZERO);
    }

    #[test]
    fn without_throttling_nothing_waits_and_nothing_is_refused() {
        let mut throttle = Throttle::new(None);
        assert!((0..1000).all(|_| throttle.delay(Instant::now()).is_zero()));
        let mut rejection = Rejection::new(None);
        assert!((0..1000).all(|_| rejection.rejects(Instant::now()).is_none()));
    }

    #[track_caller]
    fn check_rejection(limit: u32, factor: f64, expected: u32) {
        let mut rejection = Rejection::new(throttling(limit, factor));
        let start = Instant::now();
        for window in 0..3 {
            let now = start + INTERVAL * window + Duration::from_millis(10);
            let passed = (0..1000).filter(|_| rejection.rejects(now).is_none());
            assert_eq!(passed.count(), expected as usize, "window {window}");
            assert_eq!(rejection.rejects(now), Some(INTERVAL));
        }
    }

    #[test]
    fn a_fixed_window_refuses_what_is_beyond_the_factor() {
        check_rejection(100, 1.25, 125);
        check_rejection(3, 1.25, 3);
        check_rejection(10, 0.5, 10);
    }

    #[test]
    fn two_bursts_that_the_throttle_lets_pass_can_be_too_much_for_a_window() {
        let mut throttle = Throttle::new(throttling(100, 1.25));
        let mut rejection = Rejection::new(throttling(100, 1.25));
        let start = Instant::now();
        let mut refused = 0;
        for (milliseconds, messages) in [(0, 1), (1500, 50), (2400, 50), (2500, 100)] {
            for _ in 0..messages {
                let now = start + Duration::from_millis(milliseconds);
                assert_eq!(throttle.delay(now), Duration::ZERO);
                refused += u32::from(rejection.rejects(now).is_some());
            }
        }
        assert_eq!(refused, 25);
    }
}
