//! What every provider answers to.

use std::pin::Pin;
use std::sync::Arc;

use policies::{Principal, ProviderKind};

use crate::{AuthenticationError, RequestParts, Scopes};

/// Recognises one kind of credential.
pub trait AuthenticationProvider: Send + Sync {
    /// The kind of credential.
    fn kind(&self) -> ProviderKind;

    /// Refuses a request that no credential can save, e.g. one that burnt a secret in its query.
    ///
    /// # Errors
    ///
    /// The chain ends with what this returns, before any credential is looked at.
    fn refuse(&self, _request: &RequestParts<'_>) -> Result<(), AuthenticationError> {
        Ok(())
    }

    /// Whether a credential of this kind is there. Cheap: verifies nothing. The chain asks once per request.
    fn is_applicable(&self, request: &RequestParts<'_>) -> bool;

    /// Verifies the credential.
    fn authenticate<'a>(&'a self, request: &'a RequestParts<'a>) -> Attempt<'a>;

    /// Headers, in lower case, that claims of some credential of this kind set. What they set is part of the principal's
    /// credential; a caller whose claims say nothing has no such header, whatever it sends.
    fn claimed_headers(&self) -> &[Arc<str>] {
        &[]
    }

    /// What the caller's permission sets allow; `None` if nothing but policies limits it.
    fn scopes(&self, _principal: &Principal) -> Option<Arc<Scopes>> {
        None
    }
}

/// An outcome, or the work that leads to it: what is known already costs no future.
pub enum Attempt<'a> {
    /// Known without waiting.
    Ready(AuthenticationOutcome),
    /// Needs a backend.
    Pending(Pin<Box<dyn Future<Output = AuthenticationOutcome> + Send + 'a>>),
}

/// What one provider concluded.
#[derive(Debug)]
pub enum AuthenticationOutcome {
    /// The credential is good.
    Authenticated(Principal),
    /// A credential of this kind was presented and rejected.
    Failed(AuthenticationError),
    /// No credential of this kind: ask the next provider.
    NotApplicable,
}

impl From<Result<Principal, AuthenticationError>> for AuthenticationOutcome {
    fn from(result: Result<Principal, AuthenticationError>) -> Self {
        match result {
            Ok(principal) => Self::Authenticated(principal),
            Err(error) => Self::Failed(error),
        }
    }
}
