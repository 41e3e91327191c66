//! The configuration in the words of the crate that authenticates.

use std::collections::BTreeMap;

use ::authentication::{
    ApiKeySettings, AssertionSettings, JwtSettings, NamespaceRule, NamespacedKind,
    OnConflict as Conflict, PermissionSet, PreAuthenticatedSettings, TrustedPeer,
    api_key::{ApiKeyCredential, Environment, IdentitySettings, SlowLaneSettings},
    jwt,
};

use super::{
    ApiKeyEnvironment, Audience, AudienceWord, Authentication, FullPermission, Identity, Issuer,
    Issuers, KeyFetching, NamespaceAccess, NamespaceResourceType, OAuthProtocol, OnConflict,
    Permissions,
};
use crate::config::value::{Cidr, Secret};

/// The permission set of the identity that the first start makes.
pub(crate) const FIRST_SET: &str = "full";

impl Authentication {
    /// What the provider of pre-authenticated subjects is told.
    pub fn pre_authenticated_settings(&self) -> PreAuthenticatedSettings {
        let settings = &self.pre_authenticated;
        let issuers = self.oauth.openid_connect_issuers.keys().cloned();
        PreAuthenticatedSettings {
            enabled: settings.enabled,
            trusted_peers: settings.trusted_proxies.iter().map(trusted_peer).collect(),
            subject_prefixes: settings.subject_prefixes.clone(),
            reserved_issuers: issuers
                .chain([self.api_keys.subject_prefix.clone()])
                .collect(),
            single_subject: settings.single_subject,
            assertion: settings
                .assertion
                .secret
                .as_ref()
                .map(|secret| AssertionSettings {
                    secret: secret.secret_string(),
                    max_age: settings.assertion.max_age.duration(),
                }),
        }
    }

    /// What the provider of tokens is told.
    pub fn jwt_settings(&self) -> JwtSettings {
        JwtSettings {
            protocol: match self.oauth.protocol {
                OAuthProtocol::Https => jwt::Protocol::Https,
                OAuthProtocol::Http => jwt::Protocol::Http,
            },
            allowed_clock_skew: self.oauth.allowed_clock_skew.duration(),
            max_token_lifetime: self.oauth.max_token_lifetime.duration(),
            keys: key_settings(&self.oauth.keys),
            issuers: issuer_settings(&self.oauth.openid_connect_issuers),
            ..JwtSettings::default()
        }
    }

    /// What the provider of API keys is told; `first` is the identity that the first start made.
    pub fn api_key_settings(&self, first: Option<IdentitySettings>) -> ApiKeySettings {
        let configured = self.identities.iter().map(identity_settings);
        ApiKeySettings {
            brand: self.api_keys.brand.clone(),
            environment: self.api_keys.environment(),
            subject_prefix: self.api_keys.subject_prefix.clone(),
            pepper: self.api_keys.pepper.as_ref().map(Secret::secret_string),
            identities: configured.chain(first).collect(),
            permission_sets: self.permission_sets(),
            unhinted_max: self.api_keys.max_unhinted_legacy,
            slow_lane: SlowLaneSettings {
                threads: self.api_keys.slow_lane.threads,
                queue: self.api_keys.slow_lane.queue,
            },
            networks_max: self.api_keys.shared_above.into(),
        }
    }

    /// The permission sets, and the one of the first start's identity.
    fn permission_sets(&self) -> BTreeMap<String, PermissionSet> {
        let first = (
            FIRST_SET.to_owned(),
            PermissionSet::Full { with_devops: false },
        );
        let configured = self.permission_sets.iter();
        std::iter::once(first)
            .chain(configured.map(|(name, set)| (name.clone(), permission_set(set))))
            .collect()
    }

    /// The rules on namespaces.
    pub fn namespace_rules(&self) -> Vec<NamespaceRule> {
        self.namespace_access.iter().map(namespace_rule).collect()
    }

    /// What the chain does with two kinds of credentials.
    pub fn conflict(&self) -> Conflict {
        match self.on_conflict {
            OnConflict::Reject => Conflict::Reject,
            OnConflict::First => Conflict::First,
        }
    }
}

impl super::ApiKeys {
    /// Which keys are accepted, in the words of the crate that makes them.
    pub(crate) fn environment(&self) -> Environment {
        match self.env {
            ApiKeyEnvironment::Live => Environment::Live,
            ApiKeyEnvironment::Test => Environment::Test,
        }
    }
}

/// A word that is no scope was refused at load.
fn permission_set(set: &super::PermissionSet) -> PermissionSet {
    match &set.permissions {
        Permissions::Word(FullPermission::Full) => PermissionSet::Full {
            with_devops: set.full_includes_devops,
        },
        Permissions::Scopes(scopes) => PermissionSet::Scopes(
            scopes
                .iter()
                .filter_map(|scope| scope.parse().ok())
                .collect(),
        ),
    }
}

fn trusted_peer(cidr: &Cidr) -> TrustedPeer {
    match cidr {
        Cidr::Network(network) => TrustedPeer::Network(*network),
        Cidr::Unix => TrustedPeer::Unix,
    }
}

pub(crate) fn namespace_rule(rule: &NamespaceAccess) -> NamespaceRule {
    let kinds = rule.resource_types.iter().map(|kind| match kind {
        NamespaceResourceType::Thing => NamespacedKind::Thing,
        NamespaceResourceType::Policy => NamespacedKind::Policy,
    });
    NamespaceRule {
        conditions: rule.conditions.clone(),
        kinds: kinds.collect(),
        allowed: rule.allowed_namespaces.clone(),
        blocked: rule.blocked_namespaces.clone(),
    }
}

fn key_settings(keys: &KeyFetching) -> jwt::KeySettings {
    jwt::KeySettings {
        refresh: keys.refresh.duration(),
        cool_down: keys.cool_down.duration(),
        max_stale: keys.max_stale.duration(),
        max_size: keys.max_size.in_memory(),
        timeout: keys.timeout.duration(),
    }
}

/// Issuers in the words of the crate that authenticates.
pub(crate) fn issuer_settings(issuers: &Issuers) -> Vec<jwt::IssuerSettings> {
    issuers.iter().map(one_issuer).collect()
}

fn one_issuer((name, issuer): (&String, &Issuer)) -> jwt::IssuerSettings {
    let headers = issuer.inject_claims_into_headers.iter();
    jwt::IssuerSettings {
        name: name.clone(),
        issuers: issuer.names().map(str::to_owned).collect(),
        audience: match &issuer.audience {
            Some(Audience::Word(AudienceWord::Any)) => jwt::Audience::Any,
            Some(Audience::Names(names)) => jwt::Audience::OneOf(names.clone()),
            // Refused at load; an empty list admits no token.
            None => jwt::Audience::OneOf(Vec::new()),
        },
        algorithms: issuer
            .algorithms
            .iter()
            .filter_map(|name| jwt::Algorithm::from_name(name))
            .collect(),
        token_types: issuer.token_types.clone(),
        jwks_file: issuer.jwks_file.clone(),
        jwks_hosts: issuer.jwks_hosts.clone(),
        auth_subjects: issuer.auth_subjects.clone(),
        inject_claims_into_headers: headers
            .map(|(header, template)| (header.clone(), template.clone()))
            .collect(),
        prerequisite_conditions: issuer.prerequisite_conditions.clone(),
    }
}

fn identity_settings((name, identity): (&String, &Identity)) -> IdentitySettings {
    let credentials = identity
        .all_credentials()
        .map(|credential| ApiKeyCredential {
            verifier: credential.api_key.expose().to_owned(),
            hint: credential.key_hint.clone(),
            not_before: credential.not_before,
            expires_at: credential.expires_at,
        });
    IdentitySettings {
        name: name.clone(),
        id: identity.id.clone(),
        credentials: credentials.collect(),
        permission_sets: identity.permissions.clone(),
        subjects: identity.subjects.clone(),
        disabled: identity.disabled,
        is_elsewhere: false,
        not_before: identity.not_before,
        expires_at: identity.expires_at,
        allow_from: identity.allow_from.iter().map(trusted_peer).collect(),
    }
}
