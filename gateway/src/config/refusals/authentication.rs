//! The chain of providers against their settings.

use ::authentication::{
    NamespaceAccess, PreAuthenticatedProvider, PreAuthenticatedSettings, jwt::IntegrationSubjects,
};

use super::Refusals;
use crate::config::authentication::{Authentication, Provider, namespace_rule};

impl Refusals<'_> {
    pub(super) fn check_chain(&mut self, authentication: &Authentication) {
        let chain = authentication.chain();
        let pre_authenticated = &authentication.pre_authenticated;
        let listed = chain.contains(&Provider::PreAuthenticated);
        if pre_authenticated.enabled && !listed {
            self.refuse(
                "auth.pre_authenticated.enabled",
                "pre-authentication is enabled, but `auth.chain` does not ask it; add `pre_authenticated` to the chain, or disable it",
            );
        }
        if listed && !pre_authenticated.enabled {
            self.refuse(
                "auth.chain",
                "the chain asks `pre_authenticated`, which is not enabled; set `auth.pre_authenticated.enabled: true`, or remove it from the chain",
            );
        }
        for (index, provider) in chain.iter().enumerate() {
            if chain.iter().take(index).any(|earlier| earlier == provider) {
                self.refuse(
                    &format!("auth.chain.{index}"),
                    format!(
                        "`{}` stands twice in the chain; keep one of the two",
                        provider.as_str()
                    ),
                );
            }
        }
        if chain.is_empty() {
            self.refuse(
                "auth.chain",
                "an empty chain admits nobody; list `jwt`, `api_key` or `pre_authenticated`",
            );
        }
        self.check_proxies(
            "auth.pre_authenticated.trusted_proxies",
            &pre_authenticated.trusted_proxies,
        );
        if pre_authenticated.enabled {
            self.check_vouched(authentication);
        }
        self.check_api_keys(authentication);
        for (index, rule) in authentication.namespace_access.iter().enumerate() {
            if let Err(error) = NamespaceAccess::new(&[namespace_rule(rule)]) {
                self.refuse(&format!("auth.namespace_access.{index}"), error.to_string());
            }
        }
        let template = &authentication.oauth.token_integration_subject;
        if let Err(error) = IntegrationSubjects::new(template) {
            self.refuse(
                "auth.oauth.token_integration_subject",
                format!("{:#}", anyhow::Error::from(error)),
            );
        }
    }

    /// For whom a proxy may vouch, and with what proof.
    fn check_vouched(&mut self, authentication: &Authentication) {
        let settings = authentication.pre_authenticated_settings();
        let without_prefixes = PreAuthenticatedSettings {
            subject_prefixes: Vec::new(),
            ..settings.clone()
        };
        if let Err(error) = PreAuthenticatedProvider::new(without_prefixes) {
            self.refuse("auth.pre_authenticated.assertion.secret", error.to_string());
        }
        for (index, prefix) in settings.subject_prefixes.iter().enumerate() {
            let one = PreAuthenticatedSettings {
                subject_prefixes: vec![prefix.clone()],
                assertion: None,
                ..settings.clone()
            };
            if let Err(error) = PreAuthenticatedProvider::new(one) {
                self.refuse(
                    &format!("auth.pre_authenticated.subject_prefixes.{index}"),
                    format!("{error}: tokens of an issuer or API keys give such subjects; let the proxy have one of its own, such as `nginx`"),
                );
            }
        }
    }

    fn check_api_keys(&mut self, authentication: &Authentication) {
        let keys = &authentication.api_keys;
        let mut letters = keys.brand.chars();
        let starts_well = letters.next().is_some_and(|c| c.is_ascii_lowercase());
        let goes_on_well = letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !(starts_well && goes_on_well && (2..=8).contains(&keys.brand.len())) {
            self.refuse(
                "auth.api_keys.brand",
                "expected two to eight lower-case letters and digits that begin with a letter, such as `tww`",
            );
        }
        if keys.subject_prefix.is_empty() || keys.subject_prefix.contains(':') {
            self.refuse(
                "auth.api_keys.subject_prefix",
                "expected a text that is not empty and has no `:`, such as `edge`",
            );
        }
    }
}
