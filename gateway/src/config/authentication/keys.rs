//! Every configured API key by its public id, for those who report on keys.

use std::time::Duration;

use ::authentication::api_key::KeyVerifier;
use jiff::Timestamp;

use super::{Authentication, Secret};
use crate::config::Config;

/// The keys that count, and when one of them counts as forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ConfiguredKeys {
    /// In the order of the identities' names.
    pub(crate) keys: Vec<ConfiguredKey>,
    /// A key that was not used for so long is said to be unused.
    pub(crate) unused_after: Duration,
}

/// One key, without anything that is secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfiguredKey {
    /// Its public id.
    pub(crate) key_id: String,
    /// Whether its hash is one of Edge Server.
    pub(crate) is_legacy: bool,
    /// The name of the identity that it stands for.
    pub(crate) identity: String,
    /// The id of that identity in records.
    pub(crate) id: String,
    /// When it was made, as far as that was written down.
    pub(crate) made_at: Option<Timestamp>,
    /// When it ends.
    pub(crate) expires_at: Option<Timestamp>,
}

impl Config {
    /// The keys of all identities that are not disabled.
    pub(crate) fn configured_keys(&self) -> ConfiguredKeys {
        let providers = self.auth.providers();
        providers.map_or_else(ConfiguredKeys::default, |providers| ConfiguredKeys {
            keys: providers.keys(),
            unused_after: providers.api_keys.unused_after.duration(),
        })
    }
}

impl Authentication {
    fn keys(&self) -> Vec<ConfiguredKey> {
        let pepper = self.api_keys.pepper.as_ref().map(Secret::secret_string);
        let identities = self.identities.iter();
        let enabled = identities.filter(|(_, identity)| !identity.disabled);
        let keys = enabled.flat_map(|(name, identity)| {
            let pepper = pepper.as_ref();
            identity.all_credentials().filter_map(move |credential| {
                // One that cannot be read did not start.
                let verifier = KeyVerifier::parse(credential.api_key.expose(), pepper).ok()?;
                let ends = [identity.expires_at, credential.expires_at];
                Some(ConfiguredKey {
                    key_id: verifier.key_id().to_owned(),
                    is_legacy: verifier.is_slow(),
                    identity: name.clone(),
                    id: identity.effective_id(name).to_owned(),
                    made_at: credential.created_at.or(identity.created_at),
                    expires_at: ends.into_iter().flatten().min(),
                })
            })
        });
        keys.collect()
    }
}
