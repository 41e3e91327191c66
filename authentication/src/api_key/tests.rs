//! Vectors, and what a wrong key may tell: nothing.

use jiff::Timestamp;
use policies::Principal;
use secrecy::{ExposeSecret, SecretString};

use super::key::checksum;
use super::*;
use crate::testing::{bearer, now, request};
use crate::{
    AuthenticationChain, AuthenticationError, Guard, GuardSettings, OnConflict, PermissionSet,
    RequestParts, ScopeWord, SettingsError, TrustedPeer,
};

const KEY: &str = "tww_live_01IYT0XLWR_003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf4VgDRg";
const VERIFIER: &str = "aHMyNTYkdj0xJGtpZD0wMUlZVDBYTFdSJEVCRVNFeFFWRmhjWUdSb2JIQjBlSHckNjVvdjF2M3lVR0tnQTBKK1RVTjB1U2g3cmRpYnAyN204NUFtSVBKRmRIMA==";
const PEPPERED: &str =
    "hs256$v=2$kid=01IYT0XLWR$EBESExQVFhcYGRobHB0eHw$9QT2aTRwuWnnRWKDIFPmQ4tySgDwxCjXVNex7SyJ2wE";

fn zeros() -> SecretString {
    SecretString::from("\0".repeat(32))
}

#[test]
fn the_vectors_fit() {
    assert_eq!(validate(KEY, VERIFIER), Ok(true));
    let peppered = KeyVerifier::parse(PEPPERED, Some(&zeros())).unwrap();
    assert!(peppered.verify(KEY));
    let other = SecretString::from("\0".repeat(31) + "x");
    assert!(
        !KeyVerifier::parse(PEPPERED, Some(&other))
            .unwrap()
            .verify(KEY)
    );
    assert_eq!(&checksum(&KEY[..63]), b"4VgDRg");
    assert_eq!(&checksum(&KEY.replace("live", "test")[..63]), b"2T676Z");
}

#[test]
fn a_generated_key_fits_its_verifier_and_no_other() {
    let (one, other) = (
        generate("tww", Environment::Live),
        generate("tww", Environment::Test),
    );
    let key = one.key.expose_secret();
    assert_eq!(key.len(), KEY.len());
    assert_eq!(NativeKey::parse(key).unwrap().key_id, one.key_id);
    assert_eq!(validate(key, &one.verifier), Ok(true));
    assert_eq!(validate(key, &other.verifier), Ok(false));
    let peppered = generate_with_pepper("tww", Environment::Live, Some(&zeros()));
    let verifier = KeyVerifier::parse(&peppered.verifier, Some(&zeros())).unwrap();
    assert!(verifier.verify(peppered.key.expose_secret()));
    assert!(!format!("{one:?}").contains(key));
}

#[track_caller]
fn check_shape(text: &str, expected: KeyShapeError) {
    assert_eq!(NativeKey::parse(text), Err(expected), "text: {text}");
}

#[test]
fn a_changed_key_is_no_key() {
    for at in 0..KEY.len() {
        let mut bytes = KEY.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        assert!(
            NativeKey::parse(&String::from_utf8(bytes).unwrap()).is_err(),
            "byte {at}"
        );
    }
    check_shape(&KEY.replace("live", "test"), KeyShapeError::Checksum);
    check_shape(&KEY.replace("live", "prod"), KeyShapeError::Environment);
    check_shape(&KEY[..KEY.len() - 1], KeyShapeError::Shape);
    check_shape(&format!("{KEY}x"), KeyShapeError::Shape);
    check_shape(&KEY.replace("tww", "TWW"), KeyShapeError::Shape);
    check_shape("tww_live_\u{e4}", KeyShapeError::Shape);
    check_shape("", KeyShapeError::Shape);
}

#[track_caller]
fn check_hash(text: &str, expected: &str) {
    let error = KeyVerifier::parse(text, None)
        .err()
        .map(|error| error.code());
    assert_eq!(error, Some(expected), "text: {text}");
}

#[track_caller]
fn check_told(text: &str, expected: &str) {
    let error = KeyVerifier::parse(text, None).err();
    let told = error.map(|error| error.to_string());
    assert_eq!(told.as_deref(), Some(expected), "text: {text}");
}

#[test]
fn unusable_hashes_are_told_with_the_place_of_the_fault() {
    let length = VERIFIER.len();
    check_told(
        &format!("{VERIFIER} "),
        &format!("the hash has white space at byte {length}"),
    );
    check_told("aHM* y", "the hash has white space at byte 4");
    check_told("aHMyNTYk!jEk", "the hash is not base64: see byte 8");
    check_told("aHMyNTYkd", "the hash is not base64: see byte 9");
    check_told(
        "$argon2i$v=19$m=65536,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
        "algorithm `argon2i` is not supported for API keys",
    );
    check_told("$scrypt$ln=16,r=8,p=1$c2FsdHNhbHQ", "the hash has no tag");
    check_told("$scrypt$ln=16,r=8,p=1", "the hash has no salt");
}

#[test]
fn unusable_hashes_say_what_is_wrong() {
    check_hash(&format!("{VERIFIER}\n"), "hash.whitespace");
    check_hash("YOUR_HASH", "hash.placeholder");
    check_hash("<hash>", "hash.placeholder");
    check_hash("not-base64!", "hash.not_base64");
    check_hash(PEPPERED, "hash.missing_pepper");
    check_hash(
        "$argon2i$v=19$m=65536,t=2,p=1$c2FsdHNhbHQ$aGFzaA",
        "hash.algorithm",
    );
    check_hash("5f4dcc3b5aa765d61d8327deb882cf99", "hash.algorithm");
    check_hash(
        "scrypt$ln=16,r=8,p=1$abcdefghijklmnopqrstuvwxyz",
        "hash.missing_tag",
    );
    check_hash(
        "hs256$v=1$kid=01IYT0XLWR$EBESExQVFhcYGRobHB0eHw",
        "hash.missing_tag",
    );
    check_hash(
        "hs256$v=1$kid=short$EBESExQVFhcYGRobHB0eHw$9QT2aTRwuWnnRWKDIFPmQ4tySgDwxCjXVNex7SyJ2wE",
        "hash.bounds",
    );
}

#[test]
fn what_people_do_to_a_hash_is_understood() {
    let unpadded = VERIFIER.trim_end_matches('=');
    for text in [unpadded, &format!("{VERIFIER}$")] {
        assert_eq!(validate(KEY, text), Ok(true), "text: {text}");
    }
}

fn identity(name: &str, verifier: &str) -> IdentitySettings {
    IdentitySettings {
        name: name.to_owned(),
        credentials: vec![ApiKeyCredential {
            verifier: verifier.to_owned(),
            ..ApiKeyCredential::default()
        }],
        ..IdentitySettings::default()
    }
}

fn settings(identities: Vec<IdentitySettings>) -> ApiKeySettings {
    let full = PermissionSet::Full { with_devops: false };
    let readers = PermissionSet::Scopes(vec!["things:read@org.acme".parse().unwrap()]);
    ApiKeySettings {
        identities,
        permission_sets: [
            ("operators".to_owned(), full),
            ("readers".to_owned(), readers),
        ]
        .into(),
        ..ApiKeySettings::default()
    }
}

fn provider(settings: ApiKeySettings) -> Result<ApiKeyProvider, SettingsError> {
    let guard = Guard::new(Some(GuardSettings::default()));
    ApiKeyProvider::new(
        settings,
        std::sync::Arc::default(),
        std::sync::Arc::new(guard),
    )
}

fn ask(settings: ApiKeySettings, key: &str, query: &str) -> Result<Principal, AuthenticationError> {
    let provider = provider(settings).unwrap();
    let chain = AuthenticationChain::new(vec![std::sync::Arc::new(provider)], OnConflict::Reject);
    let headers = bearer(key);
    futures_util::FutureExt::now_or_never(chain.authenticate(&request(&headers, query))).unwrap()
}

#[test]
fn an_identity_becomes_its_subjects() {
    let press = IdentitySettings {
        id: Some("plant-3/press-07".to_owned()),
        permission_sets: vec!["operators".to_owned()],
        subjects: vec!["integration:press".to_owned()],
        expires_at: Some("2026-09-01T00:00:00Z".parse().unwrap()),
        ..identity("press-07", VERIFIER)
    };
    let principal = ask(settings(vec![press]), KEY, "").unwrap();
    let subjects: Vec<_> = principal
        .subjects()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(subjects, ["edge:plant-3/press-07", "integration:press"]);
    assert_eq!(principal.credential().key_id.as_deref(), Some("01IYT0XLWR"));
    assert_eq!(principal.credential().name.as_deref(), Some("press-07"));
    assert_eq!(
        principal.credential().permission_sets[0].as_ref(),
        "operators"
    );
    assert_eq!(
        principal.expires_at(),
        Some("2026-09-01T00:00:00Z".parse().unwrap())
    );
}

#[track_caller]
fn check_refusal(settings: ApiKeySettings, key: &str, expected: ApiKeyRefusal) {
    match ask(settings, key, "") {
        Err(AuthenticationError::ApiKeyRefused { refusal, .. }) => assert_eq!(refusal, expected),
        other => panic!("{other:?} instead of {expected:?}"),
    }
}

#[test]
fn every_bad_key_fails_as_a_bad_key() {
    let known = || settings(vec![identity("press-07", VERIFIER)]);
    let forged = generate("tww", Environment::Live);
    let body = forged
        .key
        .expose_secret()
        .replace(&forged.key_id, "01IYT0XLWR");
    let body = &body[..body.len() - 6];
    let same_id = format!(
        "{body}{}",
        String::from_utf8(checksum(body).to_vec()).unwrap()
    );
    check_refusal(
        known(),
        &KEY.replace("01IYT0XLWR", "01IYT0XLWS"),
        ApiKeyRefusal::Malformed,
    );
    check_refusal(known(), "tww_", ApiKeyRefusal::Malformed);
    check_refusal(
        known(),
        forged.key.expose_secret(),
        ApiKeyRefusal::UnknownKeyId,
    );
    check_refusal(known(), &same_id, ApiKeyRefusal::WrongSecret);
    let other_brand = generate("abc", Environment::Live);
    check_refusal(
        known(),
        other_brand.key.expose_secret(),
        ApiKeyRefusal::WrongBrand,
    );
    let test = ApiKeySettings {
        environment: Environment::Test,
        ..known()
    };
    check_refusal(test, KEY, ApiKeyRefusal::WrongEnvironment);
    let disabled = IdentitySettings {
        disabled: true,
        ..identity("a", VERIFIER)
    };
    check_refusal(settings(vec![disabled]), KEY, ApiKeyRefusal::Disabled);
    let elsewhere = IdentitySettings {
        is_elsewhere: true,
        ..identity("a", VERIFIER)
    };
    check_refusal(
        settings(vec![elsewhere]),
        KEY,
        ApiKeyRefusal::NotOnThisServer,
    );
}

#[test]
fn a_key_counts_from_its_start_to_its_end() {
    let with = |not_before: Option<Timestamp>, expires_at: Option<Timestamp>| {
        settings(vec![IdentitySettings {
            not_before,
            expires_at,
            ..identity("a", VERIFIER)
        }])
    };
    let second = jiff::SignedDuration::from_secs(1);
    assert!(ask(with(Some(now()), Some(now() + second)), KEY, "").is_ok());
    check_refusal(
        with(Some(now() + second), None),
        KEY,
        ApiKeyRefusal::NotYetValid,
    );
    check_refusal(with(None, Some(now())), KEY, ApiKeyRefusal::Expired);
}

#[test]
fn an_old_and_a_new_key_count_side_by_side() {
    let new = generate("tww", Environment::Live);
    let mut press = identity("press-07", VERIFIER);
    press.credentials.push(ApiKeyCredential {
        verifier: new.verifier.clone(),
        ..ApiKeyCredential::default()
    });
    assert!(ask(settings(vec![press.clone()]), KEY, "").is_ok());
    assert!(ask(settings(vec![press]), new.key.expose_secret(), "").is_ok());
}

#[test]
fn a_key_in_the_query_is_burnt() {
    let query = format!("a=b&api_key={KEY}");
    let refused = ask(settings(vec![identity("a", VERIFIER)]), KEY, &query);
    let key_id = NativeKey::parse(KEY).unwrap().key_id.into();
    assert_eq!(refused, Err(AuthenticationError::ApiKeyInQuery { key_id }));
    assert!(
        ask(
            settings(vec![identity("a", VERIFIER)]),
            KEY,
            "filter=eq(a_b,1)"
        )
        .is_ok()
    );
}

#[test]
fn unusable_settings_are_refused() {
    let twice = settings(vec![identity("a", VERIFIER), identity("b", VERIFIER)]);
    assert!(matches!(
        provider(twice),
        Err(SettingsError::DuplicateCredential { .. })
    ));
    let brand = ApiKeySettings {
        brand: "T".to_owned(),
        ..settings(Vec::new())
    };
    assert!(matches!(provider(brand), Err(SettingsError::Brand { .. })));
    let id = settings(vec![IdentitySettings {
        id: Some("a\nb".to_owned()),
        ..identity("a", VERIFIER)
    }]);
    assert!(matches!(
        provider(id),
        Err(SettingsError::IdentityId { .. })
    ));
    let subject = settings(vec![IdentitySettings {
        subjects: vec!["no-issuer".to_owned()],
        ..identity("a", VERIFIER)
    }]);
    assert!(matches!(
        provider(subject),
        Err(SettingsError::IdentitySubject { .. })
    ));
    let mut hinted = identity("a", VERIFIER);
    hinted.credentials[0].hint = Some("A6E6EF3D".to_owned());
    assert!(matches!(
        provider(settings(vec![hinted])),
        Err(SettingsError::KeyHint { position: 1, .. })
    ));
    let prefix = ApiKeySettings {
        subject_prefix: "a:b".to_owned(),
        ..settings(vec![identity("a", VERIFIER)])
    };
    assert!(matches!(
        provider(prefix),
        Err(SettingsError::SubjectIssuer { .. })
    ));
    assert!(matches!(
        provider(settings(vec![identity("a", PEPPERED)])),
        Err(SettingsError::Credential { position: 1, .. })
    ));
    let broken = settings(vec![identity("a", "YOUR_HASH")]);
    assert!(matches!(
        provider(broken),
        Err(SettingsError::Credential { position: 1, .. })
    ));
}

#[test]
fn the_scopes_of_an_identity_are_those_of_its_sets() {
    let with = |sets: &[&str]| IdentitySettings {
        permission_sets: sets.iter().map(|set| (*set).to_owned()).collect(),
        ..identity("a", VERIFIER)
    };
    let scopes = |sets| {
        let provider = provider(settings(vec![with(sets)])).unwrap();
        let chain =
            AuthenticationChain::new(vec![std::sync::Arc::new(provider)], OnConflict::Reject);
        let headers = bearer(KEY);
        let principal =
            futures_util::FutureExt::now_or_never(chain.authenticate(&request(&headers, "")));
        chain.scopes(&principal.unwrap().unwrap())
    };
    assert_eq!(scopes(&["operators"]), None);
    assert_eq!(scopes(&["readers", "operators"]), None);
    let readers = scopes(&["readers"]).unwrap();
    assert!(readers.allows(ScopeWord::ThingsRead, Some("org.acme")));
    assert!(!readers.allows(ScopeWord::ThingsRead, Some("org.other")));
    assert!(!readers.allows(ScopeWord::ThingsWrite, Some("org.acme")));
    assert!(scopes(&[]).unwrap().is_empty());
    assert!(matches!(
        provider(settings(vec![with(&["writers"])])),
        Err(SettingsError::PermissionSet { .. })
    ));
}

#[test]
fn a_key_may_be_bound_to_networks() {
    let bound = |from: &str| {
        let network = TrustedPeer::Network(from.parse().unwrap());
        settings(vec![IdentitySettings {
            allow_from: vec![network],
            ..identity("a", VERIFIER)
        }])
    };
    assert!(ask(bound("127.0.0.0/8"), KEY, "").is_ok());
    assert!(matches!(
        ask(bound("192.0.2.0/24"), KEY, ""),
        Err(AuthenticationError::ApiKeySource { .. })
    ));
}

mod legacy;
mod remembered;
