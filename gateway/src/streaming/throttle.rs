//! Shapes a stream of messages: whoever is early waits, nothing is refused.

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
        let Some(Throttling { interval, limit }) = self.throttling else {
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

    /// Waits until the next message may pass.
    pub(crate) async fn admit(&mut self) {
        let delay = self.delay(Instant::now());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_lets_its_limit_pass_and_delays_the_rest() {
        let interval = Duration::from_secs(1);
        let mut throttle = Throttle::new(Some(Throttling { interval, limit: 2 }));
        let start = Instant::now();
        assert_eq!(throttle.delay(start), Duration::ZERO);
        assert_eq!(throttle.delay(start), Duration::ZERO);
        assert_eq!(
            throttle.delay(start + Duration::from_millis(400)),
            Duration::from_millis(600)
        );
        assert_eq!(throttle.delay(start + interval), Duration::ZERO);
        assert_eq!(throttle.delay(start + interval), interval);
        assert_eq!(throttle.delay(start + interval * 10), Duration::ZERO);
    }

    #[test]
    fn without_throttling_nothing_waits() {
        let mut throttle = Throttle::new(None);
        assert!((0..1000).all(|_| throttle.delay(Instant::now()).is_zero()));
    }
}
