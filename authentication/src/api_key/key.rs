//! The text form of a key, and its checksum.

use std::fmt;

/// Where a key may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Environment {
    /// In production.
    Live,
    /// Anywhere else.
    Test,
}

impl Environment {
    /// The word in keys and in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

impl std::str::FromStr for Environment {
    type Err = KeyShapeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "live" => Ok(Self::Live),
            "test" => Ok(Self::Test),
            _ => Err(KeyShapeError::Environment),
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The public parts of a key whose shape and checksum are right. It says nothing about the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NativeKey<'a> {
    /// Who makes such keys.
    pub brand: &'a str,
    /// Where it may be used.
    pub environment: Environment,
    /// Its public name.
    pub key_id: &'a str,
}

/// The text is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyShapeError {
    /// Not four parts of the right lengths and alphabets.
    #[error("not `<brand>_<env>_<key id>_<secret><checksum>`")]
    Shape,
    /// Neither `live` nor `test`.
    #[error("the environment is neither `live` nor `test`")]
    Environment,
    /// The checksum does not fit: a typing error or a cut.
    #[error("the checksum does not fit")]
    Checksum,
}

/// Characters of the key id.
pub(super) const KEY_ID_LENGTH: usize = 10;
/// Characters of the secret.
pub(super) const SECRET_LENGTH: usize = 43;
/// Characters of the checksum.
const CHECKSUM_LENGTH: usize = 6;
/// Digits of base 62, in order.
pub(super) const BASE62: &[u8; 62] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether the text can be a brand: a lower-case letter, then 1 to 7 lower-case letters or digits.
pub fn is_brand(text: &str) -> bool {
    (2..=8).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

impl<'a> NativeKey<'a> {
    /// Reads the public parts, offline.
    ///
    /// # Errors
    ///
    /// [`KeyShapeError`], the checksum last.
    pub fn parse(text: &'a str) -> Result<Self, KeyShapeError> {
        let mut parts = text.splitn(4, '_');
        let mut next = || parts.next().ok_or(KeyShapeError::Shape);
        let (brand, environment, key_id, rest) = (next()?, next()?, next()?, next()?);
        let base62 = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_brand(brand)
            || key_id.len() != KEY_ID_LENGTH
            || rest.len() != SECRET_LENGTH + CHECKSUM_LENGTH
            || !base62(key_id)
            || !base62(rest)
        {
            return Err(KeyShapeError::Shape);
        }
        let environment = environment.parse()?;
        let (body, sum) = text
            .split_at_checked(text.len() - CHECKSUM_LENGTH)
            .ok_or(KeyShapeError::Shape)?;
        if sum.as_bytes() != checksum(body) {
            return Err(KeyShapeError::Checksum);
        }
        Ok(Self {
            brand,
            environment,
            key_id,
        })
    }
}

/// CRC-32 (IEEE) in base 62, padded with `0`.
pub(super) fn checksum(body: &str) -> [u8; CHECKSUM_LENGTH] {
    let mut rest = crc32fast::hash(body.as_bytes());
    let mut digits = [b'0'; CHECKSUM_LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    digits
}
