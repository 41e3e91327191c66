//! Guessing gets slower, and only for who guesses.

use super::*;
use crate::api_key::ApiKeyRefusal;

fn guard() -> Guard {
    Guard::new(Some(GuardSettings {
        failures: 3,
        window: Duration::from_secs(60),
        block: Duration::from_secs(5),
    }))
}

fn source(number: u32) -> SourcePrefix {
    SourcePrefix::of(Some(std::net::Ipv4Addr::from_bits(number).into()))
}

fn guess(number: u32) -> Guess<'static> {
    Guess {
        source: source(number),
        method: GuardedMethod::Operator,
        identity: None,
    }
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
            let wait = guard.record_failure(&guess(1), at(*second));
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
fn failures_during_a_wait_do_not_prolong_it() {
    check(&[0, 0, 0, 0, 0, 0, 1], &[0, 0, 0, 1, 1, 1, 2]);
}

#[test]
fn a_quiet_window_clears_a_source() {
    check(&[0, 0, 0, 60], &[0, 0, 0, 0]);
    check(&[0, 0, 0, 59], &[0, 0, 0, 1]);
}

#[test]
fn a_wait_ends_and_nobody_else_shares_it() {
    let guard = guard();
    for _ in 0..4 {
        guard.record_failure(&guess(1), at(0));
    }
    let second = Some(Duration::from_secs(1));
    assert_eq!(guard.wait_of(&guess(1), at(0)), second);
    assert_eq!(guard.wait_of(&guess(1), at(1)), None);
    assert_eq!(guard.wait_of(&guess(2), at(0)), None);
    let other_method = Guess {
        method: GuardedMethod::Jwt,
        ..guess(1)
    };
    assert_eq!(guard.wait_of(&other_method, at(0)), None);
}

#[test]
fn slow_hashes_have_fewer_free_failures() {
    let guard = Guard::new(Some(GuardSettings::default()));
    let slow = Guess {
        method: GuardedMethod::SlowApiKey,
        ..guess(1)
    };
    let waits: Vec<_> = (0..4)
        .map(|_| guard.record_failure(&slow, at(0)).is_some())
        .collect();
    assert_eq!(waits, [false, false, false, true]);
}

#[test]
fn many_sources_that_guess_one_identity_wait_together_and_a_clean_one_does_not() {
    let guard = guard();
    let as_press = |number| Guess {
        identity: Some("press-07"),
        ..guess(number)
    };
    for number in 0..4 {
        guard.record_failure(&as_press(number), at(0));
    }
    assert!(guard.wait_of(&as_press(0), at(0)).is_some());
    assert_eq!(guard.wait_of(&guess(0), at(0)), None);
    assert_eq!(guard.wait_of(&as_press(99), at(0)), None);
    assert!(guard.record_failure(&as_press(99), at(1)).is_some());
}

#[test]
fn the_addresses_of_one_ipv6_network_are_one_source() {
    let of = |text: &str| SourcePrefix::of(Some(text.parse().unwrap()));
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_eq!(of("::ffff:192.0.2.7"), of("192.0.2.7"));
    for text in ["192.0.2.7", "2001:db8:1:2::/64", "unix"] {
        assert_eq!(text.parse::<SourcePrefix>().unwrap().to_string(), text);
    }
    assert!("192.0.2.7/64".parse::<SourcePrefix>().is_err());
    assert!("host".parse::<SourcePrefix>().is_err());
}

#[test]
fn a_clock_set_back_does_not_prolong_a_wait() {
    let guard = guard();
    for second in 0..9 {
        guard.record_failure(&guess(1), at(second * 5));
    }
    let block = Some(Duration::from_secs(5));
    assert_eq!(guard.wait_of(&guess(1), at(-5000)), block);
}

/// Every day a million sources, ten million with `TWINWARD_TESTS_LONG=1`.
fn many_sources() -> u32 {
    let is_long = std::env::var_os("TWINWARD_TESTS_LONG").is_some_and(|value| value == "1");
    if is_long { 10_000_000 } else { 1_000_000 }
}

#[test]
fn a_flood_of_sources_keeps_the_table_bounded_and_the_offender_known() {
    let guard = guard();
    for second in 0..9 {
        guard.record_failure(&guess(0), at(second * 5));
    }
    let now = at(41);
    for number in 1..=many_sources() {
        guard.record_failure(&guess(number), now);
    }
    assert!(guard.by_source.len() <= SOURCES_MAX);
    assert!(
        guard.by_source.bytes() <= 16 << 20,
        "{} bytes",
        guard.by_source.bytes()
    );
    assert!(guard.wait_of(&guess(0), now).is_some());
    let unseen = many_sources() + 1;
    assert_eq!(guard.wait_of(&guess(unseen), now), None);
    for number in unseen..unseen + 1000 {
        guard.record_failure(&guess(number), at(200));
    }
    assert!(guard.by_source.len() <= 1000 + SOURCES_MAX / 2);
}

#[test]
fn operators_see_who_waits_and_can_forgive() {
    let guard = guard();
    for second in 0..6 {
        let wrong = Guess {
            identity: Some("press-07"),
            ..guess(1)
        };
        guard.record_failure(&wrong, at(second * 5));
    }
    guard.record_failure(&guess(2), at(26));
    let listed: Vec<_> = guard
        .list(at(26))
        .into_iter()
        .map(|suspect| (suspect.who, suspect.failures))
        .collect();
    assert_eq!(listed.len(), 3, "{listed:?}");
    assert_eq!(listed.last().unwrap().0, SuspectName::Source(source(2)));
    assert!(guard.unblock_source(source(1)));
    assert!(guard.unblock_identity("press-07"));
    assert!(!guard.unblock_source(source(1)));
    assert_eq!(guard.wait_of(&guess(1), at(26)), None);
}

#[test]
fn switched_off_it_never_lets_anyone_wait() {
    let guard = Guard::new(None);
    for _ in 0..100 {
        assert_eq!(guard.record_failure(&guess(1), at(0)), None);
    }
    assert!(guard.list(at(0)).is_empty());
}

#[test]
fn only_what_could_be_a_guess_is_told_to_wait() {
    let guard = guard();
    let refused = |refusal| AuthenticationError::ApiKeyRefused {
        refusal,
        key_id: None,
    };
    for _ in 0..20 {
        let expired = guard.judge(refused(ApiKeyRefusal::Expired), source(1), at(0));
        assert_eq!(expired, refused(ApiKeyRefusal::Expired));
    }
    for _ in 0..3 {
        let _ = guard.judge(refused(ApiKeyRefusal::WrongSecret), source(1), at(0));
    }
    let last = guard.judge(refused(ApiKeyRefusal::WrongSecret), source(1), at(0));
    assert!(matches!(last, AuthenticationError::TooManyFailures { .. }));
}

#[test]
fn what_is_foreseen_is_what_is_judged_and_counts_nothing() {
    let guard = guard();
    let wrong = || AuthenticationError::ApiKeyRefused {
        refusal: ApiKeyRefusal::WrongSecret,
        key_id: Some("k".into()),
    };
    for second in [0, 0, 1, 2, 3, 10, 11, 30] {
        let foreseen = guard.foresee(wrong(), source(1), at(second));
        let again = guard.foresee(wrong(), source(1), at(second));
        assert_eq!(foreseen, again, "at {second}");
        let judged = guard.judge(wrong(), source(1), at(second));
        assert_eq!(foreseen, judged, "at {second}");
    }
    let genuine = AuthenticationError::NoApplicableProvider;
    let foreseen = guard.foresee(genuine.clone(), source(1), at(30));
    assert_eq!(foreseen, genuine);
}
