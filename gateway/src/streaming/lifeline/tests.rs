//! Expiry and its end, with a clock that the test moves.

use std::sync::Arc;

use super::*;

/// A wall clock that stands still until it is moved.
struct MovedClock(Mutex<Timestamp>);

impl MovedClock {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Timestamp::UNIX_EPOCH)))
    }

    fn advance(&self, duration: Duration) {
        let mut now = self.0.lock();
        *now += duration;
    }

    fn set_back(&self, duration: Duration) {
        let mut now = self.0.lock();
        *now -= duration;
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        *self.0.lock()
    }
}

fn lifeline(clock: &MovedClock, life: Duration) -> Lifeline {
    Lifeline::new(Some(clock.now() + life), clock.now())
}

#[actix_web::test]
async fn an_expired_credential_ends_the_session_at_once() {
    let clock = MovedClock::new();
    let lifeline = lifeline(&clock, Duration::ZERO);
    assert_eq!(lifeline.ended(&*clock).await, End::expired());
}

#[actix_web::test]
async fn the_first_reason_counts() {
    let clock = MovedClock::new();
    let lifeline = Lifeline::new(None, clock.now());
    lifeline.cut(End::shutdown());
    lifeline.cut(End::expired());
    assert_eq!(lifeline.ended(&*clock).await, End::shutdown());
}

#[actix_web::test]
async fn a_renewed_expiry_replaces_the_old_one() {
    let clock = MovedClock::new();
    let lifeline = lifeline(&clock, Duration::from_secs(3600));
    assert!(!lifeline.is_over(clock.now()));
    lifeline.renew(Some(clock.now()), clock.now());
    assert_eq!(lifeline.ended(&*clock).await, End::expired());
}

/// The next moment comes after so many seconds, of which the monotonic clock has seen a bit.
#[track_caller]
fn check_wait(lifeline: &Lifeline, clock: &MovedClock, seconds: u64) {
    let wait = lifeline.moment_or_wait(clock.now());
    let Err(Some(wait)) = wait else {
        panic!("no wait but {wait:?}");
    };
    let expected = Duration::from_secs(seconds);
    assert!(
        wait <= expected && wait + Duration::from_secs(1) > expected,
        "{wait:?}"
    );
}

#[actix_web::test]
async fn the_coming_end_is_told_once_and_again_after_a_renewal() {
    let clock = MovedClock::new();
    let lifeline = lifeline(&clock, Duration::from_secs(300));
    clock.advance(Duration::from_secs(241));
    assert_eq!(lifeline.next(&*clock).await, Moment::Expiring);
    check_wait(&lifeline, &clock, 59);
    lifeline.renew(Some(clock.now() + Duration::from_secs(3)), clock.now());
    // A third of a short life is left when it is told.
    check_wait(&lifeline, &clock, 2);
    clock.advance(Duration::from_secs(2));
    assert_eq!(lifeline.next(&*clock).await, Moment::Expiring);
    clock.advance(Duration::from_secs(1));
    assert_eq!(lifeline.next(&*clock).await, Moment::Ended(End::expired()));
}

#[actix_web::test]
async fn a_wall_clock_that_jumps_ahead_ends_the_session() {
    let clock = MovedClock::new();
    let lifeline = lifeline(&clock, Duration::from_secs(1800));
    assert!(!lifeline.is_over(clock.now()));
    clock.advance(Duration::from_secs(3600));
    assert_eq!(lifeline.ended(&*clock).await, End::expired());
}

#[actix_web::test]
async fn a_wall_clock_that_is_set_back_prolongs_nothing() {
    let clock = MovedClock::new();
    let lifeline = lifeline(&clock, Duration::from_millis(20));
    clock.set_back(Duration::from_secs(3600));
    assert_eq!(lifeline.ended(&*clock).await, End::expired());
}

#[actix_web::test]
async fn a_day_of_refreshes_ends_when_the_refreshes_do() {
    let clock = MovedClock::new();
    let life = Duration::from_secs(300);
    let lifeline = lifeline(&clock, life);
    for _ in 0..24 * 3600 / 240 {
        clock.advance(Duration::from_secs(240));
        assert!(!lifeline.is_over(clock.now()), "the timer was not moved");
        assert_eq!(lifeline.next(&*clock).await, Moment::Expiring);
        lifeline.renew(Some(clock.now() + life), clock.now());
    }
    clock.advance(life);
    assert_eq!(lifeline.ended(&*clock).await, End::expired());
}

#[actix_web::test]
async fn another_thread_may_cut() {
    let clock = MovedClock::new();
    let lifeline = Arc::new(Lifeline::new(None, clock.now()));
    let cutter = Arc::clone(&lifeline);
    let ended = lifeline.ended(&*clock);
    let thread = std::thread::spawn(move || cutter.cut(End::revoked()));
    assert_eq!(ended.await, End::revoked());
    thread.join().unwrap();
}
