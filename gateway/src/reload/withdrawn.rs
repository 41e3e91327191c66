//! Whose sessions must end after a change of the configuration: they were opened under rules that hold no longer.

use std::collections::{BTreeMap, BTreeSet};

use authentication::api_key::KeyVerifier;
use policies::{Principal, ProviderKind};
use serde_json::{Map, Value};

use crate::config::authentication::Provider;
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
        if !same("auth.pre_authenticated") {
            withdrawn
                .kinds
                .insert(ProviderKind::PreAuthenticated.as_str());
        }
        if !same("auth.api_keys") {
            withdrawn.kinds.insert(ProviderKind::ApiKey.as_str());
        }
        let gone = providers(old)
            .into_iter()
            .filter(|provider| !providers(new).contains(provider));
        withdrawn.kinds.extend(gone.map(kind_of));
        withdrawn.compare_issuers(old_values, new_values);
        withdrawn.compare_identities(old_values, new_values);
        withdrawn.forget_identities_not_allowed(new);
        withdrawn.permission_sets = old_values.changed_below(new_values, "auth.permission_sets");
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

    fn compare_identities(&mut self, old: &Values, new: &Values) {
        for name in old.changed_below(new, "auth.identities") {
            let entry = |values: &Values| {
                let identities = values.at("auth.identities")?;
                Some(Entry::of(identities.get(&name)?.as_object()?))
            };
            match (entry(old), entry(new)) {
                (Some(before), Some(after)) if before.rest == after.rest => {
                    let kept = before
                        .credentials
                        .iter()
                        .filter(|(id, credential)| after.credentials.get(*id) == Some(credential));
                    let kept = kept.map(|(id, _)| id.clone()).collect();
                    self.keys.insert(name, kept);
                }
                (Some(_), _) => {
                    self.identities.insert(name);
                }
                (None, _) => {}
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

/// An identity as it was written: its credentials by key id, and everything else.
struct Entry {
    rest: Map<String, Value>,
    credentials: BTreeMap<String, Value>,
}

impl Entry {
    fn of(entry: &Map<String, Value>) -> Self {
        let mut rest = entry.clone();
        let single = rest.remove("credential");
        let several = rest.remove("credentials");
        let several = several.as_ref().and_then(Value::as_array).cloned();
        let credentials = single.into_iter().chain(several.unwrap_or_default());
        Self {
            credentials: credentials
                .filter_map(|credential| Some((key_id(&credential)?, credential)))
                .collect(),
            rest,
        }
    }
}

/// Every key of a credential whose id cannot be told is a key of its own.
fn key_id(credential: &Value) -> Option<String> {
    let hash = credential.get("api_key").and_then(Value::as_str)?;
    let verifier = KeyVerifier::parse(hash, None).ok();
    Some(verifier.map_or_else(|| hash.to_owned(), |verifier| verifier.key_id().to_owned()))
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
