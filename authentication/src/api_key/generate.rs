//! Makes keys.

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

use super::hint::{WeakKey, adopted_key_id, key_hint};
use super::key::{BASE62, Environment, KEY_ID_LENGTH, SECRET_LENGTH, checksum};
use super::slow_hash;
use super::verifier::KeyVerifier;

/// A new key and what to keep of it.
#[derive(Debug)]
pub struct GeneratedKey {
    /// The key itself: shown once, stored nowhere.
    pub key: SecretString,
    /// What the configuration keeps.
    pub verifier: String,
    /// Its public name.
    pub key_id: String,
}

/// Makes a key of this brand, without a pepper.
pub fn generate(brand: &str, environment: Environment) -> GeneratedKey {
    generate_with_pepper(brand, environment, None)
}

/// Makes a key of this brand whose verifier is worth nothing without `pepper`.
pub fn generate_with_pepper(
    brand: &str,
    environment: Environment,
    pepper: Option<&SecretString>,
) -> GeneratedKey {
    let key_id = base62(KEY_ID_LENGTH);
    let mut key = format!("{brand}_{environment}_{key_id}_{}", base62(SECRET_LENGTH));
    let sum = checksum(&key);
    key.extend(sum.map(char::from));
    let key = SecretString::from(key);
    let mut salt = [0; 16];
    fill(&mut salt);
    GeneratedKey {
        verifier: KeyVerifier::write(key.expose_secret(), &key_id, salt, pepper),
        key,
        key_id,
    }
}

/// A new key in the form of Edge Server, and its slow hash.
#[derive(Debug)]
pub struct LegacyKey {
    /// The key itself: shown once, stored nowhere.
    pub key: SecretString,
    /// What the configuration keeps.
    pub verifier: String,
}

/// Makes a key as Edge Server does: 256 bits as base64, hashed by scrypt.
pub fn generate_legacy() -> LegacyKey {
    let mut secret = [0; 32];
    fill(&mut secret);
    let key = SecretString::from(STANDARD.encode(secret));
    let mut salt = [0; 16];
    fill(&mut salt);
    LegacyKey {
        verifier: slow_hash::write(key.expose_secret(), salt),
        key,
    }
}

/// A fast hash of a key whose hash was slow, once the key was seen.
///
/// # Errors
///
/// [`WeakKey`] if the key is likely made by hand: then only a slow hash protects it.
pub fn adopt(key: &SecretString, pepper: Option<&SecretString>) -> Result<String, WeakKey> {
    key_hint(key)?;
    let mut salt = [0; 16];
    fill(&mut salt);
    let key = key.expose_secret();
    Ok(KeyVerifier::write(key, &adopted_key_id(key), salt, pepper))
}

/// Uniform by rejection: a byte below 248 is as likely to be one of the 62 digits as another.
fn base62(length: usize) -> String {
    let mut text = String::with_capacity(length);
    let mut bytes = [0_u8; 64];
    while text.len() < length {
        fill(&mut bytes);
        let digits = bytes
            .iter()
            .filter(|byte| **byte < 248)
            .filter_map(|byte| BASE62.get(usize::from(byte % 62)));
        text.extend(digits.take(length - text.len()).copied().map(char::from));
    }
    text
}

fn fill(bytes: &mut [u8]) {
    rand::fill(bytes).expect("the operating system gives random bytes");
}
