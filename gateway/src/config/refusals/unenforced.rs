//! Restrictions that this version cannot enforce: starting without them would let in whom the operator shut out.

use super::Refusals;
use crate::config::{
    Config,
    authentication::{Authentication, Permissions},
};

impl Refusals<'_> {
    pub(super) fn check_enforceable(&mut self, config: &Config) {
        if let Some(authentication) = config.auth.providers() {
            self.check_authentication(authentication);
            let others = authentication.pre_authenticated.enabled
                || !authentication.oauth.openid_connect_issuers.is_empty();
            if config.http_server.auth.is_some() && others {
                self.refuse_restriction(
                    "http_server.auth",
                    "leave it out, or accept API keys only: it names identities, and other callers have none",
                );
            }
        }
    }

    fn check_authentication(&mut self, authentication: &Authentication) {
        for (name, set) in &authentication.permission_sets {
            if matches!(set.permissions, Permissions::Scopes(_)) {
                self.refuse_restriction(
                    &format!("auth.permission_sets.{name}.permissions"),
                    "write `full` and let policies decide what the identity may do",
                );
            }
        }
        for (name, identity) in &authentication.identities {
            if !identity.allow_from.is_empty() {
                self.refuse_restriction(
                    &format!("auth.identities.{name}.allow_from"),
                    "leave it out and restrict addresses in front of the gateway",
                );
            }
        }
        if !authentication.namespace_access.is_empty() {
            self.refuse_restriction(
                "auth.namespace_access",
                "leave it out and use entry `namespaces` in policies",
            );
        }
        if authentication.pre_authenticated.assertion.secret.is_some() {
            self.refuse_restriction(
                "auth.pre_authenticated.assertion",
                "leave it out and keep `trusted_proxies` narrow",
            );
        }
    }

    fn refuse_restriction(&mut self, key: &str, instead: &str) {
        self.refuse(
            key,
            format!("this version cannot enforce it, and starting without would admit more than you allow; {instead}"),
        );
    }
}
