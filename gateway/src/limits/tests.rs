//! Who is refused when, and who is forgotten.

use std::net::Ipv6Addr;

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
        waiting_per_source: None,
        waiting_per_subject: None,
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
    let key = with_key("press-07", "c");
    limits.note(&exceeded, (key, &"press-07"), Timestamp::UNIX_EPOCH);
    assert!(limits.restore("identity", key));
    assert_eq!(limits.check_subject(key), Ok(()));
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
    assert!(limiter.check_key(&Ask::Take(spread(1))).is_ok());
    for key in 2..10_000 {
        let _ = limiter.check_key(&Ask::Take(spread(key)));
    }
    assert!(table.keys() <= 160);
    assert!(
        limiter.check_key(&Ask::Take(spread(1))).is_err(),
        "the first key was evicted and got a fresh budget"
    );
}

/// Every day a million sources, ten million with `TWINWARD_TESTS_LONG=1`.
fn many_sources() -> u128 {
    let is_long = std::env::var_os("TWINWARD_TESTS_LONG").is_some_and(|value| value == "1");
    if is_long { 10_000_000 } else { 1_000_000 }
}

#[test]
fn a_flood_of_sources_takes_bounded_memory_and_resets_no_attacker() {
    let limits = limits(1, 3);
    let source = |number: u128| limits.source_key(Some(Ipv6Addr::from_bits(number << 64).into()));
    let (attacker, neighbour) = (source(0), source(1));
    while limits.check_source(attacker).is_ok() {}
    assert_eq!(limits.check_source(neighbour), Ok(()));
    for number in 2..many_sources() {
        let _ = limits.check_source(source(number));
        if number % 100_000 == 0 {
            limits.sweep();
            let spent = limits.check_source(attacker);
            assert!(spent.is_err(), "after {number} sources");
        }
    }
    let table = &limits.per_source.as_ref().unwrap().table;
    assert!(table.keys() <= KEYS_MAX, "{} keys", table.keys());
    assert!(table.bytes() <= 16 << 20, "{} bytes", table.bytes());
    assert!(limits.check_source(attacker).is_err());
    let own = limits.check_source(neighbour);
    assert_eq!(own, Ok(()), "its own budget is left alone");
    let last = limits.check_source(source(many_sources()));
    assert!(last.is_err(), "who comes last shares what is left");
}

#[test]
fn keys_at_rest_are_forgotten() {
    use governor::nanos::Nanos;
    use governor::state::StateStore;
    let table = Arc::new(BoundedTable::new(160));
    let decide = |_| Ok::<_, ()>(((), Nanos::from(1)));
    SharedTable(Arc::clone(&table))
        .measure_and_replace(&Ask::Take(7), decide)
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
        waiting_per_source: None,
        waiting_per_subject: None,
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
