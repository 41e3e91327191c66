//! Passwords and their hashes.

use secrecy::ExposeSecret;

use super::*;
use crate::testing::now;

fn settings(hash: &str, expires_at: Option<Timestamp>) -> PasswordHashSettings {
    PasswordHashSettings {
        hash: hash.to_owned(),
        expires_at,
    }
}

#[test]
fn a_password_fits_its_hash_until_it_expires() {
    let password = generate_password();
    let password = password.expose_secret();
    let end = now() + Duration::from_secs(60);
    let verifier = PasswordVerifier::new(vec![
        settings(&hash_password("other"), None),
        settings(&hash_password(password), Some(end)),
    ])
    .unwrap();
    assert_eq!(verifier.verify_remembered(password, now()), None);
    assert!(verifier.verify(password, now()));
    assert_eq!(verifier.verify_remembered(password, now()), Some(true));
    assert!(!verifier.verify(password, end));
    assert!(!verifier.verify("wrong", now()));
    assert_eq!(verifier.verify_remembered("wrong", now()), Some(false));
    assert!(verifier.verify("other", now()));
}

#[test]
fn nobody_passes_without_a_hash() {
    let verifier = PasswordVerifier::new(Vec::new()).unwrap();
    assert!(!verifier.verify("", now()));
    assert!(!verifier.verify(&"a".repeat(PASSWORD_BYTES_MAX + 1), now()));
}

#[test]
fn hashes_out_of_bounds_are_refused() {
    for hash in [
        "",
        "secret",
        "$argon2i$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$z43TML1TtMj5iJf99B4oxWmFDXrMmQF4ejuyxD9ImxM",
        "$argon2id$v=19$m=64,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$z43TML1TtMj5iJf99B4oxWmFDXrMmQF4ejuyxD9ImxM",
        "$argon2id$v=19$m=16777216,t=2,p=1$AAECAwQFBgcICQoLDA0ODw$z43TML1TtMj5iJf99B4oxWmFDXrMmQF4ejuyxD9ImxM",
        "$argon2id$v=19$m=19456,t=2,p=1$AAECAwQFBgcICQoLDA0ODw",
    ] {
        assert!(
            PasswordVerifier::new(vec![settings(hash, None)]).is_err(),
            "hash: {hash}"
        );
    }
}

#[test]
fn a_generated_password_opens_its_own_hash() {
    let password = generate_password();
    let settings = PasswordHashSettings {
        hash: hash_generated_password(&password),
        expires_at: None,
    };
    let verifier = PasswordVerifier::new(vec![settings]).unwrap();
    assert!(verifier.verify(password.expose_secret(), Timestamp::UNIX_EPOCH));
    assert!(!verifier.verify("another", Timestamp::UNIX_EPOCH));
}

#[test]
fn a_hash_of_htpasswd_fits_its_password_and_nothing_longer() {
    let hash = bcrypt::hash("correct horse", 5)
        .unwrap()
        .replacen("$2b$", "$2y$", 1);
    let verifier = PasswordVerifier::new(vec![settings(&hash, None)]).unwrap();
    assert!(verifier.verify("correct horse", now()));
    assert!(!verifier.verify("correct hors", now()));
    let long = "x".repeat(72);
    let hash = bcrypt::hash(&long, 5).unwrap();
    let verifier = PasswordVerifier::new(vec![settings(&hash, None)]).unwrap();
    assert!(!verifier.verify(&format!("{long}y"), now()));
}

#[test]
fn what_is_no_hash_is_refused_with_what_to_do() {
    for (text, expected) in [
        ("hunter2", "password hash"),
        ("", "password hash"),
        ("$apr1$abc$def", "complete argon2id or bcrypt"),
        ("$2y$05$short", "complete argon2id or bcrypt"),
        (&bcrypt::hash("x", 4).unwrap(), "too little or too much"),
    ] {
        let error = PasswordVerifier::new(vec![settings(text, None)]).err();
        let message = error.expect("it is refused").to_string();
        assert!(message.contains(expected), "{text}: {message}");
        assert!(text.is_empty() || !message.contains(text), "{message}");
    }
}
