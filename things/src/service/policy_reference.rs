//! What `_copyPolicyFrom` may say: the id of a policy, or where in a thing to find one.

use policies::{Pointer, PolicyId};
use serde_json::Value;

use crate::{Error, ResourceKind, ThingId, ThingResource};

/// Where to copy a policy from.
///
/// Source: Ditto documentation, page "Basic thing", section "Create a Thing with a copied policy".
#[derive(Debug, PartialEq)]
pub(super) enum PolicyReference {
    /// From the policy itself.
    Policy(PolicyId),
    /// From the policy whose id stands in a thing.
    Thing {
        thing_id: ThingId,
        resource: ThingResource,
    },
}

impl PolicyReference {
    /// Reads the value of `_copyPolicyFrom`.
    pub(super) fn parse(value: &Value) -> Result<Self, Error> {
        let text = value.as_str().ok_or(Error::WrongType {
            kind: ResourceKind::PolicyId,
            expected: "a string",
        })?;
        match placeholder(text) {
            Some(inner) => Self::parse_placeholder(text, inner),
            None => policy_id(text).map(Self::Policy),
        }
    }

    fn parse_placeholder(text: &str, inner: &str) -> Result<Self, Error> {
        let not_supported = || Error::ReferenceNotSupported {
            text: text.to_owned(),
        };
        let unknown_field = || Error::ReferenceUnknownField {
            text: text.to_owned(),
        };
        let (thing_id, field) = inner
            .strip_prefix("ref:things/")
            .ok_or_else(not_supported)?
            .split_once('/')
            .ok_or_else(unknown_field)?;
        let pointer: Pointer = field.parse().map_err(|_malformed| unknown_field())?;
        let resource = ThingResource::parse(&pointer)
            .filter(|resource| *resource != ThingResource::Thing)
            .ok_or_else(unknown_field)?;
        let thing_id = thing_id.parse().map_err(|source| Error::IdInvalid {
            text: thing_id.to_owned(),
            source,
        })?;
        Ok(Self::Thing { thing_id, resource })
    }
}

/// What stands between double braces, without the one blank allowed next to each.
fn placeholder(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix(' ').unwrap_or(inner);
    Some(inner.strip_suffix(' ').unwrap_or(inner))
}

/// Reads a policy id.
pub(super) fn policy_id(text: &str) -> Result<PolicyId, Error> {
    text.parse().map_err(|source| Error::PolicyIdInvalid {
        text: text.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<(&str, &str), &str>) {
        let parsed = PolicyReference::parse(&text.into());
        let actual = match &parsed {
            Ok(PolicyReference::Policy(id)) => Ok((id.to_string(), String::new())),
            Ok(PolicyReference::Thing { thing_id, resource }) => {
                Ok((thing_id.to_string(), resource.pointer().to_string()))
            }
            Err(error) => {
                let text = format!("{error:?}");
                Err(text.split(' ').next().unwrap_or_default().to_owned())
            }
        };
        let expected = expected
            .map(|(id, path)| (id.to_owned(), path.to_owned()))
            .map_err(str::to_owned);
        assert_eq!(actual, expected, "text: {text}");
    }

    #[test]
    fn a_policy_is_named_directly() {
        check("a:p", Ok(("a:p", "")));
        check("p", Err("PolicyIdInvalid"));
    }

    #[test]
    fn or_through_a_thing() {
        check("{{ ref:things/a:t/policyId }}", Ok(("a:t", "/policyId")));
        check(
            "{{ref:things/a:t/attributes/p}}",
            Ok(("a:t", "/attributes/p")),
        );
        check(
            "{{  ref:things/a:t/policyId }}",
            Err("ReferenceNotSupported"),
        );
        check(
            "{{ ref:policies/a:t/policyId }}",
            Err("ReferenceNotSupported"),
        );
        check("{{ ref:things/a:t }}", Err("ReferenceUnknownField"));
        check("{{ ref:things/a:t/ }}", Err("ReferenceUnknownField"));
        check("{{ ref:things/a:t/nope }}", Err("ReferenceUnknownField"));
        check("{{ ref:things/nope/policyId }}", Err("IdInvalid"));
        check("{{ ref:things/a:t/policyId", Err("PolicyIdInvalid"));
    }
}
