//! Makes keys.

use aws_lc_rs::rand;
use secrecy::{ExposeSecret, SecretString};

use super::key::{BASE62, Environment, KEY_ID_LENGTH, SECRET_LENGTH, checksum};
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
