//! What is remembered of keys: enough to be fast, and nothing that outlives its truth.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::SignedDuration;
use parking_lot::Mutex;

use super::*;
use crate::testing::{no_revocations, revoke};
use crate::{AuthenticationProvider, PeerAddress, RevocationKind, Revocations};

/// A provider that other ones may replace.
struct Keys {
    memory: Arc<KeyMemory>,
    revocations: Arc<Revocations>,
}

impl Keys {
    fn new() -> Self {
        Self::remembering(KeyMemory::default())
    }

    fn remembering(memory: KeyMemory) -> Self {
        Self {
            memory: Arc::new(memory),
            revocations: no_revocations(),
        }
    }

    fn provider(&self, identities: Vec<IdentitySettings>) -> Arc<ApiKeyProvider> {
        let guard = Arc::new(Guard::new(None));
        let settings = ApiKeySettings {
            networks_max: 2,
            ..settings(identities)
        };
        Arc::new(ApiKeyProvider::new(settings, Arc::clone(&self.memory), guard).unwrap())
    }

    fn chain(&self, identities: Vec<IdentitySettings>) -> AuthenticationChain {
        AuthenticationChain::new(vec![self.provider(identities)], OnConflict::Reject)
            .with_revocations(Arc::clone(&self.revocations))
    }
}

fn asked(
    chain: &AuthenticationChain,
    (key, now): (&str, Timestamp),
) -> Result<Principal, AuthenticationError> {
    let headers = bearer(key);
    let parts = RequestParts {
        now,
        ..request(&headers, "")
    };
    futures_util::FutureExt::now_or_never(chain.authenticate(&parts)).unwrap()
}

#[track_caller]
fn check_refused(outcome: Result<Principal, AuthenticationError>, expected: ApiKeyRefusal) {
    match outcome {
        Err(AuthenticationError::ApiKeyRefused { refusal, .. }) => assert_eq!(refusal, expected),
        other => panic!("{other:?} instead of {expected:?}"),
    }
}

fn adopted() -> (SecretString, IdentitySettings) {
    let key = SecretString::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let verifier = adopt(&key, None);
    (key, identity("mill", &verifier.unwrap()))
}

#[test]
fn a_known_key_that_expires_is_refused_at_that_moment() {
    let keys = Keys::new();
    let end = now() + SignedDuration::from_secs(60);
    let (edge, mill) = adopted();
    let until = |identity| IdentitySettings {
        expires_at: Some(end),
        ..identity
    };
    let chain = keys.chain(vec![until(identity("press", VERIFIER)), until(mill)]);
    for key in [KEY, edge.expose_secret()] {
        for _ in 0..3 {
            assert!(asked(&chain, (key, now())).is_ok());
        }
        check_refused(asked(&chain, (key, end)), ApiKeyRefusal::Expired);
        assert!(asked(&chain, (key, now())).is_ok());
    }
}

#[test]
fn a_known_key_is_asked_for_its_source_every_time() {
    let network = TrustedPeer::Network("127.0.0.0/8".parse().unwrap());
    let bound = IdentitySettings {
        allow_from: vec![network],
        ..identity("a", VERIFIER)
    };
    let chain = Keys::new().chain(vec![bound]);
    assert!(asked(&chain, (KEY, now())).is_ok());
    let headers = bearer(KEY);
    let elsewhere = RequestParts {
        client: Some("192.0.2.7".parse().unwrap()),
        peer: PeerAddress::Ip("192.0.2.7".parse().unwrap()),
        ..request(&headers, "")
    };
    let outcome = futures_util::FutureExt::now_or_never(chain.authenticate(&elsewhere)).unwrap();
    assert!(matches!(
        outcome,
        Err(AuthenticationError::ApiKeySource { .. })
    ));
}

#[test]
fn a_known_key_that_is_revoked_is_refused_with_the_next_request() {
    let keys = Keys::new();
    let chain = keys.chain(vec![identity("a", VERIFIER)]);
    assert!(asked(&chain, (KEY, now())).is_ok());
    revoke(&keys.revocations, RevocationKind::Key, "01IYT0XLWR");
    assert!(matches!(
        asked(&chain, (KEY, now())),
        Err(AuthenticationError::Revoked { .. })
    ));
}

#[test]
fn a_known_key_is_unknown_to_the_provider_that_is_configured_without_it() {
    let keys = Keys::new();
    let new = generate("tww", Environment::Live);
    let before = keys.chain(vec![identity("a", VERIFIER)]);
    assert!(asked(&before, (KEY, now())).is_ok());
    let rotated = keys.chain(vec![identity("a", &new.verifier)]);
    check_refused(asked(&rotated, (KEY, now())), ApiKeyRefusal::UnknownKeyId);
    assert!(asked(&rotated, (new.key.expose_secret(), now())).is_ok());
    let disabled = IdentitySettings {
        disabled: true,
        ..identity("a", VERIFIER)
    };
    let disabled = keys.chain(vec![disabled]);
    check_refused(asked(&disabled, (KEY, now())), ApiKeyRefusal::Disabled);
}

#[test]
fn a_hash_is_replaced_under_the_same_key_id() {
    let keys = Keys::new();
    let other = generate("tww", Environment::Live);
    let before = keys.chain(vec![identity("a", VERIFIER)]);
    assert!(asked(&before, (KEY, now())).is_ok());
    let same_id = KeyVerifier::write(other.key.expose_secret(), "01IYT0XLWR", [7; 16], None);
    let after = keys.chain(vec![identity("a", &same_id)]);
    check_refused(asked(&after, (KEY, now())), ApiKeyRefusal::WrongSecret);
}

#[test]
fn a_wrong_key_is_never_remembered() {
    let keys = Keys::new();
    let chain = keys.chain(vec![identity("a", VERIFIER)]);
    let forged = format!("{}x", &KEY[..KEY.len() - 7]);
    let forged = format!(
        "{forged}{}",
        String::from_utf8(checksum(&forged).to_vec()).unwrap()
    );
    for _ in 0..3 {
        check_refused(asked(&chain, (&forged, now())), ApiKeyRefusal::WrongSecret);
        assert!(asked(&chain, (KEY, now())).is_ok());
    }
}

#[test]
fn uses_are_noted_to_the_minute_and_survive_a_reload() {
    let keys = Keys::new();
    let first = keys.provider(vec![identity("a", VERIFIER)]);
    let headers = bearer(KEY);
    let parts = request(&headers, "");
    assert!(keys.memory.uses().snapshot().is_empty());
    let _ = first.authenticate(&parts);
    let second = keys.provider(vec![identity("a", VERIFIER)]);
    drop(first);
    keys.memory.uses().forget_removed();
    let uses = keys.memory.uses().snapshot();
    assert_eq!(uses.len(), 1);
    assert_eq!((uses[0].0.as_str(), uses[0].1.at), ("01IYT0XLWR", now()));
    assert_eq!(uses[0].1.source, "127.0.0.1");
    assert_eq!(keys.memory.uses().last_use("01IYT0XLWR"), Some(now()));
    drop(second);
    let _third = keys.provider(Vec::new());
    keys.memory.uses().forget_removed();
    assert!(keys.memory.uses().snapshot().is_empty());
}

#[derive(Default)]
struct Heard(Mutex<Vec<KeyNews>>);

impl KeyObserver for Heard {
    fn heard(&self, news: &KeyNews, principal: &Principal, _: (Option<IpAddr>, Timestamp)) {
        assert_eq!(principal.credential().name.as_deref(), Some("a"));
        self.0.lock().push(news.clone());
    }
}

#[test]
fn a_key_is_new_once_and_shared_once_an_hour() {
    let heard = Arc::new(Heard::default());
    let keys = Keys::remembering(KeyMemory::observed_by(
        Arc::clone(&heard) as Arc<dyn KeyObserver>
    ));
    let provider = keys.provider(vec![identity("a", VERIFIER)]);
    let headers = bearer(KEY);
    let use_from = |address: &str, minutes: i64| {
        let parts = RequestParts {
            client: Some(address.parse().unwrap()),
            now: now() + SignedDuration::from_mins(minutes),
            ..request(&headers, "")
        };
        let _ = provider.authenticate(&parts);
    };
    use_from("192.0.2.1", 0);
    use_from("192.0.2.2", 0);
    use_from("2001:db8:1:1::1", 0);
    use_from("2001:db8:1:2::1", 0);
    assert_eq!(*heard.0.lock(), [KeyNews::FirstSeen]);
    let shared = KeyNews::Shared { networks: 3 };
    use_from("198.51.100.1", 1);
    use_from("203.0.113.1", 1);
    assert_eq!(*heard.0.lock(), [KeyNews::FirstSeen, shared.clone()]);
    for address in ["192.0.2.1", "198.51.100.1", "203.0.113.1"] {
        use_from(address, 120);
    }
    assert_eq!(
        *heard.0.lock(),
        [KeyNews::FirstSeen, shared.clone(), shared]
    );
    let again = keys.provider(vec![identity("a", VERIFIER)]);
    let _ = again.authenticate(&request(&headers, ""));
    assert_eq!(heard.0.lock().len(), 3, "a reload makes no key new");
}
