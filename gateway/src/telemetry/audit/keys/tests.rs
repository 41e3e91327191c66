//! When nobody uses a key.

use authentication::api_key::KeyUse;
use jiff::SignedDuration;

use super::*;

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn now() -> Timestamp {
    "2026-08-18T10:00:00Z".parse().unwrap()
}

/// One key, made and used so many days ago.
#[track_caller]
fn check((made, used): (Option<i32>, Option<i32>), expires: Option<i32>, expected: bool) {
    let ago = |days: i32| now() - DAY * days;
    let configured = ConfiguredKeys {
        keys: vec![ConfiguredKey {
            key_id: "01IYT0XLWR".to_owned(),
            is_legacy: false,
            identity: "press-07".to_owned(),
            id: "press-07".to_owned(),
            made_at: made.map(ago),
            expires_at: expires.map(ago),
        }],
        unused_after: Duration::from_secs(30 * 24 * 3600),
    };
    let uses = KeyUses::default();
    uses.restore(used.map(|days| {
        let used = KeyUse {
            at: ago(days),
            source: "192.0.2.7".to_owned(),
            user_agent: "0badcafe".to_owned(),
        };
        ("01IYT0XLWR".to_owned(), used)
    }));
    let mut unused = UnusedKeys::since(now());
    let told = unused.look(&configured, &uses, now()).len() == 1;
    assert_eq!(
        told, expected,
        "made {made:?}, used {used:?}, expires {expires:?}"
    );
    let again = unused.look(&configured, &uses, now()).len();
    assert_eq!(again, 0, "it is told once");
}

#[test]
fn a_key_counts_as_unused_from_its_last_use_or_its_making_on() {
    check((Some(400), Some(31)), None, true);
    check((Some(400), Some(29)), None, false);
    check((Some(31), None), None, true);
    check((Some(29), None), None, false);
    check((None, None), None, false);
    check((Some(31), None), Some(1), false);
    check((Some(31), None), Some(-1), true);
}

#[test]
fn a_key_of_which_nothing_is_known_counts_from_the_start() {
    let configured = ConfiguredKeys {
        keys: vec![ConfiguredKey {
            key_id: "legacy-1".to_owned(),
            is_legacy: true,
            identity: "press-07".to_owned(),
            id: "press-07".to_owned(),
            made_at: None,
            expires_at: None,
        }],
        unused_after: Duration::from_secs(30 * 24 * 3600),
    };
    let mut unused = UnusedKeys::since(now());
    let uses = KeyUses::default();
    assert!(unused.look(&configured, &uses, now()).is_empty());
    let later = now() + DAY * 30;
    assert_eq!(unused.look(&configured, &uses, later).len(), 1);
    assert!(unused.look(&configured, &uses, later + DAY).is_empty());
}
