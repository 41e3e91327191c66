//! The authentication chain as configured.

mod dev_mode;

use std::sync::Arc;

use anyhow::Context;
use authentication::api_key::{ApiKeyCredential, Environment, IdentitySettings};
use authentication::jwt::{
    Algorithm, Audience, IssuerSettings, JwtProvider, JwtSettings, KeySettings, Protocol,
};
use authentication::{
    ApiKeyProvider, ApiKeySettings, AuthenticationChain, AuthenticationProvider, OnConflict,
    PreAuthenticatedProvider, PreAuthenticatedSettings, TrustedPeer,
};

use crate::config::authentication as configured;
use crate::config::authentication::{
    ApiKeyEnvironment, AudienceWord, Authentication, OAuthProtocol, Provider,
};
use crate::config::value::{Cidr, Secret};
use crate::config::{Config, authentication::Auth};
use dev_mode::DevModeProvider;

/// The chain, and the provider that refreshes sessions, if tokens are accepted.
pub(super) struct Assembled {
    pub(super) chain: AuthenticationChain,
    pub(super) jwt: Option<Arc<JwtProvider>>,
}

pub(super) fn assemble(
    config: &Config,
    first: Option<IdentitySettings>,
) -> anyhow::Result<Assembled> {
    let settings = match &config.auth {
        Auth::Word(_) => {
            tracing::warn!(
                "`auth: dev_mode` is on: whoever connects is `dev:anonymous` and is asked for no credential"
            );
            let chain = AuthenticationChain::new(
                vec![Arc::new(DevModeProvider::default())],
                OnConflict::First,
            );
            return Ok(Assembled { chain, jwt: None });
        }
        Auth::Providers(settings) => settings,
    };
    let mut providers: Vec<Arc<dyn AuthenticationProvider>> = Vec::new();
    let mut jwt = None;
    for provider in settings.chain() {
        providers.push(match provider {
            Provider::PreAuthenticated => pre_authenticated(settings)?,
            Provider::ApiKey => {
                api_keys(settings, config.http_server.auth.as_deref(), first.clone())?
            }
            Provider::Jwt => {
                let tokens = Arc::new(JwtProvider::new(tokens(settings)).context("`auth.oauth`")?);
                jwt = Some(Arc::clone(&tokens));
                tokens
            }
        });
    }
    let on_conflict = match settings.on_conflict {
        configured::OnConflict::Reject => OnConflict::Reject,
        configured::OnConflict::First => OnConflict::First,
    };
    Ok(Assembled {
        chain: AuthenticationChain::new(providers, on_conflict),
        jwt,
    })
}

fn pre_authenticated(settings: &Authentication) -> anyhow::Result<Arc<dyn AuthenticationProvider>> {
    let header = &settings.pre_authenticated;
    let issuers = settings.oauth.openid_connect_issuers.keys().cloned();
    let provider = PreAuthenticatedProvider::new(PreAuthenticatedSettings {
        enabled: header.enabled,
        trusted_peers: header
            .trusted_proxies
            .iter()
            .map(|cidr| match cidr {
                Cidr::Network(network) => TrustedPeer::Network(*network),
                Cidr::Unix => TrustedPeer::Unix,
            })
            .collect(),
        subject_prefixes: header.subject_prefixes.clone(),
        reserved_issuers: issuers
            .chain([settings.api_keys.subject_prefix.clone()])
            .collect(),
        single_subject: header.single_subject,
    });
    Ok(Arc::new(provider.context("`auth.pre_authenticated`")?))
}

fn api_keys(
    settings: &Authentication,
    allowed: Option<&[String]>,
    first: Option<IdentitySettings>,
) -> anyhow::Result<Arc<dyn AuthenticationProvider>> {
    let keys = &settings.api_keys;
    let is_allowed = |name: &String| allowed.is_none_or(|allowed| allowed.contains(name));
    let provider = ApiKeyProvider::new(ApiKeySettings {
        brand: keys.brand.clone(),
        environment: match keys.env {
            ApiKeyEnvironment::Live => Environment::Live,
            ApiKeyEnvironment::Test => Environment::Test,
        },
        subject_prefix: keys.subject_prefix.clone(),
        pepper: keys.pepper.as_ref().map(Secret::secret_string),
        identities: settings
            .identities
            .iter()
            .filter(|(name, _)| is_allowed(name))
            .map(|(name, identity)| identity_settings(name, identity))
            .chain(first)
            .collect(),
    });
    Ok(Arc::new(provider.context("`auth.identities`")?))
}

fn identity_settings(name: &str, identity: &configured::Identity) -> IdentitySettings {
    IdentitySettings {
        name: name.to_owned(),
        id: identity.id.clone(),
        credentials: identity
            .all_credentials()
            .map(|credential| ApiKeyCredential {
                verifier: credential.api_key.expose().to_owned(),
                not_before: credential.not_before,
                expires_at: credential.expires_at,
            })
            .collect(),
        permission_sets: identity.permissions.clone(),
        subjects: identity.subjects.clone(),
        disabled: identity.disabled,
        not_before: identity.not_before,
        expires_at: identity.expires_at,
    }
}

fn tokens(settings: &Authentication) -> JwtSettings {
    let oauth = &settings.oauth;
    JwtSettings {
        protocol: match oauth.protocol {
            OAuthProtocol::Https => Protocol::Https,
            OAuthProtocol::Http => Protocol::Http,
        },
        allowed_clock_skew: oauth.allowed_clock_skew.duration(),
        max_token_lifetime: oauth.max_token_lifetime.duration(),
        keys: KeySettings {
            refresh: oauth.keys.refresh.duration(),
            cool_down: oauth.keys.cool_down.duration(),
            max_stale: oauth.keys.max_stale.duration(),
            max_size: oauth.keys.max_size.in_memory(),
            timeout: oauth.keys.timeout.duration(),
        },
        issuers: oauth
            .openid_connect_issuers
            .iter()
            .map(|(name, issuer)| issuer_settings(name, issuer))
            .collect(),
        ..JwtSettings::default()
    }
}

fn issuer_settings(name: &str, issuer: &configured::Issuer) -> IssuerSettings {
    IssuerSettings {
        name: name.to_owned(),
        issuers: issuer.names().map(str::to_owned).collect(),
        audience: match &issuer.audience {
            Some(configured::Audience::Word(AudienceWord::Any)) => Audience::Any,
            Some(configured::Audience::Names(names)) => Audience::OneOf(names.clone()),
            // Refused when the configuration was read; nobody's token fits an empty list.
            None => Audience::OneOf(Vec::new()),
        },
        algorithms: issuer
            .algorithms
            .iter()
            .filter_map(|algorithm| Algorithm::from_name(algorithm))
            .collect(),
        token_types: issuer.token_types.clone(),
        jwks_file: issuer.jwks_file.clone(),
        jwks_hosts: issuer.jwks_hosts.clone(),
        auth_subjects: issuer.auth_subjects.clone(),
        inject_claims_into_headers: issuer
            .inject_claims_into_headers
            .iter()
            .map(|(header, template)| (header.clone(), template.clone()))
            .collect(),
        prerequisite_conditions: issuer.prerequisite_conditions.clone(),
    }
}
