//! What the configuration keeps of a key: `hs256`, as base64 of a PHC string.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{
    GeneralPurpose, GeneralPurposeConfig, STANDARD, STANDARD_NO_PAD,
};
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

use super::key::KEY_ID_LENGTH;

/// Checks keys against one hash.
pub struct KeyVerifier {
    key_id: String,
    key: hmac::Key,
    tag: [u8; 32],
}

/// Why the text is no hash of an API key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Blanks or line ends around or in the text.
    #[error("the hash has white space at byte {position}")]
    Whitespace {
        /// The first such byte.
        position: usize,
    },
    /// Text from a template that nobody replaced.
    #[error("the hash is a placeholder")]
    Placeholder,
    /// Not standard base64.
    #[error("the hash is not base64")]
    NotBase64,
    /// Not a PHC string.
    #[error("the hash has no form `<algorithm>$<parameters>$<salt>$<tag>`")]
    Shape,
    /// An algorithm that is never right for a key.
    #[error("algorithm `{algorithm}` is not supported for API keys")]
    Algorithm {
        /// The algorithm.
        algorithm: String,
    },
    /// A slow hash of another server, which is not supported yet.
    #[error(
        "`{algorithm}` hashes are not supported yet: generate a key, its hash starts with `aHMyNTYk`"
    )]
    Legacy {
        /// The algorithm.
        algorithm: String,
    },
    /// Salt or tag is missing.
    #[error("the hash has no salt or no tag")]
    MissingTag,
    /// A parameter, a salt or a tag of a wrong size.
    #[error("a parameter, the salt or the tag of the hash is out of bounds")]
    Bounds,
    /// Made with a pepper, and none is configured.
    #[error("the hash was made with a pepper, and none is configured")]
    MissingPepper,
}

impl HashError {
    /// A stable word for scripts.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Whitespace { .. } => "hash.whitespace",
            Self::Placeholder => "hash.placeholder",
            Self::NotBase64 => "hash.not_base64",
            Self::Shape => "hash.shape",
            Self::Algorithm { .. } => "hash.algorithm",
            Self::Legacy { .. } => "hash.legacy",
            Self::MissingTag => "hash.missing_tag",
            Self::Bounds => "hash.bounds",
            Self::MissingPepper => "hash.missing_pepper",
        }
    }
}

/// The longest hash worth reading, in bytes.
const HASH_BYTES_MAX: usize = 1024;

/// Standard alphabet, padding optional: people lose it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl KeyVerifier {
    /// Reads what [`generate`](super::generate()) printed.
    ///
    /// # Errors
    ///
    /// [`HashError`], which says what to repair; it never repeats the text.
    pub fn parse(text: &str, pepper: Option<&SecretString>) -> Result<Self, HashError> {
        let phc = unwrap_phc(text)?;
        let mut parts = phc.strip_prefix('$').unwrap_or(&phc).split('$');
        let algorithm = parts.next().unwrap_or_default();
        match algorithm {
            "hs256" => {}
            "scrypt" | "argon2id" => check_tag(&phc)?,
            _ => {
                return Err(HashError::Algorithm {
                    algorithm: word(algorithm),
                });
            }
        }
        if algorithm != "hs256" {
            return Err(HashError::Legacy {
                algorithm: word(algorithm),
            });
        }
        let mut field = |name| {
            parts
                .next()
                .and_then(|part| part.strip_prefix(name))
                .ok_or(HashError::Shape)
        };
        let (version, key_id) = (field("v=")?, field("kid=")?.to_owned());
        let salt = STANDARD_NO_PAD.decode(parts.next().ok_or(HashError::MissingTag)?);
        let tag = STANDARD_NO_PAD.decode(parts.next().ok_or(HashError::MissingTag)?);
        let (Ok(salt), Ok(tag), None) = (salt, tag, parts.next()) else {
            return Err(HashError::Shape);
        };
        let tag = tag.try_into().map_err(|_| HashError::Bounds)?;
        if key_id.len() != KEY_ID_LENGTH || salt.len() != 16 {
            return Err(HashError::Bounds);
        }
        let key = match (version, pepper) {
            ("1", _) => hmac::Key::new(hmac::HMAC_SHA256, &salt),
            ("2", Some(pepper)) => peppered(&salt, pepper),
            ("2", None) => return Err(HashError::MissingPepper),
            _ => return Err(HashError::Bounds),
        };
        Ok(Self { key_id, key, tag })
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
            key: hmac::Key::new(hmac::HMAC_SHA256, &[0; 16]),
            tag: [0; 32],
        }
    }

    /// The public name of the key.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Whether this is the key, in a time that does not depend on where they differ.
    pub fn verify(&self, key: &str) -> bool {
        let tag = hmac::sign(&self.key, key.as_bytes());
        tag.as_ref().ct_eq(&self.tag).into()
    }
}

fn peppered(salt: &[u8], pepper: &SecretString) -> hmac::Key {
    let outer = hmac::Key::new(hmac::HMAC_SHA256, pepper.expose_secret().as_bytes());
    hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&outer, salt).as_ref())
}

/// The PHC text inside, after everything that people do to it on the way into a file was named.
fn unwrap_phc(text: &str) -> Result<String, HashError> {
    if let Some(position) = text.find(char::is_whitespace) {
        return Err(HashError::Whitespace { position });
    }
    if is_placeholder(text) {
        return Err(HashError::Placeholder);
    }
    if text.len() > HASH_BYTES_MAX {
        return Err(HashError::Bounds);
    }
    let plain = ["$", "scrypt$", "argon2id$", "hs256$"];
    if plain.iter().any(|start| text.starts_with(start)) {
        return Ok(text.to_owned());
    }
    let bytes = LENIENT
        .decode(text.strip_suffix('$').unwrap_or(text))
        .map_err(|_| HashError::NotBase64)?;
    match String::from_utf8(bytes) {
        Ok(phc) if phc.is_ascii() => Ok(phc),
        Ok(_) | Err(_) => Err(HashError::Shape),
    }
}

fn is_placeholder(text: &str) -> bool {
    let shouting = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    text.is_empty()
        || (text.contains('_') && text.bytes().all(shouting))
        || (text.starts_with('<') && text.ends_with('>'))
}

/// A slow hash has parameters, a salt and a tag, in this order.
fn check_tag(phc: &str) -> Result<(), HashError> {
    let filled = phc
        .split('$')
        .filter(|part| !part.is_empty() && !part.contains('='))
        .count();
    if filled < 3 {
        return Err(HashError::MissingTag);
    }
    Ok(())
}

/// A hash may be a mistyped secret: never repeat more than an algorithm's name.
fn word(text: &str) -> String {
    text.chars()
        .take(16)
        .filter(char::is_ascii_alphanumeric)
        .collect()
}
