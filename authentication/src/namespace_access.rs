//! Which namespaces a caller may touch at all, whatever the policies in them grant.
//!
//! Source: Ditto documentation, page "Operating Ditto", section "Namespace access". Conditions see claims of the token
//! that was verified for this request and no other.

mod facts;

use std::sync::Arc;

use rql::TimeExpression;

use crate::SettingsError;
use crate::placeholder::Template;
pub use facts::{KeptHeaders, NamespaceFacts};

/// Rules in their order.
#[derive(Debug, Default)]
pub struct NamespaceAccess {
    rules: Vec<Rule>,
    claims: Vec<Arc<str>>,
    headers: Vec<Arc<str>>,
    uses_time: bool,
}

/// One rule as configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceRule {
    /// Templates that must each give a value, or the rule does not count.
    pub conditions: Vec<String>,
    /// What it is about; empty: everything.
    pub kinds: Vec<NamespacedKind>,
    /// Names, or patterns of `*` and `?`; empty: all.
    pub allowed: Vec<String>,
    /// The same; empty: none.
    pub blocked: Vec<String>,
}

/// What has a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NamespacedKind {
    /// Things and their messages.
    Thing,
    /// Policies.
    Policy,
}

#[derive(Debug)]
struct Rule {
    conditions: Vec<Template>,
    asks_for_claims: bool,
    settings: NamespaceRule,
}

/// The rules that count for one caller.
#[derive(Debug, Clone)]
pub struct NamespaceView {
    access: Arc<NamespaceAccess>,
    counting: Counting,
}

#[derive(Debug, Clone)]
enum Counting {
    /// These, by their places.
    Rules(Vec<usize>),
    /// A condition could not be decided: nothing is allowed.
    Undecided,
}

impl NamespaceAccess {
    /// Reads the rules.
    ///
    /// # Errors
    ///
    /// [`SettingsError::NamespaceCondition`] and [`SettingsError::NamespacePattern`].
    pub fn new(rules: &[NamespaceRule]) -> Result<Self, SettingsError> {
        let rules = rules.iter().map(Rule::new).collect::<Result<Vec<_>, _>>()?;
        let names = |prefix| {
            let mut names: Vec<Arc<str>> = Vec::new();
            let conditions = rules.iter().flat_map(|rule: &Rule| &rule.conditions);
            for name in conditions.flat_map(|condition| condition.names(prefix)) {
                if !names.iter().any(|known| **known == *name) {
                    names.push(name.into());
                }
            }
            names
        };
        let (claims, headers) = (names("jwt"), names("header"));
        Ok(Self {
            uses_time: !names("time").is_empty(),
            claims,
            headers,
            rules,
        })
    }

    /// Whether there is no rule: then everything is allowed.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The claims that conditions ask for: [`JwtSettings::kept_claims`](crate::JwtSettings) must list them.
    pub fn claims(&self) -> &[Arc<str>] {
        &self.claims
    }

    /// The headers that conditions ask for: a stream keeps those of its handshake.
    pub fn headers(&self) -> &[Arc<str>] {
        &self.headers
    }

    /// Whether the same facts may count differently later.
    pub fn depends_on_time(&self) -> bool {
        self.uses_time
    }

    /// The rules whose conditions these facts meet.
    pub fn view(self: &Arc<Self>, facts: &NamespaceFacts<'_>) -> NamespaceView {
        let mut counting = Vec::new();
        for (position, rule) in self.rules.iter().enumerate() {
            match rule.counts(facts) {
                Some(true) => counting.push(position),
                Some(false) => {}
                None => {
                    return NamespaceView {
                        access: Arc::clone(self),
                        counting: Counting::Undecided,
                    };
                }
            }
        }
        NamespaceView {
            access: Arc::clone(self),
            counting: Counting::Rules(counting),
        }
    }
}

impl NamespaceView {
    /// Whether `kind`s in `namespace` are within reach.
    ///
    /// Without a rule about this kind all are. Otherwise a counting rule must allow it, and none up to the end may
    /// block it; no rule that counts means no.
    pub fn allows(&self, kind: NamespacedKind, namespace: &str) -> bool {
        if !self.restricts(kind) {
            return true;
        }
        let mut is_allowed = false;
        for rule in self.counting(kind) {
            if rule.blocks(namespace) {
                return false;
            }
            is_allowed |= rule.allows(namespace);
        }
        is_allowed
    }

    /// Whether there is any rule about this kind.
    pub fn restricts(&self, kind: NamespacedKind) -> bool {
        self.access.rules.iter().any(|rule| rule.is_about(kind))
    }

    fn counting(&self, kind: NamespacedKind) -> impl Iterator<Item = &Rule> {
        let positions: &[usize] = match &self.counting {
            Counting::Rules(positions) => positions,
            Counting::Undecided => &[],
        };
        positions
            .iter()
            .filter_map(|position| self.access.rules.get(*position))
            .filter(move |rule| rule.is_about(kind))
    }
}

impl Rule {
    fn new(settings: &NamespaceRule) -> Result<Self, SettingsError> {
        for pattern in settings.allowed.iter().chain(&settings.blocked) {
            if !is_pattern(pattern) {
                return Err(SettingsError::NamespacePattern {
                    pattern: pattern.clone(),
                });
            }
        }
        let conditions = settings
            .conditions
            .iter()
            .map(|text| condition(text))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            asks_for_claims: conditions
                .iter()
                .any(|condition| condition.names("jwt").next().is_some()),
            conditions,
            settings: settings.clone(),
        })
    }

    /// Whether all conditions hold; `None` if one of them grows beyond all bounds.
    fn counts(&self, facts: &NamespaceFacts<'_>) -> Option<bool> {
        if self.asks_for_claims && !facts.has_claims() {
            return Some(false);
        }
        for condition in &self.conditions {
            let values = condition.resolve(facts).ok()?.into_values();
            if values.is_empty() {
                return Some(false);
            }
        }
        Some(true)
    }

    fn is_about(&self, kind: NamespacedKind) -> bool {
        self.settings.kinds.is_empty() || self.settings.kinds.contains(&kind)
    }

    fn allows(&self, namespace: &str) -> bool {
        self.settings.allowed.is_empty() || matches_any(&self.settings.allowed, namespace)
    }

    fn blocks(&self, namespace: &str) -> bool {
        matches_any(&self.settings.blocked, namespace)
    }
}

/// Compares without folding case: namespaces that differ in it are different.
fn matches_any(patterns: &[String], namespace: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| policies::matches_wildcards(namespace, pattern))
}

/// The characters of namespaces, `*` and `?`.
fn is_pattern(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-*?".contains(&byte))
}

fn condition(text: &str) -> Result<Template, SettingsError> {
    let wrong = |reason: String| SettingsError::NamespaceCondition {
        condition: text.to_owned(),
        reason,
    };
    let template = Template::parse(text, &["jwt", "header", "time"])
        .map_err(|error| wrong(error.to_string()))?;
    for name in template.names("time") {
        name.parse::<TimeExpression>()
            .map_err(|error| wrong(error.to_string()))?;
    }
    // A condition on a credential would make operators write it into their configuration.
    if let Some(name) = template
        .names("header")
        .find(|name| name.eq_ignore_ascii_case("authorization"))
    {
        return Err(wrong(format!("the header `{name}` holds a secret")));
    }
    Ok(template)
}

#[cfg(test)]
mod tests;
