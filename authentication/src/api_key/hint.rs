//! Hints: 32 bits of a slow key's digest, so that finding its hash takes one run instead of one per identity.

use aws_lc_rs::digest;
use secrecy::{ExposeSecret, SecretString};

/// What is digested in front of the key, so that the hint is of no use elsewhere.
const LABEL: &str = "edge-key-hint:v1:";

/// The key is too easy to guess: with a hint of it, whoever reads the file would need few tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the key has about {bits} bits of randomness, a hint of it needs {BITS_MIN}; replace the key"
)]
pub struct WeakKey {
    /// The estimate.
    pub bits: u32,
}

/// As random as a key with a hint must be.
const BITS_MIN: u32 = 128;

/// The first eight hexadecimal digits of SHA-256 over a label and the key.
pub(super) fn hint_of(key: &str) -> String {
    let digest = digest::digest(
        &digest::SHA256,
        &[LABEL.as_bytes(), key.as_bytes()].concat(),
    );
    digest
        .as_ref()
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The key id of a key without one whose slow hash was replaced by a fast one.
pub(super) fn adopted_key_id(key: &str) -> String {
    format!("Lg{}", hint_of(key))
}

/// Whether the text can be a hint.
pub fn is_hint(text: &str) -> bool {
    text.len() == 8
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// The hint of a key, for a file that others may read.
///
/// # Errors
///
/// [`WeakKey`] if the key is likely made by hand.
pub fn key_hint(key: &SecretString) -> Result<String, WeakKey> {
    let bits = estimated_bits(key.expose_secret());
    if bits < BITS_MIN {
        return Err(WeakKey { bits });
    }
    Ok(hint_of(key.expose_secret()))
}

/// Shannon's entropy of the characters, times their number: what random text has, and hand-made text rarely.
fn estimated_bits(text: &str) -> u32 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let length = text.len() as f64;
    let per_character: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / length)
        .map(|share| -share * share.log2())
        .sum();
    (per_character * length) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_is_that_of_the_documentation() {
        let key = SecretString::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        assert_eq!(key_hint(&key).unwrap(), "a6e6ef3d");
        assert!(is_hint("a6e6ef3d"));
        assert!(!is_hint("A6E6EF3D") && !is_hint("a6e6ef3") && !is_hint("a6e6ef3dd"));
    }

    #[test]
    fn hand_made_keys_get_no_hint() {
        for text in [
            "password",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "press07-press07-press07",
        ] {
            assert!(key_hint(&SecretString::from(text)).is_err(), "text: {text}");
        }
    }
}
