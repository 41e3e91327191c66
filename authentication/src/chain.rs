//! Asks providers in order and settles on one answer.
//!
//! Source: Ditto documentation, page "Authentication and authorization".

mod explained;
mod observer;

use std::sync::Arc;

use policies::{Principal, ProviderKind};

use explained::Told;
pub use explained::{ChainStep, StepVerdict};
pub use observer::{ChainObserver, Conclusion};

use crate::{
    Attempt, AuthenticationError, AuthenticationOutcome, AuthenticationProvider, Purpose,
    RequestParts, Revocations, Scopes,
};

/// What to do with a request that carries credentials of different kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnConflict {
    /// Refuse it, before anything is verified.
    Reject,
    /// The first success decides; a refused credential lets the next provider try.
    First,
}

/// The configured providers, in their order.
pub struct AuthenticationChain {
    providers: Vec<Arc<dyn AuthenticationProvider>>,
    claimed_headers: Arc<[Arc<str>]>,
    on_conflict: OnConflict,
    revocations: Option<Arc<Revocations>>,
    observer: Option<Arc<dyn ChainObserver>>,
}

/// More providers than a chain can have: there are fewer kinds.
const PROVIDERS_MAX: usize = 32;

impl AuthenticationChain {
    /// A chain of these providers; a kind that is not listed is off.
    pub fn new(providers: Vec<Arc<dyn AuthenticationProvider>>, on_conflict: OnConflict) -> Self {
        assert!(
            providers.len() <= PROVIDERS_MAX,
            "a chain has at most {PROVIDERS_MAX} providers"
        );
        let claimed = providers.iter().flat_map(|each| each.claimed_headers());
        Self {
            claimed_headers: claimed.cloned().collect(),
            providers,
            on_conflict,
            revocations: None,
            observer: None,
        }
    }

    /// The same chain, which admits nobody whose credential is among these.
    #[must_use]
    pub fn with_revocations(mut self, revocations: Arc<Revocations>) -> Self {
        self.revocations = Some(revocations);
        self
    }

    /// The same chain, which tells `observer` what each provider concluded.
    #[must_use]
    pub fn with_observer(mut self, observer: Arc<dyn ChainObserver>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// The kinds in the chain, in their order.
    pub fn kinds(&self) -> impl Iterator<Item = ProviderKind> {
        self.providers.iter().map(|provider| provider.kind())
    }

    /// Finds out who calls.
    ///
    /// # Errors
    ///
    /// [`AuthenticationError::NoApplicableProvider`] without a credential, [`AuthenticationError::Conflicting`] with
    /// several kinds of it, the single failure, or [`AuthenticationError::Several`]. A missing backend ends the chain:
    /// a weaker method never decides in its place. A revoked credential is a refused one.
    pub fn authenticate(
        &self,
        request: &RequestParts<'_>,
    ) -> impl Future<Output = Result<Principal, AuthenticationError>> {
        self.walk(request, |_, _| {})
    }

    /// Asks one provider after the other, and tells what each concluded.
    async fn walk(
        &self,
        request: &RequestParts<'_>,
        mut tell: impl FnMut(usize, Told<'_>),
    ) -> Result<Principal, AuthenticationError> {
        for (position, provider) in self.providers.iter().enumerate() {
            let refused = provider.refuse(request);
            refused.inspect_err(|error| tell(position, Told::Failed(error)))?;
        }
        let applicable = self.applicable(request)?;
        let mut failures = Vec::new();
        for (position, provider) in self.providers.iter().enumerate() {
            if applicable & (1 << position) == 0 {
                tell(position, Told::Skipped);
                continue;
            }
            match self.ask(&**provider, request).await {
                AuthenticationOutcome::Authenticated(principal) => {
                    tell(position, Told::Accepted);
                    return Ok(principal);
                }
                AuthenticationOutcome::Failed(error) => {
                    tell(position, Told::Failed(&error));
                    if error.is_unavailable() {
                        return Err(error);
                    }
                    failures.push(error);
                }
                AuthenticationOutcome::NotApplicable => tell(position, Told::Skipped),
            }
        }
        Err(aggregate(failures))
    }

    /// What one provider concludes, less what was revoked.
    async fn ask(
        &self,
        provider: &dyn AuthenticationProvider,
        request: &RequestParts<'_>,
    ) -> AuthenticationOutcome {
        let observer = self.observer.as_deref();
        let observer = observer.filter(|_| request.purpose == Purpose::Admit);
        let mut watch = observer.map(observer::Watch::start);
        let outcome = match provider.authenticate(request) {
            Attempt::Ready(outcome) => outcome,
            Attempt::Pending(work) => {
                watch.iter_mut().for_each(observer::Watch::wait);
                work.await
            }
        };
        let outcome = match outcome {
            AuthenticationOutcome::Authenticated(principal) => self.admit(principal).into(),
            failed @ (AuthenticationOutcome::Failed(_) | AuthenticationOutcome::NotApplicable) => {
                failed
            }
        };
        if let Some(watch) = watch {
            watch.conclude(provider.kind(), &outcome);
        }
        outcome
    }

    /// The principal, unless its credential was revoked. For credentials that come by another way than a request.
    ///
    /// # Errors
    ///
    /// [`AuthenticationError::Revoked`].
    pub fn admit(&self, principal: Principal) -> Result<Principal, AuthenticationError> {
        let revocations = self.revocations.as_deref();
        match revocations.and_then(|revocations| revocations.revokes(&principal)) {
            None => Ok(principal),
            Some(revocation) => Err(AuthenticationError::Revoked {
                provider: principal.provider(),
                revocation,
            }),
        }
    }

    /// Headers, in lower case, that are taken from verified claims and from nowhere else, whoever calls.
    pub fn claimed_headers(&self) -> &Arc<[Arc<str>]> {
        &self.claimed_headers
    }

    /// What the caller's permission sets allow, as configured now; `None` if nothing but policies limits it.
    pub fn scopes(&self, principal: &Principal) -> Option<Arc<Scopes>> {
        self.providers
            .iter()
            .find(|provider| provider.kind() == principal.provider())
            .and_then(|provider| provider.scopes(principal))
    }

    /// One bit per provider that has something to verify.
    fn applicable(&self, request: &RequestParts<'_>) -> Result<u32, AuthenticationError> {
        let mut applicable = 0_u32;
        for (position, provider) in self.providers.iter().enumerate() {
            applicable |= u32::from(provider.is_applicable(request)) << position;
        }
        if self.on_conflict == OnConflict::Reject && applicable.count_ones() > 1 {
            self.reject_different_kinds(applicable)?;
        }
        Ok(applicable)
    }

    fn reject_different_kinds(&self, applicable: u32) -> Result<(), AuthenticationError> {
        let mut providers: Vec<ProviderKind> = Vec::new();
        for (position, provider) in self.providers.iter().enumerate() {
            if applicable & (1 << position) != 0 && !providers.contains(&provider.kind()) {
                providers.push(provider.kind());
            }
        }
        if providers.len() > 1 {
            return Err(AuthenticationError::Conflicting { providers });
        }
        Ok(())
    }
}

/// One failure speaks for itself; of several, the first that is not about the credential's worth; else all of them.
fn aggregate(mut failures: Vec<AuthenticationError>) -> AuthenticationError {
    if failures.is_empty() {
        return AuthenticationError::NoApplicableProvider;
    }
    let telling = failures
        .iter()
        .position(|failure| !failure.is_unauthenticated());
    match (failures.len(), telling) {
        (1, _) => failures.swap_remove(0),
        (_, Some(position)) => failures.swap_remove(position),
        (_, None) => AuthenticationError::Several { failures },
    }
}

#[cfg(test)]
mod tests;
