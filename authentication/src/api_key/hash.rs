//! Reads the hash of a key as it stands in a configuration file, however it got there.
//!
//! The form is base64 of a PHC string (`$<algorithm>$<parameters>$<salt>$<tag>`), with or without the leading `$`.
//! Whatever people do to such a text on the way into a file is either understood and remarked on, or named with its place.

use base64::Engine;
use base64::alphabet::STANDARD as ALPHABET;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Why the text is no hash of an API key. Never repeats the text: it may be a mistyped secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Blanks or line ends around or in the text.
    #[error("the hash has white space at byte {position}")]
    Whitespace {
        /// The first such byte, from 0.
        position: usize,
    },
    /// Text from a template that nobody replaced.
    #[error("the hash is a placeholder")]
    Placeholder,
    /// Not standard base64.
    #[error("the hash is not base64: see byte {position}")]
    NotBase64 {
        /// The first byte that does not fit, from 0; the length if it ends too early.
        position: usize,
    },
    /// Not a PHC string.
    #[error("the hash has no form `<algorithm>$<parameters>$<salt>$<tag>`: see its part `{part}`")]
    Shape {
        /// The part that is missing or unreadable.
        part: &'static str,
    },
    /// An algorithm that is never right for a key.
    #[error("algorithm `{algorithm}` is not supported for API keys")]
    Algorithm {
        /// The algorithm.
        algorithm: String,
    },
    /// Salt or tag is missing.
    #[error("the hash has no {part}")]
    MissingTag {
        /// Which of them.
        part: &'static str,
    },
    /// A parameter, a salt or a tag of a wrong size.
    #[error("`{part}` of the hash is out of bounds, expected {expected}")]
    Bounds {
        /// Which part.
        part: &'static str,
        /// What is accepted.
        expected: &'static str,
    },
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
            Self::NotBase64 { .. } => "hash.not_base64",
            Self::Shape { .. } => "hash.shape",
            Self::Algorithm { .. } => "hash.algorithm",
            Self::MissingTag { .. } => "hash.missing_tag",
            Self::Bounds { .. } => "hash.bounds",
            Self::MissingPepper => "hash.missing_pepper",
        }
    }

    /// What to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::Whitespace { .. } => "write it on one line, without blanks",
            Self::Placeholder => {
                "run `twinward api-key generate --yaml` and paste the hash that it prints"
            }
            Self::NotBase64 { .. } | Self::Shape { .. } | Self::MissingTag { .. } => {
                "copy it again as a whole, as it was printed"
            }
            Self::Algorithm { .. } => {
                "expected `hs256`, `scrypt` or `argon2id`; run `twinward api-key generate --yaml` for a key with such a hash"
            }
            Self::Bounds { .. } => {
                "run `twinward api-key generate --yaml` for a key whose hash is within them"
            }
            Self::MissingPepper => {
                "write the pepper that it was made with as `auth.api_keys.pepper`"
            }
        }
    }
}

/// Something about a hash that works and should not stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashRemark {
    /// A `$` behind the text, as some manuals print it.
    #[error("the `$` at the end of the hash is not part of it")]
    TrailingDollar,
    /// A PHC string that nobody encoded.
    #[error("the hash is not base64-encoded")]
    NotBase64,
}

impl HashRemark {
    /// A stable word for scripts.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TrailingDollar => "hash.trailing_dollar",
            Self::NotBase64 => "hash.not_base64",
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

/// The parts of a PHC string, as text; nothing in them is checked yet but the algorithm's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HashText {
    pub(super) algorithm: String,
    pub(super) version: Option<String>,
    pub(super) parameters: Vec<(String, String)>,
    pub(super) salt: Vec<u8>,
    pub(super) tag: Vec<u8>,
    pub(super) remarks: Vec<HashRemark>,
}

impl HashText {
    pub(super) fn read(text: &str) -> Result<Self, HashError> {
        let (phc, remarks) = unwrap(text)?;
        let mut parts = phc.strip_prefix('$').unwrap_or(&phc).split('$').peekable();
        let algorithm = parts.next().unwrap_or_default();
        if !matches!(algorithm, "scrypt" | "argon2id" | "hs256") {
            return Err(HashError::Algorithm {
                algorithm: word(algorithm),
            });
        }
        let version = parts
            .next_if(|part| part.starts_with("v=") && !part.contains(','))
            .and_then(|part| part.strip_prefix("v="))
            .map(str::to_owned);
        let parameters = match parts.next_if(|part| part.contains('=')) {
            Some(part) => part.split(',').map(parameter).collect::<Result<_, _>>()?,
            None => Vec::new(),
        };
        let salt = filled(parts.next(), "salt")?;
        let tag = filled(parts.next(), "tag")?;
        if parts.next().is_some() {
            return Err(HashError::Shape { part: "end" });
        }
        Ok(Self {
            algorithm: algorithm.to_owned(),
            version,
            parameters,
            salt: bytes_of(salt, "salt")?,
            tag: bytes_of(tag, "tag")?,
            remarks,
        })
    }

    /// The value of the one parameter with this name.
    pub(super) fn parameter(&self, name: &'static str) -> Result<&str, HashError> {
        let mut found = self.parameters.iter().filter(|(known, _)| known == name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Ok(value),
            _ => Err(HashError::Shape { part: name }),
        }
    }

    /// The value of a parameter that is a number within bounds.
    pub(super) fn number(
        &self,
        name: &'static str,
        (bounds, expected): (std::ops::RangeInclusive<u32>, &'static str),
    ) -> Result<u32, HashError> {
        let value = self.parameter(name)?;
        let value: u32 = value.parse().map_err(|_| HashError::Shape { part: name })?;
        if !bounds.contains(&value) {
            return Err(HashError::Bounds {
                part: name,
                expected,
            });
        }
        Ok(value)
    }
}

/// The PHC string inside, and what was strange about its wrapping.
fn unwrap(text: &str) -> Result<(String, Vec<HashRemark>), HashError> {
    if let Some(position) = text.find(char::is_whitespace) {
        return Err(HashError::Whitespace { position });
    }
    if is_placeholder(text) {
        return Err(HashError::Placeholder);
    }
    if text.len() > HASH_BYTES_MAX {
        return Err(HashError::Bounds {
            part: "length",
            expected: "at most 1024 bytes",
        });
    }
    let mut remarks = Vec::new();
    let bare = match text.strip_suffix('$') {
        Some(bare) => {
            remarks.push(HashRemark::TrailingDollar);
            bare
        }
        None => text,
    };
    let plain = [
        "$scrypt$", "scrypt$", "$argon2", "argon2", "$hs256$", "hs256$", "$",
    ];
    if plain.iter().any(|start| bare.starts_with(start)) {
        remarks.push(HashRemark::NotBase64);
        return Ok((bare.to_owned(), remarks));
    }
    let bytes = LENIENT.decode(bare).map_err(|error| HashError::NotBase64 {
        position: place_of(&error, bare),
    })?;
    match String::from_utf8(bytes) {
        Ok(phc) if phc.is_ascii() => Ok((phc, remarks)),
        Ok(_) | Err(_) => Err(HashError::Algorithm {
            algorithm: String::new(),
        }),
    }
}

fn place_of(error: &base64::DecodeError, text: &str) -> usize {
    match error {
        base64::DecodeError::InvalidByte(position, _)
        | base64::DecodeError::InvalidLastSymbol(position, _) => *position,
        base64::DecodeError::InvalidLength(_) | base64::DecodeError::InvalidPadding => text.len(),
    }
}

/// `YOUR_HASH`, `SECURE_PUBLIC_HASH_GENERATED_BY_CLI`, `<hash>`: in part even valid base64 of another alphabet.
fn is_placeholder(text: &str) -> bool {
    let shouting = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    text.is_empty()
        || (text.contains('_') && text.bytes().all(shouting))
        || (text.starts_with('<') && text.ends_with('>'))
}

fn parameter(text: &str) -> Result<(String, String), HashError> {
    let (name, value) = text
        .split_once('=')
        .ok_or(HashError::Shape { part: "parameters" })?;
    Ok((name.to_owned(), value.to_owned()))
}

fn filled<'a>(part: Option<&'a str>, name: &'static str) -> Result<&'a str, HashError> {
    part.filter(|part| !part.is_empty())
        .ok_or(HashError::MissingTag { part: name })
}

fn bytes_of(text: &str, name: &'static str) -> Result<Vec<u8>, HashError> {
    LENIENT
        .decode(text)
        .map_err(|_| HashError::Shape { part: name })
}

/// A hash may be a mistyped secret: never repeat more than an algorithm's name.
fn word(text: &str) -> String {
    text.chars()
        .take(16)
        .filter(char::is_ascii_alphanumeric)
        .collect()
}
