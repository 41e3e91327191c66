//! Why something was refused: for the record only, clients see less.

/// Why something was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the words are described in docs/audit.md")]
pub enum Reason {
    NoCredential,
    MalformedHeader,
    ConflictingCredentials,
    UnknownKey,
    BadChecksum,
    WrongEnv,
    BadSecret,
    Disabled,
    NotYetValid,
    Expired,
    Revoked,
    SourceNotAllowed,
    RateLimited,
    TooLarge,
    SlowLaneFull,
    NoPermission,
    IdentityNotOnServer,
    JwtSignature,
    JwtIssuer,
    JwtAudience,
    JwtExpired,
    JwtAlgorithm,
    JwtClaims,
    JwtKey,
    PreauthUntrustedPeer,
    PreauthMalformed,
    /// The proxy did not prove that it vouches.
    PreauthAssertion,
    PeerNotTrusted,
    BackendUnavailable,
    Invalid,
    Internal,
}

impl Reason {
    /// The word in a record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            Self::MalformedHeader => "malformed_header",
            Self::ConflictingCredentials => "conflicting_credentials",
            Self::UnknownKey => "unknown_key",
            Self::BadChecksum => "bad_checksum",
            Self::WrongEnv => "wrong_env",
            Self::BadSecret => "bad_secret",
            Self::Disabled => "disabled",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::SourceNotAllowed => "source_not_allowed",
            Self::RateLimited => "rate_limited",
            Self::TooLarge => "too_large",
            Self::SlowLaneFull => "slow_lane_full",
            Self::NoPermission => "no_permission",
            Self::IdentityNotOnServer => "identity_not_on_server",
            Self::JwtSignature => "jwt_signature",
            Self::JwtIssuer => "jwt_issuer",
            Self::JwtAudience => "jwt_audience",
            Self::JwtExpired => "jwt_expired",
            Self::JwtAlgorithm => "jwt_algorithm",
            Self::JwtClaims => "jwt_claims",
            Self::JwtKey => "jwt_key",
            Self::PreauthUntrustedPeer => "preauth_untrusted_peer",
            Self::PreauthMalformed => "preauth_malformed",
            Self::PreauthAssertion => "preauth_assertion",
            Self::PeerNotTrusted => "peer_not_trusted",
            Self::BackendUnavailable => "backend_unavailable",
            Self::Invalid => "invalid",
            Self::Internal => "internal",
        }
    }
}
