//! OpenID Connect issuers: who is meant, for whom, and over what.

use std::collections::BTreeMap;

use ::authentication::jwt::Algorithm;
use actix_web::http::header::HeaderName;

use super::Refusals;
use crate::config::{
    authentication::{Authentication, Issuer, Issuers, OAuthProtocol, Provider},
    spelling,
    value::is_loopback_host,
};
use crate::edge::is_custom_header;

impl Refusals<'_> {
    pub(super) fn check_issuers(&mut self, authentication: &Authentication) {
        let oauth = &authentication.oauth;
        let section = "auth.oauth.openid_connect_issuers";
        self.check_section(section, &oauth.openid_connect_issuers);
        self.check_plain_issuers(section, oauth.protocol, &oauth.openid_connect_issuers);
        self.check_usable(section, oauth.protocol, &oauth.openid_connect_issuers);
        let prefix = &authentication.api_keys.subject_prefix;
        let asks_both = [Provider::Jwt, Provider::ApiKey]
            .iter()
            .all(|provider| authentication.chain().contains(provider));
        if asks_both && oauth.openid_connect_issuers.contains_key(prefix) {
            self.refuse(
                &format!("{section}.{prefix}"),
                format!("API keys give subjects of the issuer `{prefix}` too; rename this issuer or set another `auth.api_keys.subject_prefix`"),
            );
        }
    }

    pub(super) fn check_section(&mut self, section: &str, issuers: &Issuers) {
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        for (prefix, issuer) in issuers {
            self.check_issuer(&format!("{section}.{prefix}"), issuer);
            for name in issuer.names() {
                let bare = without_scheme(name);
                if let Some(other) = seen.insert(bare, prefix) {
                    self.refuse(
                        &format!("{section}.{prefix}"),
                        format!(
                            "`{bare}` is already the issuer `{other}`; each issuer may stand once"
                        ),
                    );
                }
            }
        }
    }

    fn check_issuer(&mut self, key: &str, issuer: &Issuer) {
        if issuer.audience.is_none() {
            self.refuse(
                key,
                "`audience` is missing: without it, tokens made for any other application would be accepted; write `audience: [\"twinward\"]`, or `audience: any` if that is what you want",
            );
        }
        if issuer.names().next().is_none() {
            self.refuse(
                key,
                "`issuer` is missing; write the claim `iss` of its tokens, without the scheme",
            );
        }
        if issuer.issuer.is_some() && !issuer.issuers.is_empty() {
            self.refuse(
                &format!("{key}.issuer"),
                "`issuers` stands here, too, and Ditto would read that alone; keep the list, with every name that counts",
            );
        }
        if issuer.names().any(str::is_empty) {
            self.refuse(
                &format!("{key}.issuer"),
                "it is empty; write the claim `iss` of its tokens, without the scheme",
            );
        }
        for (index, name) in issuer.algorithms.iter().enumerate() {
            if Algorithm::from_name(name).is_none() {
                let hint = spelling::hint(name, Algorithm::ALL.map(Algorithm::as_str));
                self.refuse(
                    &format!("{key}.algorithms.{index}"),
                    format!("the signature algorithm `{name}` is unknown{hint}"),
                );
            }
        }
        for name in issuer.inject_claims_into_headers.keys() {
            let is_name = HeaderName::from_bytes(name.as_bytes()).is_ok();
            if !is_name || !is_custom_header(&name.to_ascii_lowercase()) {
                self.refuse(
                    &format!("{key}.inject_claims_into_headers.{name}"),
                    format!("`{name}` is no header that a claim may set: it has a meaning of its own, or is no header name"),
                );
            }
        }
        if issuer.auth_subjects.is_empty() {
            self.refuse(
                &format!("{key}.auth_subjects"),
                "it is empty, so a token would give no subject; write e.g. `[\"{{ jwt:sub }}\"]`",
            );
        }
    }

    pub(super) fn check_plain_issuers(
        &mut self,
        section: &str,
        protocol: OAuthProtocol,
        issuers: &Issuers,
    ) {
        if protocol == OAuthProtocol::Https {
            return;
        }
        let parent = section.trim_end_matches(".openid_connect_issuers");
        for (prefix, issuer) in issuers {
            let remote = issuer.names().find(|name| !is_loopback_host(host_of(name)));
            if let (Some(name), None) = (remote, &issuer.jwks_file) {
                self.refuse(
                    &format!("{section}.{prefix}"),
                    format!("keys of `{name}` would travel without TLS because `{parent}.protocol` is `http`; write `https`, which `http` may replace for issuers on this machine only"),
                );
            }
        }
    }
}

fn without_scheme(issuer: &str) -> &str {
    issuer
        .strip_prefix("https://")
        .or_else(|| issuer.strip_prefix("http://"))
        .unwrap_or(issuer)
}

/// The host of an issuer such as `id.example:8443/realms/plant`.
fn host_of(issuer: &str) -> &str {
    let authority = without_scheme(issuer).split('/').next().unwrap_or("");
    if authority.starts_with('[') {
        return authority
            .split_once(']')
            .map_or(authority, |(host, _)| host.trim_start_matches('['));
    }
    authority.split(':').next().unwrap_or("")
}
