//! What can be revoked, and until when that matters.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use policies::{Principal, ProviderKind};
use serde::{Deserialize, Serialize};

use super::StoreFailure;

/// One credential, subject or issuer that counts no longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Revocation {
    /// Follows from kind and value: whoever revokes the same again changes this one.
    pub id: RevocationId,
    /// What kind of thing `value` names.
    pub kind: RevocationKind,
    /// A `jti`, a key id, a subject or an issuer.
    pub value: Arc<str>,
    /// Tokens issued at that time or before are refused; only subjects and issuers look at it.
    pub issued_before: Timestamp,
    /// Whether everything of the subject or issuer is refused, however new, until this is removed.
    pub permanent: bool,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Arc<str>>,
    /// When it was revoked last.
    pub created_at: Timestamp,
    /// Who revoked it last.
    pub created_by: Arc<str>,
    /// How long after its issue a token could count while this was known, in seconds: the most that was ever configured.
    #[serde(default)]
    pub kept_for_seconds: i64,
}

/// What a revocation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RevocationKind {
    /// The token with this `jti`.
    Jti,
    /// Every token signed with the key of this `kid`, and the API key with this id.
    Key,
    /// A subject such as `acme:alice`, or `<issuer's name>:<sub>`.
    Subject,
    /// An issuer, by its configured name or its `iss`.
    Issuer,
}

/// The word is no [`RevocationKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the kind is `jti`, `key`, `subject` or `issuer`")]
pub struct UnknownRevocationKind;

/// Names one revocation: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RevocationId(Arc<str>);

/// What an operator says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRevocation {
    /// What kind of thing `value` names.
    pub kind: RevocationKind,
    /// A `jti`, a key id, a subject or an issuer.
    pub value: String,
    /// Tokens issued at that time or before are refused; absent: now.
    pub issued_before: Option<Timestamp>,
    /// Whether to refuse everything until this is removed.
    pub permanent: bool,
    /// Why, for people.
    pub reason: Option<String>,
    /// Who says so.
    pub created_by: String,
}

/// Why nothing was revoked, or nothing taken back.
#[derive(Debug, thiserror::Error)]
pub enum RevocationError {
    /// Empty, too long, or with control characters.
    #[error(
        "the value must have 1 to {} bytes without control characters",
        Revocation::VALUE_BYTES_MAX
    )]
    Value,
    /// Not written `<issuer>:<id>`.
    #[error("a subject is written `<issuer>:<id>`")]
    Subject,
    /// The reason or the name of whoever revokes is too long, or has control characters.
    #[error(
        "a reason has at most {} bytes without control characters",
        Revocation::TEXT_BYTES_MAX
    )]
    Text,
    /// Only subjects and issuers can be revoked for good: tokens and keys do not come back anyway.
    #[error("only a subject or an issuer can be revoked permanently")]
    Permanent,
    /// There is no room for more.
    #[error(
        "at most {} revocations can be in force",
        super::Revocations::ENTRIES_MAX
    )]
    TooMany,
    /// The store failed: nothing changed.
    #[error("revocations could not be stored")]
    Store(#[from] StoreFailure),
}

impl Revocation {
    /// The longest value, in bytes.
    pub const VALUE_BYTES_MAX: usize = 1024;
    /// The longest reason, in bytes.
    pub const TEXT_BYTES_MAX: usize = 512;

    /// This and what was revoked before, together.
    pub(super) fn added_to(self, before: &Self) -> Self {
        Self {
            issued_before: self.issued_before.max(before.issued_before),
            permanent: self.permanent || before.permanent,
            reason: self.reason.or_else(|| before.reason.clone()),
            kept_for_seconds: self.kept_for_seconds.max(before.kept_for_seconds),
            ..self
        }
    }

    /// Whether it refuses the credential of a principal that it names.
    pub(super) fn refuses(&self, principal: &Principal) -> bool {
        match self.kind {
            RevocationKind::Jti | RevocationKind::Key => true,
            RevocationKind::Subject | RevocationKind::Issuer => {
                let issued_at = principal.credential().issued_at;
                let is_old = issued_at.is_none_or(|issued_at| issued_at <= self.issued_before);
                self.permanent || principal.provider() == ProviderKind::Jwt && is_old
            }
        }
    }

    /// The same, for as long as `seconds` at least; `None` if it is kept for so long already.
    pub(super) fn kept_for(&self, seconds: i64) -> Option<Self> {
        (self.kept_for_seconds < seconds).then(|| Self {
            kept_for_seconds: seconds,
            ..self.clone()
        })
    }

    /// Whether nothing can be left that it would refuse.
    ///
    /// A key may sign anew at any time, and an API key need not end: these are remembered until removed.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        let last_issue = match self.kind {
            RevocationKind::Key => return false,
            RevocationKind::Jti => self.created_at,
            RevocationKind::Subject | RevocationKind::Issuer if self.permanent => return false,
            RevocationKind::Subject | RevocationKind::Issuer => {
                self.created_at.max(self.issued_before)
            }
        };
        now.duration_since(last_issue) > SignedDuration::from_secs(self.kept_for_seconds)
    }
}

impl NewRevocation {
    pub(super) fn check(
        self,
        now: Timestamp,
        kept_for_seconds: i64,
    ) -> Result<Revocation, RevocationError> {
        let is_plain = |text: &str, bytes_max: usize| {
            text.len() <= bytes_max && !text.contains(char::is_control)
        };
        if self.value.is_empty() || !is_plain(&self.value, Revocation::VALUE_BYTES_MAX) {
            return Err(RevocationError::Value);
        }
        if self.kind == RevocationKind::Subject
            && self.value.parse::<policies::SubjectId>().is_err()
        {
            return Err(RevocationError::Subject);
        }
        let texts = self.reason.iter().chain([&self.created_by]);
        if !texts
            .into_iter()
            .all(|text| is_plain(text, Revocation::TEXT_BYTES_MAX))
        {
            return Err(RevocationError::Text);
        }
        if self.permanent && matches!(self.kind, RevocationKind::Jti | RevocationKind::Key) {
            return Err(RevocationError::Permanent);
        }
        Ok(Revocation {
            id: RevocationId::of(self.kind, &self.value),
            kind: self.kind,
            value: self.value.into(),
            issued_before: self.issued_before.unwrap_or(now),
            permanent: self.permanent,
            reason: self.reason.map(Into::into),
            created_at: now,
            created_by: self.created_by.into(),
            kept_for_seconds,
        })
    }
}

impl RevocationKind {
    /// The word that operators write.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jti => "jti",
            Self::Key => "key",
            Self::Subject => "subject",
            Self::Issuer => "issuer",
        }
    }
}

impl FromStr for RevocationKind {
    type Err = UnknownRevocationKind;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        [Self::Jti, Self::Key, Self::Subject, Self::Issuer]
            .into_iter()
            .find(|kind| kind.as_str() == word)
            .ok_or(UnknownRevocationKind)
    }
}

impl RevocationId {
    /// The first half of the SHA-256 of kind and value.
    fn of(kind: RevocationKind, value: &str) -> Self {
        let mut text = String::with_capacity(32);
        let named = format!("{}:{value}", kind.as_str());
        let hash = digest::digest(&digest::SHA256, named.as_bytes());
        for byte in hash.as_ref().iter().take(16) {
            text.push_str(&format!("{byte:02x}"));
        }
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for RevocationId {
    /// Any text: one that is no id names nothing.
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for RevocationId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
