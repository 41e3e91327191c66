//! The authentication chain as configured.

mod dev_mode;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use authentication::api_key::{IdentitySettings, KeyMemory};
use authentication::jwt::{IntegrationSubjects, JwtProvider};
use authentication::{
    ApiKeyProvider, ApiKeySettings, AuthenticationChain, AuthenticationProvider, Guard,
    JwtSettings, NamespaceAccess, OnConflict, PreAuthenticatedProvider, ProviderKind, Revocations,
    SettingsError, UsedProofs,
};

use crate::app::Gateway;
use crate::clock::{Clock as _, SystemClock};
use crate::config::authentication::{Authentication, Provider};
use crate::config::{Config, Values};
use crate::telemetry::authentication::ChainMetrics;
use dev_mode::DevModeProvider;

/// The chain, and the provider that refreshes sessions, if tokens are accepted.
pub(super) struct Assembled {
    pub(super) chain: AuthenticationChain,
    pub(super) providers: Arc<[Arc<dyn AuthenticationProvider>]>,
    pub(super) jwt: Option<Arc<JwtProvider>>,
    pub(super) namespaces: Arc<NamespaceAccess>,
    pub(super) integration: Arc<IntegrationSubjects>,
}

/// A gateway that is replaced: what it knows is not lost where it is configured as before.
pub(super) struct Predecessor<'a> {
    pub(super) gateway: &'a Gateway,
    /// What was and what will be configured.
    pub(super) changes: (&'a Values, &'a Values),
}

impl Predecessor<'_> {
    /// The provider, if nothing that concerns it has changed.
    fn kept(&self, provider: Provider) -> Option<Arc<dyn AuthenticationProvider>> {
        let (kind, concerns): (_, &[&str]) = match provider {
            // Nobody may be vouched for by a header whom another provider vouches for.
            Provider::PreAuthenticated => (
                ProviderKind::PreAuthenticated,
                &["auth.pre_authenticated", "auth.oauth", "auth.api_keys"],
            ),
            Provider::ApiKey => (
                ProviderKind::ApiKey,
                &[
                    "auth.identities",
                    "auth.api_keys",
                    "auth.permission_sets",
                    "auth.brute_force",
                    "http_server.auth",
                ],
            ),
            Provider::Jwt => (ProviderKind::Jwt, &["auth.oauth", "auth.namespace_access"]),
        };
        let (old, new) = self.changes;
        let is_as_before = concerns.iter().all(|key| old.is_same(new, key));
        let mut providers = self.gateway.providers.iter();
        providers
            .find(|known| is_as_before && known.kind() == kind)
            .cloned()
    }

    /// The provider with everything it remembers, unless a file may say something else about an issuer's keys.
    fn kept_tokens(&self, settings: &Authentication) -> Option<Arc<JwtProvider>> {
        let mut issuers = settings.oauth.openid_connect_issuers.values();
        if issuers.any(|issuer| issuer.jwks_file.is_some()) {
            return None;
        }
        self.kept(Provider::Jwt)?;
        self.gateway.jwt.clone()
    }
}

/// Consults what is revoked, and is measured.
pub(super) fn watched(
    chain: AuthenticationChain,
    revocations: &Arc<Revocations>,
) -> Arc<AuthenticationChain> {
    let chain = chain.with_revocations(Arc::clone(revocations));
    Arc::new(chain.with_observer(Arc::new(ChainMetrics)))
}

/// What outlives a reload: what is known of keys, who guessed them, and which proofs of proxies were used.
#[derive(Clone)]
pub(crate) struct KeyServices {
    pub(crate) proofs: Arc<UsedProofs>,
    pub(crate) memory: Arc<KeyMemory>,
    pub(crate) guard: Arc<Guard>,
}

/// `first` is the identity that the first start made.
pub(super) fn assemble(
    config: &Config,
    first: Option<IdentitySettings>,
    (services, predecessor): (&KeyServices, Option<&Predecessor<'_>>),
) -> anyhow::Result<Assembled> {
    services
        .proofs
        .cover(proof_age_max(config), SystemClock.now());
    let Some(settings) = config.auth.providers() else {
        tracing::warn!(
            "`auth: dev_mode` is on: whoever connects is `dev:anonymous` and is asked for no credential"
        );
        let providers: Vec<Arc<dyn AuthenticationProvider>> =
            vec![Arc::new(DevModeProvider::default())];
        return Ok(Assembled {
            chain: AuthenticationChain::new(providers.clone(), OnConflict::First),
            providers: providers.into(),
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
        if provider != Provider::Jwt
            && let Some(kept) = predecessor.and_then(|predecessor| predecessor.kept(provider))
        {
            providers.push(kept);
            continue;
        }
        providers.push(match provider {
            Provider::PreAuthenticated => {
                let vouched = settings.pre_authenticated_settings();
                let proofs = Arc::clone(&services.proofs);
                Arc::new(
                    PreAuthenticatedProvider::with_proofs(vouched, proofs)
                        .context("`auth.pre_authenticated`")?,
                )
            }
            Provider::ApiKey => {
                let mut keys = settings.api_key_settings(first.clone());
                restrict(&mut keys, config.http_server.auth.as_deref());
                api_keys(keys, services)?
            }
            Provider::Jwt => {
                let claims = kept_claims(&namespaces, &integration);
                let tokens = tokens(settings, claims, predecessor).context("`auth.oauth`")?;
                jwt = Some(Arc::clone(&tokens));
                tokens
            }
        });
    }
    Ok(Assembled {
        chain: AuthenticationChain::new(providers.clone(), settings.conflict()),
        providers: providers.into(),
        jwt,
        namespaces,
        integration: Arc::new(integration),
    })
}

/// How long proofs of proxies count, if any are asked for.
fn proof_age_max(config: &Config) -> Option<Duration> {
    let settings = config.auth.providers()?.pre_authenticated_settings();
    let asked = settings.assertion.filter(|_| settings.enabled);
    asked.map(|assertion| assertion.max_age)
}

/// Goes on with what the predecessor knows of keys, and if nothing has changed, of tokens.
fn tokens(
    settings: &Authentication,
    kept_claims: Vec<Arc<str>>,
    predecessor: Option<&Predecessor<'_>>,
) -> Result<Arc<JwtProvider>, SettingsError> {
    if let Some(kept) = predecessor.and_then(|predecessor| predecessor.kept_tokens(settings)) {
        return Ok(kept);
    }
    let known = predecessor.and_then(|predecessor| predecessor.gateway.jwt.as_ref());
    let settings = JwtSettings {
        kept_claims,
        ..settings.jwt_settings()
    };
    Ok(Arc::new(match known {
        Some(known) => known.renewed(settings)?,
        None => JwtProvider::new(settings)?,
    }))
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
    for identity in &mut keys.identities {
        identity.is_elsewhere = allowed.is_some_and(|allowed| !allowed.contains(&identity.name));
    }
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
