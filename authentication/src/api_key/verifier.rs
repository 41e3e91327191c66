//! What the configuration keeps of a key: a keyed hash of ours, or a slow hash of another server.

use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::hash::{HashError, HashRemark, HashText};
use super::key::KEY_ID_LENGTH;
use super::slow_hash::SlowHash;

/// Checks keys against one hash.
#[derive(Debug)]
pub struct KeyVerifier {
    key_id: String,
    hash: Hash,
    remarks: Vec<HashRemark>,
}

#[derive(Debug)]
enum Hash {
    Native { key: Box<hmac::Key>, tag: [u8; 32] },
    Slow(SlowHash),
}

impl KeyVerifier {
    /// Reads a hash as `api-key generate` or Edge Server printed it.
    ///
    /// # Errors
    ///
    /// [`HashError`], the first thing that is wrong with it.
    pub fn parse(text: &str, pepper: Option<&SecretString>) -> Result<Self, HashError> {
        let text = HashText::read(text)?;
        let (key_id, hash) = if text.algorithm == "hs256" {
            native(&text, pepper)?
        } else {
            (public_name(&text), Hash::Slow(SlowHash::parse(&text)?))
        };
        Ok(Self {
            key_id,
            hash,
            remarks: text.remarks,
        })
    }

    /// The hash of `key`, in the form that [`KeyVerifier::parse`] reads.
    pub(super) fn write(
        key: &str,
        key_id: &str,
        salt: [u8; 16],
        pepper: Option<&SecretString>,
    ) -> String {
        let (version, hmac_key) = match pepper {
            None => (1, hmac::Key::new(hmac::HMAC_SHA256, &salt)),
            Some(pepper) => (2, peppered(&salt, pepper)),
        };
        let tag = hmac::sign(&hmac_key, key.as_bytes());
        STANDARD.encode(format!(
            "hs256$v={version}$kid={key_id}${}${}",
            STANDARD_NO_PAD.encode(salt),
            STANDARD_NO_PAD.encode(tag)
        ))
    }

    /// One that no key satisfies, to spend the same time on an unknown key id.
    pub(super) fn dummy() -> Self {
        Self {
            key_id: String::new(),
            hash: Hash::Native {
                key: Box::new(hmac::Key::new(hmac::HMAC_SHA256, &[0; 16])),
                tag: [0; 32],
            },
            remarks: Vec::new(),
        }
    }

    /// The public name of the key; that of a slow hash is made from the hash.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Whether checking takes long: then never on a thread that others wait for.
    pub fn is_slow(&self) -> bool {
        match self.hash {
            Hash::Native { .. } => false,
            Hash::Slow(_) => true,
        }
    }

    /// About how long a check takes if it is slow, and nothing otherwise.
    pub(super) fn estimated_cost(&self) -> Duration {
        match &self.hash {
            Hash::Native { .. } => Duration::ZERO,
            Hash::Slow(hash) => hash.estimated_cost(),
        }
    }

    /// What should not stay as it is.
    pub fn remarks(&self) -> &[HashRemark] {
        &self.remarks
    }

    /// Whether this is the key, in a time that does not depend on where they differ.
    pub fn verify(&self, key: &str) -> bool {
        match &self.hash {
            Hash::Native { key: hmac_key, tag } => hmac::sign(hmac_key, key.as_bytes())
                .as_ref()
                .ct_eq(tag)
                .into(),
            Hash::Slow(hash) => hash.verify(key),
        }
    }
}

fn native(text: &HashText, pepper: Option<&SecretString>) -> Result<(String, Hash), HashError> {
    let key_id = text.parameter("kid")?.to_owned();
    let tag = text.tag.as_slice().try_into();
    let tag = tag.map_err(|_| HashError::Bounds {
        part: "tag",
        expected: "32 bytes",
    })?;
    if key_id.len() != KEY_ID_LENGTH || !key_id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(HashError::Bounds {
            part: "kid",
            expected: "10 letters and digits",
        });
    }
    if text.salt.len() != 16 {
        return Err(HashError::Bounds {
            part: "salt",
            expected: "16 bytes",
        });
    }
    let key = match (text.version.as_deref(), pepper) {
        (Some("1"), _) => hmac::Key::new(hmac::HMAC_SHA256, &text.salt),
        (Some("2"), Some(pepper)) => peppered(&text.salt, pepper),
        (Some("2"), None) => return Err(HashError::MissingPepper),
        _ => {
            return Err(HashError::Bounds {
                part: "v",
                expected: "1 or 2",
            });
        }
    };
    let key = Box::new(key);
    Ok((key_id, Hash::Native { key, tag }))
}

fn peppered(salt: &[u8], pepper: &SecretString) -> hmac::Key {
    let outer = hmac::Key::new(hmac::HMAC_SHA256, pepper.expose_secret().as_bytes());
    hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&outer, salt).as_ref())
}

/// A slow hash names no key: half of a digest of salt and tag tells it from others, and says nothing about the key.
fn public_name(text: &HashText) -> String {
    let digest = digest::digest(&digest::SHA256, &[&*text.salt, &*text.tag].concat());
    let hex: String = digest
        .as_ref()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{LEGACY_PREFIX}{hex}")
}

/// What no id of our own keys begins with.
const LEGACY_PREFIX: &str = "legacy-";

/// Whether this is the public name of a slow hash.
pub fn is_legacy_key_id(key_id: &str) -> bool {
    key_id.starts_with(LEGACY_PREFIX)
}
