//! Hashes of API keys and what belongs to them: every one can be read, and none stands twice.

use std::collections::BTreeMap;

use ::authentication::api_key::{KeyVerifier, is_hint};
use secrecy::SecretString;

use super::Refusals;
use crate::config::{
    authentication::{Authentication, Identity, IdentityCredential},
    value::Secret,
};

impl Refusals<'_> {
    pub(super) fn check_hashes(&mut self, authentication: &Authentication) {
        let pepper = authentication.api_keys.pepper.as_ref();
        let pepper = pepper.map(Secret::secret_string);
        let (mut seen, mut unhinted) = (BTreeMap::new(), 0);
        for (name, identity) in &authentication.identities {
            for (key, credential) in placed(name, identity) {
                let Some(verifier) = self.check_hash(&key, credential, pepper.as_ref()) else {
                    continue;
                };
                unhinted += usize::from(verifier.is_slow() && credential.key_hint.is_none());
                let key_id = verifier.key_id().to_owned();
                if let Some(other) = seen.insert(key_id.clone(), name) {
                    self.refuse(
                        &format!("{key}.api_key"),
                        format!("this credential, or another one with its id `{key_id}`, is also that of `{other}`; run `twinward api-key generate` and give each identity its own"),
                    );
                }
            }
        }
        let unhinted_max = authentication.api_keys.max_unhinted_legacy;
        if unhinted > unhinted_max {
            self.refuse(
                "auth.identities",
                format!("{unhinted} slow hashes have no `key_hint`, {unhinted_max} may: every unknown key costs a run of each; run `twinward api-key hint` for those keys, or raise `auth.api_keys.max_unhinted_legacy`"),
            );
        }
    }

    /// The hash, if it can be used.
    fn check_hash(
        &mut self,
        key: &str,
        credential: &IdentityCredential,
        pepper: Option<&SecretString>,
    ) -> Option<KeyVerifier> {
        let hint = credential.key_hint.as_deref();
        if hint.is_some_and(|hint| !is_hint(hint)) {
            self.refuse(
                &format!("{key}.key_hint"),
                "expected the 8 hexadecimal digits that `twinward api-key hint` prints",
            );
        }
        match KeyVerifier::parse(credential.api_key.expose(), pepper) {
            Ok(verifier) => Some(verifier),
            Err(error) => {
                self.refuse(
                    &format!("{key}.api_key"),
                    format!("{}: {error}; {}", error.code(), error.remedy()),
                );
                None
            }
        }
    }
}

/// The credentials of an identity, each with its key.
fn placed<'a>(
    name: &str,
    identity: &'a Identity,
) -> impl Iterator<Item = (String, &'a IdentityCredential)> {
    let (alone, listed) = (
        format!("auth.identities.{name}.credential"),
        format!("auth.identities.{name}.credentials"),
    );
    let alone = identity
        .credential
        .iter()
        .map(move |one| (alone.clone(), one));
    let all = identity.credentials.iter().enumerate();
    alone.chain(all.map(move |(index, one)| (format!("{listed}.{index}"), one)))
}
