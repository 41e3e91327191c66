//! The subjects that a policy grants to systems which act with a caller's token.
//!
//! Source: Ditto documentation, page "Policy", section "Actions" (`activateTokenIntegration`).

use std::sync::Arc;

use policies::{Principal, ProviderKind, SubjectId, SubjectIdError};

use crate::placeholder::{PlaceholderSource, Template, TooManyValues};
use crate::{HeaderLookup, SettingsError};

/// The template of these subjects, e.g. `integration:{{policy-entry:label}}:{{jwt:aud}}`.
#[derive(Debug)]
pub struct IntegrationSubjects(Template);

/// Why there is no integration subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntegrationError {
    /// The caller was not authenticated by a token, so that there are no claims.
    #[error("this needs to be called with a token")]
    NotAToken,
    /// A placeholder has no value.
    #[error("the token, or the request, lacks what the integration subject is made of")]
    Unresolved,
    /// The claims make too many subjects.
    #[error("the token makes too many integration subjects")]
    TooMany,
    /// What it comes to is no subject.
    #[error("what the integration subject comes to is no subject")]
    Subject(#[source] SubjectIdError),
}

impl IntegrationSubjects {
    /// Reads the template.
    ///
    /// # Errors
    ///
    /// [`SettingsError::IntegrationTemplate`].
    pub fn new(template: &str) -> Result<Self, SettingsError> {
        Template::parse(template, &["jwt", "header", "policy-entry"])
            .map(Self)
            .map_err(|source| SettingsError::IntegrationTemplate {
                template: template.to_owned(),
                source,
            })
    }

    /// The claims that it asks for: [`JwtSettings::kept_claims`](crate::JwtSettings) must list them.
    pub fn claims(&self) -> impl Iterator<Item = &str> {
        self.0.names("jwt")
    }

    /// The subjects for the policy entry `label`, made of the claims of the token that authenticated `principal`.
    ///
    /// # Errors
    ///
    /// [`IntegrationError`].
    pub fn resolve(
        &self,
        principal: &Principal,
        headers: &dyn HeaderLookup,
        label: &str,
    ) -> Result<Vec<SubjectId>, IntegrationError> {
        if principal.provider() != ProviderKind::Jwt {
            return Err(IntegrationError::NotAToken);
        }
        let facts = Facts {
            principal,
            headers,
            label,
        };
        let resolution = self
            .0
            .resolve(&facts)
            .map_err(|TooManyValues| IntegrationError::TooMany)?;
        let values = resolution.into_values();
        if values.is_empty() {
            return Err(IntegrationError::Unresolved);
        }
        values
            .iter()
            .map(|value| value.parse().map_err(IntegrationError::Subject))
            .collect()
    }
}

struct Facts<'a> {
    principal: &'a Principal,
    headers: &'a dyn HeaderLookup,
    label: &'a str,
}

impl PlaceholderSource for Facts<'_> {
    fn values(&self, prefix: &str, name: &str) -> Vec<String> {
        match (prefix, name) {
            ("jwt", _) => kept_claim(self.principal, name),
            ("header", _) => {
                let value = self.headers.header(&name.to_ascii_lowercase());
                value.map(str::to_owned).into_iter().collect()
            }
            ("policy-entry", "label") => vec![self.label.to_owned()],
            _ => Vec::new(),
        }
    }
}

/// The values of a claim that was kept when the token of `principal` was verified.
pub(crate) fn kept_claim(principal: &Principal, name: &str) -> Vec<String> {
    let claims: &[(Arc<str>, Box<[String]>)] = &principal.credential().claims;
    let found = claims.iter().find(|(known, _)| **known == *name);
    found.map(|(_, values)| values.to_vec()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use policies::Credential;

    use super::*;
    use crate::testing::Headers;

    fn principal(provider: ProviderKind) -> Principal {
        let claims = [("aud".into(), vec!["a".to_owned(), "b".to_owned()].into())];
        let credential = Credential {
            claims: claims.into(),
            ..Credential::default()
        };
        Principal::new(provider, Vec::new(), None, credential)
    }

    #[track_caller]
    fn check(template: &str, expected: Result<&[&str], IntegrationError>) {
        let subjects = IntegrationSubjects::new(template).unwrap();
        let headers = Headers(vec![("x-plant", "3".to_owned())]);
        let actual = subjects.resolve(&principal(ProviderKind::Jwt), &headers, "ops");
        let actual = actual.map(|subjects| {
            let texts: Vec<String> = subjects.iter().map(ToString::to_string).collect();
            texts
        });
        let expected = expected.map(|texts| texts.iter().map(ToString::to_string).collect());
        assert_eq!(actual, expected, "template: {template}");
    }

    #[test]
    fn entry_claims_and_headers_make_whole_subjects() {
        check(
            "integration:{{policy-entry:label}}:{{jwt:aud}}",
            Ok(&["integration:ops:a", "integration:ops:b"]),
        );
        check("integration:{{ header:X-Plant }}", Ok(&["integration:3"]));
        check(
            "integration:{{ jwt:org }}",
            Err(IntegrationError::Unresolved),
        );
        check(
            "{{ jwt:aud }}",
            Err(IntegrationError::Subject(SubjectIdError::Shape)),
        );
    }

    #[test]
    fn only_tokens_have_claims() {
        let subjects = IntegrationSubjects::new("integration:{{policy-entry:label}}").unwrap();
        for provider in [ProviderKind::PreAuthenticated, ProviderKind::ApiKey] {
            let result = subjects.resolve(&principal(provider), &Headers::default(), "ops");
            assert_eq!(result, Err(IntegrationError::NotAToken));
        }
        assert!(IntegrationSubjects::new("{{ time:now }}").is_err());
        assert_eq!(
            IntegrationSubjects::new("{{ jwt:a }}{{ jwt:b | fn:default(jwt:c) }}")
                .unwrap()
                .claims()
                .collect::<Vec<_>>(),
            ["a", "b", "c"]
        );
    }
}
