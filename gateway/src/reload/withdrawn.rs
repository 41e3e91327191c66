//! Whose sessions must end after a change of the configuration: they were opened under rules that hold no longer.

mod narrowed;

use std::collections::{BTreeMap, BTreeSet};

use policies::{Principal, ProviderKind};

use crate::config::authentication::{Authentication, Provider};
use crate::config::{Config, Values};

/// Callers whose credential counts no longer, or stands for something else.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Withdrawn {
    is_everybody: bool,
    kinds: BTreeSet<&'static str>,
    /// Names of issuers.
    issuers: BTreeSet<String>,
    /// Names of identities, all of whose keys are meant.
    identities: BTreeSet<String>,
    /// Identities of which only these keys go on.
    keys: BTreeMap<String, BTreeSet<String>>,
    permission_sets: BTreeSet<String>,
}

impl Withdrawn {
    pub(super) fn between(
        (old, old_values): (&Config, &Values),
        (new, new_values): (&Config, &Values),
    ) -> Self {
        let mut withdrawn = Self::default();
        let same = |key: &str| old_values.is_same(new_values, key);
        if old.auth.is_dev_mode() != new.auth.is_dev_mode() || !same("auth.namespace_access") {
            withdrawn.is_everybody = true;
            return withdrawn;
        }
        let gone = providers(old)
            .into_iter()
            .filter(|provider| !providers(new).contains(provider));
        withdrawn.kinds.extend(gone.map(kind_of));
        withdrawn.compare_issuers(old_values, new_values);
        if let (Some(before), Some(after)) = (old.auth.providers(), new.auth.providers()) {
            withdrawn.compare_methods(before, after);
            withdrawn.compare_identities(before, after);
        }
        withdrawn.forget_identities_not_allowed(new);
        withdrawn
    }

    /// Whether the sessions of `principal` must end.
    pub(super) fn concerns(&self, principal: &Principal) -> bool {
        let credential = principal.credential();
        let name = credential.name.as_deref().unwrap_or_default();
        if self.is_everybody || self.kinds.contains(principal.provider().as_str()) {
            return true;
        }
        match principal.provider() {
            ProviderKind::Jwt => self.issuers.contains(name),
            ProviderKind::ApiKey => {
                let key_id = credential.key_id.as_deref().unwrap_or_default();
                self.identities.contains(name)
                    || self
                        .keys
                        .get(name)
                        .is_some_and(|kept| !kept.contains(key_id))
                    || credential
                        .permission_sets
                        .iter()
                        .any(|set| self.permission_sets.contains(&**set))
            }
            ProviderKind::PreAuthenticated | ProviderKind::DevMode => false,
        }
    }

    fn compare_issuers(&mut self, old: &Values, new: &Values) {
        let changed = old.changed_below(new, "auth.oauth");
        // How keys are fetched says nothing about tokens.
        let is_general =
            |key: &&String| !["openid_connect_issuers", "keys"].contains(&key.as_str());
        if changed.iter().any(|key| is_general(&key)) {
            self.kinds.insert(ProviderKind::Jwt.as_str());
        }
        self.issuers = old.changed_below(new, "auth.oauth.openid_connect_issuers");
    }

    fn compare_methods(&mut self, before: &Authentication, after: &Authentication) {
        if narrowed::pre_authenticated(&before.pre_authenticated, &after.pre_authenticated) {
            self.kinds.insert(ProviderKind::PreAuthenticated.as_str());
        }
        if narrowed::api_keys(&before.api_keys, &after.api_keys) {
            self.kinds.insert(ProviderKind::ApiKey.as_str());
        }
        let sets = before.permission_sets.iter();
        let narrowed = sets
            .filter(|(name, set)| narrowed::permission_set(set, after.permission_sets.get(*name)));
        self.permission_sets = narrowed.map(|(name, _)| name.clone()).collect();
    }

    fn compare_identities(&mut self, before: &Authentication, after: &Authentication) {
        for (name, before) in &before.identities {
            match after.identities.get(name) {
                Some(after) if !narrowed::identity(name, before, after) => {
                    let kept = narrowed::kept_keys(before, after);
                    self.keys.insert(name.clone(), kept);
                }
                Some(_) | None => {
                    self.identities.insert(name.clone());
                }
            }
        }
    }

    fn forget_identities_not_allowed(&mut self, new: &Config) {
        let names = new
            .auth
            .providers()
            .map(|providers| providers.identities.keys());
        let allowed = new.http_server.auth.as_ref();
        let refused = |name: &&String| allowed.is_some_and(|allowed| !allowed.contains(*name));
        self.identities
            .extend(names.into_iter().flatten().filter(refused).cloned());
    }
}

fn providers(config: &Config) -> Vec<Provider> {
    config
        .auth
        .providers()
        .map(|providers| providers.chain())
        .unwrap_or_default()
}

fn kind_of(provider: Provider) -> &'static str {
    match provider {
        Provider::PreAuthenticated => ProviderKind::PreAuthenticated,
        Provider::Jwt => ProviderKind::Jwt,
        Provider::ApiKey => ProviderKind::ApiKey,
    }
    .as_str()
}

#[cfg(test)]
mod tests;
