//! Keys and hashes of Edge Server.

use std::sync::Arc;

use super::*;
use crate::testing::Headers;
use crate::{Attempt, AuthenticationOutcome, AuthenticationProvider};

/// Bytes 0 to 31 as base64.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// Its text, by scrypt with `ln=16`.
const SCRYPT: &str = "c2NyeXB0JGxuPTE2LHI9OCxwPTEkQUFFQ0F3UUZCZ2NJQ1FvTERBME9EdyR6NDNUTUwxVHRNajVpSmY5OUI0b3hXbUZEWHJNbVFGNGVqdXl4RDlJbXhN";
/// Its bytes instead of its text: another secret.
const SCRYPT_OF_BYTES: &str = "c2NyeXB0JGxuPTE2LHI9OCxwPTEkQUFFQ0F3UUZCZ2NJQ1FvTERBME9EdyQ1aDR4UkRlZk5iWUNyRGtNYUUwUXQwNVlpM0h3REh0OWFad1BLVTVobTBJ";
/// Below the accepted cost.
const SCRYPT_CHEAP: &str = "c2NyeXB0JGxuPTQscj04LHA9MSRBQUVDQXdRRkJnY0lDUW9MREEwT0R3JFRaYVVLZSs0S1FzV2Z0TGVsMTlqMGloT2dSV2lYVGo4Z1FLazlQcVBNM0E=";
const HINT: &str = "a6e6ef3d";

/// The cheapest accepted argon2id hash of a key.
fn cheap_hash(key: &str) -> String {
    let mut tag = [0; 32];
    let params = argon2::Params::new(8 << 10, 1, 1, Some(32)).unwrap();
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(key.as_bytes(), b"saltsalt", &mut tag)
        .unwrap();
    let encode = |bytes: &[u8]| {
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, bytes)
    };
    let phc = format!(
        "argon2id$v=19$m=8192,t=1,p=1${}${}",
        encode(b"saltsalt"),
        encode(&tag)
    );
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, phc)
}

#[test]
fn the_vectors_fit() {
    assert_eq!(validate(KEY, SCRYPT), Ok(true));
    assert_eq!(validate(KEY, &format!("{SCRYPT}$")), Ok(true));
    assert_eq!(validate(KEY, SCRYPT_OF_BYTES), Ok(false));
    assert_eq!(validate(&KEY.replace("AAEC", "AAED"), SCRYPT), Ok(false));
    assert_eq!(validate(KEY, &cheap_hash(KEY)), Ok(true));
    assert_eq!(validate("other", &cheap_hash(KEY)), Ok(false));
}

#[test]
fn unusual_texts_are_remarked_on() {
    let codes = |text: &str| -> Vec<&str> {
        let verifier = KeyVerifier::parse(text, None).unwrap();
        verifier
            .remarks()
            .iter()
            .map(|remark| remark.code())
            .collect()
    };
    let plain =
        "scrypt$ln=16,r=8,p=1$AAECAwQFBgcICQoLDA0ODw$z43TML1TtMj5iJf99B4oxWmFDXrMmQF4ejuyxD9ImxM";
    assert!(codes(SCRYPT).is_empty());
    assert_eq!(codes(&format!("{SCRYPT}$")), ["hash.trailing_dollar"]);
    assert_eq!(codes(plain), ["hash.not_base64"]);
    assert_eq!(codes(&format!("${plain}")), ["hash.not_base64"]);
}

#[track_caller]
fn check(text: &str, expected: &HashError) {
    let error = KeyVerifier::parse(text, None).err();
    assert_eq!(error.as_ref(), Some(expected), "text: {text}");
}

#[test]
fn faults_are_named_with_their_place() {
    check(
        &format!(" {SCRYPT}"),
        &HashError::Whitespace { position: 0 },
    );
    check(
        &SCRYPT.replacen("eXB0", "eX-0", 1),
        &HashError::NotBase64 { position: 6 },
    );
    check("SECURE_HASH_GENERATED_BY_CLI", &HashError::Placeholder);
    let argon2i = HashError::Algorithm {
        algorithm: "argon2i".to_owned(),
    };
    check("$argon2i$v=19$m=65536,t=2,p=1$c2FsdHNhbHQ$aGFzaA", &argon2i);
    let no_tag = HashError::MissingTag { part: "tag" };
    check("scrypt$ln=16,r=8,p=1$abcdefghijklmnopqrstuvwxyz", &no_tag);
    check(
        "scrypt$ln=16,r=8,p=1",
        &HashError::MissingTag { part: "salt" },
    );
    check(
        "scrypt$ln=16,r=8$AAECAwQFBgcICQoLDA0ODw$z43TML1TtMj5iJf99B4oxQ",
        &HashError::Shape { part: "p" },
    );
    check(
        SCRYPT_CHEAP,
        &HashError::Bounds {
            part: "ln",
            expected: "10 to 18",
        },
    );
}

#[track_caller]
fn check_bounds(parameters: &str, is_fine: bool) {
    let text =
        format!("{parameters}$AAECAwQFBgcICQoLDA0ODw$z43TML1TtMj5iJf99B4oxWmFDXrMmQF4ejuyxD9ImxM");
    let outcome = KeyVerifier::parse(&text, None)
        .map(|_| ())
        .map_err(|error| error.code());
    let expected = if is_fine { Ok(()) } else { Err("hash.bounds") };
    assert_eq!(outcome, expected, "parameters: {parameters}");
}

#[test]
fn a_file_cannot_ask_for_more_than_there_is() {
    for (parameters, is_fine) in [
        ("scrypt$ln=10,r=1,p=1", true),
        ("scrypt$ln=18,r=8,p=4", true),
        ("scrypt$ln=9,r=8,p=1", false),
        ("scrypt$ln=19,r=8,p=1", false),
        ("scrypt$ln=16,r=17,p=1", false),
        ("scrypt$ln=16,r=8,p=5", false),
        ("scrypt$ln=18,r=16,p=1", false),
        ("argon2id$v=19$m=8192,t=1,p=1", true),
        ("argon2id$m=19456,t=2,p=1", true),
        ("argon2id$v=16$m=19456,t=2,p=1", false),
        ("argon2id$v=19$m=8191,t=1,p=1", false),
        ("argon2id$v=19$m=262145,t=1,p=1", false),
        ("argon2id$v=19$m=8192,t=11,p=1", false),
        ("argon2id$v=19$m=8192,t=1,p=9", false),
    ] {
        check_bounds(parameters, is_fine);
    }
}

fn hinted(name: &str, key: &str, hint: Option<&str>) -> IdentitySettings {
    let mut identity = identity(name, &cheap_hash(key));
    identity.credentials[0].hint = hint.map(str::to_owned);
    identity
}

/// What the provider says, and whether it had to hash for that.
async fn present(
    provider: &ApiKeyProvider,
    key: &str,
    second: i64,
) -> (Result<String, String>, bool) {
    let headers = bearer(key);
    let parts = later(&headers, second);
    let (outcome, hashed) = match provider.authenticate(&parts) {
        Attempt::Ready(outcome) => (outcome, false),
        Attempt::Pending(work) => (work.await, true),
    };
    let told = match outcome {
        AuthenticationOutcome::Authenticated(principal) => Ok(principal.subjects()[0].to_string()),
        AuthenticationOutcome::Failed(error) => Err(error.to_string()),
        AuthenticationOutcome::NotApplicable => Err("not applicable".to_owned()),
    };
    (told, hashed)
}

fn later(headers: &Headers, second: i64) -> RequestParts<'_> {
    RequestParts {
        now: now() + jiff::SignedDuration::from_secs(second),
        ..request(headers, "")
    }
}

fn bogus(number: u32) -> String {
    format!("{}{number:04}==", &KEY[..38])
}

#[tokio::test]
async fn a_good_key_is_hashed_once() {
    let provider = provider(settings(vec![hinted("press-07", KEY, None)])).unwrap();
    let good = || Ok("edge:press-07".to_owned());
    assert_eq!(present(&provider, KEY, 0).await, (good(), true));
    assert_eq!(present(&provider, KEY, 100_000).await, (good(), false));
}

#[tokio::test]
async fn a_bogus_key_is_hashed_once_a_minute_and_then_not_at_all() {
    let provider = provider(settings(vec![hinted("press-07", KEY, None)])).unwrap();
    let wrong = Err("API key refused: fits no slow hash".to_owned());
    let known = Err("API key refused: no hash has its hint".to_owned());
    assert_eq!(
        present(&provider, &bogus(1), 0).await,
        (wrong.clone(), true)
    );
    assert_eq!(
        present(&provider, &bogus(1), 59).await,
        (known.clone(), false)
    );
    assert_eq!(present(&provider, &bogus(1), 61).await, (wrong, true));
    assert!(present(&provider, KEY, 61).await.0.is_ok());
    let after = present(&provider, &bogus(2), 62).await;
    assert_eq!(
        after,
        (known, false),
        "the hint of the only key is known now"
    );
}

#[tokio::test]
async fn a_hint_spares_the_hash() {
    let provider = provider(settings(vec![hinted("press-07", KEY, Some(HINT))])).unwrap();
    assert!(!present(&provider, &bogus(1), 0).await.1);
    assert_eq!(
        present(&provider, KEY, 0).await,
        (Ok("edge:press-07".to_owned()), true)
    );
    let wrong = hinted("press-07", KEY, Some("00000000"));
    let provider = super::provider(settings(vec![wrong])).unwrap();
    assert!(present(&provider, KEY, 0).await.0.is_err());
}

#[tokio::test]
async fn a_source_that_failed_waits_before_the_next_hash() {
    let guard = Arc::new(Guard::new(Some(GuardSettings::default())));
    let identities = vec![hinted("press-07", KEY, None)];
    let provider =
        ApiKeyProvider::new(settings(identities), Arc::default(), Arc::clone(&guard)).unwrap();
    let mut refused = 0;
    for number in 0.. {
        let headers = bearer(&bogus(number));
        let parts = later(&headers, 0);
        let Attempt::Pending(work) = provider.authenticate(&parts) else {
            panic!("hashed");
        };
        let AuthenticationOutcome::Failed(error) = work.await else {
            panic!("refused");
        };
        // Whoever failed is hashed when the machine has nothing else to do, which on a busy one may be too late.
        refused += u32::from(error.to_string().contains("fits no slow hash"));
        let source = crate::SourcePrefix::of(parts.client);
        let _ = guard.judge(error, source, parts.now);
        if refused == 4 {
            break;
        }
    }
    let (told, _) = present(&provider, &bogus(9999), 0).await;
    assert_eq!(told, Err("too many failures, wait 1 s".to_owned()));
    assert!(present(&provider, KEY, 1).await.0.is_ok());
}

#[tokio::test]
async fn an_adopted_key_is_never_hashed_slowly_again() {
    let verifier = adopt(&SecretString::from(KEY), None).unwrap();
    let provider = provider(settings(vec![identity("press-07", &verifier)])).unwrap();
    assert_eq!(
        present(&provider, KEY, 0).await,
        (Ok("edge:press-07".to_owned()), false)
    );
    assert!(present(&provider, &bogus(1), 0).await.0.is_err());
    assert!(adopt(&SecretString::from("a hand-made key"), None).is_err());
}

#[tokio::test]
async fn what_was_learnt_survives_a_reload_and_what_was_removed_does_not() {
    let memory: Arc<KeyMemory> = Arc::default();
    let build = |identities| {
        let guard = Arc::new(Guard::new(None));
        ApiKeyProvider::new(settings(identities), Arc::clone(&memory), guard).unwrap()
    };
    let first = build(vec![hinted("press-07", KEY, None)]);
    assert!(present(&first, KEY, 0).await.1);
    let second = build(vec![hinted("press-08", KEY, None)]);
    assert_eq!(
        present(&second, KEY, 1).await,
        (Ok("edge:press-08".to_owned()), false)
    );
    let third = build(vec![hinted("press-07", "another", None)]);
    assert!(present(&third, KEY, 2).await.0.is_err());
}

#[test]
fn too_many_hashes_without_a_hint_are_refused() {
    let many = |count: u32| {
        let identities = (0..count).map(|number| {
            let salt = format!("{number:016}");
            let phc = format!(
                "argon2id$m=8192,t=1,p=1${}$z43TML1TtMj5iJf99B4oxWmFDXrMmQF4ejuyxD9ImxM",
                base64::Engine::encode(&base64::engine::general_purpose::STANDARD_NO_PAD, salt)
            );
            identity(&format!("press-{number}"), &phc)
        });
        provider(settings(identities.collect()))
    };
    assert!(many(16).is_ok());
    assert!(matches!(
        many(17),
        Err(SettingsError::TooManyUnhinted { count: 17, max: 16 })
    ));
}

#[test]
fn operators_are_told_what_unknown_keys_cost_and_who_may_do_nothing() {
    let mut useful = hinted("mill", "another", Some(HINT));
    useful.permission_sets = vec!["operators".to_owned()];
    useful.credentials[0].verifier.push('$');
    let provider = provider(settings(vec![hinted("press-07", KEY, None), useful])).unwrap();
    let notices = provider.notices();
    assert_eq!(notices.len(), 3, "{notices:#?}");
    let says = |parts: [&str; 2]| {
        let has = |notice: &String| parts.iter().all(|part| notice.contains(part));
        assert!(notices.iter().any(has), "{notices:#?}");
    };
    says(["1 slow hashes have no hint", "s of the processor"]);
    says(["identity `press-07` has no permissions", "nothing"]);
    says(["identity `mill`", "hash.trailing_dollar"]);
}

#[test]
fn generated_keys_of_the_old_form_fit() {
    let made = generate_legacy();
    let key = made.key.expose_secret();
    assert_eq!(validate(key, &made.verifier), Ok(true));
    assert!(key_hint(&made.key).is_ok());
}
