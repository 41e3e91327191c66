//! Names a thing.

use std::fmt;
use std::sync::Arc;

use policies::{EntityIdError, PolicyId, entity_id};

/// Names a thing: `<namespace>:<name>`, at most 256 characters. Cloning is cheap.
///
/// Source: Ditto documentation, page "Namespaces and names".
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThingId(Arc<str>);

impl ThingId {
    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same text, shared.
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// The part before the first `:`; may be empty.
    pub fn namespace(&self) -> &str {
        self.0
            .split_once(':')
            .map_or("", |(namespace, _)| namespace)
    }

    /// The part after the first `:`.
    pub fn name(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, name)| name)
    }

    /// The policy of the same name, which a thing gets when its creator names none.
    pub(crate) fn namesake(&self) -> PolicyId {
        self.0.parse().expect("both ids follow the same grammar")
    }
}

impl std::str::FromStr for ThingId {
    type Err = EntityIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        entity_id::validate(text)?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for ThingId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expected: Option<(&str, &str)>) {
        let id = input.parse::<ThingId>().ok();
        let halves = id.as_ref().map(|id| (id.namespace(), id.name()));
        assert_eq!(halves, expected, "input: {input:?}");
    }

    #[test]
    fn the_first_colon_ends_the_namespace() {
        check("org.acme:lamp:1", Some(("org.acme", "lamp:1")));
        check(":lamp", Some(("", "lamp")));
        check("lamp", None);
    }

    #[test]
    fn a_policy_may_bear_the_same_name() {
        let id: ThingId = "org.acme:lamp".parse().unwrap();
        assert_eq!(id.namesake().as_str(), "org.acme:lamp");
    }
}
