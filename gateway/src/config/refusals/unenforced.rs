//! Restrictions that this version cannot enforce: starting without them would let in whom the operator shut out.

use super::Refusals;
use crate::config::Config;

impl Refusals<'_> {
    pub(super) fn check_enforceable(&mut self, config: &Config) {
        if let Some(authentication) = config.auth.providers() {
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

    fn refuse_restriction(&mut self, key: &str, instead: &str) {
        self.refuse(
            key,
            format!("this version cannot enforce it, and starting without would admit more than you allow; {instead}"),
        );
    }
}
