//! Subjects that a trusted proxy vouches for in a header.
//!
//! Source: Ditto documentation, page "Authentication and authorization", section "Pre-authentication". Unlike there, the
//! query never carries an identity, and a header from anyone but a configured peer is dropped.

mod assertion;
mod used_proofs;

use std::sync::Arc;

use ipnet::IpNet;
use policies::{Credential, Principal, ProviderKind, SubjectId};
use tracing::warn;

use crate::{
    Attempt, AuthenticationError, AuthenticationProvider, PeerAddress, RequestParts, SettingsError,
};

use assertion::AssertionVerifier;
pub use assertion::{AssertionRefusal, AssertionSettings};
pub use used_proofs::UsedProofs;

/// Name of the header, and of the query parameter that is refused.
const PRE_AUTHENTICATED: &str = "x-ditto-pre-authenticated";

/// Who may vouch, and for whom.
#[derive(Debug, Clone)]
pub struct PreAuthenticatedSettings {
    /// Whether the header counts at all.
    pub enabled: bool,
    /// Whose header counts: the peer of the socket, whatever headers say about addresses.
    pub trusted_peers: Vec<TrustedPeer>,
    /// What subjects must start with, e.g. `nginx` or `nginx:plant-`; empty for any but the reserved ones.
    pub subject_prefixes: Vec<String>,
    /// First halves of subjects that other providers vouch for: the names of issuers, the prefix of API keys.
    pub reserved_issuers: Vec<String>,
    /// Whether a header with several subjects is refused.
    pub single_subject: bool,
    /// The proof that is asked of the proxy; `None` for none.
    pub assertion: Option<AssertionSettings>,
}

/// A peer whose header counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedPeer {
    /// Every address of the network.
    Network(IpNet),
    /// Whoever may connect to the unix socket.
    Unix,
}

impl TrustedPeer {
    /// Whether `peer` is meant.
    pub fn is(&self, peer: PeerAddress) -> bool {
        match (self, peer) {
            (Self::Network(network), PeerAddress::Ip(address)) => {
                network.contains(&address.to_canonical())
            }
            (Self::Unix, PeerAddress::Unix) => true,
            (Self::Network(_), PeerAddress::Unix) | (Self::Unix, PeerAddress::Ip(_)) => false,
        }
    }
}

/// Recognises `x-ditto-pre-authenticated` from trusted peers.
pub struct PreAuthenticatedProvider {
    settings: PreAuthenticatedSettings,
    assertions: Option<AssertionVerifier>,
}

impl PreAuthenticatedProvider {
    /// A provider with these settings.
    ///
    /// # Errors
    ///
    /// [`SettingsError::ReservedPrefix`] if a prefix would let the proxy speak for another provider,
    /// [`SettingsError::AssertionSecret`] if the secret is too short.
    pub fn new(settings: PreAuthenticatedSettings) -> Result<Self, SettingsError> {
        Self::with_proofs(settings, Arc::default())
    }

    /// The same, which knows which proofs were used: before it asks for any, [`UsedProofs::cover`] says for how long.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn with_proofs(
        mut settings: PreAuthenticatedSettings,
        used: Arc<UsedProofs>,
    ) -> Result<Self, SettingsError> {
        for text in settings
            .subject_prefixes
            .iter_mut()
            .chain(&mut settings.reserved_issuers)
        {
            if !text.contains(':') {
                text.push(':');
            }
        }
        let reserved = |prefix: &&String| {
            settings
                .reserved_issuers
                .iter()
                .any(|issuer| prefix.starts_with(issuer))
        };
        if let Some(prefix) = settings.subject_prefixes.iter().find(reserved) {
            return Err(SettingsError::ReservedPrefix {
                prefix: prefix.clone(),
            });
        }
        let assertions = settings
            .assertion
            .as_ref()
            .map(|assertion| AssertionVerifier::new(assertion, used))
            .transpose()?;
        Ok(Self {
            settings,
            assertions,
        })
    }

    /// The subjects, if the proxy has proved that it vouches for them.
    fn vouched(&self, request: &RequestParts<'_>) -> Result<Vec<SubjectId>, AuthenticationError> {
        let value = request
            .headers
            .header(PRE_AUTHENTICATED)
            .unwrap_or_default();
        if let Some(assertions) = &self.assertions {
            assertions
                .verify(request, value)
                .map_err(|refusal| AuthenticationError::AssertionRefused { refusal })?;
        }
        self.subjects(value)
    }

    fn subjects(&self, value: &str) -> Result<Vec<SubjectId>, AuthenticationError> {
        let subjects = value
            .split(',')
            .map(str::trim)
            .filter(|piece| !piece.is_empty())
            .map(|piece| self.subject(piece))
            .collect::<Result<Vec<_>, _>>()?;
        match subjects.len() {
            0 => Err(AuthenticationError::PreAuthenticatedEmpty),
            count if count > 1 && self.settings.single_subject => {
                Err(AuthenticationError::PreAuthenticatedSeveral { count })
            }
            _ => Ok(subjects),
        }
    }

    fn subject(&self, text: &str) -> Result<SubjectId, AuthenticationError> {
        let subject: SubjectId = text
            .parse()
            .map_err(|source| AuthenticationError::PreAuthenticatedSubject { source })?;
        if self.may_vouch_for(text) {
            return Ok(subject);
        }
        Err(AuthenticationError::PreAuthenticatedIssuer {
            issuer: subject.issuer().to_owned(),
        })
    }

    /// Compares the text, not [`SubjectId::issuer`]: `acme://x:y` is what a token of `acme` with `sub` `//x:y` gives.
    fn may_vouch_for(&self, subject: &str) -> bool {
        let starts = |prefix: &String| subject.starts_with(prefix);
        if self.settings.subject_prefixes.is_empty() {
            !self.settings.reserved_issuers.iter().any(starts)
        } else {
            self.settings.subject_prefixes.iter().any(starts)
        }
    }

    fn trusts(&self, peer: PeerAddress) -> bool {
        self.settings
            .trusted_peers
            .iter()
            .any(|trusted| trusted.is(peer))
    }
}

impl AuthenticationProvider for PreAuthenticatedProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::PreAuthenticated
    }

    fn refuse(&self, request: &RequestParts<'_>) -> Result<(), AuthenticationError> {
        let claims_identity = self.settings.enabled
            && !request.query.is_empty()
            && url::form_urlencoded::parse(request.query.as_bytes())
                .any(|(name, _)| name.eq_ignore_ascii_case(PRE_AUTHENTICATED));
        if claims_identity {
            return Err(AuthenticationError::PreAuthenticatedQuery);
        }
        Ok(())
    }

    fn is_applicable(&self, request: &RequestParts<'_>) -> bool {
        if request.headers.header(PRE_AUTHENTICATED).is_none() {
            return false;
        }
        let trusted = self.settings.enabled && self.trusts(request.peer);
        if !trusted {
            warn!(
                audit.reason = "untrusted_peer",
                peer = %request.peer,
                "Dropped the pre-authenticated header of untrusted peer `{}`",
                request.peer
            );
        }
        trusted
    }

    fn authenticate<'a>(&'a self, request: &'a RequestParts<'a>) -> Attempt<'a> {
        let result = self
            .vouched(request)
            .map(|subjects| Principal::new(self.kind(), subjects, None, Credential::default()));
        Attempt::Ready(result.into())
    }
}

#[cfg(test)]
mod tests;
