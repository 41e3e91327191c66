//! Identities and permission sets: names that point nowhere, credentials that stand twice.

use ::authentication::{Scope, ScopeError, ScopeWord};
use policies::SubjectId;

use super::Refusals;
use crate::config::{
    Config,
    authentication::{Authentication, Identity, Permissions},
    spelling,
};

impl Refusals<'_> {
    pub(super) fn check_identities(&mut self, authentication: &Authentication, config: &Config) {
        self.check_somebody_may_call(authentication);
        for (name, identity) in &authentication.identities {
            let key = format!("auth.identities.{name}");
            self.check_identity(&key, identity, authentication);
            self.check_subjects(&key, name, identity);
        }
        for (name, set) in &authentication.permission_sets {
            if let Permissions::Scopes(scopes) = &set.permissions {
                self.check_scopes(&format!("auth.permission_sets.{name}.permissions"), scopes);
            }
        }
        for (index, name) in config.http_server.auth.iter().flatten().enumerate() {
            if !authentication.identities.contains_key(name) {
                let names = authentication.identities.keys().map(String::as_str);
                let hint = spelling::hint(name, names);
                self.refuse(
                    &format!("http_server.auth.{index}"),
                    format!("no identity is named `{name}`{hint}"),
                );
            }
        }
    }

    /// Whoever writes the block and nothing into it would shut everybody out, or have a start make an identity.
    fn check_somebody_may_call(&mut self, authentication: &Authentication) {
        let is_written = self.places.keys().any(|key| key == "auth.identities");
        let others = authentication.pre_authenticated.enabled
            || !authentication.oauth.openid_connect_issuers.is_empty();
        if is_written && authentication.identities.is_empty() && !others {
            self.refuse(
                "auth.identities",
                "it is empty, and nothing else is set up that could let anybody in; add an identity (`twinward api-key generate --yaml`), or leave the block out for one that the first start makes",
            );
        }
    }

    fn check_identity(&mut self, key: &str, identity: &Identity, authentication: &Authentication) {
        if identity.all_credentials().next().is_none() {
            self.refuse(key, "`credential` is missing; run `twinward api-key generate` and write `credential: { api_key: \"HASH\" }`");
        }
        if identity.credential.is_some() && !identity.credentials.is_empty() {
            self.refuse(
                key,
                "`credential` and `credentials` both stand here; keep the list",
            );
        }
        for (index, name) in identity.permissions.iter().enumerate() {
            if !authentication.permission_sets.contains_key(name) {
                let names = authentication.permission_sets.keys().map(String::as_str);
                let hint = spelling::hint(name, names);
                self.refuse(
                    &format!("{key}.permissions.{index}"),
                    format!("no permission set is named `{name}`{hint}"),
                );
            }
        }
    }

    /// What it acts as: its own subject, and those that were written for it.
    fn check_subjects(&mut self, key: &str, name: &str, identity: &Identity) {
        let id = identity.effective_id(name);
        match &identity.id {
            _ if is_identity_id(id) => {}
            Some(_) => self.refuse(
                &format!("{key}.id"),
                "expected 1 to 128 letters, digits and `. _ : / @ -`",
            ),
            None => self.refuse(
                key,
                "its name makes no subject, which has 1 to 128 letters, digits and `. _ : / @ -`; give it an `id` that does",
            ),
        }
        for (index, subject) in identity.subjects.iter().enumerate() {
            let key = format!("{key}.subjects.{index}");
            if let Err(error) = subject.parse::<SubjectId>() {
                self.refuse(&key, format!("{error}, e.g. `integration:{name}`"));
            } else if ["{{", "${"].iter().any(|opening| subject.contains(opening)) {
                self.refuse(
                    &key,
                    "nothing is filled in here; write the subject itself, without braces",
                );
            }
        }
    }

    fn check_scopes(&mut self, key: &str, scopes: &[String]) {
        for (index, scope) in scopes.iter().enumerate() {
            let Err(error) = scope.parse::<Scope>() else {
                continue;
            };
            let hint = match &error {
                ScopeError::Unknown { word } => {
                    spelling::hint(word, ScopeWord::ALL.map(ScopeWord::as_str))
                }
                ScopeError::NoNamespace { .. } | ScopeError::Namespace { .. } => String::new(),
            };
            self.refuse(&format!("{key}.{index}"), format!("{error}{hint}"));
        }
    }
}

fn is_identity_id(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._:/@-".contains(c))
}
