//! Authentication: who calls, as an ordered chain of providers.
//!
//! A provider recognises one kind of credential in the parts of a request and answers with a [`Principal`], a failure,
//! or that none of its credentials is there. Nothing here knows an HTTP framework, a status code or a policy.
//!
//! [`Principal`]: policies::Principal

pub mod api_key;
mod bearer;
mod chain;
mod error;
mod fingerprint;
mod guard;
pub mod jwt;
mod namespace_access;
pub mod password;
pub mod placeholder;
mod pre_authenticated;
mod provider;
mod request;
mod revocation;
mod scope;
mod settings_error;
#[cfg(test)]
mod testing;

pub use api_key::{ApiKeyProvider, ApiKeyRefusal, ApiKeySettings};
pub use chain::{
    AuthenticationChain, ChainObserver, ChainStep, Conclusion, OnConflict, StepVerdict,
};
pub use error::{AuthenticationError, BackendFault, ErrorClass};
pub use guard::{
    Guard, GuardSettings, GuardedMethod, Guess, SourcePrefix, SourcePrefixError, Suspect,
    SuspectName,
};
pub use jwt::{IssuerHealth, JwtProvider, JwtSettings};
pub use namespace_access::{
    KeptHeaders, NamespaceAccess, NamespaceFacts, NamespaceRule, NamespaceView, NamespacedKind,
};
pub use policies::{Principal, ProviderKind};
pub use pre_authenticated::{
    AssertionRefusal, AssertionSettings, PreAuthenticatedProvider, PreAuthenticatedSettings,
    TrustedPeer, UsedProofs,
};
pub use provider::{Attempt, AuthenticationOutcome, AuthenticationProvider};
pub use request::{HeaderLookup, PeerAddress, Purpose, RequestKind, RequestParts};
pub use revocation::{
    NewRevocation, Revocation, RevocationChange, RevocationError, RevocationId, RevocationKind,
    RevocationStore, RevocationSubscriber, Revocations, StoreFailure, StoreFuture,
    UnknownRevocationKind,
};
pub use scope::{PermissionSet, Scope, ScopeError, ScopeWord, Scopes};
pub use settings_error::SettingsError;
