//! What can be wrong with a token.

/// Wrong form: no token at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtFault {
    /// The header is not `Bearer` and one word.
    #[error("the authorization header is not `Bearer` and one token")]
    Header,
    /// Longer than a token may be.
    #[error("too long")]
    TooLong,
    /// Not three parts, all filled.
    #[error("not three parts")]
    Parts,
    /// A part is not base64url without padding (RFC 7515 §2).
    #[error("a part is not base64url")]
    Base64,
    /// Header or payload is no JSON object, or has a member twice.
    #[error("header or payload is no JSON object with distinct members")]
    Json,
}

/// Read, and refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtRefusal {
    /// A needed member is missing or has the wrong type.
    #[error("member `{member}` is missing or has the wrong type")]
    Member {
        /// Its name.
        member: &'static str,
    },
    /// Extensions that must be understood (RFC 7515 §4.1.11), encryption or compression.
    #[error("header member `{member}` is not supported")]
    Extension {
        /// The header member.
        member: &'static str,
    },
    /// The key is not for this algorithm, or the issuer may not use it.
    #[error("the algorithm does not fit the key")]
    Algorithm,
    /// The issuer has no such key.
    #[error("unknown key")]
    UnknownKey,
    /// The signature does not fit.
    #[error("wrong signature")]
    Signature,
    /// It is past `exp`.
    #[error("expired")]
    Expired,
    /// It is before `nbf` or `iat`.
    #[error("not yet valid")]
    NotYetValid,
    /// It counts for longer than tokens may.
    #[error("lifetime too long")]
    Lifetime,
    /// Made for someone else.
    #[error("wrong audience")]
    Audience,
    /// Not an access token, or not of a configured type.
    #[error("wrong token type")]
    TokenType,
    /// Its claims make too many subjects.
    #[error("too many subjects")]
    TooManySubjects,
    /// A claim that makes a subject has control characters: left out, the token would speak for less than it says.
    #[error("a claim that makes a subject has control characters")]
    SubjectCharacters,
}

impl JwtRefusal {
    /// Whether this is how guesses fail; nobody guesses a token that is out of its time or made for someone else.
    pub(crate) fn may_be_guessed(self) -> bool {
        match self {
            Self::Member { .. }
            | Self::Extension { .. }
            | Self::Algorithm
            | Self::UnknownKey
            | Self::Signature => true,
            Self::Expired
            | Self::NotYetValid
            | Self::Lifetime
            | Self::Audience
            | Self::TokenType
            | Self::TooManySubjects
            | Self::SubjectCharacters => false,
        }
    }
}
