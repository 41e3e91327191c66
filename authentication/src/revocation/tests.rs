//! What is refused by which revocation, and that nothing is acknowledged before it is durable.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;

use policies::{Credential, ProviderKind, SubjectId};

use super::*;
use crate::testing::now;

const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// A store in memory that can be told to fail.
#[derive(Default)]
struct Kept {
    entries: Mutex<BTreeMap<String, Revocation>>,
    is_broken: AtomicBool,
}

impl RevocationStore for Kept {
    fn load(&self) -> Result<Vec<Revocation>, StoreFailure> {
        Ok(self.entries.lock().values().cloned().collect())
    }

    fn put<'a>(&'a self, revocations: &'a [Arc<Revocation>], _: Timestamp) -> StoreFuture<'a> {
        Box::pin(async move {
            if self.is_broken.load(Ordering::Relaxed) {
                return Err(StoreFailure("broken".into()));
            }
            for revocation in revocations {
                let kept = Revocation::clone(revocation);
                self.entries.lock().insert(kept.id.to_string(), kept);
            }
            Ok(())
        })
    }

    fn delete<'a>(&'a self, ids: &'a [&'a RevocationId], _: Timestamp) -> StoreFuture<'a> {
        Box::pin(async {
            if self.is_broken.load(Ordering::Relaxed) {
                return Err(StoreFailure("broken".into()));
            }
            self.entries
                .lock()
                .retain(|id, _| !ids.iter().any(|gone| gone.as_str() == id));
            Ok(())
        })
    }
}

fn open(store: &Arc<Kept>) -> Revocations {
    Revocations::open(Arc::clone(store) as Arc<dyn RevocationStore>, LIFETIME).unwrap()
}

fn new(kind: RevocationKind, value: &str) -> NewRevocation {
    NewRevocation {
        kind,
        value: value.to_owned(),
        issued_before: None,
        permanent: false,
        reason: None,
        created_by: "devops".to_owned(),
    }
}

fn permanent(kind: RevocationKind, value: &str) -> NewRevocation {
    NewRevocation {
        permanent: true,
        ..new(kind, value)
    }
}

/// The store of these tests never waits.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(work).expect("nothing waits")
}

fn subjects(texts: &[&str]) -> Vec<SubjectId> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

/// A token of `alice`, who also has a role, issued when the tests begin.
fn token() -> Principal {
    token_issued(Some(now()))
}

fn token_issued(issued_at: Option<Timestamp>) -> Principal {
    let credential = Credential {
        name: Some("acme".into()),
        issuer: Some("https://id.example/a".into()),
        subject: Some("sub-1".into()),
        token_id: Some("t-1".into()),
        key_id: Some("k-1".into()),
        issued_at,
        ..Credential::default()
    };
    let subjects = subjects(&["acme:alice", "acme:role:admin"]);
    Principal::new(ProviderKind::Jwt, subjects, None, credential)
}

fn vouched() -> Principal {
    let subjects = subjects(&["nginx:alice"]);
    Principal::new(
        ProviderKind::PreAuthenticated,
        subjects,
        None,
        Credential::default(),
    )
}

fn api_key() -> Principal {
    let credential = Credential {
        name: Some("acme".into()),
        key_id: Some("Kx12".into()),
        ..Credential::default()
    };
    Principal::new(
        ProviderKind::ApiKey,
        subjects(&["edge:press-07"]),
        None,
        credential,
    )
}

#[track_caller]
fn check(new: NewRevocation, expected: [bool; 3]) {
    let revocations = open(&Arc::default());
    let said = format!("{new:?}");
    at_once(revocations.add(new, now())).unwrap();
    let actual = [token(), vouched(), api_key()].map(|who| revocations.revokes(&who).is_some());
    assert_eq!(actual, expected, "token, proxy, API key under {said}");
}

#[test]
fn nothing_is_revoked_at_first() {
    let revocations = open(&Arc::default());
    assert!(revocations.is_empty());
    assert_eq!(revocations.revokes(&token()), None);
}

#[test]
fn each_kind_refuses_what_it_names_and_nothing_else() {
    use RevocationKind::{Issuer, Jti, Key, Subject};
    check(new(Jti, "t-1"), [true, false, false]);
    check(new(Jti, "t-2"), [false; 3]);
    check(new(Jti, "k-1"), [false; 3]);
    check(new(Key, "k-1"), [true, false, false]);
    check(new(Key, "Kx12"), [false, false, true]);
    check(new(Subject, "acme:alice"), [true, false, false]);
    check(new(Subject, "acme:role:admin"), [true, false, false]);
    check(new(Subject, "acme:sub-1"), [true, false, false]);
    check(new(Subject, "acme:bob"), [false; 3]);
    check(new(Issuer, "acme"), [true, false, false]);
    check(new(Issuer, "https://id.example/a"), [true, false, false]);
    check(new(Issuer, "id.example/a"), [true, false, false]);
    check(new(Issuer, "id.example"), [false; 3]);
}

#[test]
fn only_what_is_permanent_touches_those_without_a_token() {
    use RevocationKind::{Issuer, Subject};
    check(new(Subject, "nginx:alice"), [false; 3]);
    check(permanent(Subject, "nginx:alice"), [false, true, false]);
    check(new(Subject, "edge:press-07"), [false; 3]);
    check(permanent(Subject, "edge:press-07"), [false, false, true]);
    check(permanent(Issuer, "nginx"), [false, true, false]);
    check(permanent(Issuer, "acme"), [true, false, false]);
}

#[test]
fn tokens_issued_later_pass_unless_it_is_permanent() {
    let second = Duration::from_secs(1);
    for (kind, value) in [
        (RevocationKind::Subject, "acme:alice"),
        (RevocationKind::Issuer, "acme"),
    ] {
        let revocations = open(&Arc::default());
        at_once(revocations.add(new(kind, value), now())).unwrap();
        let is_revoked = |issued_at| revocations.revokes(&token_issued(issued_at)).is_some();
        assert!(is_revoked(Some(now() - second)));
        assert!(is_revoked(Some(now())), "in the same second");
        assert!(is_revoked(None), "nobody knows when");
        assert!(!is_revoked(Some(now() + second)));
        at_once(revocations.add(permanent(kind, value), now())).unwrap();
        assert!(
            revocations
                .revokes(&token_issued(Some(now() + second)))
                .is_some()
        );
    }
}

#[test]
fn saying_more_takes_nothing_back() {
    let revocations = open(&Arc::default());
    let hour = Duration::from_secs(3600);
    let early = NewRevocation {
        issued_before: Some(now() - hour),
        reason: Some("lost laptop".to_owned()),
        ..new(RevocationKind::Subject, "acme:alice")
    };
    let first =
        at_once(revocations.add(new(RevocationKind::Subject, "acme:alice"), now())).unwrap();
    let second = at_once(revocations.add(early, now())).unwrap();
    assert_eq!(
        (second.id.clone(), second.issued_before),
        (first.id.clone(), now())
    );
    assert_eq!(second.reason.as_deref(), Some("lost laptop"));
    assert_eq!(revocations.len(), 1);
}

#[test]
fn what_is_acknowledged_is_there_after_a_restart() {
    let store = Arc::default();
    let before = open(&store);
    let added = at_once(before.add(new(RevocationKind::Jti, "t-1"), now())).unwrap();
    let after = open(&store);
    assert_eq!(after.list(), [Arc::clone(&added)]);
    assert_eq!(after.revokes(&token()), Some(added.id.clone()));
    at_once(after.remove(&added.id, now())).unwrap().unwrap();
    assert_eq!(after.revokes(&token()), None);
    assert!(open(&store).is_empty());
    assert_eq!(at_once(after.remove(&added.id, now())).unwrap(), None);
}

#[test]
fn what_could_not_be_stored_is_not_in_force_and_not_forgotten_either() {
    let store = Arc::<Kept>::default();
    let revocations = open(&store);
    store.is_broken.store(true, Ordering::Relaxed);
    let result = at_once(revocations.add(new(RevocationKind::Jti, "t-1"), now()));
    assert!(matches!(result, Err(RevocationError::Store(_))));
    assert_eq!(revocations.revokes(&token()), None);
    store.is_broken.store(false, Ordering::Relaxed);
    let added = at_once(revocations.add(new(RevocationKind::Jti, "t-1"), now())).unwrap();
    store.is_broken.store(true, Ordering::Relaxed);
    assert!(at_once(revocations.remove(&added.id, now())).is_err());
    assert!(revocations.revokes(&token()).is_some());
}

#[test]
fn what_can_refuse_nothing_any_more_is_dropped() {
    let revocations = open(&Arc::default());
    let hour = Duration::from_secs(3600);
    let later = NewRevocation {
        issued_before: Some(now() + hour),
        ..new(RevocationKind::Issuer, "other")
    };
    for new in [
        new(RevocationKind::Jti, "t-1"),
        new(RevocationKind::Subject, "acme:alice"),
        later,
        new(RevocationKind::Key, "k-1"),
        permanent(RevocationKind::Issuer, "acme"),
    ] {
        at_once(revocations.add(new, now())).unwrap();
    }
    let drop_at = |after: Duration| at_once(revocations.drop_expired(now() + after)).unwrap();
    assert_eq!(drop_at(LIFETIME), 0);
    assert_eq!(drop_at(LIFETIME + Duration::from_secs(2)), 2);
    assert_eq!(drop_at(LIFETIME + hour + Duration::from_secs(2)), 1);
    assert_eq!(drop_at(LIFETIME * 1000), 0);
    let kept: Vec<_> = revocations
        .list()
        .iter()
        .map(|kept| kept.value.to_string())
        .collect();
    assert_eq!(kept.len(), 2);
    assert!(kept.contains(&"k-1".to_owned()) && kept.contains(&"acme".to_owned()));
}

/// A shorter lifetime may be taken back, by a reload or a start, while the token could still count.
#[test]
fn nothing_is_forgotten_sooner_because_lifetimes_were_shorter_for_a_while() {
    let store = Arc::default();
    let over = |revocations: &Revocations, after: Duration| {
        at_once(revocations.drop_expired(now() + after)).unwrap()
    };
    let revocations = open(&store);
    at_once(revocations.add(new(RevocationKind::Jti, "t-1"), now())).unwrap();
    revocations.set_token_lifetime_max(Duration::ZERO);
    assert_eq!(over(&revocations, LIFETIME), 0);
    let started_anew = |lifetime| {
        let store = Arc::clone(&store) as Arc<dyn RevocationStore>;
        Revocations::open(store, lifetime).unwrap()
    };
    assert_eq!(over(&started_anew(Duration::ZERO), LIFETIME), 0);
    revocations.set_token_lifetime_max(LIFETIME * 3);
    revocations.set_token_lifetime_max(LIFETIME);
    assert_eq!(over(&revocations, LIFETIME * 2), 0);
    let later = started_anew(Duration::ZERO);
    assert_eq!(over(&later, LIFETIME * 2), 0);
    assert_eq!(over(&later, LIFETIME * 3 + Duration::from_secs(2)), 1);
}

#[test]
fn subscribers_hear_of_changes_that_are_in_force() {
    let store = Arc::default();
    let revocations = Arc::new(open(&store));
    let heard = Arc::new(AtomicUsize::new(0));
    let (counting, asked) = (Arc::clone(&heard), Arc::downgrade(&revocations));
    revocations.subscribe(Box::new(move |change| {
        let revoked = asked.upgrade().unwrap().revokes(&token()).is_some();
        assert_eq!(revoked, matches!(change, RevocationChange::Added(_)));
        counting.fetch_add(1, Ordering::Relaxed);
    }));
    let added = at_once(revocations.add(new(RevocationKind::Jti, "t-1"), now())).unwrap();
    at_once(revocations.remove(&added.id, now())).unwrap();
    assert_eq!(heard.load(Ordering::Relaxed), 2);
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let revocations = open(&Arc::default());
    let long = "x".repeat(Revocation::VALUE_BYTES_MAX + 1);
    let with_reason = |reason: &str| NewRevocation {
        reason: Some(reason.to_owned()),
        ..new(RevocationKind::Jti, "t-1")
    };
    for refused in [
        new(RevocationKind::Jti, ""),
        new(RevocationKind::Jti, "a\nb"),
        new(RevocationKind::Key, &long),
        new(RevocationKind::Subject, "alice"),
        permanent(RevocationKind::Jti, "t-1"),
        permanent(RevocationKind::Key, "k-1"),
        with_reason("a\u{1b}[2J"),
        with_reason(&long),
    ] {
        let said = format!("{refused:?}");
        assert!(at_once(revocations.add(refused, now())).is_err(), "{said}");
    }
    assert!(revocations.is_empty());
}
