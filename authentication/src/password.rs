//! Passwords of operators: argon2id at rest (RFC 9106), remembered for the next scrape.

use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use quick_cache::sync::Cache;
use secrecy::{ExposeSecret, SecretString};

use crate::SettingsError;
use crate::fingerprint::{Fingerprint, Fingerprinter};

/// The longest password worth hashing, in bytes.
const PASSWORD_BYTES_MAX: usize = 1024;
/// How long a verified password is remembered.
const REMEMBERED_FOR: Duration = Duration::from_secs(600);
/// How many passwords are remembered.
const REMEMBERED_MAX: usize = 64;
/// How many wrong passwords are remembered, for as long.
const REFUSED_MAX: usize = 256;
/// Memory bounds of a configured hash, in KiB: a file must not be able to ask for 16 GiB.
const MEMORY_KIB: std::ops::RangeInclusive<u32> = 8 * 1024..=256 * 1024;

/// Hashes a password with argon2id and a random salt, as a PHC string.
pub fn hash_password(password: &str) -> String {
    hash(&Argon2::default(), password)
}

fn hash(argon2: &Argon2<'_>, password: &str) -> String {
    let mut salt = [0; 16];
    rand::fill(&mut salt).expect("the operating system gives random bytes");
    argon2
        .hash_password_with_salt(password.as_bytes(), &salt)
        .expect("the parameters fit the salt")
        .to_string()
}

/// Hashes what [`generate_password`] made: it cannot be guessed, so the least memory that is accepted will do, and a
/// process that makes its first password stays small.
pub fn hash_generated_password(password: &SecretString) -> String {
    let params =
        Params::new(*MEMORY_KIB.start(), 3, 1, None).expect("the parameters are within bounds");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    hash(&argon2, password.expose_secret())
}

/// Makes a password of 192 bits.
pub fn generate_password() -> SecretString {
    let mut bytes = [0; 24];
    rand::fill(&mut bytes).expect("the operating system gives random bytes");
    SecretString::from(URL_SAFE_NO_PAD.encode(bytes))
}

/// One configured password.
#[derive(Debug, Clone)]
pub struct PasswordHashSettings {
    /// What [`hash_password`] returned.
    pub hash: String,
    /// Until when it counts.
    pub expires_at: Option<Timestamp>,
}

/// Checks a password against several hashes, so that one can replace another with overlap.
///
/// A verified password costs no second hash for ten minutes; it is remembered by a keyed fingerprint.
pub struct PasswordVerifier {
    hashes: Vec<Entry>,
    fingerprinter: Fingerprinter,
    remembered: Cache<Fingerprint, Remembered>,
    refused: Cache<Fingerprint, Timestamp>,
}

struct Entry {
    hash: PasswordHash,
    expires_at: Option<Timestamp>,
}

#[derive(Clone, Copy)]
struct Remembered {
    entry: usize,
    until: Timestamp,
}

impl PasswordVerifier {
    /// A verifier for these hashes; without any, it admits nobody.
    ///
    /// # Errors
    ///
    /// [`SettingsError::PasswordHash`] for a hash that is not argon2id or asks for too little or too much.
    pub fn new(hashes: Vec<PasswordHashSettings>) -> Result<Self, SettingsError> {
        let hashes = hashes
            .into_iter()
            .enumerate()
            .map(|(index, settings)| Entry::new(settings, index + 1))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            hashes,
            fingerprinter: Fingerprinter::new(),
            remembered: Cache::new(REMEMBERED_MAX),
            refused: Cache::new(REFUSED_MAX),
        })
    }

    /// Whether the password is one of them. Slow the first time: keep it off the event loop.
    pub fn verify(&self, password: &str, now: Timestamp) -> bool {
        if password.len() > PASSWORD_BYTES_MAX {
            return false;
        }
        let fingerprint = self.fingerprinter.of(password);
        if let Some(known) = self.recall(&fingerprint, now) {
            return known;
        }
        let until = now + REMEMBERED_FOR;
        let fits = |entry: &Entry| entry.counts(now) && entry.fits(password);
        match self.hashes.iter().position(fits) {
            Some(entry) => {
                self.remembered
                    .insert(fingerprint, Remembered { entry, until });
                true
            }
            None => {
                self.refused.insert(fingerprint, until);
                false
            }
        }
    }

    /// What is known without hashing; `None` means that [`PasswordVerifier::verify`] would be slow.
    pub fn verify_remembered(&self, password: &str, now: Timestamp) -> Option<bool> {
        self.recall(&self.fingerprinter.of(password), now)
    }

    fn recall(&self, fingerprint: &Fingerprint, now: Timestamp) -> Option<bool> {
        if let Some(known) = self.remembered.get(fingerprint)
            && now < known.until
            && self
                .hashes
                .get(known.entry)
                .is_some_and(|entry| entry.counts(now))
        {
            return Some(true);
        }
        let until = self.refused.get(fingerprint)?;
        (now < until).then_some(false)
    }
}

impl Entry {
    fn new(settings: PasswordHashSettings, position: usize) -> Result<Self, SettingsError> {
        let error = || SettingsError::PasswordHash { position };
        let hash = PasswordHash::new(&settings.hash).map_err(|_| error())?;
        let params = Params::try_from(&hash).map_err(|_| error())?;
        let bounded = MEMORY_KIB.contains(&params.m_cost())
            && (1..=10).contains(&params.t_cost())
            && (1..=8).contains(&params.p_cost());
        let complete = hash.salt.is_some() && hash.hash.is_some();
        if hash.algorithm.as_str() != "argon2id" || !bounded || !complete {
            return Err(error());
        }
        Ok(Self {
            hash,
            expires_at: settings.expires_at,
        })
    }

    fn counts(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    fn fits(&self, password: &str) -> bool {
        Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
            .verify_password(password.as_bytes(), &self.hash)
            .is_ok()
    }
}

#[cfg(test)]
mod tests;
