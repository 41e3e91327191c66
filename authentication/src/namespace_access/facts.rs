//! What conditions may look at.

use std::sync::Arc;

use jiff::Timestamp;
use policies::{Principal, ProviderKind};
use rql::TimeExpression;

use super::NamespaceAccess;
use crate::HeaderLookup;
use crate::jwt::kept_claim;
use crate::placeholder::PlaceholderSource;

/// The caller, the headers of the request or of the handshake, and the time.
pub struct NamespaceFacts<'a> {
    /// Who calls; the claims are those of the token that proved it.
    pub principal: &'a Principal,
    /// The headers.
    pub headers: &'a dyn HeaderLookup,
    /// The time.
    pub now: Timestamp,
}

impl NamespaceFacts<'_> {
    pub(super) fn has_claims(&self) -> bool {
        self.principal.provider() == ProviderKind::Jwt
    }
}

impl PlaceholderSource for NamespaceFacts<'_> {
    fn values(&self, prefix: &str, name: &str) -> Vec<String> {
        match prefix {
            "jwt" => kept_claim(self.principal, name),
            "header" => self
                .headers
                .header(&name.to_ascii_lowercase())
                .map(str::to_owned)
                .into_iter()
                .collect(),
            "time" => name
                .parse::<TimeExpression>()
                .ok()
                .and_then(|expression| expression.evaluate_in_calendar(self.now))
                .into_iter()
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// The headers that conditions ask for, kept for as long as a stream is open.
#[derive(Debug, Clone, Default)]
pub struct KeptHeaders(Vec<(Arc<str>, String)>);

impl KeptHeaders {
    /// Those of `headers` that `access` asks for.
    pub fn of(access: &NamespaceAccess, headers: &dyn HeaderLookup) -> Self {
        let kept = access.headers().iter().filter_map(|name| {
            let value = headers.header(&name.to_ascii_lowercase())?;
            Some((name.to_ascii_lowercase().into(), value.to_owned()))
        });
        Self(kept.collect())
    }
}

impl HeaderLookup for KeptHeaders {
    fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| **known == *name)?;
        Some(value)
    }
}
