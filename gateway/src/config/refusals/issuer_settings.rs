//! Issuers as they will be used: their templates, addresses and key files.

use ::authentication::{JwtSettings, SettingsError, jwt::Protocol};

use super::Refusals;
use crate::config::authentication::{Issuer, Issuers, OAuthProtocol, issuer_settings};

impl Refusals<'_> {
    /// What is wrong with an issuer that looks well.
    pub(super) fn check_usable(
        &mut self,
        section: &str,
        protocol: OAuthProtocol,
        issuers: &Issuers,
    ) {
        let settings = JwtSettings {
            protocol: match protocol {
                OAuthProtocol::Https => Protocol::Https,
                OAuthProtocol::Http => Protocol::Http,
            },
            ..JwtSettings::default()
        };
        for (prefix, issuer) in issuers {
            let key = format!("{section}.{prefix}");
            if self.is_refused(&key) {
                continue;
            }
            let one = Issuers::from([(prefix.clone(), issuer.clone())]);
            for usable in issuer_settings(&one) {
                if let Err(error) = usable.check(&settings) {
                    let (part, remedy) = (part_of(&error, issuer), remedy_of(&error));
                    let error = anyhow::Error::from(error);
                    self.refuse(&format!("{key}{part}"), format!("{error:#}; {remedy}"));
                }
            }
        }
    }

    fn is_refused(&self, section: &str) -> bool {
        let is_inside = |key: &str| {
            key.strip_prefix(section)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.problems.iter().any(|problem| is_inside(&problem.key))
    }
}

/// The key below the issuer that the error is about.
fn part_of(error: &SettingsError, issuer: &Issuer) -> String {
    if let SettingsError::Template { template, .. } = error {
        return part_of_template(template, issuer);
    }
    if let SettingsError::IssuerScheme { issuer: name, .. }
    | SettingsError::IssuerAddress { issuer: name, .. }
    | SettingsError::InsecureIssuer { issuer: name, .. } = error
    {
        let listed = place_in(&issuer.issuers, name);
        return listed.map_or_else(|| ".issuer".to_owned(), |place| format!(".issuers.{place}"));
    }
    let part = if is_about_key_file(error) {
        ".jwks_file"
    } else if matches!(error, SettingsError::NoAudience { .. }) {
        ".audience"
    } else {
        ""
    };
    part.to_owned()
}

fn is_about_key_file(error: &SettingsError) -> bool {
    matches!(
        error,
        SettingsError::KeyFile { .. } | SettingsError::NoUsableKey { .. }
    )
}

fn part_of_template(template: &str, issuer: &Issuer) -> String {
    let listed = [
        ("auth_subjects", &issuer.auth_subjects),
        ("prerequisite_conditions", &issuer.prerequisite_conditions),
    ];
    for (list, templates) in listed {
        if let Some(place) = place_in(templates, template) {
            return format!(".{list}.{place}");
        }
    }
    let mut headers = issuer.inject_claims_into_headers.iter();
    let header = headers.find(|(_, text)| *text == template);
    header.map_or_else(String::new, |(name, _)| {
        format!(".inject_claims_into_headers.{name}")
    })
}

fn place_in(texts: &[String], text: &str) -> Option<usize> {
    texts.iter().position(|known| known == text)
}

fn remedy_of(error: &SettingsError) -> &'static str {
    if matches!(error, SettingsError::Template { .. }) {
        "write a template such as `{{ jwt:sub }}` or `{{ jwt:realm/roles | fn:lower() }}`"
    } else if is_about_key_file(error) {
        "save there what the issuer answers at its `jwks_uri`"
    } else if matches!(error, SettingsError::SubjectIssuer { .. }) {
        "name the entry as its subjects shall begin, e.g. `acme`"
    } else if matches!(error, SettingsError::NoAudience { .. }) {
        "e.g. `audience: [\"twinward\"]`"
    } else {
        "write the claim `iss` of its tokens without the scheme, e.g. `id.example/realms/plant`"
    }
}
