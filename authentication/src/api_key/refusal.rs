//! Why a key is not good: for logs and audit, never for the caller.

use crate::guard::GuardedMethod;

/// Why a key is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyRefusal {
    /// Not a key, or its checksum does not fit.
    #[error("malformed")]
    Malformed,
    /// A key of another brand.
    #[error("wrong brand")]
    WrongBrand,
    /// No identity has this key id.
    #[error("unknown key id")]
    UnknownKeyId,
    /// The key id exists, the secret is another.
    #[error("wrong secret")]
    WrongSecret,
    /// A key without an id, which no configured hash can be made from: known without computing one.
    #[error("no hash has its hint")]
    UnknownLegacyKey,
    /// A key without an id that fits none of the slow hashes.
    #[error("fits no slow hash")]
    WrongLegacyKey,
    /// A test key where live keys count, or the reverse.
    #[error("wrong environment")]
    WrongEnvironment,
    /// The identity is switched off.
    #[error("disabled")]
    Disabled,
    /// The identity may use another server only.
    #[error("not on this server")]
    NotOnThisServer,
    /// It does not count yet.
    #[error("not yet valid")]
    NotYetValid,
    /// It counts no longer.
    #[error("expired")]
    Expired,
}

impl ApiKeyRefusal {
    /// A stable word for audit and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::WrongBrand => "wrong_brand",
            Self::UnknownKeyId => "unknown_key_id",
            Self::WrongSecret => "wrong_secret",
            Self::UnknownLegacyKey => "unknown_legacy_key",
            Self::WrongLegacyKey => "wrong_legacy_key",
            Self::WrongEnvironment => "wrong_env",
            Self::Disabled => "disabled",
            Self::NotOnThisServer => "identity_not_on_server",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
        }
    }

    /// What a key that nobody was given fails by; `None` if only a genuine key fails like this.
    pub(crate) fn guessed_by(self) -> Option<GuardedMethod> {
        match self {
            Self::Malformed
            | Self::WrongBrand
            | Self::UnknownKeyId
            | Self::WrongSecret
            | Self::UnknownLegacyKey => Some(GuardedMethod::ApiKey),
            Self::WrongLegacyKey => Some(GuardedMethod::SlowApiKey),
            Self::WrongEnvironment
            | Self::Disabled
            | Self::NotOnThisServer
            | Self::NotYetValid
            | Self::Expired => None,
        }
    }
}
