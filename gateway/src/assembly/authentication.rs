//! The authentication chain as configured.

mod dev_mode;

use std::sync::Arc;

use anyhow::Context;
use authentication::api_key::IdentitySettings;
use authentication::jwt::JwtProvider;
use authentication::{
    ApiKeyProvider, AuthenticationChain, AuthenticationProvider, OnConflict,
    PreAuthenticatedProvider,
};

use crate::config::Config;
use crate::config::authentication::{Authentication, Provider};
use dev_mode::DevModeProvider;

/// The chain, and the provider that refreshes sessions, if tokens are accepted.
pub(super) struct Assembled {
    pub(super) chain: AuthenticationChain,
    pub(super) jwt: Option<Arc<JwtProvider>>,
}

/// `first` is the identity that the first start made.
pub(super) fn assemble(
    config: &Config,
    first: Option<IdentitySettings>,
) -> anyhow::Result<Assembled> {
    let Some(settings) = config.auth.providers() else {
        tracing::warn!(
            "`auth: dev_mode` is on: whoever connects is `dev:anonymous` and is asked for no credential"
        );
        let chain = AuthenticationChain::new(
            vec![Arc::new(DevModeProvider::default())],
            OnConflict::First,
        );
        return Ok(Assembled { chain, jwt: None });
    };
    let mut providers: Vec<Arc<dyn AuthenticationProvider>> = Vec::new();
    let mut jwt = None;
    for provider in settings.chain() {
        providers.push(match provider {
            Provider::PreAuthenticated => Arc::new(
                PreAuthenticatedProvider::new(settings.pre_authenticated_settings())
                    .context("`auth.pre_authenticated`")?,
            ),
            Provider::ApiKey => {
                api_keys(settings, config.http_server.auth.as_deref(), first.clone())?
            }
            Provider::Jwt => {
                let tokens =
                    Arc::new(JwtProvider::new(settings.jwt_settings()).context("`auth.oauth`")?);
                jwt = Some(Arc::clone(&tokens));
                tokens
            }
        });
    }
    Ok(Assembled {
        chain: AuthenticationChain::new(providers, settings.conflict()),
        jwt,
    })
}

/// `allowed` names the identities that may use this listener; `None` means all.
fn api_keys(
    settings: &Authentication,
    allowed: Option<&[String]>,
    first: Option<IdentitySettings>,
) -> anyhow::Result<Arc<dyn AuthenticationProvider>> {
    let mut keys = settings.api_key_settings(first);
    keys.identities
        .retain(|identity| allowed.is_none_or(|allowed| allowed.contains(&identity.name)));
    Ok(Arc::new(
        ApiKeyProvider::new(keys).context("`auth.identities`")?,
    ))
}
