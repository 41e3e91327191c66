//! Passwords of operators: argon2id at rest (RFC 9106), or bcrypt as `htpasswd` makes it; remembered for the next scrape.

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

/// Cost bounds of a bcrypt hash: from what `htpasswd -B` does on its own to about a second of work.
const BCRYPT_COST: std::ops::RangeInclusive<u32> = 5..=14;

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
    /// What [`hash_password`] returned, or a bcrypt hash of `htpasswd -nB`.
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
    hash: Hash,
    expires_at: Option<Timestamp>,
}

enum Hash {
    Argon2(Box<PasswordHash>),
    Bcrypt(String),
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
    /// [`SettingsError::PasswordHash`] for what is no argon2id or bcrypt hash, or one that asks for too little or too much.
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
        let hash = Hash::parse(&settings.hash)
            .map_err(|fault| SettingsError::PasswordHash { position, fault })?;
        Ok(Self {
            hash,
            expires_at: settings.expires_at,
        })
    }

    fn counts(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }

    fn fits(&self, password: &str) -> bool {
        match &self.hash {
            Hash::Argon2(hash) => Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
                .verify_password(password.as_bytes(), &**hash)
                .is_ok(),
            // A longer password would fit by its first 72 bytes alone; it is refused instead.
            Hash::Bcrypt(hash) => bcrypt::non_truncating_verify(password, hash).unwrap_or(false),
        }
    }
}

impl Hash {
    fn parse(text: &str) -> Result<Self, PasswordHashFault> {
        if !text.starts_with('$') {
            return Err(PasswordHashFault::NoHash);
        }
        if text.starts_with("$2") {
            return Self::parse_bcrypt(text);
        }
        let hash = PasswordHash::new(text).map_err(|_| PasswordHashFault::Unreadable)?;
        let params = Params::try_from(&hash).map_err(|_| PasswordHashFault::Unreadable)?;
        let complete = hash.salt.is_some() && hash.hash.is_some();
        if hash.algorithm.as_str() != "argon2id" || !complete {
            return Err(PasswordHashFault::Unreadable);
        }
        let bounded = MEMORY_KIB.contains(&params.m_cost())
            && (1..=10).contains(&params.t_cost())
            && (1..=8).contains(&params.p_cost());
        if bounded {
            Ok(Self::Argon2(Box::new(hash)))
        } else {
            Err(PasswordHashFault::Cost)
        }
    }

    fn parse_bcrypt(text: &str) -> Result<Self, PasswordHashFault> {
        let parts: bcrypt::HashParts = text.parse().map_err(|_| PasswordHashFault::Unreadable)?;
        if BCRYPT_COST.contains(&parts.get_cost()) {
            Ok(Self::Bcrypt(text.to_owned()))
        } else {
            Err(PasswordHashFault::Cost)
        }
    }
}

/// Why a configured password hash is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordHashFault {
    /// It is no hash at all: a password in the clear, most likely.
    #[error(
        "it is no hash, and a password in the clear is there for whoever reads the file; run `twinward password hash` and write what it prints"
    )]
    NoHash,
    /// It is neither argon2id nor bcrypt, or is cut off.
    #[error(
        "it is no complete argon2id or bcrypt hash; run `twinward password hash`, or `htpasswd -nBC 12 devops` and write what follows `devops:`"
    )]
    Unreadable,
    /// It asks for too little work or too much.
    #[error(
        "it asks for too little or too much work; run `twinward password hash`, or `htpasswd -nBC 12 devops`"
    )]
    Cost,
}

#[cfg(test)]
mod tests;
