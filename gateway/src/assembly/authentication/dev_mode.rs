//! `auth: dev_mode`: everybody is `dev:anonymous`. Configuration refuses it on anything but loopback.

use authentication::{Attempt, AuthenticationOutcome, AuthenticationProvider, RequestParts};
use policies::{Credential, Principal, ProviderKind};

/// Asks nobody for anything.
pub(super) struct DevModeProvider(Principal);

impl Default for DevModeProvider {
    fn default() -> Self {
        let subject = "dev:anonymous"
            .parse()
            .expect("a constant that follows the grammar");
        Self(Principal::new(
            ProviderKind::DevMode,
            vec![subject],
            None,
            Credential::default(),
        ))
    }
}

impl AuthenticationProvider for DevModeProvider {
    fn kind(&self) -> ProviderKind {
        ProviderKind::DevMode
    }

    fn is_applicable(&self, _request: &RequestParts<'_>) -> bool {
        true
    }

    fn authenticate<'a>(&'a self, _request: &'a RequestParts<'a>) -> Attempt<'a> {
        Attempt::Ready(AuthenticationOutcome::Authenticated(self.0.clone()))
    }
}
