//! The authentication chain as configured.

mod dev_mode;

use std::sync::Arc;

use anyhow::Context;
use authentication::api_key::{IdentitySettings, KeyMemory};
use authentication::jwt::{IntegrationSubjects, JwtProvider};
use authentication::{
    ApiKeyProvider, ApiKeySettings, AuthenticationChain, AuthenticationProvider, Guard,
    JwtSettings, NamespaceAccess, OnConflict, PreAuthenticatedProvider,
};

use crate::config::Config;
use crate::config::authentication::Provider;
use dev_mode::DevModeProvider;

/// The chain, and the provider that refreshes sessions, if tokens are accepted.
pub(super) struct Assembled {
    pub(super) chain: AuthenticationChain,
    pub(super) jwt: Option<Arc<JwtProvider>>,
    pub(super) namespaces: Arc<NamespaceAccess>,
    pub(super) integration: Arc<IntegrationSubjects>,
}

/// What outlives a reload: what is known of keys, and who guessed them.
#[derive(Clone)]
pub(crate) struct KeyServices {
    pub(crate) memory: Arc<KeyMemory>,
    pub(crate) guard: Arc<Guard>,
}

/// `first` is the identity that the first start made.
pub(super) fn assemble(
    config: &Config,
    first: Option<IdentitySettings>,
    services: &KeyServices,
) -> anyhow::Result<Assembled> {
    let Some(settings) = config.auth.providers() else {
        tracing::warn!(
            "`auth: dev_mode` is on: whoever connects is `dev:anonymous` and is asked for no credential"
        );
        let chain = AuthenticationChain::new(
            vec![Arc::new(DevModeProvider::default())],
            OnConflict::First,
        );
        return Ok(Assembled {
            chain,
            jwt: None,
            namespaces: Arc::default(),
            integration: Arc::new(IntegrationSubjects::new("{{ jwt:aud }}")?),
        });
    };
    let namespaces = Arc::new(
        NamespaceAccess::new(&settings.namespace_rules()).context("`auth.namespace_access`")?,
    );
    let integration = IntegrationSubjects::new(&settings.oauth.token_integration_subject)
        .context("`auth.oauth.token_integration_subject`")?;
    let mut providers: Vec<Arc<dyn AuthenticationProvider>> = Vec::new();
    let mut jwt = None;
    for provider in settings.chain() {
        providers.push(match provider {
            Provider::PreAuthenticated => Arc::new(
                PreAuthenticatedProvider::new(settings.pre_authenticated_settings())
                    .context("`auth.pre_authenticated`")?,
            ),
            Provider::ApiKey => {
                let mut keys = settings.api_key_settings(first.clone());
                restrict(&mut keys, config.http_server.auth.as_deref());
                api_keys(keys, services)?
            }
            Provider::Jwt => {
                let tokens = JwtProvider::new(JwtSettings {
                    kept_claims: kept_claims(&namespaces, &integration),
                    ..settings.jwt_settings()
                });
                let tokens = Arc::new(tokens.context("`auth.oauth`")?);
                jwt = Some(Arc::clone(&tokens));
                tokens
            }
        });
    }
    Ok(Assembled {
        chain: AuthenticationChain::new(providers, settings.conflict()),
        jwt,
        namespaces,
        integration: Arc::new(integration),
    })
}

/// What is asked of a token's claims after it was verified.
fn kept_claims(namespaces: &NamespaceAccess, integration: &IntegrationSubjects) -> Vec<Arc<str>> {
    let mut claims = namespaces.claims().to_vec();
    for name in integration.claims() {
        if !claims.iter().any(|known| **known == *name) {
            claims.push(name.into());
        }
    }
    claims
}

/// `allowed` names the identities that may use this listener; `None` means all.
fn restrict(keys: &mut ApiKeySettings, allowed: Option<&[String]>) {
    keys.identities
        .retain(|identity| allowed.is_none_or(|allowed| allowed.contains(&identity.name)));
}

fn api_keys(
    keys: ApiKeySettings,
    services: &KeyServices,
) -> anyhow::Result<Arc<dyn AuthenticationProvider>> {
    let (memory, guard) = (Arc::clone(&services.memory), Arc::clone(&services.guard));
    let provider = ApiKeyProvider::new(keys, memory, guard).context("`auth.identities`")?;
    for notice in provider.notices() {
        tracing::warn!("{notice}");
    }
    Ok(Arc::new(provider))
}
